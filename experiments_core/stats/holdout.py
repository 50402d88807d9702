"""Comparisons with less than a randomised test: a holdout, or conversions without users."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments_core.stats.estimate import (
    Comparison,
    Estimate,
    Interval,
    TestResult,
    Undefined,
    Value,
)
from experiments_core.stats.moments import Counts
from experiments_core.stats.normal import p_value
from experiments_core.stats.proportions import wilson
from experiments_core.stats.stratified import compare_rates


@dataclass(frozen=True, slots=True)
class HoldoutUplift:
    """Everybody outside the holdout against the holdout.

    Attributes:
        comparison: Holdout as control, the exposed as treatment.
        extra_conversions: Difference times exposed users, with its limits.
        effective_n: n_t n_h/(n_t + n_h): the precision is that of the holdout.
    """

    comparison: Comparison
    extra_conversions: Estimate
    effective_n: float


@dataclass(frozen=True, slots=True)
class CountsOnly:
    """Conversions per arm held against the planned split; nobody knows the users.

    Attributes:
        share: Treatment's share of the conversions.
        relative_lift: Treatment rate/control rate - 1, if users followed the split.
        test: Of "the conversions split as planned".
    """

    share: Value
    relative_lift: Estimate
    test: TestResult


def holdout_uplift(holdout: Counts, exposed: Counts, alpha: float = 0.05) -> HoldoutUplift:
    """Uplift of the exposed over the holdout, by the methods of any two rates.

    Whoever was not drawn at random makes this an observation, not a test: the numbers hold,
    the verdict has to say so.

    Args:
        holdout: Who was kept out: the control.
        exposed: Everybody else: the treatment.
        alpha: Level used here and now, a fraction.
    """
    comparison = compare_rates([(holdout, exposed)], alpha)
    difference = comparison.difference
    extra = Estimate(
        _times(difference.value, exposed.n),
        Interval(
            _times(difference.ci_lower, exposed.n),
            _times(difference.ci_upper, exposed.n),
            difference.interval.confidence_level,
            difference.interval.method,
        ),
    )
    total = exposed.n + holdout.n
    effective = exposed.n * holdout.n / total if total else 0.0
    return HoldoutUplift(comparison, extra, effective)


def counts_without_exposures(
    control_conversions: int,
    treatment_conversions: int,
    *,
    treatment_share: float = 0.5,
    alpha: float = 0.05,
) -> CountsOnly:
    """Test and lift from conversions and the planned split alone.

    z = (x_t - Nπ)/sqrt(Nπ(1 - π)); lift = s/(1 - s)·(1 - π)/π - 1 at the share s and at its
    Wilson limits, which invert that z. Trustworthy only as far as users followed the split.

    Args:
        control_conversions: In control.
        treatment_conversions: In treatment.
        treatment_share: Planned share π of treatment among the two arms, inside (0, 1).
        alpha: Level used here and now, a fraction.

    Returns:
        ``no_variance`` without any conversion; ``zero_control`` if control has none.
    """
    if not 0 < treatment_share < 1:
        raise ValueError(f"treatment_share lies between 0 and 1, got {treatment_share}")
    n, x = control_conversions + treatment_conversions, treatment_conversions
    if n == 0:
        missing = Undefined("no_variance")
        nothing = Estimate(missing, Interval(missing, missing, 1 - alpha, "wilson"))
        return CountsOnly(missing, nothing, TestResult(missing, missing, "split_z"))
    expected = n * treatment_share
    z = (x - expected) / math.sqrt(expected * (1 - treatment_share))
    share = wilson(Counts(n, x), 1 - alpha)
    odds = (1 - treatment_share) / treatment_share
    lift = Estimate(
        _lift(share.value, odds, "zero_control"),
        Interval(
            _lift(share.ci_lower, odds, "unbounded"),
            _lift(share.ci_upper, odds, "unbounded"),
            1 - alpha,
            "wilson",
        ),
    )
    return CountsOnly(share.value, lift, TestResult(z, p_value(z), "split_z"))


def _lift(share: Value, odds: float, otherwise: str) -> Value:
    if isinstance(share, Undefined):
        return share
    return share / (1 - share) * odds - 1 if share < 1 else Undefined(otherwise)


def _times(number: Value, factor: int) -> Value:
    return number if isinstance(number, Undefined) else number * factor
