"""Uplift of two groups from their counts, as champion and challengers are compared."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.stats.estimate import Value
from experiments_core.stats.moments import Counts
from experiments_core.stats.power import sample_size_rates
from experiments_core.stats.proportions import wilson
from experiments_core.stats.stratified import compare_rates

ALPHA = 0.05
POWER = 0.8
LEAST_UNITS = 100
LEAST_CONVERSIONS = 25


@dataclass(frozen=True, slots=True)
class Uplift:
    """Treatment against reference; rates and differences are fractions.

    Attributes:
        insufficient: A group has fewer than 100 units or 25 conversions.
        required: Units per arm to see the effect that was asked for.
    """

    difference: Value
    ci_lower: Value
    ci_upper: Value
    relative: Value
    z: Value
    p_value: Value
    insufficient: bool
    required: Value | int | None


def rate_interval(n: int, conversions: int) -> tuple[Value, Value, Value]:
    """Rate of one arm with Wilson's 95 % limits, as fractions."""
    found = wilson(Counts(n, conversions))
    return found.value, found.ci_lower, found.ci_upper


def uplift(reference: tuple[int, int], treatment: tuple[int, int], effect: float) -> Uplift:
    """Compare two groups by the pooled two-proportion z-test at 5 %.

    Args:
        reference: Units and conversions of the holdout, or of the champion.
        treatment: The same of everybody compared with it.
        effect: Absolute difference (a fraction) that the sample size is for; alpha 0.05,
            power 0.8, from the reference's rate.
    """
    told = compare_rates([(Counts(*reference), Counts(*treatment))], ALPHA)
    n, x = reference
    required: Value | int | None = None
    if n and 0 < x < n:
        required = sample_size_rates(
            baseline=x / n, minimum_detectable_effect=effect, relative=False,
            alpha=ALPHA, power=POWER,
        ).control  # fmt: skip
    return Uplift(
        told.difference.value,
        told.difference.ci_lower,
        told.difference.ci_upper,
        told.relative_lift.value,
        told.test.statistic,
        told.test.p_value,
        any(m < LEAST_UNITS or y < LEAST_CONVERSIONS for m, y in (reference, treatment)),
        required,
    )
