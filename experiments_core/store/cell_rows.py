"""Rows of the one query, read into summaries: sums become centred moments, cubes skewness."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from experiments_core.analysis.cells import CAP, CAPPED, FILLED, UNCAPPED, beside
from experiments_core.domain.source import CellKey
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.stats import power_sums
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Counts, Located, Moments, Summary
from experiments_core.stats.ratios import linearised, with_denominator

UNITS_PER_SQUARED_SKEWNESS = 355
"""Units that a mean needs, times its squared skewness (Kohavi, Deng, Longbotham & Xu 2014)."""


@dataclass(slots=True)
class CellRow:
    """What one row of the query says.

    Attributes:
        cubes: Metric key -> sums of third powers.
        far: Metrics whose values lie too far from zero for sums of squares.
    """

    units: int
    summaries: dict[str, Summary] = field(default_factory=dict)
    cubes: dict[str, tuple[float, ...]] = field(default_factory=dict)
    far: set[str] = field(default_factory=set)


def read_rows(query: CellQuery, rows: Sequence[tuple[Any, ...]]) -> dict[CellKey, CellRow]:
    """Take apart what ``cells_sql`` of the same query returned, in the order of the keys."""
    names, found = query.keys, {}
    for row in sorted(rows, key=lambda row: row[: len(names)]):
        one = CellRow(int(row[len(names)]))
        rest = iter(row[len(names) + 1 :])
        for bound in query.needs:
            _take(query, bound, rest, one)
        found[key_of(names, row)] = one
    return found


def key_of(names: Sequence[str], row: Sequence[Any]) -> CellKey:
    """The key that a row of any of the queries begins with."""
    return CellKey(**dict(zip(names, row[: len(names)], strict=True)))


def _take(query: CellQuery, bound: BoundNeed, values: Iterator[Any], found: CellRow) -> None:
    """A metric's own summary and what stands beside it, in the order of the query."""
    n, key = int(next(values)), bound.need.key
    if bound.need.shape == "counts":
        found.summaries[key] = Counts(n, int(next(values) or 0))
        return
    if bound.need.shape == "quantile":
        rows, value = int(next(values) or 0), next(values)
        level = query.confidence_level
        found.summaries[key] = Located(n, rows, value, confidence_level=level)
        return
    _take_moments(query, bound, values, found, name=key, n=n)
    if query.centred and query.wants_skewness(bound):
        width = bound.width
        found.cubes[key] = _numbers(values, width * (width + 1) * (width + 2) // 6)
    if bound.need.capped:
        _take_moments(query, bound, values, found, name=beside(key, UNCAPPED), n=n)
        found.summaries[beside(key, CAPPED)] = Counts(n, int(next(values)))
        cap = next(values)
        if cap is not None:
            found.summaries[beside(key, CAP)] = Moments.of_mean(n, float(cap), 0.0)
    if bound.covariates:
        found.summaries[beside(key, FILLED)] = Counts(n, int(next(values)))


def _take_moments(
    query: CellQuery,
    bound: BoundNeed,
    values: Iterator[Any],
    found: CellRow,
    *,
    name: str,
    n: int,
) -> None:
    width = bound.width
    first = _numbers(values, width)
    second = _numbers(values, width * (width + 1) // 2)
    if query.centred:
        found.summaries[name] = _centred(n, first, second)
        return
    moments = power_sums.centred(n, first, second)
    if moments is None:
        found.far.add(bound.need.key)
        moments = Moments(n, tuple(one / n for one in first), ((0.0,) * width,) * width)
    found.summaries[name] = moments


def _numbers(values: Iterator[Any], count: int) -> tuple[float, ...]:
    return tuple(float(next(values) or 0.0) for _ in range(count))


def _centred(n: int, means: tuple[float, ...], spread: tuple[float, ...]) -> Moments:
    """Variances first, then covariances, as the centred query lists them."""
    width = len(means)
    table = [[0.0] * width for _ in range(width)]
    for i in range(width):
        table[i][i] = spread[i]
    for (i, j), both in zip(combinations(range(width), 2), spread[width:], strict=True):
        table[i][j] = table[j][i] = both
    return Moments(n, means, tuple(tuple(row) for row in table))


def _moments_of(bound: BoundNeed, found: Iterable[CellRow]) -> list[Moments]:
    groups = (one.summaries[bound.need.key] for one in found)
    return [one for one in groups if isinstance(one, Moments) and one.n]


def middle(bound: BoundNeed, found: Iterable[CellRow]) -> tuple[float, ...]:
    """Means over all groups together, whatever became of the variances."""
    known = _moments_of(bound, found)
    units = sum(one.n for one in known)
    points = (sum(one.n * one.means[i] for one in known) / units for i in range(bound.width))
    return tuple(point if math.isfinite(point) else 0.0 for point in points)


def may_be_skewed(
    bound: BoundNeed, ends: Sequence[tuple[float | None, float | None]], rows: Iterable[CellRow]
) -> bool:
    """Whether the third moment of a metric can make a difference of means visibly skewed.

    No skewness is larger than the largest distance from the mean in standard deviations, and
    none below sqrt(n / 355) tilts a test.

    Args:
        bound: A metric of moments.
        ends: Smallest and largest value of each of its columns.
        rows: The groups of units.
    """
    known = _moments_of(bound, rows)
    slopes = _slopes(bound, known)
    if slopes is None:
        return False
    low = high = 0.0
    for pair, weight in zip(ends, power_sums.weights(slopes), strict=True):
        reached = [end for end in pair if end is not None]
        if not reached:
            return False
        if bound.need.missing == "zero":
            reached.append(0.0)
        moved = [weight * float(end) for end in reached]
        low, high = low + min(moved), high + max(moved)
    return any(_is_far(power_sums.line(one, slopes), low, high) for one in known)


def tell_skewness(bound: BoundNeed, rows: Iterable[CellRow]) -> None:
    """Third moments of what is compared: the outcome, or what a ratio or covariate leaves."""
    known = [one for one in rows if bound.need.key in one.cubes]
    groups = _moments_of(bound, known)
    slopes = _slopes(bound, groups)
    if slopes is None:
        return
    key = bound.need.key
    for one in known:
        moments = one.summaries[key]
        if isinstance(moments, Moments):
            told = power_sums.skewness(moments, bound.about, one.cubes[key], slopes)
            one.summaries[key] = replace(moments, skewness=told)


def _is_far(moments: Moments, low: float, high: float) -> bool:
    if moments.n < 3 or not moments.variance > 0:
        return False
    farthest = max(high - moments.mean, moments.mean - low) / math.sqrt(moments.variance)
    return farthest > math.sqrt(moments.n / UNITS_PER_SQUARED_SKEWNESS)


def _slopes(bound: BoundNeed, moments: Sequence[Moments]) -> tuple[float, ...] | None:
    """What is taken off the outcome before it is compared, over all arms together."""
    if not moments:
        return None
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
