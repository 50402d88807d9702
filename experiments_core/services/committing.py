"""Move what was read among the facts, and take it out again; one transaction each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.promotion import UNDER_WAY
from experiments_core.domain.record import is_over_elsewhere
from experiments_core.domain.record import record_of as record_of_test
from experiments_core.domain.source import Mapping, Role, Shape
from experiments_core.domain.source_document import mapping_from_document
from experiments_core.errors import ConflictError, NotFoundError, Problem
from experiments_core.services import analyses, preparing, promoting
from experiments_core.services.births import experiment_draft
from experiments_core.services.experiments import create_experiment
from experiments_core.services.import_check import check
from experiments_core.services.import_records import (
    ImportRecord,
    find_any,
    find_draft,
    record_of,
    stored_file,
)
from experiments_core.services.import_report import ImportReport
from experiments_core.services.pseudonyms import is_pseudonymised
from experiments_core.services.remembered import remember
from experiments_core.services.saving import Save, find
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit, crossovers, facts, imports
from experiments_core.store.imports import DatasetRow, ImportRow
from experiments_core.store.spans import unit_span
from experiments_core.store.staging_job import staging_table
from experiments_core.store.watch import Cancelled, Progress, Watch
from experiments_core.tabular import rejects

IMPORT = "import"
MIN_ARMS = 2


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
    _refuse_unready(row, mode)
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
        remember(cursor, row.org_id, _mapping(row), ws.now())
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
        create_from_import(ws, actor, import_id, mapping, name=name)
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
        _withdraw(ws, cursor, row)
        record(ws, actor, cursor, row, "undo", {"state": "undone"})
    return record_of(find_any(ws, actor, import_id))


def create_from_import(
    ws: Workspace, actor: Actor, import_id: str, mapping: Mapping, *, name: str
) -> Experiment:
    """Make the experiment that a file is the data of; ``commit`` then brings the data.

    It is checked first, unless that was done under the same mapping. Its variants are the
    file's, the first outcome (or else the first number) is its primary metric, other measures
    are secondary; the variant arrives with the data.

    Raises:
        ConflictError: a question is open.
        InvalidInputError: the name or a column's name breaks a rule of experiments.
    """
    require(actor, Permission.EDIT)
    _check_under(ws, actor, import_id, mapping)
    row = find_draft(ws, actor, import_id)
    _refuse_unready(row, "good_rows", needs_experiment=False)
    with ws.db.write() as cursor:
        measures = [one["name"] for one in row.report["columns"] if one["role"] == Role.VALUE]
        draft = experiment_draft(_mapping(row), row.report["arms"], name, measures)
        experiment = create_experiment(ws, actor, draft)
        imports.update_import(cursor, row.id, {"experiment_id": experiment.id})
    return experiment


def _check_under(ws: Workspace, actor: Actor, import_id: str, mapping: Mapping) -> None:
    """Read every row, unless that was done under the same mapping."""
    row = find_draft(ws, actor, import_id)
    if row.mapping is None or _mapping(row) != replace(mapping, control=row.mapping["control"]):
        _refuse_questions(check(ws, actor, import_id, mapping))


def _refuse_questions(report: ImportReport) -> None:
    if report.questions:
        raise ConflictError(
            " ".join(question.text for question in report.questions),
            code="QUESTIONS_OPEN",
            hint="Nothing was stored.",
            details=tuple(
                Problem(question.field, None, question.code, question.text)
                for question in report.questions
            ),
        )


def _refuse_unready(row: ImportRow, mode: str, *, needs_experiment: bool = True) -> None:
    if row.mapping is None:
        raise ConflictError(
            f"“{row.file_name}” was not read yet.", code="NOT_CHECKED", hint="Check it first."
        )
    if row.report["questions"]:
        raise ConflictError(
            f"Questions are open: {', '.join(row.report['questions'])}.",
            code="QUESTIONS_OPEN",
            hint="Answer them and read the file again; nothing was stored.",
        )
    if row.mapping.get("experiment") == "*":
        raise ConflictError(
            "The file holds several experiments, each to become one of its own.",
            code="SEVERAL_EXPERIMENTS",
            hint="Commit each of them, or choose one.",
        )
    blocking = [rule for rule in row.report["by_rule"] if rule["blocking"]]
    if blocking and mode == "all":
        raise ConflictError(
            " ".join(rule["message"] for rule in blocking),
            code="ROWS_REJECTED",
            hint="Correct the file, or import the good rows and leave these out.",
        )
    if len(row.report["arms"]) < MIN_ARMS:
        raise ConflictError(
            "Fewer than two variants would be left.",
            code="ONE_VARIANT",
            hint="Correct the rows that were left out.",
        )
    if needs_experiment and row.experiment_id is None:
        raise ConflictError(
            "No experiment was chosen for this file.",
            code="NO_EXPERIMENT",
            hint="Create one from the file, or upload it to an experiment.",
        )


def store_rows(
    ws: Workspace, cursor: Any, row: ImportRow, experiment: Experiment, existing: str
) -> dict[str, Any]:
    """Move staged rows among the facts; what has to be written into the import's record."""
    if experiment.deleted_at is not None:
        raise ConflictError(f"“{experiment.name}” is in the bin.", hint="Restore it first.")
    dataset = imports.dataset_of(cursor, experiment.id)
    if dataset is not None and existing == "replace":
        for earlier in imports.imports_of(cursor, experiment.id):
            if earlier.state == "committed":
                _withdraw(ws, cursor, earlier)
        dataset = None
    changes: dict[str, Any] = {"state": "committed", "committed_at": ws.now()}
    if dataset is None:
        changes["dataset_id"] = _new_dataset(ws, cursor, row, experiment)
    else:
        changes |= _join_dataset(cursor, row, experiment, dataset)
    if row.report["has_rejects"]:
        facts.keep_rejects(cursor, f"{staging_table(row.id)}_rejects", row.id)
    if is_pseudonymised(cursor, experiment.org_id, experiment.project):
        changes["report"] = changes.get("report", row.report) | {"intake": {}}
    return changes


