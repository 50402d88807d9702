"""Run the one query and hand back cells. Rows never reach Python, only moments."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb
import numpy as np

from experiments_core.analysis.cells import CAP, CAPPED, FILLED, UNCAPPED, Cell, beside
from experiments_core.domain.source import CellKey
from experiments_core.query.cells import (
    BoundNeed,
    CellQuery,
    below_sql,
    cells_sql,
    extremes_sql,
    limits_sql,
    span_sql,
    values_sql,
)
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Counts, Located, Moments, Summary
from experiments_core.stats.quantiles import limiting_shares, share_and_error
from experiments_core.stats.ratios import linearised, with_denominator
from experiments_core.stats.shuffles import Phase
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
    """Group a table of units (or of their rows) in one pass.

    Third moments cost as much as everything else together, so they are fetched only for
    metrics whose largest value could make a difference of means visibly skewed. The error of a
    quantile takes two more questions, once its value is known.
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
    for bound in query.needs:
        if bound.need.shape == "quantile":
            _locate(cursor, plain, bound, cells)
    return CellTable(cells, sql)


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
        key = _key(names, row)
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
        key, values = _key(names, row), dict(zip(asked, row[len(names)], strict=True))
        if key in shares:
            lower, upper = (values[share] for share in shares[key])
            known[key] = replace(known[key], lower=lower, upper=upper)
    for key, found in known.items():
        cell = cells[key]
        cells[key] = Cell(cell.units, {**cell.summaries, bound.need.key: found})


def _key(names: Sequence[str], row: Sequence[Any]) -> CellKey:
    return CellKey(**dict(zip(names, row[: len(names)], strict=True)))


