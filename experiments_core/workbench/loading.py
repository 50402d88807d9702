"""From a file, a frame or numbers typed in to cells. Rows are read by DuckDB in memory."""

from __future__ import annotations

import itertools
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from experiments_core.analysis.cells import Cell
from experiments_core.analysis.design import Quality
from experiments_core.domain.metric import Proportion
from experiments_core.domain.source import (
    CellKey,
    ColumnMapping,
    Dialect,
    Mapping,
    Role,
    Shape,
)
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.query.cells import BoundNeed, CellQuery
from experiments_core.services import uploads
from experiments_core.services.readings import ON_PURPOSE
from experiments_core.stats.moments import Counts, Summary
from experiments_core.store import facts
from experiments_core.store.cells import unit_cells
from experiments_core.store.database import Database
from experiments_core.store.staged import Broken, Staged
from experiments_core.tabular import numbers, times
from experiments_core.tabular.rejects import RULES, Reject, summary
from experiments_core.tabular.sniff import Row, sniff, split
from experiments_core.tabular.text import is_blank, lines_text, shorten
from experiments_core.tabular.totals import read_totals
from experiments_core.workbench.request import Request, find_column, refusal

SAMPLE = 1_000
MOST_TOTALS = 100_000
TRIVIAL = frozenset({"EMPTY_ROW", "REPEATED_HEADER", "TOTALS_ROW"})
"""Lines that are no data at all."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Cells, and what was found on the way.

    Attributes:
        cells: By arm, and by phase where a column names it.
        arms: Every arm of the data.
        segments: Column -> cells by segment.
        phases: Labels of the phases, in order.
        basis: ``units``, ``totals`` or ``moments``.
        data_hash: Of the rows.
    """

    cells: dict[CellKey, Cell]
    arms: tuple[str, ...]
    basis: str
    quality: Quality = field(default_factory=Quality)
    segments: dict[str, dict[CellKey, Cell]] = field(default_factory=dict)
    phases: tuple[str, ...] = ()
    sql: str = ""
    data_hash: str = ""


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
    upload = uploads.look_at(path, db.side / "uploads")
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


def open_frame(frame: Any, db: Database) -> Source:
    """Look at a frame: names, types, and some cells as text."""
    table = _as_table(frame)
    known = facts.frame_columns(db, table)
    return Source(
        names=tuple(name for name, _ in known),
        sample=_texts(db, table, SAMPLE),
        frame=table,
        types=tuple(kind for _, kind in known),
    )


def load_units(
    db: Database, source: Source, request: Request
) -> tuple[Loaded, Staged, Mapping]:
    """Stage one row per unit and ask the one query.

    Raises:
        InvalidInputError: a column is missing, a row breaks a rule, a unit repeats.
    """
    mapping = _mapping(source, request)
    import_id = db.new_id()
    if source.upload is not None:
        staged = facts.load_csv(
            db,
            source.upload.path,
            mapping,
            import_id=import_id,
            structure=source.upload.structure,
        )
    else:
        staged = facts.load_frame(db, source.frame, mapping, import_id=import_id)
    _refuse_broken(staged, request)
    ours = {column.name: column.column for column in staged.columns}
    needs = tuple(BoundNeed(one.needs, ours[one.columns[0]]) for one in request.metrics)
    query = CellQuery(staged.table, needs)
    by_phase = ours[request.phases] if request.phases else None
    with db.read() as cursor:
        table = unit_cells(cursor, replace(query, segment=by_phase))
        cut = {
            column: unit_cells(cursor, replace(query, segment=ours[column])).cells
            for column in request.segments
        }
    cells, phases = _by_phase(table.cells) if by_phase else (table.cells, ())
    loaded = Loaded(
        cells=cells,
        arms=tuple(sorted({key.arm for key in cells})),
        basis="units",
        quality=_quality(staged, request),
        segments=cut,
        phases=phases,
        sql=table.sql,
        data_hash=f"sha256:{staged.content_hash.removeprefix('sha256:')}",
    )
    return loaded, staged, mapping


