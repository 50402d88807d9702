"""Sums of powers, as a pass over rows collects them, made centred moments again.

Sums of values and of their products cost half of what centred aggregates do, but a variance
taken from them loses digits with the square of the distance of the mean from zero (Chan, Golub
& LeVeque 1983, The American Statistician 37:242-247). So they count only near zero, measured
in standard deviations; elsewhere the answer is None and the rows have to be read again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

from experiments_core.stats.moments import Moments

NEAR = 25.0
"""(mean / standard deviation)² up to which sums of any number of values are good enough."""
FEW = 1e6
"""Few values lose fewer digits: n · (mean / standard deviation)² may be up to this."""
STEADY = 1e3
"""Size of the values, in standard deviations of what is compared, up to which third powers
keep the digits that a skewness needs."""


def centred(n: int, sums: Sequence[float], products: Sequence[float]) -> Moments | None:
    """Means and covariances of n values per column.

    Args:
        n: Values, >= 0.
        sums: One per column.
        products: Sums of the products of each pair of columns: 11, 12, … 22, ….

    Returns:
        None where too many digits would be lost.
    """
    width = len(sums)
    means = tuple(one / n if n else 0.0 for one in sums)
    table = [[0.0] * width for _ in range(width)]
    if n > 1:
        pairs = combinations_with_replacement(range(width), 2)
        for (i, j), product in zip(pairs, products, strict=True):
            table[i][j] = table[j][i] = (product - sums[i] * means[j]) / (n - 1)
            if i == j and product and not _is_near(n, means[i], table[i][i]):
                return None
    return Moments(n, means, tuple(tuple(row) for row in table))


def skewness(
    moments: Moments,
    about: Sequence[float],
    cubes: Sequence[float],
    slopes: Sequence[float] = (),
) -> float | None:
    """Sample skewness (G1) of the first column minus ``slopes`` times the others.

    Args:
        moments: Of the same values.
        about: The points, one per column, that were taken off the values.
        cubes: Sums of the products of each three columns then: 111, 112, 122, 222.
        slopes: One per further column.

    Returns:
        None for fewer than three values, without spread, or where third powers do not tell.
    """
    n, factors = moments.n, weights(slopes)
    if n < 3:
        return None
    spread = math.sqrt(max(0.0, _form(moments.covariance, factors)) * (n - 1) / n)
    off = [mean - point for mean, point in zip(moments.means, about, strict=True)]
    size = sum(
        abs(weight) * (abs(one) + math.sqrt(moments.covariance[i][i]))
        for i, (weight, one) in enumerate(zip(factors, off, strict=True))
    )
    if not spread or size > STEADY * spread:
        return None
    third = _third(moments, off, cubes, factors)
    found = third / (spread * spread * spread) * math.sqrt(n * (n - 1)) / (n - 2)
    return found if math.isfinite(found) else None


def weights(slopes: Sequence[float]) -> tuple[float, ...]:
    """What each column is multiplied by."""
    return 1.0, *(-slope for slope in slopes)


def line(moments: Moments, slopes: Sequence[float]) -> Moments:
    """Moments of the first column minus ``slopes`` times the others."""
    if not slopes:
        return moments
    factors = weights(slopes)
    mean = math.fsum(a * b for a, b in zip(factors, moments.means, strict=True))
    return Moments.of_mean(moments.n, mean, max(0.0, _form(moments.covariance, factors)))


def _is_near(n: int, mean: float, variance: float) -> bool:
    return mean * mean <= max(NEAR, FEW / n) * variance < math.inf


def _form(table: Sequence[Sequence[float]], factors: Sequence[float]) -> float:
    """Variance of the weighted sum of the columns."""
    return sum(
        a * b * table[i][j] for i, a in enumerate(factors) for j, b in enumerate(factors)
    )


def _third(
    moments: Moments, off: Sequence[float], cubes: Sequence[float], factors: Sequence[float]
) -> float:
    """Third central moment of the weighted sum of the columns.

    With u = z + d, z of mean 0: E[u u u] = E[z z z] + sum of d E[z z] + d d d.
    """
    n = moments.n
    line = sum(weight * one for weight, one in zip(factors, off, strict=True))
    places = combinations_with_replacement(range(len(factors)), 3)
    known: Mapping[tuple[int, ...], float] = dict(zip(places, cubes, strict=True))
    columns = range(len(factors))
    raw = sum(
        factors[i] * factors[j] * factors[k] * known[tuple(sorted((i, j, k)))] / n
        for i in columns
        for j in columns
        for k in columns
    )
    return raw - 3 * line * _form(moments.covariance, factors) * (n - 1) / n - line**3
