"""The rate of one arm with its interval.

It describes one arm. Overlapping arm intervals do not mean "no difference": that question
belongs to :mod:`experiments_core.stats.stratified`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import betainccinv, betaincinv, chdtrc

from experiments_core.stats.contrasts import SMALLEST_P, tail_probability
from experiments_core.stats.estimate import Estimate, Interval, TestResult, Undefined
from experiments_core.stats.moments import Counts
from experiments_core.stats.normal import critical_value


def wilson(counts: Counts, confidence_level: float = 0.95) -> Estimate:
    """Rate with Wilson's score interval, the default everywhere.

    (x + z²/2 ± z sqrt(n p(1-p) + z²/4)) / (n + z²); exactly 0 at x = 0 and 1 at x = n.

    Args:
        counts: Units and units with the outcome.
        confidence_level: A fraction, 0.95 by default.

    Returns:
        The rate as a fraction; everything ``no_users`` if nobody was counted.

    Sources: Wilson 1927, JASA 22:209-212; Newcombe 1998, Stat Med 17:857-872; Brown, Cai &
    DasGupta 2001, Statistical Science 16:101-133.
    """
    if counts.n == 0:
        return _nobody(confidence_level, "wilson")
    z = critical_value(tail_probability(1 - confidence_level, "two-sided"))
    n, x = counts.n, counts.x
    centre = x + z * z / 2
    reach = z * math.sqrt(x * (n - x) / n + z * z / 4)
    upper = (centre + reach) / (n + z * z)
    lower = x * x / n / (centre + reach)  # the product of the two roots is x²/(n(n + z²))
    return _estimate(counts, (lower, upper), confidence_level, "wilson")


def clopper_pearson(counts: Counts, confidence_level: float = 0.95) -> Estimate:
    """Rate with the exact interval, which covers at least as often as it promises.

    Source: Clopper & Pearson 1934, Biometrika 26:404-413.
    """
    if counts.n == 0:
        return _nobody(confidence_level, "clopper_pearson")
    tail = tail_probability(1 - confidence_level, "two-sided")
    hits, misses = counts.x, counts.n - counts.x
    lower = float(betaincinv(hits, misses + 1, tail)) if hits else 0.0
    upper = float(betainccinv(hits + 1, misses, tail)) if misses else 1.0
    return _estimate(counts, (lower, upper), confidence_level, "clopper_pearson")


def jeffreys(counts: Counts, confidence_level: float = 0.95) -> Estimate:
    """Rate with the equal-tailed interval of the Beta(x + 1/2, n - x + 1/2) posterior.

    Source: Brown, Cai & DasGupta 2001, Statistical Science 16:101-133.
    """
    if counts.n == 0:
        return _nobody(confidence_level, "jeffreys")
    tail = tail_probability(1 - confidence_level, "two-sided")
    shape = counts.x + 0.5, counts.n - counts.x + 0.5
    limits = float(betaincinv(*shape, tail)), float(betainccinv(*shape, tail))
    return _estimate(counts, limits, confidence_level, "jeffreys")


def rates_differ(arms: Sequence[Counts]) -> TestResult:
    """Pearson's chi-square over all arms at once, k - 1 degrees of freedom.

    A description only: it decides nothing, because it does not say which arm differs.

    Returns:
        ``no_users`` if fewer than two arms have units, ``no_variance`` if nobody or everybody
        has the outcome.

    Source: Pearson 1900, Philosophical Magazine 50:157-175.
    """
    used = [arm for arm in arms if arm.n > 0]
    n, x = sum(arm.n for arm in used), sum(arm.x for arm in used)
    if len(used) < 2 or not 0 < x < n:
        missing = Undefined("no_users" if len(used) < 2 else "no_variance")
        return TestResult(missing, missing, "chi_square")
    statistic = math.fsum((arm.x * n - arm.n * x) ** 2 / arm.n for arm in used)
    statistic /= x * (n - x)
    freedom = len(used) - 1
    p_value = max(float(chdtrc(freedom, statistic)), SMALLEST_P)
    return TestResult(statistic, p_value, "chi_square", degrees_of_freedom=float(freedom))


def _nobody(confidence_level: float, method: str) -> Estimate:
    missing = Undefined("no_users")
    return Estimate(missing, Interval(missing, missing, confidence_level, method))


def _estimate(
    counts: Counts, limits: tuple[float, float], confidence_level: float, method: str
) -> Estimate:
    """Keep the limits in [0, 1] and on either side of the rate, whatever the rounding."""
    rate = counts.x / counts.n
    lower = 0.0 if counts.x == 0 else min(rate, max(0.0, limits[0]))
    upper = 1.0 if counts.x == counts.n else max(rate, min(1.0, limits[1]))
    return Estimate(rate, Interval(lower, upper, confidence_level, method))
