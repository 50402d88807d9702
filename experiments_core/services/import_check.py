"""Read every row of a draft under a mapping and report; nothing is committed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source import Mapping, Role
from experiments_core.domain.source_document import mapping_to_document
from experiments_core.domain.text import grouped
from experiments_core.services.births import about_direction, measured, measures_of
from experiments_core.services.checked import Checked, can_be_read, check_mapping, control_of
from experiments_core.services.checking import check_file
from experiments_core.services.drafts import detection_of, structure_of
from experiments_core.services.fitting import arms_of, asks_whether_finished
from experiments_core.services.import_quality import context_of, split_remark
from experiments_core.services.import_records import find_draft, stored_file
from experiments_core.services.import_report import ImportReport, Remark
from experiments_core.services.pseudonyms import import_key
from experiments_core.services.reconciliation import Reconciliation
from experiments_core.services.reconciling import reconcile_with_data
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports
from experiments_core.store.imports import ImportRow
from experiments_core.store.watch import Cancelled, Progress, Watch
from experiments_core.tabular.detection import Detection, open_asks
from experiments_core.tabular.questions import open_questions
from experiments_core.tabular.spellings import spellings
from experiments_core.tabular.text import shorten

CHANGED = frozenset({"OTHER_OUTCOME", "OTHER_VARIANT"})


def check(
    ws: Workspace,
    actor: Actor,
    import_id: str,
    mapping: Mapping,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> ImportReport:
    """Read every row into staging and report; commits nothing.

    Args:
        ws: The workspace.
        actor: Who asks.
        import_id: A draft.
        mapping: The proposal with what was said; questions may still be open.
        progress: Told a fraction and what is being done.
        cancelled: Asked now and then; True stops the reading.

    Raises:
        InvalidInputError: the file as a whole cannot be used under this mapping.
        CancelledError: it was stopped.
    """
    require(actor, Permission.IMPORT)
    row = find_draft(ws, actor, import_id)
    experiment = _experiment(ws, actor, row)
    seen = detection_of(ws, row, mapping.dialect)
    check_mapping(mapping, [column.name for column in seen.columns])
    ask_finished = asks_whether_finished(experiment)
    watch = Watch(progress, cancelled)
    if not can_be_read(mapping) or open_asks(seen.asks, mapping.dialect):
        questions = open_questions(seen, mapping, ask_finished=ask_finished)
        return ImportReport(0, 0, 0, 0, {}, questions=questions)
    one = _first_of(seen, mapping) if mapping.experiment == "*" else mapping
    checked = read_rows(ws, row, one, seen, experiment, watch)
    difference = _difference(ws, experiment, checked, mapping)
    measures = measured(mapping, measures_of(checked.columns))
    remarks = (
        *checked.report.warnings,
        *_about_several(mapping, one),
        *split_remark(checked.report.arms, mapping, experiment),
        *_about_experiment(ws, row, experiment, checked, difference),
        *(about_direction(measures) if experiment is None else ()),
    )
    questions = open_questions(seen, mapping, checked.found, ask_finished=ask_finished)
    report = replace(
        checked.report, warnings=remarks, questions=questions, difference=difference,
        measures=measures,
    )  # fmt: skip
    control = control_of(mapping, report.arms) if mapping.control else ""
    changes = changes_of(row, replace(mapping, control=control), checked, report)
    with ws.db.write() as cursor:
        imports.update_import(cursor, row.id, changes)
    return report


def read_rows(  # noqa: PLR0917  said in the order in which it is known
    ws: Workspace,
    row: ImportRow,
    mapping: Mapping,
    seen: Detection,
    experiment: Experiment | None,
    watch: Watch,
) -> Checked:
    """Read every row of a stored text into staging."""
    known = structure_of(row)
    same = known is not None and (known[0].delimiter, known[0].header_line) == (
        mapping.dialect.delimiter,
        mapping.dialect.header_line,
    )
    with ws.db.read() as cursor:
        project = None if experiment is None else experiment.project
        key = import_key(ws, cursor, row.org_id, project)
    return check_file(
        ws.db,
        stored_file(ws, row.id),
        mapping,
        import_id=row.id,
        structure=known[1] if known and same else None,
        known_arms=arms_of(experiment),
        context=context_of(seen, experiment, ws.now()),
        unit_key=key,
        watch=watch,
    )


def _first_of(seen: Detection, mapping: Mapping) -> Mapping:
    """Of several experiments that are read one by one, the first: the report is about it."""
    column = mapping.first(Role.EXPERIMENT)
    sample = list(spellings(seen.rows, column.position)) if column else []
    known = mapping.experiments or sample
    return replace(mapping, experiment=known[0] if known else "-")


def _about_several(mapping: Mapping, one: Mapping) -> list[Remark]:
    """What is shown is the first of several experiments."""
    if mapping.experiment != "*":
        return []
    text = (
        f"What is shown here is “{shorten(one.experiment)}”. Every experiment is read by "
        "itself when they are imported: all of them arrive, or none."
    )
    return [Remark("SEVERAL_EXPERIMENTS", text)]


def _experiment(ws: Workspace, actor: Actor, row: ImportRow) -> Experiment | None:
    if row.experiment_id is None:
        return None
    with ws.db.read() as cursor:
        return find(cursor, actor, row.experiment_id)


def _difference(
    ws: Workspace, experiment: Experiment | None, checked: Checked, mapping: Mapping
) -> Reconciliation | None:
    """The file against the data that the experiment has."""
    if experiment is None:
        return None
    with ws.db.read() as cursor:
        dataset = imports.dataset_of(cursor, experiment.id)
    if dataset is None:
        return None
    return reconcile_with_data(ws.db, dataset, checked, mapping)


def _about_experiment(
    ws: Workspace,
    row: ImportRow,
    experiment: Experiment | None,
    checked: Checked,
    difference: Reconciliation | None,
) -> list[Remark]:
    """What the file means for the experiment it is for."""
    remarks = []
    with ws.db.read() as cursor:
        twin = imports.committed_twin(
            cursor,
            row.org_id,
            content_hash=checked.content_hash,
            experiment_id=row.experiment_id,
        )
    if twin is not None:
        day = f"{twin.committed_at:%-d %B %Y}" if twin.committed_at else "before"
        remarks.append(Remark(
            "SAME_ROWS", f"The same rows were imported on {day} as “{twin.file_name}”."
        ))  # fmt: skip
    if difference is not None and difference.both is not None:
        changed = sum(one.units for one in difference.reasons if one.code in CHANGED)
        told = f", {grouped(changed)} times with another value" if changed else ""
        remarks.append(Remark(
            "UNIT_KNOWN",
            f"{grouped(difference.both)} units are in the data already{told}, "
            f"{grouped(difference.gone)} units of the data are not in this file. "
            "“Add” brings the new ones only, “replace” takes this file alone.",
        ))  # fmt: skip
    names = {column["name"] for column in checked.columns}
    missing = [
        metric.name
        for metric in (experiment.metrics if experiment else ())
        if not names.issuperset((*metric.needs.columns, *metric.covariates))
    ]
    if missing:
        remarks.append(Remark(
            "METRIC_MISSING",
            f"No column of this file is used for the metrics {', '.join(missing)}.",
        ))  # fmt: skip
    if (
        experiment is not None
        and experiment.completed_at is not None
        and not any(one.code == "LATE_DATA" for one in checked.report.warnings)
    ):
        day = f"{experiment.completed_at:%-d %B %Y}"
        remarks.append(Remark("LATE_DATA", f"The experiment was completed on {day}."))
    return remarks


def changes_of(
    row: ImportRow, mapping: Mapping, checked: Checked, report: ImportReport
) -> dict[str, Any]:
    """What reading has found out, as it is written into the import's record."""
    document = {
        **report.to_document(),
        "intake": row.report["intake"],
        "columns": list(checked.columns),
        "has_rejects": bool(checked.rejects),
        "has_crossed": checked.has_crossed,
    }
    return {
        "mapping": mapping_to_document(mapping),
        "shape": mapping.kept_as.value,
        "content_hash": checked.content_hash,
        "rows_read": report.rows_read,
        "rows_used": report.rows_used,
        "rows_left_out": report.rows_left_out,
        "report": document,
    }
