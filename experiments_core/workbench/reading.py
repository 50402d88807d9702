"""What a call names, opened and read: a path, several, a table, or numbers typed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments_core.domain.metric import Metric
from experiments_core.domain.source import Mapping as ColumnRoles
from experiments_core.stats.shuffles import Phase
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.store.staged import Staged
from experiments_core.workbench import loading, sources
from experiments_core.workbench.files import FileData, paths_of, read_file, refuse_shape
from experiments_core.workbench.frames import rejects_frame, units_frame
from experiments_core.workbench.loading import Loaded
from experiments_core.workbench.refusing import refusal
from experiments_core.workbench.request import Request, check, rules_of
from experiments_core.workbench.sources import Source
from experiments_core.workbench.totals import load_totals
from experiments_core.workbench.typed import load_typed

if TYPE_CHECKING:
    import pandas as pd


MEMORY_LIMIT = "2GB"


@dataclass(frozen=True, slots=True)
class Data:
    """Rows as they count in an analysis.

    Attributes:
        data: One row per unit: unit, arm, first_ts and the columns by their header.
        report: Rows read, used and left out, arms, and what was noticed.
        rejects: Rows left out: line, column, value, rule, message, row.
        mapping: How the columns were read.
    """

    data: pd.DataFrame
    report: Staged
    rejects: pd.DataFrame
    mapping: ColumnRoles


def read_data(
    data: Any,
    *,
    variant: str | None = None,
    metrics: Iterable[Metric] | None = None,
    unit: str | None = None,
    time: str | None = None,
    segments: Sequence[str] = (),
    repeats: str | Mapping[str, str] = "refuse",
    crossovers: str = "exclude",
    decimal: str | None = None,
    leave_out_bad_rows: bool = True,
    answers: Mapping[str, str] | None = None,
    **said: Any,
) -> Data | FileData:
    """Read data as ``analyze`` would, and show what was left out and why.

    Without ``metrics`` a file of any shape is read (event log, totals, moments, a workbook;
    several files that belong together as a list), its columns are proposed, and what it cannot
    say by itself is raised as questions, to be answered by ``answers``.

    Args:
        data: As in :func:`analyze`, but no dict of moments; or several paths.
        variant: Column of arms.
        metrics: Which columns are outcomes and which are numbers.
        unit: Column that identifies a unit.
        time: Column with the moment a unit was first seen.
        segments: Further columns to keep.
        repeats: As in :func:`analyze`.
        crossovers: As in :func:`analyze`.
        decimal: As in :func:`analyze`.
        leave_out_bad_rows: Show rows that break a rule among the rejects; else refuse them.
        answers: Code of a question -> the answer (``{"CONVERSION_EVENT": "purchase"}``).
        said: Without ``metrics``: further fields of the import's choices, such as ``control``,
            ``conversion_events``, ``exposure_event``, ``window``, ``outcomes``, ``experiment``.

    Raises:
        InvalidInputError: the data cannot be used, or a question is open (``QUESTIONS_OPEN``).
    """
    if metrics is None:
        told = {"variant": variant, "unit": unit, "time": time, "crossovers": crossovers,
                "segments": list(segments) or None, "answers": dict(answers or {})}  # fmt: skip
        return read_any_shape(
            data, repeats, {**told, **said}, leave_out_bad_rows=leave_out_bad_rows
        )
    rule, repeats_of = rules_of(repeats)
    request = Request(
        metrics=tuple(metrics), variant=variant or "", unit=unit, time=time,
        segments=tuple(segments), repeats=rule, repeats_of=repeats_of,
        crossovers=crossovers, decimal=decimal,
        leave_out_bad_rows=leave_out_bad_rows,
    )  # fmt: skip
    check(request)
    with database_for(data) as db:
        staged, mapping = loading.stage_units(db, source_of(data, db), request)
        headers = {column.column: column.name for column in staged.columns}
        with db.read() as cursor:
            frame = units_frame(cursor, staged.table, headers)
            rows = facts.rejects_of(cursor, "", staged.rejects) if staged.rejects else ()
    return Data(frame, staged, rejects_frame(rows), mapping)


def read_any_shape(
    data: Any,
    repeats: str | Mapping[str, str],
    said: Mapping[str, Any],
    *,
    leave_out_bad_rows: bool,
) -> FileData:
    """Read files whose columns nobody named, as the import of the pages would.

    Args:
        data: One path or several.
        repeats: As in :func:`read_data`.
        said: Further fields of the import's choices; None is not said.
        leave_out_bad_rows: Show rows that break a rule among the rejects; else refuse them.

    Raises:
        InvalidInputError: these are no files, they cannot be used, or a question is open.
    """
    found = paths_of(data)
    if not found:
        refuse_shape(data)
    for path in found:
        _path(path)
    rule, repeats_of = rules_of(repeats)
    told = {"repeats": None if rule == "refuse" else rule, "repeats_of": repeats_of, **said}
    return read_file(found, told, leave_out_bad_rows=leave_out_bad_rows)


def load_values(data: Any, request: Request, arms: tuple[str, str]) -> list[Phase]:
    """Every unit's value of the first metric in two arms, phase by phase."""
    with database_for(data) as db:
        return loading.load_values(db, source_of(data, db), request, arms)


def load(data: Any, request: Request) -> Loaded:
    """Cells of whatever somebody handed over.

    Raises:
        InvalidInputError: the data and what is asked of them do not fit.
    """
    if isinstance(data, FileData):
        return data.loaded
    if (
        isinstance(data, Mapping)
        and data
        and all(isinstance(v, Mapping) for v in data.values())
    ):
        return load_typed(data, request.metrics)
    if not request.variant:
        raise refusal(
            "variant", None, "REQUIRED", "Nobody said which column is the variant.",
            'Say it: variant="group".',
        )  # fmt: skip
    totals = request.totals
    if totals and len(totals) < len(request.metrics):
        raise refusal(
            "metrics", [one.key for one in request.metrics], "TYPE",
            "Some metrics read totals (of=…) and others one row per unit.",
            "Ask for them in two calls.",
        )  # fmt: skip
    if totals and (request.unit or request.segments or request.phases):
        raise refusal(
            "unit", request.unit, "TYPE", "Totals have no rows per unit.",
            "Leave unit, segments and phases out.",
        )  # fmt: skip
    with database_for(data) as db:
        source = source_of(data, db)
        if totals:
            return load_totals(db, source, request)
        return loading.load_units(db, *loading.stage_units(db, source, request), request)


def database_for(*data: Any) -> Database:
    """A database in memory that may read the files among some sources."""
    readable = [_path(one) for one in data if isinstance(one, str | Path)]
    return Database.memory(readable=readable, memory_limit=MEMORY_LIMIT)


def source_of(data: Any, db: Database) -> Source:
    """Look at a path, a table or a dict of columns."""
    if isinstance(data, str | Path):
        return sources.open_file(_path(data), db)
    return sources.open_frame(data, db)


def _path(data: str | Path) -> Path:
    path = Path(data).expanduser().resolve()
    if path.is_dir():
        raise refusal("data", str(data), "TYPE", f"“{data}” is a folder.", "Name a file in it.")
    if not path.is_file():
        raise refusal(
            "data", str(data), "NOT_FOUND", f"There is no file “{data}”.",
            f"The present folder is {Path.cwd()}.",
        )  # fmt: skip
    return path
