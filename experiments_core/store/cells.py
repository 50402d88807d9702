"""Run the one query and hand back cells. Rows never reach Python, only moments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb
import numpy as np

from experiments_core.analysis.cells import WHOLE, Cell, beside
from experiments_core.domain.source import UNKNOWN_PHASE, CellKey
from experiments_core.query.beside import (
    below_sql,
    ends_sql,
    limits_sql,
    rows_sql,
    span_sql,
    values_sql,
)
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.query.cells import cells_sql
from experiments_core.query.units import COLUMN, TABLE, identifier, relation
from experiments_core.query.values import moment_columns
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Counts, Located, Moments, Summary
from experiments_core.stats.quantiles import limiting_shares, share_and_error
from experiments_core.stats.shuffles import Array, Phase
from experiments_core.store.catalog import from_utc
from experiments_core.store.cell_rows import (
    CellRow,
    key_of,
    may_be_skewed,
    middle,
    read_rows,
    tell_skewness,
)
from experiments_core.store.parsed import parsed

Ends = dict[str, tuple[Any, Any]]
"""Column -> its smallest and its largest value."""
Span = tuple[datetime | None, datetime | None]
"""First and last moment at which a unit was first seen, aware; None without times."""


@dataclass(frozen=True, slots=True)
class CellTable:
    """What one query returned.

    Attributes:
        cells: Groups of units; a unit is in exactly one.
        sql: The text that was run.
    """

    cells: dict[CellKey, Cell]
    sql: str


def unit_cells(cursor: duckdb.DuckDBPyConnection, query: CellQuery) -> CellTable:
    """Group a table of units (or of their rows) in one pass.

    The pass adds up values and products. Metrics whose values lie too far from zero for that,
    or whose largest value could make a difference of means visibly skewed, are read again with
    the engine's centred aggregates and third powers. The error of a quantile takes two more
    questions, once its value is known.
    """
    sql = cells_sql(query)
    found = read_rows(query, cursor.execute(parsed(cursor, sql)).fetchall())
    needed = {name for one in found.values() for name in one.far}
    needed |= skewed(cursor, query, found.values())
    if needed:
        closer = tuple(
            replace(bound, about=middle(bound, found.values()))
            for bound in query.needs
            if bound.need.key in needed
        )
        again = replace(query, needs=closer, centred=True)
        second = cells_sql(again)
        sql = f"{sql};\n\n{second}"
        rows = read_rows(again, cursor.execute(parsed(cursor, second)).fetchall())
        for bound in closer:
            tell_skewness(bound, rows.values())
        for key, one in rows.items():
            found[key].summaries.update(one.summaries)
    cells = {key: Cell(one.units, one.summaries) for key, one in found.items()}
    for bound in query.needs:
        if bound.need.shape == "quantile":
            _locate(cursor, query, bound, cells)
            several = query.boundaries or query.phase_column
            if several and query.whole and not query.by_day:
                _locate_whole(cursor, query, bound, cells)
    return CellTable(cells, sql)


def _locate_whole(
    cursor: duckdb.DuckDBPyConnection,
    query: CellQuery,
    bound: BoundNeed,
    cells: dict[CellKey, Cell],
) -> None:
    """Put a quantile over all phases beside that of the first one: they do not add up."""
    placed = bool(query.boundaries)
    alone = replace(query, needs=(bound,), boundaries=(), phase_column=None, placed=placed)
    found = unit_cells(cursor, alone).cells
    one_phase = 1 if query.since else UNKNOWN_PHASE
    first: dict[CellKey, CellKey] = {}
    for key in sorted(cells, key=lambda one: str(one.phase)):
        if not placed or key.phase > 0:
            first.setdefault(replace(key, phase=one_phase), key)
    for key, place in first.items():
        if key in found:
            whole = {beside(bound.need.key, WHOLE): found[key].summaries[bound.need.key]}
            cells[place] = Cell(cells[place].units, {**cells[place].summaries, **whole})


def skewed(
    cursor: duckdb.DuckDBPyConnection, query: CellQuery, found: Iterable[CellRow]
) -> set[str]:
    """Metrics whose third moment may matter, by extremes that the engine keeps anyway."""
    wanted = [(o, moment_columns(query, o)) for o in query.needs if query.wants_skewness(o)]
    rows = list(found)
    if not wanted or not rows:
        return set()
    ends = query.ends
    asked = dict.fromkeys(column for _, columns in wanted for column in columns)
    if not ends.keys() >= asked.keys():
        ends = _ends(cursor, relation(query), tuple(asked))
    return {
        bound.need.key
        for bound, columns in wanted
        if may_be_skewed(bound, [ends[column] for column in columns], rows)
    }


def _ends(cursor: duckdb.DuckDBPyConnection, source: str, columns: Sequence[str]) -> Ends:
    row = cursor.execute(parsed(cursor, ends_sql(source, columns))).fetchone()
    values = iter(row or ())
    return dict(zip(columns, zip(values, values, strict=True), strict=True))


def _locate(
    cursor: duckdb.DuckDBPyConnection,
    query: CellQuery,
    bound: BoundNeed,
    cells: dict[CellKey, Cell],
) -> None:
    """Find the limits of one quantile in every cell: how sure its share is, then where."""
    alone = replace(query, needs=(bound,))
    known = {
        key: found
        for key, cell in cells.items()
        if isinstance(found := cell.summaries[bound.need.key], Located) and found.n
    }
    if not known:
        return
    names = alone.keys
    spots = [[getattr(key, name) for key in known] for name in names]
    spots.append([one.value for one in known.values()])
    shares: dict[CellKey, tuple[float, float]] = {}
    for row in cursor.execute(below_sql(alone, bound), spots).fetchall():
        key = key_of(names, row)
        moments = _below(row[len(names) :])
        sure = share_and_error(moments)
        if not isinstance(sure, Undefined):
            known[key] = replace(known[key], share=sure[0], share_error=sure[1])
        limits = limiting_shares(bound.need.q or 0.5, moments, query.confidence_level)
        if not isinstance(limits, Undefined):
            shares[key] = limits
    asked = sorted({share for limits in shares.values() for share in limits})
    rows = cursor.execute(limits_sql(alone, bound, asked)).fetchall() if asked else ()
    for row in rows:
        key, values = key_of(names, row), dict(zip(asked, row[len(names)], strict=True))
        if key in shares:
            lower, upper = (values[share] for share in shares[key])
            known[key] = replace(known[key], lower=lower, upper=upper)
    for key, found in known.items():
        cell = cells[key]
        cells[key] = Cell(cell.units, {**cell.summaries, bound.need.key: found})


def _below(numbers: Sequence[Any]) -> Moments:
    """Moments of (rows at or below the quantile, rows) over units."""
    n, below = int(numbers[0]), float(numbers[1])
    if len(numbers) == 2:  # one row per unit: 0 or 1 of 1
        spread = below * (1 - below) * n / max(1, n - 1)
        return Moments(n, (below, 1.0), ((spread, 0.0), (0.0, 0.0)))
    k, below_spread, k_spread, both = (float(number or 0.0) for number in numbers[2:])
    return Moments(n, (below, k), ((below_spread, both), (both, k_spread)))


def segment_cells(
    cursor: duckdb.DuckDBPyConnection, query: CellQuery, most: int
) -> dict[CellKey, Cell]:
    """The cells of a query with a segment; what lies beyond the largest values is one segment.

    Most metrics could be added up afterwards; the quantile of several segments together has to
    be asked for.

    Args:
        cursor: On the workspace.
        query: With a segment.
        most: Values that stand for themselves.
    """
    cells = unit_cells(cursor, query).cells
    values = {key.segment for key in cells}
    if len(values) <= most or all(bound.need.shape != "quantile" for bound in query.needs):
        return cells
    return unit_cells(cursor, replace(query, most_segments=most)).cells


def unit_values(
    cursor: duckdb.DuckDBPyConnection,
    query: CellQuery,
    bound: BoundNeed,
    arms: tuple[str, str],
) -> list[Phase]:
    """The values of every unit of control and one treatment, phase by phase, as arrays.

    Args:
        cursor: On the workspace.
        query: Its keys (phase, or a segment that names the phase) tell the phases apart.
        bound: One need; of a quantile units may have several rows.
        arms: Control, treatment.
    """
    control, treatment = arms
    sql = values_sql(query, bound)
    found = cursor.execute(sql, [treatment, control, treatment]).fetchnumpy()
    treated = np.asarray(found["treated"], dtype=bool)
    names = [name for name in found if name.startswith("v")]
    places = np.asarray(found["place"]) if "place" in found else None
    columns = np.column_stack([np.asarray(found[name], dtype=float) for name in names])
    keys = [name for name in query.keys if name != "arm"]
    if not keys or not len(treated):
        return [_phase(treated, columns, places)]
    labels, codes = np.unique(np.asarray(found[keys[0]]), return_inverse=True)
    return [
        _phase(
            treated[codes == k],
            columns[codes == k],
            None if places is None else places[codes == k],
        )
        for k, label in enumerate(labels)
        if keys[0] != "phase" or label > 0  # units of phase 0 have no time
    ]


def _phase(treated: Array, columns: Array, places: Array | None) -> Phase:
    """Lines of units, or of their rows with the place of the unit of each."""
    if places is None:
        return Phase(treated, columns)
    _, first, units = np.unique(places, return_index=True, return_inverse=True)
    return Phase(treated[first], columns, units)


def first_rows(
    cursor: duckdb.DuckDBPyConnection,
    query: CellQuery,
    bound: BoundNeed,
    arms: tuple[str, str],
    most: int,
) -> tuple[list[tuple[Any, ...]], str]:
    """The first units of two arms by their id, and the text that was run.

    Args:
        cursor: On the workspace.
        query: Which units count.
        bound: One need with one row per unit.
        arms: Control, treatment.
        most: How many.

    Returns:
        Rows of (unit, the query's keys, the need's values), and the query.
    """
    sql = rows_sql(query, bound, most)
    return cursor.execute(sql, list(arms)).fetchall(), sql


def unit_span(cursor: duckdb.DuckDBPyConnection, table: str) -> Span:
    """First and last moment at which a unit of a table was first seen."""
    return span_and_ends(cursor, table, ())[0]


def span_and_ends(
    cursor: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> tuple[Span, Ends]:
    """The same, with the smallest and largest value of some columns, in one query."""
    asked = ("first_ts", *(identifier(column, COLUMN) for column in columns))
    ends = _ends(cursor, identifier(table, TABLE), asked)
    first, last = ends.pop("first_ts")
    return (from_utc(first), from_utc(last)), ends


def unit_spans(cursor: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> dict[str, Span]:
    """The span of each of several tables, in one query."""
    if len(tables) < 2:
        return {table: unit_span(cursor, table) for table in tables}
    spans = " UNION ALL ".join(
        f"SELECT {place}, * FROM ({span_sql(table)})" for place, table in enumerate(tables)
    )
    rows = cursor.execute(spans).fetchall()
    return {tables[place]: (from_utc(first), from_utc(last)) for place, first, last in rows}


def totals_cells(
    cursor: duckdb.DuckDBPyConnection,
    dataset_id: str,
    columns: Mapping[str, str],
    *,
    only_counts: bool = False,
) -> CellTable:
    """Add up a dataset of totals per variant.

    Args:
        cursor: On the workspace.
        dataset_id: Which dataset.
        columns: Metric key -> its column of conversions.
        only_counts: Nobody counted the units; n is then the conversions themselves.
    """
    sql = "SELECT arm, visitors, conversions FROM totals WHERE dataset_id = ? ORDER BY line"
    cells: dict[CellKey, Cell] = {}
    for arm, visitors, text in cursor.execute(sql, [dataset_id]).fetchall():
        conversions = json.loads(text)
        counts: dict[str, Summary] = {
            key: Counts(
                int(conversions[column]) if only_counts else visitors, int(conversions[column])
            )
            for key, column in columns.items()
            if conversions.get(column) is not None
        }
        cell = Cell(int(visitors), counts)
        key = CellKey(arm)
        cells[key] = cells[key] + cell if key in cells else cell
    return CellTable(cells, sql.replace("?", f"'{dataset_id}'"))


def moments_cells(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, columns: Mapping[str, str]
) -> CellTable:
    """Read a dataset of moments per variant.

    Args:
        cursor: On the workspace.
        dataset_id: Which dataset.
        columns: Metric key -> its name among the moments.
    """
    sql = "SELECT arm, visitors, conversions FROM totals WHERE dataset_id = ? ORDER BY line"
    cells: dict[CellKey, Cell] = {}
    for arm, units, text in cursor.execute(sql, [dataset_id]).fetchall():
        known = json.loads(text)
        moments: dict[str, Summary] = {
            key: Moments.of_mean(
                int(known[name]["n"]), known[name]["mean"], known[name]["variance"], None
            )
            for key, name in columns.items()
            if name in known
        }
        cell, key = Cell(int(units), moments), CellKey(arm)
        cells[key] = cells[key] + cell if key in cells else cell
    return CellTable(cells, sql.replace("?", f"'{dataset_id}'"))
