"""What can be read: a file or a frame, and the roles of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from experiments_core.domain.metric import Proportion
from experiments_core.domain.source import (
    REPEATS_OF,
    ColumnMapping,
    Dialect,
    Mapping,
    Role,
    Shape,
)
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError
from experiments_core.services import uploads, workbooks
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.tabular import numbers, times
from experiments_core.tabular.rates import PERCENT
from experiments_core.tabular.sniff import Row, sniff, split
from experiments_core.tabular.text import is_blank, shorten
from experiments_core.workbench.request import Request, find_column, refusal

SAMPLE = 1_000
MOST_TOTALS = 100_000


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that can be read: a file or a frame.

    Attributes:
        names: Column headers.
        sample: Cells of the first rows (and some further down), as text.
        dialect: Of a file.
        upload: The file.
        frame: Or the frame.
        types: SQL types of a frame's columns.
    """

    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    dialect: Dialect = field(default_factory=Dialect)
    upload: uploads.Upload | None = None
    frame: Any = None
    types: tuple[str, ...] = ()


def open_file(path: Path, db: Database) -> Source:
    """Look at a file: its dialect is decided here and told to the reader.

    Raises:
        InvalidInputError: this is no readable table.
    """
    if path.suffix.lower() == ".parquet":
        return open_frame(_parquet(path), db)
    upload = uploads.look_at(_text_of(path, db), db.side / "uploads")
    found = sniff(upload.head, complete=upload.complete, delimiter=upload.delimiter)
    if found.header_doubtful:
        found = sniff(
            upload.head,
            complete=upload.complete,
            delimiter=upload.delimiter,
            header_line=found.header_line,
        )
    further = [
        row
        for piece in upload.middle
        for row in split(piece, found.delimiter, complete=True)
        if len(row.cells) == len(found.names)
    ]
    dialect = Dialect(upload.encoding, found.delimiter, header_line=found.header_line)
    rows = tuple(row.cells for row in (*found.rows, *further))
    return Source(found.names, rows, dialect, upload)


def _parquet(path: Path) -> Any:
    """A Parquet file of one's own disk, read as its rows are asked for."""
    import pyarrow as pa  # noqa: PLC0415 - a second to import, and only some files need it
    import pyarrow.dataset  # noqa: PLC0415

    try:
        return pa.dataset.dataset(path, format="parquet")
    except (pa.ArrowException, OSError) as error:
        raise refusal(
            "data", path.name, "TYPE", f"“{path.name}” is no Parquet file that can be read.",
            "Write it again.",
        ) from error  # fmt: skip


def _text_of(path: Path, db: Database) -> Path:
    """The file itself, or the one sheet of a workbook as text.

    Raises:
        InvalidInputError: the workbook has several sheets.
    """
    with path.open("rb") as file:
        if not workbooks.is_workbook(file.read(4)):
            return path
    sheets = workbooks.sheets_of(path)
    if len(sheets) > 1:
        raise refusal(
            "data", path.name, "SHEET",
            f"“{path.name}” has {len(sheets)} sheets: {', '.join(s.name for s in sheets)}.",
            'Read it without metrics and say which: answers={"SHEET": "…"}.',
        )  # fmt: skip
    text = db.side / "uploads" / f"{path.stem[:40]}.sheet"
    workbooks.write_sheet(path, sheets[0], text)
    return text


def open_frame(frame: Any, db: Database) -> Source:
    """Look at a frame: names, types, and some cells as text."""
    table = _as_table(frame)
    if not len(getattr(table, "columns", [""])):
        raise refusal(
            "data", type(frame).__name__, "REQUIRED", "The table has no columns.",
            "Give one with a column of variants and a column for each metric.",
        )  # fmt: skip
    known = facts.frame_columns(db, table)
    return Source(
        names=_headers(table) or tuple(name for name, _ in known),
        sample=_texts(db, table, SAMPLE),
        frame=table,
        types=tuple(kind for _, kind in known),
    )


def units_mapping(source: Source, request: Request) -> Mapping:
    """Give every column that is asked for its role."""
    wanted = [(request.variant, Role.VARIANT, "variant")]
    if request.unit is not None:
        wanted.append((request.unit, Role.UNIT, "unit"))
    if request.time is not None:
        wanted.append((request.time, Role.TIME, "time"))
    cuts = ([request.phases] if request.phases else []) + list(request.segments)
    wanted += [(name, Role.SEGMENT, "segment or phase") for name in dict.fromkeys(cuts)]
    rates = {one.columns[0] for one in request.metrics if isinstance(one, Proportion)}
    measured = dict.fromkeys(name for one in request.metrics for name in one.needs.columns)
    wanted += [
        (name, Role.OUTCOME if name in rates else Role.VALUE, "metric") for name in measured
    ]
    before = dict.fromkeys(name for one in request.metrics for name in one.covariates)
    wanted += [(name, Role.COVARIATE, "covariate") for name in before if name not in measured]
    roles: dict[int, Role] = {}
    for name, role, what in wanted:
        place = find_column(name, source.names, what)
        if place in roles:
            raise refusal(
                what,
                name,
                "NOT_UNIQUE",
                f"The column “{shorten(name)}” is named twice: as "
                f"{roles[place].value} and as {role.value}.",
                "Copy it into a second column.",
            )
        roles[place] = role
    columns = [
        _column(source, place, roles.get(place, Role.IGNORE), request)
        for place in range(len(source.names))
    ]
    for name, rule in request.repeats_of.items():
        place = find_column(name, source.names, "repeats")
        columns[place] = replace(columns[place], repeats=rule)
        if rule not in REPEATS_OF.get(columns[place].role, ()):
            raise refusal(
                "repeats", rule, "UNKNOWN_CHOICE",
                f"“{rule}” cannot count of several “{shorten(name)}” of a unit.",
                "For a sum, a mean or a count use the column in a Mean.",
            )  # fmt: skip
    return Mapping(
        Shape.UNIT,
        source.dialect,
        tuple(columns),
        crossovers=request.crossovers,
        repeats=request.repeats,
        finished=True,
    )


