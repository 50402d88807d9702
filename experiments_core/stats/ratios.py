"""Ratios of two sums per arm: orders per session, value per order, anything by cluster.

R = ΣY/ΣN is judged over the randomised units: each unit's linearised value (Y - R N)/N̄ + R has
mean R and the right variance, so a ratio becomes a mean and goes the way of means. The mean of
the ratios per unit is another quantity.

Clusters (stores, teams) that were randomised together are the units here: Y is the sum over a
cluster, N its size, and the degrees of freedom count clusters.

Source: Deng, Knoblich & Lu 2018, KDD, 233-242.
"""

from __future__ import annotations

import math

from experiments_core.stats import contrasts
from experiments_core.stats.contrasts import MeanPair, Withheld
from experiments_core.stats.estimate import (
    Comparison,
    Undefined,
    Value,
    value,
)
from experiments_core.stats.means import (
    LARGEST_VALUE,
    Strata,
    Weighting,
    mean_pair,
)
from experiments_core.stats.moments import Moments


def linearised(moments: Moments) -> Moments | Undefined:
    """Turn each pair of columns (Y, N) into the one column whose mean is ΣY/ΣN.

    Args:
        moments: Of the columns Y, N - or of Y, N, Y before, N before, for an adjustment -
            over the randomised units.

    Returns:
        Moments with half the columns, or ``zero_denominator``.
    """
    columns = range(0, len(moments.means), 2)
    if any(moments.means[i + 1] == 0 for i in columns):
        return Undefined("zero_denominator")
    covariance = tuple(tuple(_covariance(moments, i, j) for j in columns) for i in columns)
    means = tuple(_ratio(moments, i) for i in columns)
    return Moments(moments.n, means, covariance, moments.skewness)


def with_denominator(moments: Moments) -> Moments:
    """The columns Y, N, X, D of a ratio with a covariate; where X has none, D is 1."""
    return moments if len(moments.means) == 4 else _with_constant(moments, 1.0)


def without_covariate(moments: Moments) -> Moments:
    """The columns Y, N of a ratio, with a covariate that is 0 for everybody."""
    return _with_constant(moments.leading(2), 0.0)


def compare_ratios(
    strata: Strata,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    *,
    weighting: Weighting = "mantel_haenszel",
) -> Comparison:
    """Difference, lift and test of two ratios; as :func:`means.compare_means`.

    Args:
        strata: (control, treatment) moments of the columns Y, N per phase.
        alpha: Level used here and now, a fraction.
        alternative: ``two-sided``, ``greater`` or ``less``.
        weighting: Of phases.

    Returns:
        Values or reasons, ``zero_denominator`` among them. A phase in which an arm has no
        denominator is left out as long as another phase remains.
    """
    return contrasts.compare(ratio_pair(strata, weighting=weighting), alpha, alternative)


def ratio_pair(
    strata: Strata, *, weighting: Weighting = "mantel_haenszel"
) -> MeanPair | Withheld:
    """Both ratios with their noise, or why there is none."""
    lines = [(_line(control), _line(treatment)) for control, treatment in strata]
    known = [
        (control, treatment)
        for control, treatment in lines
        if not (isinstance(control, Undefined) or isinstance(treatment, Undefined))
    ]
    if lines and not known:
        return Withheld("zero_denominator", Undefined("zero_denominator"))
    return mean_pair(known, weighting=weighting)


def design_effect(mean_size: float, intraclass_correlation: float) -> float:
    """Factor by which randomising clusters instead of units raises the units needed.

    Args:
        mean_size: Units per cluster, >= 1.
        intraclass_correlation: Of two units of one cluster, a fraction.
    """
    return 1 + (mean_size - 1) * intraclass_correlation


def _with_constant(moments: Moments, constant: float) -> Moments:
    table = tuple((*row, 0.0) for row in moments.covariance)
    last = (0.0,) * (len(moments.means) + 1)
    return Moments(moments.n, (*moments.means, constant), (*table, last), moments.skewness)


def linearised_spread(
    *,
    numerator_mean: float,
    denominator_mean: float,
    numerator_standard_deviation: float,
    denominator_standard_deviation: float,
    correlation: float,
) -> Value:
    """Standard deviation of one unit's (Y - R N) / mean N, for plans: from five numbers.

    Args:
        numerator_mean: Y per unit.
        denominator_mean: N per unit, not 0.
        numerator_standard_deviation: Of Y over units.
        denominator_standard_deviation: Of N over units.
        correlation: Of Y and N over units, -1 to 1.

    Returns:
        sqrt(s_Y² - 2 R r s_Y s_N + R² s_N²) / mean N; ``zero_denominator``, or
        ``target_outside_range`` for a correlation or spread that cannot be one.
    """
    spreads = numerator_standard_deviation, denominator_standard_deviation
    if not denominator_mean:
        return Undefined("zero_denominator")
    if not -1 <= correlation <= 1 or not all(0 <= one <= LARGEST_VALUE for one in spreads):
        return Undefined("target_outside_range")
    ratio = numerator_mean / denominator_mean
    own, other = spreads[0], ratio * spreads[1]
    square = own * own - 2 * correlation * own * other + other * other
    return value(math.sqrt(max(0.0, square)) / abs(denominator_mean))


def _line(moments: Moments) -> Moments | Undefined:
    return linearised(moments) if moments.n > 0 else Moments.of_mean(0, 0.0, 0.0)


def _ratio(moments: Moments, i: int) -> float:
    return moments.means[i] / moments.means[i + 1]


def _covariance(moments: Moments, i: int, j: int) -> float:
    """Covariance of the linearised columns; a variance stays >= 0 where Y is exactly R N."""
    first, second, table = _ratio(moments, i), _ratio(moments, j), moments.covariance
    raw = (
        table[i][j]
        - first * table[i + 1][j]
        - second * table[i][j + 1]
        + first * second * table[i + 1][j + 1]
    )
    scaled = raw / moments.means[i + 1] / moments.means[j + 1]
    return max(0.0, scaled) if i == j else scaled
