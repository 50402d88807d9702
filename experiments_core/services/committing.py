"""Move what was read among the facts, and take it out again; one transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.promotion import UNDER_WAY
from experiments_core.domain.record import is_over_elsewhere
from experiments_core.domain.record import record_of as record_of_test
from experiments_core.domain.source import Mapping
from experiments_core.errors import ConflictError
from experiments_core.services import analyses, preparing, promoting
from experiments_core.services.births import experiment_draft, measures_of
from experiments_core.services.experiments import create_experiment
from experiments_core.services.import_check import check
from experiments_core.services.import_ready import refuse_questions, refuse_unready
from experiments_core.services.import_records import (
    ImportRecord,
    find_any,
    find_draft,
    mapping_of,
    record_of,
    stored_file,
)
from experiments_core.services.pseudonyms import is_pseudonymised
from experiments_core.services.remembered import remember
from experiments_core.services.saving import Save, find
from experiments_core.services.storing import store_rows, withdraw
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit, facts, imports
from experiments_core.store.imports import ImportRow
from experiments_core.store.spans import unit_span
from experiments_core.store.staging_job import staging_table
from experiments_core.store.watch import Cancelled, Progress, Watch

IMPORT = "import"


def commit(
    ws: Workspace,
    actor: Actor,
    import_id: str,
    *,
    mode: str = "all",
    existing: str = "add",
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> ImportRecord:
    """Move what was read among the facts, in one transaction, all of it or nothing.

    Args:
        ws: The workspace.
        actor: Who commits.
        import_id: A draft that was checked.
        mode: ``all`` refuses while any row breaks a blocking rule; ``good_rows`` leaves such
            rows out.
        existing: ``add`` to the rows that the experiment has, or ``replace`` them.
        progress: Told a fraction and what is being done.
        cancelled: Asked before the transaction; True stops. Afterwards nothing can fail any
            more, so nobody is asked or told.

    Raises:
        ConflictError: not checked, a question is open, rows are at fault, the rows are there
            already, or the columns differ from those of the experiment's data.
    """
    _commit(ws, actor, import_id, mode, existing, Watch(progress, cancelled))
    return _settled(ws, actor, import_id)


def _commit(  # noqa: PLR0917  said in the order of a sentence
    ws: Workspace, actor: Actor, import_id: str, mode: str, existing: str, watch: Watch
) -> None:
    """The transaction."""
    require(actor, Permission.IMPORT)
    row = find_draft(ws, actor, import_id)
    refuse_unready(row, mode)
    watch.say(0.1, "Importing")
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, row.experiment_id or "")
        if not facts.has_table(cursor, staging_table(row.id)):
            raise ConflictError(
                "What was read is no longer there.", code="NOT_CHECKED", hint="Read it again."
            )
        changes = store_rows(ws, cursor, row, experiment, existing)
        imports.update_import(cursor, row.id, changes)
        record(ws, actor, cursor, row, "commit", changes)
        remember(cursor, row.org_id, mapping_of(row), ws.now())
        _finish(ws, actor, cursor, row, experiment)


def _settled(ws: Workspace, actor: Actor, import_id: str) -> ImportRecord:
    """What follows a commit: no text with ids stays where they are hidden, and auto-promote."""
    row = find_any(ws, actor, import_id)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, row.experiment_id or "")
        hides = is_pseudonymised(cursor, experiment.org_id, experiment.project)
    if hides:
        preparing.forget(stored_file(ws, row.id))
    if experiment.auto_promote and experiment.place in UNDER_WAY:
        analyses.look(ws, promoting.actor_of(experiment), experiment.id, trigger="api")
    return record_of(row)


def commit_as_new(
    ws: Workspace,
    actor: Actor,
    import_id: str,
    mapping: Mapping,
    *,
    name: str,
    less_is_better: Sequence[str] | None = None,
    mode: str = "all",
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> ImportRecord:
    """Make the experiment that a file is the data of and bring the data, in one transaction.

    Neither is there without the other, whatever stops the process in between.

    Raises:
        ConflictError: a question is open, or rows are at fault.
        InvalidInputError: the name or a column's name breaks a rule of experiments.
    """
    _check_under(ws, actor, import_id, mapping)
    with ws.db.write():
        create_from_import(
            ws, actor, import_id, mapping, name=name, less_is_better=less_is_better
        )
        _commit(ws, actor, import_id, mode, "add", Watch(progress, cancelled))
    return _settled(ws, actor, import_id)


def undo(ws: Workspace, actor: Actor, import_id: str) -> ImportRecord:
    """Take exactly the rows of one import out; its record stays.

    Raises:
        ConflictError: it is not committed.
    """
    require(actor, Permission.IMPORT)
    row = find_any(ws, actor, import_id)
    if row.state != "committed" or row.dataset_id is None:
        raise ConflictError(
            f"“{row.file_name}” is {row.state}; only a committed import can be undone.",
            code="IMPORT_NOT_COMMITTED",
        )
    with ws.db.write() as cursor:
        withdraw(ws, cursor, row)
        record(ws, actor, cursor, row, "undo", {"state": "undone"})
    return record_of(find_any(ws, actor, import_id))


def create_from_import(
    ws: Workspace,
    actor: Actor,
    import_id: str,
    mapping: Mapping,
    *,
    name: str,
    less_is_better: Sequence[str] | None = None,
) -> Experiment:
    """Make the experiment that a file is the data of; ``commit`` then brings the data.

    It is checked first, unless that was done under the same mapping. Its variants are the
    file's, the first outcome (or else the first number) is its primary metric, other measures
    are secondary; the variant arrives with the data.

    Args:
        ws: The workspace.
        actor: Who makes it.
        import_id: A draft.
        mapping: What the columns mean.
        name: Of the experiment.
        less_is_better: Measures of which a decrease is good; None goes by their names.

    Raises:
        ConflictError: a question is open.
        InvalidInputError: the name or a column's name breaks a rule of experiments, or the
            file has no such measure.
    """
    require(actor, Permission.EDIT)
    _check_under(ws, actor, import_id, mapping)
    row = find_draft(ws, actor, import_id)
    refuse_unready(row, "good_rows", needs_experiment=False)
    with ws.db.write() as cursor:
        measures = measures_of(row.report["columns"])
        draft = experiment_draft(
            mapping_of(row), row.report["arms"], name, measures, less_is_better
        )
        experiment = create_experiment(ws, actor, draft)
        imports.update_import(cursor, row.id, {"experiment_id": experiment.id})
    return experiment


def _check_under(ws: Workspace, actor: Actor, import_id: str, mapping: Mapping) -> None:
    """Read every row, unless that was done under the same mapping."""
    row = find_draft(ws, actor, import_id)
    if row.mapping is None or mapping_of(row) != replace(
        mapping, control=row.mapping["control"]
    ):
        refuse_questions(check(ws, actor, import_id, mapping))


def _finish(
    ws: Workspace, actor: Actor, cursor: Any, row: ImportRow, experiment: Experiment
) -> None:
    """Tell the experiment whether its data are complete, when somebody said so.

    A draft whose test is over is one no longer: it stopped when its last unit was seen.
    """
    finished = mapping_of(row).finished
    if is_over_elsewhere(experiment, finished=finished):
        dataset = imports.dataset_of(cursor, experiment.id)
        table = dataset.table_name if dataset else ""
        began, ended = unit_span(cursor, table) if table else (None, None)
        Save(ws, actor, "import").change(
            experiment.id, None, lambda before: record_of_test(before, began, ended)
        )
    elif finished is not None and finished != experiment.data_finished:
        Save(ws, actor, "import").change(
            experiment.id, None, lambda before: replace(before, data_finished=finished)
        )


def record(  # noqa: PLR0917  said in the order of a sentence
    ws: Workspace,
    actor: Actor,
    cursor: Any,
    row: ImportRow,
    verb: str,
    changes: dict[str, Any],
) -> None:
    """Write who did what with an import into the audit trail."""
    event = event_by(
        actor,
        ws.now(),
        verb,
        IMPORT,
        row.id,
        before={"state": row.state},
        after={
            "state": changes["state"],
            "file_name": row.file_name,
            "experiment_id": row.experiment_id,
            "rows_used": changes.get("rows_used", row.rows_used),
        },
    )
    audit.append_event(cursor, ws.db.secret, event)