def totals_mapping(
    source: Source, request: Request, of: str, metrics: Sequence[Proportion]
) -> Mapping:
    """Give variant, number of units and conversions their roles."""
    roles = {find_column(request.variant, source.names, "variant"): Role.VARIANT}
    roles[find_column(of, source.names, "number of units")] = Role.VISITORS
    for metric in metrics:
        place = find_column(metric.column, source.names, "metric")
        roles[place] = Role.CONVERSIONS
    columns = tuple(
        _column(source, place, roles.get(place, Role.IGNORE), request)
        for place in range(len(source.names))
    )
    return Mapping(Shape.TOTALS, source.dialect, columns, finished=True)


def total_rows(db: Database, source: Source) -> list[Row]:
    """Every row, as text.

    Raises:
        InvalidInputError: far too many for totals.
    """
    if source.upload is None:
        texts = _texts(db, source.frame, MOST_TOTALS + 1)
        rows = [Row(number, cells) for number, cells in enumerate(texts, start=1)]
    else:
        text = source.upload.path.read_text(encoding="utf-8")
        records = split(text, source.dialect.delimiter, complete=True)
        rows = [row for row in records if row.line > source.dialect.header_line]
    if len(rows) > MOST_TOTALS:
        raise refusal(
            "metrics",
            len(rows),
            "TOO_MANY",
            f"These are {grouped(len(rows))} rows, not totals.",
            "For one row per unit leave of= out.",
        )
    return rows


def _column(source: Source, place: int, role: Role, request: Request) -> ColumnMapping:
    name = source.names[place]
    cells = [row[place] for row in source.sample if not is_blank(row[place])]
    plain = ColumnMapping(name, place, role, blank="exclude")
    if role is Role.TIME:
        if source.types and source.types[place].startswith(("TIMESTAMP", "DATE")):
            return replace(plain, time_format=times.ISO)  # for rows that are read as text
        seen = times.detect(cells, numbers=True)
        if seen is None or seen.rival or not seen.format:
            raise refusal(
                "time",
                name,
                "TIME",
                f"The times in “{shorten(name)}” can be read in several ways, or not at all.",
                "Write them as 2026-05-19 14:30:00.",
            )
        return replace(plain, time_format=seen.format)
    if role not in {Role.VALUE, Role.COVARIATE, Role.VISITORS, Role.CONVERSIONS}:
        return plain
    if source.types and not source.types[place].startswith("VARCHAR"):
        return plain
    written = numbers.detect(cells, delimiter=source.dialect.delimiter)
    if written is None:
        return replace(plain, decimal=request.decimal or "")
    if written.doubtful and request.decimal is None:
        raise refusal(
            "decimal",
            name,
            "REQUIRED",
            f"The numbers in “{shorten(name)}” can be read in two ways, such as "
            f"“{shorten(cells[0])}”.",
            'Say which mark is the decimal one: decimal="," or decimal=".".',
        )
    decimal = request.decimal or written.decimal
    thousands = written.thousands if decimal == written.decimal else written.decimal
    rate = PERCENT if written.percent else ""
    return replace(plain, decimal=decimal, thousands=thousands, rate=rate)


def _as_table(frame: Any) -> Any:
    """What DuckDB can read: pandas and Arrow as they are, all else by way of Arrow."""
    kind = type(frame).__module__.partition(".")[0]
    if kind == "pandas" and hasattr(frame, "columns"):
        return _with_index(frame)
    if kind == "pyarrow":
        return frame
    import pyarrow as pa  # noqa: PLC0415 - a second to import, and only some frames need it

    try:
        if hasattr(frame, "__arrow_c_stream__") or isinstance(frame, dict):
            return pa.table(frame)
        for name in ("to_arrow_table", "to_arrow"):
            if hasattr(frame, name):
                return getattr(frame, name)()
    except pa.ArrowException as error:
        raise _no_table(frame, f": {error}") from error
    raise _no_table(frame)


def _with_index(frame: Any) -> Any:
    """A pandas frame whose named index levels can be asked for as columns."""
    levels = [
        name for name in frame.index.names if name is not None and name not in frame.columns
    ]
    return frame.reset_index(level=levels) if levels else frame


def _headers(table: Any) -> tuple[str, ...]:
    """Headers of a pandas frame as they are; DuckDB would tell two of one name apart."""
    is_pandas = type(table).__module__.partition(".")[0] == "pandas"
    return tuple(map(str, table.columns)) if is_pandas else ()


def _no_table(frame: Any, why: str = "") -> InvalidInputError:
    name = type(frame).__name__
    return refusal(
        "data",
        name,
        "TYPE",
        f"{name} cannot be read{why}.",
        "Give a path, a pandas, Polars or Arrow table, a DuckDB relation, or a dict of numbers "
        "per variant.",
    )


def _texts(db: Database, frame: Any, most: int) -> tuple[tuple[str, ...], ...]:
    with db.staging() as cursor:
        cursor.register("frame_to_sample", frame)
        rows = cursor.execute(
            "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM frame_to_sample LIMIT ?", [most]
        ).fetchall()
    return tuple(tuple("" if cell is None else str(cell) for cell in row) for row in rows)
