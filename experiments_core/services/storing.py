"""Move staged rows among the facts of an experiment, and take them out again."""

from __future__ import annotations

from typing import Any

from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source import Role, Shape
from experiments_core.errors import ConflictError
from experiments_core.services.import_records import mapping_of
from experiments_core.services.pseudonyms import is_pseudonymised
from experiments_core.services.workspace import Workspace
from experiments_core.store import crossovers, facts, imports
from experiments_core.store.imports import DatasetRow, ImportRow
from experiments_core.store.staging_job import staging_table
from experiments_core.tabular import rejects

KEPT_AS = {Shape.UNIT: "a row per unit", Shape.TOTALS: "numbers per variant"}


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
                withdraw(ws, cursor, earlier)
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
    _refuse_again(cursor, row, experiment)
    _refuse_other_columns(row, dataset)
    if row.shape == Shape.TOTALS:
        facts.keep_totals(cursor, staging_table(row.id), dataset.id, row.id)
        return {"dataset_id": dataset.id}
    mapping = mapping_of(row)
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


def _refuse_again(cursor: Any, row: ImportRow, experiment: Experiment) -> None:
    """The very same rows would count twice."""
    twin = imports.committed_twin(
        cursor, row.org_id, content_hash=row.content_hash or "", experiment_id=experiment.id
    )
    if twin is not None:
        raise ConflictError(
            f"These rows are in the data already, as “{twin.file_name}”.",
            code="ALREADY_IMPORTED",
            hint="Nothing to do. To read them in another way, undo that import first.",
        )


def _refuse_other_columns(row: ImportRow, dataset: DatasetRow) -> None:
    """Rows join data that are kept alike: the same columns, roles and order."""
    brought = row.report["columns"]
    if dataset.shape != row.shape:
        there, here = KEPT_AS[Shape(dataset.shape)], KEPT_AS[Shape(str(row.shape))]
    elif dataset.columns != brought:
        there, here = (
            "the columns " + ", ".join(map(_in_words, some))
            for some in (dataset.columns, brought)
        )
    else:
        return
    raise ConflictError(
        f"The experiment's data have {there}; this file brings {here}.",
        code="COLUMNS_DIFFER",
        hint="Use the same columns in the same roles and order, or replace the data.",
    )


def _in_words(column: dict[str, str]) -> str:
    every = ", every row" if column.get("repeats") else ""
    return f"{column['name']} ({column['role']}{every})"


def withdraw(ws: Workspace, cursor: Any, row: ImportRow) -> None:
    """Take exactly the rows of one import out of its dataset, which goes with its last."""
    is_totals = row.shape == Shape.TOTALS
    facts.take_out(cursor, str(row.dataset_id), row.id, is_totals=is_totals)
    crossovers.take_out_crossed(cursor, str(row.dataset_id), row.id)
    imports.update_import(cursor, row.id, {"state": "undone", "undone_at": ws.now()})
    if not is_totals and not imports.fills_dataset(cursor, str(row.dataset_id)):
        facts.drop_units(cursor, str(row.dataset_id))
        crossovers.drop_crossed(cursor, str(row.dataset_id))
