"""Two noisy means against each other: t test, its interval, and Fieller's interval of the lift.

Means, ratios of sums and covariate-adjusted means all end here, so one statistic and one
critical value decide for all three numbers: p < alpha, "the difference interval excludes 0" and
"the lift interval excludes 0" are the same statement.

Sources: Welch 1947, Biometrika 34:28-35; Satterthwaite 1946, Biometrics Bulletin 2:110-114;
Fieller 1954, JRSS B 16:175-185.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

from experiments_core.stats.estimate import (
    Comparison,
    Estimate,
    Interval,
    TestResult,
    Undefined,
    Value,
    value,
)

ALTERNATIVES = ("two-sided", "greater", "less")
SMALLEST_P = 5e-324
"""A p-value below the smallest positive double is reported as that double, never as 0."""

_UNBOUNDED = Undefined("unbounded")


@dataclass(frozen=True, slots=True)
class MeanPair:
    """Two estimated means and their noise, in the metric's unit (squared for variances).

    Attributes:
        control: Mean of control.
        treatment: Mean of treatment.
        control_variance: Squared standard error of ``control``.
        treatment_variance: Squared standard error of ``treatment``.
        difference_variance: Squared standard error of treatment - control, > 0.
        degrees_of_freedom: Satterthwaite's, of the difference; inf for a z statistic.
        covariance: Of the two means; 0 for independent arms.
        method: ``welch_t``, ``stratified_t`` or ``quantile_z``.
        skewness: Of the difference; None where it is not known.
        flags: Warnings for the comparison.
    """

    control: float
    treatment: float
    control_variance: float
    treatment_variance: float
    difference_variance: float
    degrees_of_freedom: float
    covariance: float = 0.0
    method: str = "welch_t"
    skewness: float | None = None
    flags: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """Treatment - control."""
        return self.treatment - self.control

    @property
    def standard_error(self) -> float:
        """Of the difference."""
        return math.sqrt(self.difference_variance)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A pair whose noise cannot be estimated: a reason, and the difference if there is one."""

    reason: str
    difference: Value
    method: str = "welch_t"


def compare(pair: MeanPair | Withheld, alpha: float, alternative: str) -> Comparison:
    """Difference, lift and test at one level.

    Args:
        pair: The two means.
        alpha: Level used here and now, a fraction. A one-sided alternative spends it on one
            side: the intervals are those of level 1 - 2 alpha, and the limit that does not
            matter is ``unbounded``.
        alternative: ``two-sided``, ``greater`` or ``less`` (treatment against control).
    """
    tail = tail_probability(alpha, alternative)
    level = 1 - 2 * tail
    if isinstance(pair, Withheld):
        missing = Undefined(pair.reason)
        no_limits = Interval(missing, missing, level, pair.method)
        return Comparison(
            difference=Estimate(pair.difference, no_limits),
            relative_lift=Estimate(missing, Interval(missing, missing, level, "fieller")),
            test=no_difference(pair, alternative),
        )
    critical = critical_value(pair.degrees_of_freedom, tail)
    reach = critical * pair.standard_error
    limits = (value(pair.difference - reach, "unbounded"),
              value(pair.difference + reach, "unbounded"))  # fmt: skip
    lift, lift_limits = _lift(pair, critical)
    return Comparison(
        difference=Estimate(
            value(pair.difference), _interval(limits, level, pair.method, alternative)
        ),
        relative_lift=Estimate(lift, _interval(lift_limits, level, "fieller", alternative)),
        test=no_difference(pair, alternative),
        flags=pair.flags,
    )


def lift_of(pair: MeanPair) -> Value:
    """The lift of :func:`compare` without its limits; none where 95 % would not bound it."""
    reason = _no_lift(pair, critical_value(pair.degrees_of_freedom, 0.025))
    return value(pair.difference / pair.control) if reason is None else reason


def no_difference(pair: MeanPair | Withheld, alternative: str) -> TestResult:
    """T test of "no difference"; p-values come from tails, never from 1 - cdf."""
    if isinstance(pair, Withheld):
        missing = Undefined(pair.reason)
        return TestResult(missing, missing, pair.method, alternative)
    statistic = pair.difference / pair.standard_error
    return TestResult(
        statistic=statistic,
        p_value=t_p_value(statistic, pair.degrees_of_freedom, alternative),
        method=pair.method,
        alternative=alternative,
        degrees_of_freedom=_shown(pair),
    )


