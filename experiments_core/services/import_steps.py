"""An import step by step, for programs: received, told what columns mean, committed, undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.source_document import mapping_from_document
from experiments_core.errors import ConflictError
from experiments_core.services import ingestion
from experiments_core.services.births import KEEPS_DIRECTION
from experiments_core.services.committing import commit_as_new
from experiments_core.services.import_choices import Choices, refusal
from experiments_core.services.import_reading import read_under
from experiments_core.services.import_records import (
    ImportRecord,
    find_any,
    find_draft,
    record_of,
    sees_import,
)
from experiments_core.services.import_report import ImportReport
from experiments_core.services.several import EACH, commit_each
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports


def list_imports(ws: Workspace, actor: Actor, experiment: str | None) -> list[ImportRecord]:
    """Imports of one experiment, or of the whole organisation, the newest first."""
    require(actor, Permission.IMPORT)
    if experiment is not None:
        return ingestion.imports_of(ws, actor, experiment)
    with ws.db.read() as cursor:
        found = imports.imports_in(cursor, actor.org_id)
        return [record_of(row) for row in found if sees_import(cursor, actor, row)]


def read_import(ws: Workspace, actor: Actor, import_id: str) -> ImportRecord:
    """One import in any state.

    Raises:
        NotFoundError: there is none, or it belongs to another organisation.
    """
    require(actor, Permission.IMPORT)
    return record_of(find_any(ws, actor, import_id))


def tell(ws: Workspace, actor: Actor, import_id: str, choices: Choices) -> ImportReport:
    """Say what the columns of a draft mean; every row is read, nothing is committed.

    Raises:
        NotFoundError: there is no such draft.
        InvalidInputError: a choice does not exist, or the file cannot be used under it.
    """
    require(actor, Permission.IMPORT)
    return read_under(ws, actor, import_id, choices)[1]


def commit(
    ws: Workspace,
    actor: Actor,
    import_id: str,
    *,
    mode: str = "all",
    existing: str = "add",
    new_name: str | None = None,
    less_is_better: Sequence[str] | None = None,
) -> list[ImportRecord]:
    """Commit what was told, to its experiment or to new ones.

    Returns:
        The import; of a file with several experiments one for each.

    Raises:
        ConflictError: ``NOT_CHECKED``, a question is open, rows are at fault, or the file
            was imported before.
    """
    require(actor, Permission.IMPORT)
    if new_name is None:
        if less_is_better is not None:
            raise refusal(
                "less_is_better", list(less_is_better), "UNKNOWN_FIELD", KEEPS_DIRECTION
            )
        return [ingestion.commit(ws, actor, import_id, mode=mode, existing=existing)]
    row = find_draft(ws, actor, import_id)
    if row.mapping is None:
        raise ConflictError(
            "Nobody has said what the columns mean.",
            code="NOT_CHECKED",
            hint="PUT its mapping first.",
        )
    mapping = mapping_from_document(row.mapping)
    told: dict[str, Any] = {"mode": mode, "less_is_better": less_is_better}
    if mapping.experiment == EACH:
        return commit_each(ws, actor, import_id, mapping, name=new_name, **told)
    return [commit_as_new(ws, actor, import_id, mapping, name=new_name, **told)]