def load_totals(db: Database, source: Source, request: Request) -> Loaded:
    """Read totals per variant; metrics with different denominators are read one by one.

    Raises:
        InvalidInputError: a column is missing, or a count cannot be one.
    """
    rows = _total_rows(db, source)
    columns = {metric.columns[1] for metric in request.totals}
    first = request.totals[0].columns[1]
    found: dict[CellKey, Cell] = {}
    for of in sorted(columns, key=lambda name: name != first):
        metrics = [metric for metric in request.totals if metric.of == of]
        mapping = _totals_mapping(source, request, of, metrics)
        totals, rejects = read_totals(rows, mapping, source.names)
        _refuse_rejects([one for one in rejects if one.rule not in TRIVIAL])
        for total in totals:
            summaries: dict[str, Summary] = {
                metric.key: Counts(total.visitors, total.conversions[metric.column])
                for metric in metrics
                if metric.column in total.conversions
            }
            key, cell = CellKey(total.arm), Cell(total.visitors * (of == first), summaries)
            found[key] = found[key] + cell if key in found else cell
    return Loaded(found, tuple(key.arm for key in found), "totals")


def _mapping(source: Source, request: Request) -> Mapping:
    """Give every column that is asked for its role."""
    wanted = [(request.variant, Role.VARIANT, "variant")]
    if request.unit is not None:
        wanted.append((request.unit, Role.UNIT, "unit"))
    if request.time is not None:
        wanted.append((request.time, Role.TIME, "time"))
    cuts = ([request.phases] if request.phases else []) + list(request.segments)
    wanted += [(name, Role.SEGMENT, "segment or phase") for name in dict.fromkeys(cuts)]
    rates = {one.columns[0] for one in request.metrics if isinstance(one, Proportion)}
    for metric in request.metrics:
        name = metric.columns[0]
        role = Role.OUTCOME if name in rates else Role.VALUE
        if (name, role, "metric") not in wanted:
            wanted.append((name, role, "metric"))
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
    columns = tuple(
        _column(source, place, roles.get(place, Role.IGNORE), request)
        for place in range(len(source.names))
    )
    return Mapping(
        Shape.UNIT,
        source.dialect,
        columns,
        crossovers=request.crossovers,
        repeats=request.repeats,
        finished=True,
    )


def _column(source: Source, place: int, role: Role, request: Request) -> ColumnMapping:
    name = source.names[place]
    cells = [row[place] for row in source.sample if not is_blank(row[place])]
    plain = ColumnMapping(name, place, role, blank="exclude")
    if role is Role.TIME:
        if source.types and source.types[place].startswith(("TIMESTAMP", "DATE")):
            return plain
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
    if role not in {Role.VALUE, Role.VISITORS, Role.CONVERSIONS}:
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
    return replace(plain, decimal=decimal, thousands=thousands)


def _totals_mapping(
    source: Source, request: Request, of: str, metrics: Sequence[Proportion]
) -> Mapping:
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


def _total_rows(db: Database, source: Source) -> list[Row]:
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
            f"These are {len(rows):,} rows, not totals.",
            "For one row per unit leave of= out.",
        )
    return rows


def _by_phase(
    cells: Table[CellKey, Cell],
) -> tuple[dict[CellKey, Cell], tuple[str, ...]]:
    """Turn the labels of a phase column into phases 1, 2 … in the order of the labels."""
    labels = tuple(sorted({key.segment or "" for key in cells}, key=_natural))
    places = {label: number for number, label in enumerate(labels, start=1)}
    if len(labels) == 1:
        return {CellKey(key.arm): cell for key, cell in cells.items()}, labels
    return {
        CellKey(key.arm, places[key.segment or ""]): cell for key, cell in cells.items()
    }, labels


