"""Files of any shape in a notebook: read, asked about and reported as everywhere else."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from experiments_core.analysis.design import Quality
from experiments_core.domain.access import LOCAL
from experiments_core.domain.metric import Metric
from experiments_core.domain.source import Mapping, Role, Shape
from experiments_core.services import analyses
from experiments_core.services.import_choices import choices_from_document
from experiments_core.services.ingestion import ImportReport
from experiments_core.services.reading_quality import ON_PURPOSE
from experiments_core.store import facts
from experiments_core.workbench.file_rows import Brought, FileRows
from experiments_core.workbench.frames import rejects_frame, units_frame
from experiments_core.workbench.loading import Loaded
from experiments_core.workbench.refusing import refusal

if TYPE_CHECKING:
    import pandas as pd

NAME = "Data"


@dataclass(frozen=True, slots=True)
class FileData:
    """A file (or several) as it counts in an analysis; ``analyze`` takes it as it is.

    Attributes:
        data: One row per unit: unit, arm, first_ts and the columns by their header; of totals
            and moments one row per arm.
        report: Rows read, used and left out, arms, and what was noticed.
        rejects: Rows left out: line, column, value, rule, message, row.
        mapping: How the columns were read.
        metrics: What the file measures, the first one primary.
        loaded: The moments that an analysis starts from.
        rows: How to read the same files once more; None where they hold no rows per unit.
    """

    data: pd.DataFrame
    report: ImportReport
    rejects: pd.DataFrame
    mapping: Mapping
    metrics: tuple[Metric, ...]
    loaded: Loaded
    rows: FileRows | None = None


def paths_of(data: Any) -> tuple[Path, ...]:
    """The files that somebody named: one, or several that belong together; else none."""
    many = data if isinstance(data, list | tuple) else (data,)
    if not many or not all(isinstance(one, str | Path) for one in many):
        return ()
    return tuple(Path(one).expanduser().resolve() for one in many)


def read_file(
    paths: Sequence[Path], said: Table[str, Any], *, leave_out_bad_rows: bool
) -> FileData:
    """Read files of any shape; what they cannot say by themselves has to be said.

    Args:
        paths: One file, or several that belong together.
        said: Fields of :class:`Choices`; ``answers`` holds answers by the code of a question.
        leave_out_bad_rows: Show rows that break a rule among the rejects; else refuse them.

    Raises:
        InvalidInputError: the files cannot be used, a question is open, or rows are at fault.
    """
    given = {name: value for name, value in said.items() if value is not None}
    choices = choices_from_document({"finished": True, **given})
    rows = FileRows(tuple(paths), choices, leave_out_bad_rows)
    with rows.opened() as brought:
        return _collect(brought, rows)


def _collect(brought: Brought, rows: FileRows) -> FileData:
    import pandas as pd  # noqa: PLC0415 - most of a second, and only this call needs it

    ws, record, mapping, report = brought.ws, brought.record, brought.mapping, brought.report
    view = analyses.look(ws, LOCAL, record.experiment_id or "")
    with ws.db.read() as cursor:
        columns = record.report["columns"]
        if mapping.kept_as is Shape.UNIT:
            headers = {one["column"]: one["name"] for one in columns}
            table = facts.units_table(record.dataset_id or "")
            frame = units_frame(cursor, table, headers)
        else:
            names, shown = report.preview
            frame = pd.DataFrame(list(shown), columns=list(names))
        rejects = facts.rejects_of(cursor, record.id)
    arms = tuple(view.design.arms)
    loaded = Loaded(
        cells=view.cells,
        arms=arms,
        basis=view.design.basis,
        quality=_quality(report, mapping),
        sql=view.sql,
        data_hash=view.result.data_hash,
        notes=tuple(remark.message for remark in report.warnings),
    )
    return FileData(
        frame,
        replace(report, first_rejects=()),
        rejects_frame(rejects),
        mapping,
        view.design.metrics,
        loaded,
        rows if mapping.kept_as is Shape.UNIT else None,
    )


def _quality(report: ImportReport, mapping: Mapping) -> Quality:
    chosen = sum(rule.rows for rule in report.by_rule if rule.rule in ON_PURPOSE)
    return Quality(
        rows_read=report.rows_read,
        rows_left_out=report.rows_left_out,
        rows_rejected=max(0, report.rows_left_out - chosen),
        crossed_units=report.crossed_units if mapping.named(Role.UNIT) else None,
        crossed_left_out=mapping.crossovers == "exclude",
    )


def refuse_shape(data: object) -> NoReturn:
    """Say what has to be named for data that are no file.

    Raises:
        InvalidInputError: always.
    """
    raise refusal(
        "metrics",
        type(data).__name__,
        "REQUIRED",
        "There is no metric.",
        'Name at least one, such as metrics=[Proportion("converted")]; a file may be read '
        "without.",
    )
