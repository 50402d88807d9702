"""Run the one query and hand back cells. Rows never reach Python, only moments."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.analysis.cells import Cell
from experiments_core.domain.source import CellKey
from experiments_core.query.cells import (
    BoundNeed,
    CellQuery,
    cells_sql,
    extremes_sql,
    span_sql,
)
from experiments_core.stats.moments import Counts, Moments, Summary
from experiments_core.store.catalog import from_utc

_CUBED = 1e50
"""Values below this can be cubed, summed and their variance cubed in double precision."""
UNITS_PER_SQUARED_SKEWNESS = 355
"""Units that a mean needs, times its squared skewness (Kohavi, Deng, Longbotham & Xu 2014)."""
_STEADY = 1e4
"""Mean / standard deviation up to which the engine's third moment keeps its digits."""


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
    """Group a table with one row per unit, in one pass over its rows.

    Third moments cost as much as everything else together, so they are fetched only for
    metrics whose largest value could make a difference of means visibly skewed.
    """
    plain = replace(query, skewness=False)
    sql = cells_sql(plain)
    cells = dict(_cells(plain, cursor.execute(sql).fetchall()))
    skewed = _may_be_skewed(cursor, query, cells)
    if skewed:
        third = replace(query, needs=skewed)
        rows = cursor.execute(cells_sql(third)).fetchall()
        for key, cell in _cells(third, rows):
            known = cells[key]
            cells[key] = Cell(known.units, {**known.summaries, **cell.summaries})
    return CellTable(cells, sql)


def unit_span(
    cursor: duckdb.DuckDBPyConnection, table: str
) -> tuple[datetime | None, datetime | None]:
    """First and last moment at which a unit was first seen, aware; None without times."""
    row = cursor.execute(span_sql(table)).fetchone() or (None, None)
    return from_utc(row[0]), from_utc(row[1])


def totals_cells(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, columns: Mapping[str, str]
) -> CellTable:
    """Add up a dataset of totals per variant.

    Args:
        cursor: On the workspace.
        dataset_id: Which dataset.
        columns: Metric key -> its column of conversions.
    """
    sql = "SELECT arm, visitors, conversions FROM totals WHERE dataset_id = ? ORDER BY line"
    cells: dict[CellKey, Cell] = {}
    for arm, visitors, text in cursor.execute(sql, [dataset_id]).fetchall():
        conversions = json.loads(text)
        counts: dict[str, Summary] = {
            key: Counts(visitors, int(conversions[column]))
            for key, column in columns.items()
            if conversions.get(column) is not None
        }
        cell = Cell(int(visitors), counts)
        key = CellKey(arm)
        cells[key] = cells[key] + cell if key in cells else cell
    return CellTable(cells, sql.replace("?", f"'{dataset_id}'"))


def _may_be_skewed(
    cursor: duckdb.DuckDBPyConnection, query: CellQuery, cells: Mapping[CellKey, Cell]
) -> tuple[BoundNeed, ...]:
    """Metrics whose third moment may matter.

    No skewness is larger than the largest distance from the mean in standard deviations, and
    none below sqrt(n / 355) tilts a test. Smallest and largest value come from statistics that
    the engine keeps.
    """
    wanted = [one for one in query.needs if query.wants_skewness(one)]
    if not wanted or not cells:
        return ()
    ends = iter(cursor.execute(extremes_sql(query)).fetchone() or ())
    found = []
    for one, low, high in zip(wanted, ends, ends, strict=False):
        if low is None or max(abs(low), abs(high)) >= _CUBED:
            continue
        zero = [0.0] if one.need.missing == "zero" else []
        span = min([low, *zero]), max([high, *zero])
        moments = (cell.summaries[one.need.key] for cell in cells.values())
        if any(_is_far(each, *span) for each in moments if isinstance(each, Moments)):
            found.append(one)
    return tuple(found)


def _is_far(moments: Moments, low: float, high: float) -> bool:
    if moments.n < 3 or not moments.variance > 0:
        return False
    farthest = max(high - moments.mean, moments.mean - low) / math.sqrt(moments.variance)
    return farthest > math.sqrt(moments.n / UNITS_PER_SQUARED_SKEWNESS)


def _cells(query: CellQuery, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[CellKey, Cell]]:
    width = len(query.keys)
    for row in rows:
        key = CellKey(**dict(zip(query.keys, row[:width], strict=True)))
        units, rest = row[width], iter(row[width + 1 :])
        summaries = {b.need.key: _summary(query, b, rest) for b in query.needs}
        yield key, Cell(int(units), summaries)


def _summary(query: CellQuery, bound: BoundNeed, values: Iterator[Any]) -> Summary:
    n = int(next(values))
    if bound.need.shape == "counts":
        return Counts(n, int(next(values) or 0))
    mean, variance = float(next(values) or 0.0), float(next(values) or 0.0)
    skewness = next(values) if query.wants_skewness(bound) else None
    return Moments.of_mean(n, mean, variance, _trusted(skewness, mean, variance))


def _trusted(skewness: float | None, mean: float, variance: float) -> float | None:
    """The third moment, unless sums of cubes have lost its digits."""
    if skewness is None or not math.isfinite(skewness) or not variance > 0:
        return None
    return float(skewness) if abs(mean) < _STEADY * math.sqrt(variance) else None