def _below(numbers: Sequence[Any]) -> Moments:
    """Moments of (rows at or below the quantile, rows) over units."""
    n, below = int(numbers[0]), float(numbers[1])
    if len(numbers) == 2:  # one row per unit: 0 or 1 of 1
        spread = below * (1 - below) * n / max(1, n - 1)
        return Moments(n, (below, 1.0), ((spread, 0.0), (0.0, 0.0)))
    k, below_spread, k_spread, both = (float(number or 0.0) for number in numbers[2:])
    return Moments(n, (below, k), ((below_spread, both), (both, k_spread)))


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
        bound: One need with one row per unit.
        arms: Control, treatment.
    """
    control, treatment = arms
    sql = values_sql(query, bound)
    found = cursor.execute(sql, [treatment, control, treatment]).fetchnumpy()
    treated = np.asarray(found["treated"], dtype=bool)
    names = [name for name in found if name.startswith("v")]
    columns = np.column_stack([np.asarray(found[name], dtype=float) for name in names])
    keys = [name for name in query.keys if name != "arm"]
    if not keys or not len(treated):
        return [Phase(treated, columns)]
    labels, codes = np.unique(np.asarray(found[keys[0]]), return_inverse=True)
    return [
        Phase(treated[codes == k], columns[codes == k])
        for k, label in enumerate(labels)
        if keys[0] != "phase" or label > 0  # units of phase 0 have no time
    ]


def unit_span(
    cursor: duckdb.DuckDBPyConnection, table: str
) -> tuple[datetime | None, datetime | None]:
    """First and last moment at which a unit was first seen, aware; None without times."""
    row = cursor.execute(span_sql(table)).fetchone() or (None, None)
    return from_utc(row[0]), from_utc(row[1])


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
    for one in wanted:
        spans = [(next(ends), next(ends)) for _ in range(one.width)]
        if any(low is None or max(abs(low), abs(high)) >= _CUBED for low, high in spans):
            continue
        if one.need.missing == "zero":
            spans = [(min(low, 0.0), max(high, 0.0)) for low, high in spans]
        groups = [cell.summaries[one.need.key] for cell in cells.values()]
        moments = [each for each in groups if isinstance(each, Moments) and each.n]
        if not moments:
            continue
        slopes = _slopes(one, moments)
        if slopes is not None and any(
            _is_far(_line(each, slopes), *_reach(spans, slopes)) for each in moments
        ):
            found.append(replace(one, slopes=slopes))
    return tuple(found)


def _slopes(bound: BoundNeed, moments: Sequence[Moments]) -> tuple[float, ...] | None:
    """What is taken off the outcome before it is compared, over all arms together."""
    both = sum(moments[1:], moments[0])
    if not bound.others:
        return _shares(
            (both.covariance[0][1], both.covariance[1][1]) if bound.covariates else ()
        )
    if not bound.covariates:
        return _shares((both.mean, both.means[1]))
    whole = with_denominator(both)
    line = linearised(whole)
    if isinstance(line, Undefined) or not line.covariance[1][1]:
        return None
    slope = line.covariance[0][1] / line.covariance[1][1] * whole.means[1] / whole.means[3]
    taken = (line.mean, slope, -slope * line.means[1])
    return taken[: bound.width - 1]


def _shares(parts: tuple[float, ...]) -> tuple[float, ...] | None:
    """The quotient of two numbers; None where there is none."""
    if not parts:
        return ()
    above, below = parts
    return (above / below,) if below else None


def _line(moments: Moments, slopes: tuple[float, ...]) -> Moments:
    """Moments of the first column minus multiples of the others."""
    if not slopes:
        return moments
    factors = (1.0, *(-slope for slope in slopes))

    def combined(numbers: Sequence[float]) -> float:
        return math.fsum(a * b for a, b in zip(factors, numbers, strict=True))

    rows = [combined(row) for row in moments.covariance]
    return Moments.of_mean(moments.n, combined(moments.means), combined(rows))


def _reach(
    spans: Sequence[tuple[float, float]], slopes: tuple[float, ...]
) -> tuple[float, float]:
    """Between which values the same combination lies."""
    (low, high), *others = spans
    for slope, ends in zip(slopes, others, strict=True):
        moved = [slope * end for end in ends]
        low, high = low - max(moved), high - min(moved)
    return low, high


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
        summaries: dict[str, Summary] = {}
        for bound in query.needs:
            summaries |= _summaries(query, bound, rest)
        yield key, Cell(int(units), summaries)


def _summaries(query: CellQuery, bound: BoundNeed, values: Iterator[Any]) -> dict[str, Summary]:
    """A metric's own summary and what stands beside it, in the order of the query."""
    n, key = int(next(values)), bound.need.key
    if bound.need.shape == "counts":
        return {key: Counts(n, int(next(values) or 0))}
    if bound.need.shape == "quantile":
        rows, value = int(next(values) or 0), next(values)
        return {key: Located(n, rows, value, confidence_level=query.confidence_level)}
    moments = _moments(n, bound.width, values)
    if query.wants_skewness(bound):
        line = _line(moments, bound.slopes)
        skewness = _trusted(next(values), line.mean, line.variance)
        moments = replace(moments, skewness=skewness)
    found: dict[str, Summary] = {key: moments}
    if bound.need.capped:
        found[beside(key, UNCAPPED)] = _moments(n, bound.width, values)
        found[beside(key, CAPPED)] = Counts(n, int(next(values)))
        cap = next(values)
        if cap is not None:
            found[beside(key, CAP)] = Moments.of_mean(n, float(cap), 0.0)
    if bound.covariates:
        found[beside(key, FILLED)] = Counts(n, int(next(values)))
    return found


def _moments(n: int, width: int, values: Iterator[Any]) -> Moments:
    means = tuple(float(next(values) or 0.0) for _ in range(width))
    table = [[0.0] * width for _ in range(width)]
    for i in range(width):
        table[i][i] = float(next(values) or 0.0)
    for i in range(width):
        for j in range(i + 1, width):
            table[i][j] = table[j][i] = float(next(values) or 0.0)
    return Moments(n, means, tuple(tuple(row) for row in table))


def _trusted(skewness: float | None, mean: float, variance: float) -> float | None:
    """The third moment, unless sums of cubes have lost its digits."""
    if skewness is None or not math.isfinite(skewness) or not variance > 0:
        return None
    return float(skewness) if abs(mean) < _STEADY * math.sqrt(variance) else None
