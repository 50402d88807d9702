"""Other people's answers to "do two rates differ", on request and beside the default.

They describe; none of them decides. The default (:mod:`experiments_core.stats.stratified`) is
the one whose intervals cannot contradict its test.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments_core.stats.contrasts import tail_probability
from experiments_core.stats.estimate import (
    Estimate,
    Interval,
    TestResult,
    Undefined,
    Value,
    value,
)
from experiments_core.stats.moments import Counts
from experiments_core.stats.normal import critical_value, p_value
from experiments_core.stats.score_intervals import ScoreIntervals
from experiments_core.stats.stratified import rate_test

Alternative = Literal["two-sided", "less", "greater"]


def newcombe(control: Counts, treatment: Counts, confidence_level: float = 0.95) -> Estimate:
    """Difference of two rates with Newcombe's hybrid of the two Wilson intervals.

    Source: Newcombe 1998, Stat Med 17:873-890, method 10.
    """
    if not control.n or not treatment.n:
        return _nothing("no_users", confidence_level, "newcombe")
    z = _two_sided(confidence_level)
    down_c, up_c = _wilson_reach(control, z)
    down_t, up_t = _wilson_reach(treatment, z)
    difference = treatment.x / treatment.n - control.x / control.n
    limits = difference - math.hypot(down_t, up_c), difference + math.hypot(up_t, down_c)
    return Estimate(difference, _within(limits, confidence_level, "newcombe"))


def agresti_caffo(
    control: Counts, treatment: Counts, confidence_level: float = 0.95
) -> Estimate:
    """Difference of two rates, Wald's interval after one success and one failure per arm.

    Source: Agresti & Caffo 2000, The American Statistician 54:280-288.
    """
    if not control.n or not treatment.n:
        return _nothing("no_users", confidence_level, "agresti_caffo")
    p_c, p_t = ((arm.x + 1) / (arm.n + 2) for arm in (control, treatment))
    variance = p_c * (1 - p_c) / (control.n + 2) + p_t * (1 - p_t) / (treatment.n + 2)
    reach = _two_sided(confidence_level) * math.sqrt(variance)
    limits = p_t - p_c - reach, p_t - p_c + reach
    difference = treatment.x / treatment.n - control.x / control.n
    return Estimate(difference, _within(limits, confidence_level, "agresti_caffo"))


def miettinen_nurminen(
    control: Counts, treatment: Counts, confidence_level: float = 0.95
) -> Estimate:
    """Difference of two rates: Mee's interval with the variance raised by N/(N - 1).

    Source: Miettinen & Nurminen 1985, Stat Med 4:213-226.
    """
    if not control.n or not treatment.n:
        return _nothing("no_users", confidence_level, "miettinen_nurminen")
    n = control.n + treatment.n
    tail = p_value(_two_sided(confidence_level) * math.sqrt(n / (n - 1)), "greater")
    cells = [(1.0, control.n, control.x, treatment.n, treatment.x)]
    test = rate_test([(control, treatment)])
    found = ScoreIntervals(cells, test, 2 * tail, tail).difference()
    interval = Interval(found.lower, found.upper, confidence_level, "miettinen_nurminen")
    return Estimate(treatment.x / treatment.n - control.x / control.n, interval)


def log_delta_lift(
    control: Counts, treatment: Counts, confidence_level: float = 0.95
) -> Estimate:
    """Lift of a rate with a symmetric interval of its logarithm, as many tools print it.

    It can contradict the test. ``zero_control`` at a control rate of 0; no limits
    (``no_variance``) at a treatment rate of 0, or where everybody has the outcome.

    Source: Katz, Baptista, Azen & Pike 1978, Biometrics 34:469-474.
    """
    if not control.n or not treatment.n:
        return _nothing("no_users", confidence_level, "log_delta")
    if not control.x or not treatment.x:
        reason = "no_variance" if control.x else "zero_control"
        return _nothing(reason, confidence_level, "log_delta", -1.0 if control.x else None)
    ratio = treatment.x * control.n / (control.x * treatment.n)
    variance = math.fsum((a.n - a.x) / (a.n * a.x) for a in (control, treatment))
    if variance == 0:
        return _nothing("no_variance", confidence_level, "log_delta", 0.0)
    reach = _two_sided(confidence_level) * math.sqrt(variance)
    lower, upper = (ratio * math.exp(side * reach) - 1 for side in (-1, 1))
    return Estimate(ratio - 1, Interval(lower, upper, confidence_level, "log_delta"))


def boschloo(
    control: Counts,
    treatment: Counts,
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Boschloo's exact test: a second opinion where ``small_counts`` is flagged.

    The statistic is Fisher's p-value. Slow for more than a few hundred units.

    Source: Boschloo 1970, Statistica Neerlandica 24:1-35.
    """
    approximate = rate_test([(control, treatment)], alternative)
    if isinstance(approximate.p_value, Undefined):
        return replace(approximate, method="boschloo")
    from scipy.stats import boschloo_exact  # noqa: PLC0415 - slow to import, rarely asked for

    result = boschloo_exact(_table(control, treatment), alternative=alternative, n=64)
    return TestResult(float(result.statistic), float(result.pvalue), "boschloo", alternative)


