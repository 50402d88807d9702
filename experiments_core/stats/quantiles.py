"""Quantiles of rows (latency, order value) when units were randomised and have several rows.

Three steps, so that no row leaves the database: the quantile itself; the moments of (rows at
or below it, rows) per unit, whose ratio carries the noise of the share; the quantiles at that
share plus and minus its error. Rows taken as independent would be far too sure of themselves.

Sources: Deng, Knoblich & Lu 2018, KDD, 233-242; Hyndman & Fan 1996, The American Statistician
50:361-365 (type 7).
"""

from __future__ import annotations

import math

from experiments_core.stats import contrasts
from experiments_core.stats.contrasts import MeanPair, Withheld
from experiments_core.stats.estimate import Comparison, Estimate, Interval, Undefined
from experiments_core.stats.moments import Moments
from experiments_core.stats.normal import critical_value
from experiments_core.stats.ratios import linearised

METHOD = "quantile_z"


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
    if rows_below.n < 2:
        return Undefined("too_few_units" if rows_below.n else "no_users")
    share = linearised(rows_below)
    if isinstance(share, Undefined):
        return share
    z = critical_value((1 - confidence_level) / 2)
    reach = z * math.sqrt(share.variance / share.n)
    if not (quantile - reach > 0 and quantile + reach < 1):
        return Undefined("too_few_units")
    return quantile - reach, quantile + reach


def quantile_estimate(
    quantile: float, limits: tuple[float, float] | Undefined, confidence_level: float = 0.95
) -> Estimate:
    """Quantile of one arm with its limits, the quantiles at the limiting shares."""
    lower, upper = (limits, limits) if isinstance(limits, Undefined) else limits
    return Estimate(quantile, Interval(lower, upper, confidence_level, METHOD))


def compare_quantiles(
    control: Estimate, treatment: Estimate, alpha: float = 0.05, alternative: str = "two-sided"
) -> Comparison:
    """Difference, lift and z test of two quantiles, at one level.

    The standard error of an arm is the width of its interval over 2 z, at the level at which
    the interval was taken; ``alpha`` only moves the critical value.

    Args:
        control: Control's quantile, from :func:`quantile_estimate`.
        treatment: Treatment's quantile.
        alpha: Level used here and now, a fraction.
        alternative: ``two-sided``, ``greater`` or ``less``.

    Returns:
        Values or the reasons of the arms; ``no_variance`` where neither interval has a width.
    """
    return contrasts.compare(_pair(control, treatment), alpha, alternative)


def _pair(control: Estimate, treatment: Estimate) -> MeanPair | Withheld:
    before, after = _read(control), _read(treatment)
    if isinstance(before, Undefined) or isinstance(after, Undefined):
        points = [arm.value for arm in (control, treatment)]
        known = [point for point in points if not isinstance(point, Undefined)]
        reason = next(arm.reason for arm in (before, after) if isinstance(arm, Undefined))
        difference = known[1] - known[0] if len(known) == 2 else Undefined(reason)
        return Withheld(reason, difference, METHOD)
    total = before[1] + after[1]
    if not total > 0:
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