def _natural(label: str) -> tuple[float, str]:
    number = numbers.read(label)
    return (float("inf") if number is None else number), label


def _quality(staged: Staged, request: Request) -> Quality:
    rejected = sum(
        broken.rows for broken in staged.broken if broken.rule not in ON_PURPOSE
    )
    return Quality(
        rows_read=staged.rows_read,
        rows_left_out=staged.rows_left_out,
        rows_rejected=rejected,
        crossed_units=staged.crossed,
        crossed_left_out=request.crossovers == "exclude",
    )


def _refuse_broken(staged: Staged, request: Request) -> None:
    """Say what is wrong with the rows, unless somebody chose to go on without them."""
    if staged.repeated and request.repeats == "refuse":
        raise refusal(
            "repeats",
            staged.repeated,
            "UNIT_REPEATED",
            f"{staged.repeated:,} units of “{request.unit}” have several rows.",
            'Say which counts: repeats="first" (in the file), "max" (converted at least once) '
            'or "sum" (numbers added up).',
        )
    bad = [one for one in staged.broken if RULES[one.rule].blocking]
    if not bad or request.leave_out_bad_rows:
        return
    rates = {one.columns[0] for one in request.metrics if isinstance(one, Proportion)}
    hint = "Correct them, or go on without them: leave_out_bad_rows=True."
    if any(one.rule == "OUTCOME_RANGE" and one.column in rates for one in bad):
        hint = (
            "If these are counts in totals, name the number of units: "
            'Proportion("conversions", of="visitors"). If they are numbers per unit, use Mean.'
        )
    raise InvalidInputError(
        " ".join(f"{_sentence(one)}." for one in bad),
        hint=hint,
        details=tuple(
            Problem(one.column, one.values[:3], one.rule, _sentence(one)) for one in bad
        ),
    )


def _sentence(broken: Broken) -> str:
    values = ", ".join(f"“{shorten(value)}”" for value in broken.values[:3])
    column = f" in column “{shorten(broken.column)}”" if broken.column else ""
    where = f" ({lines_text(broken.lines, broken.rows)})" if broken.lines else ""
    return f"{summary(broken.rule, broken.rows)}{column}: {values}{where}"


def _refuse_rejects(rejects: Sequence[Reject]) -> None:
    if not rejects:
        return
    first = rejects[0]
    raise InvalidInputError(
        f"Line {first.line}, column “{shorten(first.column)}”: {first.message}.",
        hint="Correct the totals; a file of totals is used whole or not at all.",
        details=tuple(
            Problem(f"line {one.line}", one.value, one.rule, one.message)
            for one in itertools.islice(rejects, 20)
        ),
    )


def _as_table(frame: Any) -> Any:
    """What DuckDB can read: pandas and Arrow as they are, all else by way of Arrow."""
    kind = type(frame).__module__.partition(".")[0]
    if kind in {"pandas", "pyarrow"}:
        return frame
    import pyarrow as pa  # noqa: PLC0415 - a second to import, and only some frames need it

    if hasattr(frame, "__arrow_c_stream__") or isinstance(frame, dict):
        return pa.table(frame)
    for name in ("to_arrow_table", "to_arrow"):
        if hasattr(frame, name):
            return getattr(frame, name)()
    raise refusal(
        "data",
        type(frame).__name__,
        "TYPE",
        f"{type(frame).__name__} cannot be read.",
        "Give a path, a pandas, Polars or Arrow table, a DuckDB relation, or a dict of "
        "moments per variant.",
    )


def _texts(db: Database, frame: Any, most: int) -> tuple[tuple[str, ...], ...]:
    with db.staging() as cursor:
        cursor.register("frame_to_sample", frame)
        rows = cursor.execute(
            "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM frame_to_sample LIMIT ?", [most]
        ).fetchall()
    return tuple(tuple("" if cell is None else str(cell) for cell in row) for row in rows)
