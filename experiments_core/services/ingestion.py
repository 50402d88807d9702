"""A file becomes data: receive, ask, read, report, commit, undo, redo.

Undo takes exactly one import out again, redo brings it back from its stored file.

Nothing of a file is among the facts before ``commit``, nothing while a question is open, and a
refused file leaves nothing behind. Progress is reported in the caller's thread.
"""

from __future__ import annotations

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.typed_shares import basis_points
from experiments_core.services.births import unwanted
from experiments_core.services.committing import commit, commit_as_new, create_from_import, undo
from experiments_core.services.drafts import Draft, discard, look_again
from experiments_core.services.import_check import check
from experiments_core.services.import_downloads import quality_csv, rejects_csv
from experiments_core.services.import_effects import ChoiceResult, choice_results
from experiments_core.services.import_records import ImportRecord, record_of
from experiments_core.services.import_report import ImportReport, Remark, RuleCount
from experiments_core.services.receiving import (
    InboxFile,
    inbox_files,
    inbox_folder,
    receive,
    receive_files,
    receive_inbox,
)
from experiments_core.services.reconciliation import Reconciliation
from experiments_core.services.redoing import can_redo, redo
from experiments_core.services.saving import find
from experiments_core.services.several import commit_each, experiments_in
from experiments_core.services.unfinished import unfinished
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports
from experiments_core.tabular.answers import Choice, Question, answer, answer_layout, give_role
from experiments_core.tabular.columns import ColumnSeen
from experiments_core.tabular.detection import Detection, Notice
from experiments_core.tabular.rejects import Reject

__all__ = [
    "Choice", "ChoiceResult", "ColumnSeen", "Detection", "Draft", "ImportRecord",
    "ImportReport", "InboxFile", "Notice", "Question", "Reconciliation", "Reject", "Remark",
    "RuleCount", "answer", "answer_layout", "basis_points", "can_redo", "check",
    "choice_results", "commit",
    "commit_as_new", "commit_each", "create_from_import", "discard", "experiments_in",
    "give_role", "imports_of", "inbox_files", "inbox_folder", "look_again", "quality_csv",
    "receive", "receive_files", "receive_inbox", "redo", "rejects_csv", "undo", "unfinished",
    "unwanted",
]  # fmt: skip


def imports_of(ws: Workspace, actor: Actor, experiment_id: str) -> list[ImportRecord]:
    """Every import of an experiment, the newest first."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, experiment_id)
        return [record_of(row) for row in imports.imports_of(cursor, experiment.id)]
