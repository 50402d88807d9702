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
    """Group a table with one row per unit.

    Third moments are asked for only where sums of cubes cannot overflow: an error would abort
    the transaction that the cursor is in.
    """
    if not _can_be_cubed(cursor, query):
        query = replace(query, skewness=False)
    sql = cells_sql(query)
    return CellTable(dict(_cells(query, cursor.execute(sql).fetchall())), sql)


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


def _can_be_cubed(cursor: duckdb.DuckDBPyConnection, query: CellQuery) -> bool:
    if not any(query.wants_skewness(one) for one in query.needs):
        return False
    ends = cursor.execute(extremes_sql(query)).fetchone() or ()
    return all(end is None or abs(end) < _CUBED for end in ends)


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
