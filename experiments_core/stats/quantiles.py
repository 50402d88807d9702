"""Quantiles of rows (latency, order value) when units were randomised and have several rows.

Three steps, so that no row leaves the database: the quantile itself; the moments of (rows at
or below it, rows) per unit, whose ratio carries the noise of the share; the quantiles at that
share plus and minus its error. Rows taken as independent would be far too sure of themselves.

Sources: Deng, Knoblich & Lu 2018, KDD, 233-242; Hyndman & Fan 1996, The American Statistician
50:361-365 (type 7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from experiments_core.stats.contrasts import MeanPair, Withheld
from experiments_core.stats.estimate import Estimate, Interval, Undefined, Value
from experiments_core.stats.means import LARGEST_VALUE, Weighting
from experiments_core.stats.moments import Located, Moments
from experiments_core.stats.normal import critical_value
from experiments_core.stats.ratios import linearised
from experiments_core.stats.stratified import HETEROGENEITY_ALPHA, heterogeneity

METHOD = "quantile_z"

SMALL_TAIL = 1_000
"""Independent rows beyond the quantile of the smaller arm, per unit of :func:`_lopsided`,
below which the z test is called rough. Simulated A/A tests, lognormal rows, nominal 2.5 % a
side, lose too often on one side by about 12 √(lopsided / rows) points: 4.1 / 1.5 % for p90 at
9 : 1 and 45 such rows, 3.4 / 1.7 % at 180, 3.0 / 2.1 % at 4 : 1 and 350 (docs/calibration.md).
1,000 keeps it under 0.4 points."""


def limiting_shares(
    quantile: float, rows_below: Moments, confidence_level: float = 0.95
) -> tuple[float, float] | Undefined:
    """Shares whose quantiles are the limits of the quantile of one arm.

    Args:
        quantile: In (0, 1).
        rows_below: Moments, over units, of the columns (rows <= the arm's quantile, rows).
        confidence_level: Of the arm's interval.

    Returns:
        quantile minus and plus z times the error of the share; ``no_users``,
        ``zero_denominator``, or ``too_few_units`` if a limit falls outside the data.
    """
    share = share_and_error(rows_below)
    if isinstance(share, Undefined):
        return share
    reach = critical_value((1 - confidence_level) / 2) * share[1]
    if not (quantile - reach > 0 and quantile + reach < 1):
        return Undefined("too_few_units")
    return quantile - reach, quantile + reach


def share_and_error(rows_below: Moments) -> tuple[float, float] | Undefined:
    """Share of rows at or below the quantile of one arm, and its standard error over units."""
    if rows_below.n < 2:
        return Undefined("too_few_units" if rows_below.n else "no_users")
    share = linearised(rows_below)
    if isinstance(share, Undefined):
        return share
    return share.mean, math.sqrt(share.variance / share.n)


def located(group: Located) -> Estimate:
    """The quantile of one group of units with its limits, or why there is none.

    ``no_users`` where nobody has a value, ``no_unit_rows`` where groups were added up (the
    rows are gone by then), ``too_few_units`` where a limit falls outside the data,
    ``non_finite_input`` beyond :data:`means.LARGEST_VALUE`.
    """
    level = group.confidence_level
    if group.value is None:
        missing = Undefined("no_unit_rows" if group.n else "no_users")
        return Estimate(missing, Interval(missing, missing, level, METHOD))
    known = (group.value, group.lower, group.upper)
    if any(one is not None and not abs(one) <= LARGEST_VALUE for one in known):
        return quantile_estimate(
            Undefined("non_finite_input"), Undefined("non_finite_input"), level
        )
    if group.lower is None or group.upper is None:
        return quantile_estimate(group.value, Undefined("too_few_units"), level)
    return quantile_estimate(group.value, (group.lower, group.upper), level)


def quantile_pair(
    strata: Sequence[tuple[Located, Located]], *, weighting: Weighting = "mantel_haenszel"
) -> MeanPair | Withheld:
    """The quantiles of both arms with their noise; over phases their weighted means.

    A phase in which an arm has no limits has weight 0 as long as another phase remains. Phases
    weigh as in :func:`means.phase_weights`. Flag ``small_counts`` where the smaller arm of a
    lopsided split has few rows beyond its quantile, ``heterogeneous_phases`` as for means.
    """
    pairs = [_pair(located(control), located(treatment)) for control, treatment in strata]
    if len(pairs) == 1:
        only = pairs[0]
        if isinstance(only, Withheld):
            return only
        return replace(only, flags=_small_flags(strata))
    used = [
        (_weight(c.n, t.n, weighting), pair)
        for (c, t), pair in zip(strata, pairs, strict=True)
        if isinstance(pair, MeanPair)
    ]
    kept = [
        arms for arms, pair in zip(strata, pairs, strict=True) if isinstance(pair, MeanPair)
    ]
    total = math.fsum(weight for weight, _ in used)
    if not total > 0:
        return next(pair for pair in pairs if isinstance(pair, Withheld))
    shares = [(weight / total, pair) for weight, pair in used]
    control_variance = math.fsum(w * w * pair.control_variance for w, pair in shares)
    treatment_variance = math.fsum(w * w * pair.treatment_variance for w, pair in shares)
    return MeanPair(
        control=math.fsum(w * pair.control for w, pair in shares),
        treatment=math.fsum(w * pair.treatment for w, pair in shares),
        control_variance=control_variance,
        treatment_variance=treatment_variance,
        difference_variance=control_variance + treatment_variance,
        degrees_of_freedom=math.inf,
        method=METHOD,
        flags=(*_small_flags(kept), *_phase_flags([pair for _, pair in used])),
    )


def quantile_weights(strata: Sequence[tuple[Located, Located]]) -> tuple[float, ...]:
    """Share of each phase in :func:`quantile_pair`."""
    raw = [
        _weight(c.n, t.n, "mantel_haenszel")
        if isinstance(_pair(located(c), located(t)), MeanPair)
        else 0.0
        for c, t in strata
    ]
    total = math.fsum(raw)
    return tuple(weight / total if total > 0 else 0.0 for weight in raw)


def standardised_quantile(
    phases: Sequence[Located], weights: Sequence[float], confidence_level: float = 0.95
) -> Estimate:
    """Σw q over phases with the z interval of squared error Σw² SE²; one phase as it is.

    Args:
        phases: The arm, phase by phase.
        weights: Of :func:`standardised.common_weights`; all 0 means no common mix.
        confidence_level: A fraction.
    """
    used = [(w, located(one)) for w, one in zip(weights, phases, strict=True) if w > 0]
    if len(used) < 2:
        return used[0][1] if used else located(sum(phases[1:], phases[0]))
    points = [(w, _read(one)) for w, one in used]
    known = [(w, *one) for w, one in points if not isinstance(one, Undefined)]
    if len(known) < len(points):
        missing = next(one for _, one in points if isinstance(one, Undefined))
        return Estimate(missing, Interval(missing, missing, confidence_level, METHOD))
    value = math.fsum(w * point for w, point, _ in known)
    error = math.sqrt(math.fsum(w * w * square for w, _, square in known))
    reach = critical_value((1 - confidence_level) / 2) * error
    return Estimate(value, Interval(value - reach, value + reach, confidence_level, METHOD))


def spread_per_unit(phases: Sequence[Located]) -> float | None:
    """SE sqrt(n): what a unit's standard deviation is for a mean; None where no SE is known."""
    known = [(one.n, _read(located(one))) for one in phases if one.n]
    squares = [n * n * found[1] for n, found in known if not isinstance(found, Undefined)]
    whole = sum(n for n, _ in known)
    if not known or len(squares) < len(known):
        return None
    return math.sqrt(math.fsum(squares) / whole)


def _weight(control_n: int, treatment_n: int, weighting: Weighting) -> float:
    both = control_n + treatment_n
    return float(both) if weighting == "size" else control_n * treatment_n / both


def _small_flags(strata: Sequence[tuple[Located, Located]]) -> tuple[str, ...]:
    """Whether the smaller arm has too short a tail for this split, added over the phases."""
    sizes = [sum(arm.n for arm in arms) for arms in zip(*strata, strict=True)]
    smaller = sizes.index(min(sizes))
    tail = math.fsum(_tail(pair[smaller]) for pair in strata)
    rough = tail < SMALL_TAIL * _lopsided(min(sizes) / sum(sizes))
    return ("small_counts",) if rough else ()


def _lopsided(share: float) -> float:
    """How far from symmetric the difference of two arms is: squared skewness per unit.

    The arms' own skewness cancels at equal sizes (0) and is that of the smaller arm alone
    (1) where the other is huge: the first term of an Edgeworth expansion (Hall 1992, The
    Bootstrap and Edgeworth Expansion, section 2.4) for the difference of two means.

    Args:
        share: Of the units that the smaller arm holds, in (0, 0.5].
    """
    other = 1 - share
    third = share**-2 - other**-2
    return share * third**2 / (1 / share + 1 / other) ** 3


def _tail(group: Located) -> float:
    """Rows beyond the quantile, counted as if independent: p (1 - p) / error² rows in all.

    Where the share's error is not known, nothing is known to be short.
    """
    if group.share is None or not group.share_error:
        return math.inf
    share = group.share
    return min(share, 1 - share) * share * (1 - share) / group.share_error**2


def _phase_flags(pairs: Sequence[MeanPair]) -> tuple[str, ...]:
    p = heterogeneity([(pair.difference, pair.difference_variance) for pair in pairs]).p_value
    differ = not isinstance(p, Undefined) and p < HETEROGENEITY_ALPHA
    return ("heterogeneous_phases",) if differ else ()


def quantile_estimate(
    quantile: Value, limits: tuple[float, float] | Undefined, confidence_level: float = 0.95
) -> Estimate:
    """Quantile of one arm with its limits, the quantiles at the limiting shares."""
    lower, upper = (limits, limits) if isinstance(limits, Undefined) else limits
    return Estimate(quantile, Interval(lower, upper, confidence_level, METHOD))


def _pair(control: Estimate, treatment: Estimate) -> MeanPair | Withheld:
    before, after = _read(control), _read(treatment)
    if isinstance(before, Undefined) or isinstance(after, Undefined):
        points = [arm.value for arm in (control, treatment)]
        known = [point for point in points if not isinstance(point, Undefined)]
        reason = next(arm.reason for arm in (before, after) if isinstance(arm, Undefined))
        difference = known[1] - known[0] if len(known) == 2 else Undefined(reason)
        return Withheld(reason, difference, METHOD)
    total = before[1] + after[1]
    if not total > LARGEST_VALUE**-2:
        return Withheld("no_variance", after[0] - before[0], METHOD)
    return MeanPair(
        control=before[0],
        treatment=after[0],
        control_variance=before[1],
        treatment_variance=after[1],
        difference_variance=total,
        degrees_of_freedom=math.inf,
        method=METHOD,
    )


def _read(arm: Estimate) -> tuple[float, float] | Undefined:
    """Quantile and squared standard error of one arm, or the first reason."""
    point, lower, upper = arm.value, arm.ci_lower, arm.ci_upper
    if isinstance(point, Undefined):
        return point
    if isinstance(lower, Undefined):
        return lower
    if isinstance(upper, Undefined):
        return upper
    error = (upper - lower) / 2 / critical_value((1 - arm.interval.confidence_level) / 2)
    return point, error * error