def fisher(
    control: Counts,
    treatment: Counts,
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Fisher's exact test, given both margins: never errs too often, often too seldom.

    The statistic is the odds ratio, ``unbounded`` where a cell of its denominator is empty.

    Source: Fisher 1934, Statistical Methods for Research Workers, 5th edition, section 21.02.
    """
    approximate = rate_test([(control, treatment)], alternative)
    if isinstance(approximate.p_value, Undefined):
        return replace(approximate, method="fisher")
    from scipy.stats import fisher_exact  # noqa: PLC0415 - slow to import, rarely asked for

    result = fisher_exact(_table(control, treatment), alternative=alternative)
    odds, p = float(result.statistic), float(result.pvalue)
    return TestResult(value(odds, "unbounded"), min(1.0, p), "fisher", alternative)


def barnard(
    control: Counts,
    treatment: Counts,
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Barnard's exact test with the pooled z as its statistic.

    Slow for more than a few hundred units.

    Source: Barnard 1945, Nature 156:177; Suissa & Shuster 1985, JRSS A 148:317-327.
    """
    approximate = rate_test([(control, treatment)], alternative)
    if isinstance(approximate.p_value, Undefined):
        return replace(approximate, method="barnard")
    from scipy.stats import barnard_exact  # noqa: PLC0415 - slow to import, rarely asked for

    result = barnard_exact(_table(control, treatment), alternative=alternative, n=64)
    p = min(1.0, float(result.pvalue))
    return TestResult(float(result.statistic), p, "barnard", alternative)


def _table(control: Counts, treatment: Counts) -> NDArray[np.int64]:
    cells = [[treatment.x, control.x], [treatment.n - treatment.x, control.n - control.x]]
    return np.array(cells, dtype=np.int64)


def _wilson_reach(arm: Counts, z: float) -> tuple[float, float]:
    """Distance of Wilson's limits below and above the rate."""
    rate, total = arm.x / arm.n, arm.n + z * z
    half = z * math.sqrt(arm.x * (arm.n - arm.x) / arm.n + z * z / 4)
    shift = z * z * (0.5 - rate)
    return (half - shift) / total, (half + shift) / total


def _two_sided(confidence_level: float) -> float:
    return critical_value(tail_probability(1 - confidence_level, "two-sided"))


def _within(limits: tuple[float, float], confidence_level: float, method: str) -> Interval:
    return Interval(max(-1.0, limits[0]), min(1.0, limits[1]), confidence_level, method)


def _nothing(
    reason: str, confidence_level: float, method: str, point: float | None = None
) -> Estimate:
    missing = Undefined(reason)
    found: Value = missing if point is None else point
    return Estimate(found, Interval(missing, missing, confidence_level, method))