def against_margin(
    pair: MeanPair | Withheld,
    *,
    margin: float,
    relative: bool,
    preferred_direction: str,
    alpha: float = 0.05,
) -> TestResult:
    """One-sided test that the treatment is not worse than control by the margin.

    Reject at alpha/2 exactly when the two-sided interval at level 1 - alpha lies on the good
    side of the margin, so the interval on the screen and this test say the same. A relative
    margin is tested as such (treatment against (1 - margin) control), not frozen at the
    observed control mean.

    Args:
        pair: The two means.
        margin: Largest harm accepted, > 0: a fraction of control, or the metric's unit.
        relative: Which of the two.
        preferred_direction: ``increase`` or ``decrease``: which change is good.
        alpha: Two-sided level of the interval on the screen; decides whether a lift exists.
    """
    harm = harmful_direction(preferred_direction)
    alternative = "greater" if harm < 0 else "less"
    if isinstance(pair, Withheld):
        return no_difference(pair, alternative)
    if relative:
        reason = _no_lift(pair, critical_value(pair.degrees_of_freedom, alpha / 2))
        if reason is not None:
            return TestResult(reason, reason, pair.method, alternative)
        ratio = 1 + harm * margin
        excess = pair.difference - harm * margin * pair.control
        variance = (
            pair.treatment_variance
            + ratio * ratio * pair.control_variance
            - 2 * ratio * pair.covariance
        )
    else:
        excess = pair.difference - harm * margin
        variance = pair.difference_variance
    if not variance > 0:
        missing = Undefined("no_variance")
        return TestResult(missing, missing, pair.method, alternative)
    statistic = excess / math.sqrt(variance)
    p_value = t_p_value(statistic, pair.degrees_of_freedom, alternative)
    return TestResult(statistic, p_value, pair.method, alternative, _shown(pair))


def harmful_direction(preferred_direction: str) -> int:
    """Sign of the change that does harm.

    Raises:
        ValueError: the direction is neither ``increase`` nor ``decrease``.
    """
    if preferred_direction not in {"increase", "decrease"}:
        message = f"a margin needs a preferred direction, got {preferred_direction!r}"
        raise ValueError(message)
    return -1 if preferred_direction == "increase" else 1


def tail_probability(alpha: float, alternative: str) -> float:
    """Probability that a test of size alpha puts beyond one critical value.

    Raises:
        ValueError: alpha leaves no interval, or the alternative is unknown.
    """
    if alternative not in ALTERNATIVES:
        message = f"the alternative is one of {ALTERNATIVES}, got {alternative!r}"
        raise ValueError(message)
    tail = alpha / 2 if alternative == "two-sided" else alpha
    if not 0 < tail < 0.5:
        message = f"alpha = {alpha} is not the size of a {alternative} test"
        raise ValueError(message)
    return tail


def critical_value(degrees_of_freedom: float, tail: float) -> float:
    """Upper point of Student's t; inf where it cannot be represented."""
    return -float(stdtrit(degrees_of_freedom, tail))


def t_p_value(statistic: float, degrees_of_freedom: float, alternative: str) -> float:
    """Tail probability of Student's t for the alternative."""
    if alternative == "two-sided":
        p_value = 2 * float(stdtr(degrees_of_freedom, -abs(statistic)))
    else:
        toward = -statistic if alternative == "greater" else statistic
        p_value = float(stdtr(degrees_of_freedom, toward))
    return min(1.0, max(p_value, SMALLEST_P))


def _shown(pair: MeanPair) -> float | None:
    return pair.degrees_of_freedom if math.isfinite(pair.degrees_of_freedom) else None


def _lift(pair: MeanPair, critical: float) -> tuple[Value, tuple[Value, Value]]:
    """Treatment/control - 1 and Fieller's limits.

    The quadratic A r² - 2 B r + C of Fieller is solved for r - 1 with everything in units of
    the control mean; in the textbook form a small lift of a large mean loses its digits. The
    noise is in units of the larger standard error, so that no square of it underflows.
    """
    reason = _no_lift(pair, critical)
    if reason is not None:
        return reason, (reason, reason)
    lift = pair.difference / pair.control
    ratio = pair.treatment / pair.control
    largest = max(pair.control_variance, pair.treatment_variance)
    noise, own, shared = (
        one / largest
        for one in (pair.control_variance, pair.treatment_variance, pair.covariance)
    )
    step = critical * math.sqrt(largest) / pair.control
    square = step * step
    spread = own + ratio * ratio * noise - 2 * ratio * shared
    spread -= square * (own * noise - shared * shared)
    reach = step * math.sqrt(max(spread, 0.0))
    centre = lift + square * (noise - shared)
    limits = (
        value((centre - reach) / (1 - square * noise)),
        value((centre + reach) / (1 - square * noise)),
    )
    return value(lift), limits


def _no_lift(pair: MeanPair, critical: float) -> Undefined | None:
    """Why there is no percentage: Fieller's g >= 1 leaves no bounded interval."""
    if pair.control <= 0:
        return Undefined("nonpositive_control")
    if critical * math.sqrt(pair.control_variance) >= pair.control:
        return Undefined("near_zero_control")
    return None


def _interval(
    limits: tuple[Value, Value], level: float, method: str, alternative: str
) -> Interval:
    lower, upper = limits
    if alternative == "greater" and not isinstance(upper, Undefined):
        upper = _UNBOUNDED
    if alternative == "less" and not isinstance(lower, Undefined):
        lower = _UNBOUNDED
    return Interval(lower, upper, level, method)
