"""Make one text of several: rows under each other, or joined on the unit, by the engine.

Cells stay text and rows keep their order and the line of the file that they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from experiments_core.domain.source import ColumnMapping, Dialect, Role
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError
from experiments_core.query.literals import quoted
from experiments_core.store.conversion_text import trimmed
from experiments_core.store.database import Database
from experiments_core.store.lines import Jumps, jumps_below, without_lines
from experiments_core.store.profile import one_row
from experiments_core.store.reading import csv_relation, forget_rejects, refuse_broken_rows
from experiments_core.tabular.combine import Joined, Pick, Stacked, refuse_product
from experiments_core.tabular.structure import Structure
from experiments_core.tabular.text import WHITE

NAMED = 5  # units that a refusal names


@dataclass(frozen=True, slots=True)
class Part:
    """A clean text file with one of the tables.

    Attributes:
        name: As shown.
        path: Where it lies.
        dialect: Its delimiter and header line.
        structure: Its census under that dialect.
        width: How many columns it has.
    """

    name: str
    path: Path
    dialect: Dialect
    structure: Structure
    width: int


def write_combined(
    db: Database, parts: Sequence[Part], plan: Stacked | Joined, target: Path, *, most: int
) -> Jumps | None:
    """Write the one table as CSV: commas, the header first, blank rows left out.

    Args:
        db: A workspace that may read the parts and write the target.
        parts: The tables, in the order that the plan numbers them.
        plan: What to do with them.
        target: The file to write.
        most: How many jumps of lines are worth keeping.

    Returns:
        From which record of the target on (the header is 0) line minus record is another, and
        that difference; None when it changes more often than ``most`` times.

    Raises:
        InvalidInputError: a row is broken, or the join would multiply rows.
    """
    with db.staging() as cursor:
        for number, part in enumerate(parts):
            _read(cursor, number, part)
        selects = _joined(cursor, parts, plan) if isinstance(plan, Joined) else _stacked(plan)
        header = ", ".join(quoted(name) for name in plan.header)
        rows = " UNION ALL ".join([f"SELECT -1, 0, 1, {header}", *selects])
        cells = [f"c{number}" for number in range(len(plan.header))]
        names = ", ".join(["part", "record", "line", *cells])
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE combined AS SELECT line, {', '.join(cells)} "
            f"FROM ({rows}) AS rows({names}) ORDER BY part, record"
        )
        cursor.execute(
            f"COPY (SELECT {', '.join(cells)} FROM combined) TO {quoted(str(target))} "
            "(FORMAT csv, HEADER false, DELIMITER ',', NULLSTR '')"
        )
        found = cursor.execute(
            "SELECT place, line - place AS ahead FROM "
            "(SELECT row_number() OVER () - 1 AS place, line FROM combined) QUALIFY "
            "ahead IS DISTINCT FROM lag(ahead) OVER (ORDER BY place) "
            f"ORDER BY place LIMIT {most + 1}"
        ).fetchall()
    records, offsets = zip(*found, strict=True)
    return (records, offsets) if len(found) <= most else None


def _read(cursor: duckdb.DuckDBPyConnection, number: int, part: Part) -> None:
    """Make ``part_0`` …: record, line and cells of rows that are not blank."""
    dialect, width = part.dialect, part.width
    columns = [ColumnMapping(f"f{place}", place, Role.IGNORE) for place in range(width)]
    source = csv_relation(part.path, dialect, columns, typed=False)
    forget_rejects(cursor)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE read_{number} AS "
        f"SELECT row_number() OVER () AS record, {', '.join(source.fields)} FROM {source.sql}"
    )
    blank_lines = refuse_broken_rows(cursor, part.path, dialect, width, name=part.name)
    first = part.structure.first_record_after(dialect.header_line)
    read = int(one_row(cursor, f"SELECT count(*) FROM read_{number}")[0])
    expected = part.structure.records - first - len(blank_lines)
    if read != expected:
        raise InvalidInputError(
            f"“{part.name}” can be read in two ways: as {grouped(expected)} rows or as "
            f"{grouped(read)}.",
            code="ROWS_DISAGREE",
            hint="Look for quotes inside fields; a quote in a quoted field is written twice.",
        )
    records, offsets = without_lines(jumps_below(part.structure, first), blank_lines)
    ahead = "ASOF JOIN ahead ON record >= since" if len(records) > 1 else "CROSS JOIN ahead"
    whole = f"trim(concat({', '.join(source.fields)}), {quoted(WHITE)}) <> ''"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE part_{number} AS WITH ahead AS "
        "(SELECT unnest(?::BIGINT[]) AS since, unnest(?::BIGINT[]) AS more) "
        f"SELECT record, record + more AS line, {', '.join(source.fields)} "
        # most rows begin with a letter or digit, and trimming is slow
        f"FROM read_{number} {ahead} WHERE CASE WHEN f0 BETWEEN '!' AND '~' THEN TRUE "
        f"ELSE {whole} END",
        [list(records), list(offsets)],
    )
    cursor.execute(f"DROP TABLE read_{number}")


def _stacked(plan: Stacked) -> Iterator[str]:
    for place, (number, picks) in enumerate(plan.parts):
        cells = ", ".join(_cell(pick) for pick in picks)
        yield f"SELECT {place}, record, line, {cells} FROM part_{number}"


def _cell(pick: Pick) -> str:
    return f"nullif(f{pick}, '')" if isinstance(pick, int) else f"nullif({quoted(pick)}, '')"


def _joined(
    cursor: duckdb.DuckDBPyConnection, parts: Sequence[Part], plan: Joined
) -> Iterator[str]:
    """Rows of the one side in their order, each with its partner; then who had none.

    The side that repeats units, else the first, is the one whose order is kept.
    """
    for number, place in ((plan.first, plan.here), (plan.second, plan.there)):
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE keyed_{number} AS SELECT *, "
            f"nullif({trimmed(f'f{place}')}, '') AS unit FROM part_{number}"
        )
    again = _repeat(cursor, plan.second)
    if again and _repeat(cursor, plan.first):
        _refuse(cursor, parts, plan)
    width, rest = parts[plan.first].width, plan.rest
    leading, other = (plan.second, plan.first) if again else (plan.first, plan.second)
    sides = {leading: "l", other: "o"}
    one, two = sides[plan.first], sides[plan.second]
    alone = [f"{two}.unit" if place == plan.here else "NULL" for place in range(width)]
    ours = [f"nullif({one}.f{place}, '')" for place in range(width)]
    theirs = [f"nullif({two}.f{place}, '')" for place in rest]
    with_first = ", ".join([*ours, *theirs])
    without_first = ", ".join([*alone, *theirs])
    without_second = ", ".join([*ours, *("NULL" for _ in rest)])
    if leading == plan.first:
        matched, unmatched = with_first, without_first
    else:
        cells = [
            f"if({one}.record IS NULL, {without}, {cell})"
            for without, cell in zip(alone, ours, strict=True)
        ]
        matched, unmatched = ", ".join([*cells, *theirs]), without_second
    yield (
        f"SELECT 0, l.record, l.line, {matched} FROM keyed_{leading} l "
        f"LEFT JOIN keyed_{other} o ON l.unit = o.unit"
    )
    yield (
        f"SELECT 1, o.record, o.line, {unmatched} FROM keyed_{other} o "
        f"ANTI JOIN keyed_{leading} l ON l.unit = o.unit"
    )


def _repeat(cursor: duckdb.DuckDBPyConnection, number: int) -> bool:
    """Whether a unit stands in several rows of a table."""
    rows, units = one_row(
        cursor, f"SELECT count(unit), count(DISTINCT unit) FROM keyed_{number}"
    )
    return bool(rows > units)


def _refuse(cursor: duckdb.DuckDBPyConnection, parts: Sequence[Part], plan: Joined) -> None:
    first, second = (
        f"SELECT unit FROM keyed_{number} WHERE unit IS NOT NULL GROUP BY unit "
        "HAVING count(*) > 1"
        for number in (plan.first, plan.second)
    )
    for units in (f"({first}) SEMI JOIN ({second}) USING (unit)", f"({second})"):
        (count,) = one_row(cursor, f"SELECT count(*) FROM {units}")
        if count:
            rows = cursor.execute(f"SELECT unit FROM {units} ORDER BY unit LIMIT {NAMED}")
            found = [str(row[0]) for row in rows.fetchall()]
            names = parts[plan.first].name, parts[plan.second].name
            refuse_product(plan, names, found, int(count))