def _new_dataset(ws: Workspace, cursor: Any, row: ImportRow, experiment: Experiment) -> str:
    dataset_id, is_totals = ws.new_id(), row.shape == Shape.TOTALS
    imports.insert_dataset(
        cursor,
        DatasetRow(
            dataset_id,
            experiment.id,
            str(row.shape),
            "" if is_totals else facts.units_table(dataset_id),
            row.report["columns"],
            row.mapping or {},
        ),
        ws.now(),
    )
    if is_totals:
        facts.keep_totals(cursor, staging_table(row.id), dataset_id, row.id)
    else:
        _keep_crossed(cursor, row, dataset_id)
        facts.keep_as_dataset(cursor, staging_table(row.id), dataset_id)
    return dataset_id


def _keep_crossed(cursor: Any, row: ImportRow, dataset_id: str) -> None:
    has_own = bool(row.report.get("has_crossed"))
    crossovers.keep_crossed(cursor, dataset_id, row.id, has_own=has_own)


def _join_dataset(
    cursor: Any, row: ImportRow, experiment: Experiment, dataset: DatasetRow
) -> dict[str, Any]:
    """Add rows to data that are there; units that are known stay as they are."""
    twin = imports.committed_twin(
        cursor, row.org_id, content_hash=row.content_hash or "", experiment_id=experiment.id
    )
    if twin is not None:
        raise ConflictError(
            f"These rows are in the data already, as “{twin.file_name}”.",
            code="ALREADY_IMPORTED",
            hint="Nothing to do. To read them in another way, undo that import first.",
        )
    columns = row.report["columns"]
    if dataset.shape != row.shape or dataset.columns != columns:
        there, here = (
            [f"{c['name']}{' (every row)' if c.get('repeats') else ''}" for c in some]
            for some in (dataset.columns, columns)
        )
        raise ConflictError(
            f"The experiment's data have the columns {', '.join(there)}; this file brings "
            f"{', '.join(here)}.",
            code="COLUMNS_DIFFER",
            hint="Use the same columns in the same roles, or replace the data.",
        )
    if row.shape == Shape.TOTALS:
        facts.keep_totals(cursor, staging_table(row.id), dataset.id, row.id)
        return {"dataset_id": dataset.id}
    mapping = _mapping(row)
    has_unit = bool(mapping.named(Role.UNIT))
    table = staging_table(row.id)
    known = facts.known_units(cursor, table, dataset.id)[0] if has_unit else 0
    _keep_crossed(cursor, row, dataset.id)
    facts.add_to_dataset(cursor, table, dataset.id, has_unit=has_unit)
    if not known:
        return {"dataset_id": dataset.id}
    rule = {"rule": "UNIT_KNOWN", "rows": known, "lines": [], "blocking": False,
            "message": f"{rejects.summary('UNIT_KNOWN', known)}."}  # fmt: skip
    return {
        "dataset_id": dataset.id,
        "rows_used": (row.rows_used or 0) - known,
        "rows_left_out": (row.rows_left_out or 0) + known,
        "report": row.report | {"by_rule": [*row.report["by_rule"], rule]},
    }


def _withdraw(ws: Workspace, cursor: Any, row: ImportRow) -> None:
    is_totals = row.shape == Shape.TOTALS
    facts.take_out(cursor, str(row.dataset_id), row.id, is_totals=is_totals)
    crossovers.take_out_crossed(cursor, str(row.dataset_id), row.id)
    imports.update_import(cursor, row.id, {"state": "undone", "undone_at": ws.now()})
    if not is_totals and not imports.fills_dataset(cursor, str(row.dataset_id)):
        facts.drop_units(cursor, str(row.dataset_id))
        crossovers.drop_crossed(cursor, str(row.dataset_id))


def _finish(
    ws: Workspace, actor: Actor, cursor: Any, row: ImportRow, experiment: Experiment
) -> None:
    """Tell the experiment whether its data are complete, when somebody said so.

    A draft whose test is over is one no longer: it stopped when its last unit was seen.
    """
    finished = _mapping(row).finished
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


def _mapping(row: ImportRow) -> Mapping:
    if row.mapping is None:
        raise NotFoundError("This import has no mapping.")
    return mapping_from_document(row.mapping)
