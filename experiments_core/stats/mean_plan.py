"""Planning a test of means: units, power, the effect that can be seen.

The plan is for the test that will be run, the t test; the rest is as in
:mod:`experiments_core.stats.rate_plan`.
"""

from __future__ import annotations

import math

from scipy.special import ndtri

from experiments_core.stats.estimate import Undefined, Value, value
from experiments_core.stats.plan_values import (
    DetectableEffect,
    SampleSize,
    checked_tail,
    no_effect,
    no_units,
    signed_direction,
    unit_effect,
)
from experiments_core.stats.t_power import LEAST_UNITS, Distribution, Spread


def sample_size_means(  # noqa: D417  the others as in sample_size_rates
    *,
    minimum_detectable_effect: float,
    standard_deviation: float,
    baseline: float | None = None,
    relative: bool = False,
    treatment_standard_deviation: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    alternative: str = "two-sided",
    allocation_ratio: float = 1.0,
    comparisons: int = 1,
    distribution: Distribution = "t",
) -> SampleSize:
    """Units for the t test of two means; arguments as :func:`sample_size_rates`.

    Args:
        minimum_detectable_effect: In the metric's unit, or a fraction of the baseline.
        standard_deviation: Of one unit.
        baseline: Control's mean; needed for a relative effect.
        treatment_standard_deviation: Of one treatment unit; the same when left out.
        distribution: ``normal`` gives the closed form, (z_a + z_b)² (s_c² + s_t²/r) / d².

    Returns:
        Numbers, or ``effect_zero``, ``no_variance``, ``nonpositive_control`` (a percentage of
        a baseline that is not above 0), ``not_reachable``.
    """
    tail = checked_tail(alpha, alternative, comparisons, power=power, ratio=allocation_ratio)
    spread = Spread.of(standard_deviation, treatment_standard_deviation)
    effect = unit_effect(minimum_detectable_effect, baseline, relative=relative)
    exact: Value
    if isinstance(effect, Undefined):
        exact = effect
    elif (reason := spread.missing or no_effect(effect, alternative)) is not None:
        exact = reason
    elif distribution == "normal":
        exact = spread.normal_size(effect, tail=tail, power=power, ratio=allocation_ratio)
    else:
        exact = spread.size(
            effect, tail=tail, power=power, ratio=allocation_ratio, alternative=alternative
        )
    return SampleSize.rounded(exact, allocation_ratio, least=LEAST_UNITS, assumptions={
        "test_method": "welch_t", "baseline": baseline, "alpha": alpha,
        "effect": None if isinstance(effect, Undefined) else effect,
        "standard_deviation": spread.control, "treatment_standard_deviation": spread.treatment,
        "comparisons": comparisons, "power": power, "alternative": alternative,
        "allocation_ratio": allocation_ratio,
    })  # fmt: skip


def power_means(  # noqa: D417  the others as in power_rates
    *,
    effect: float,
    standard_deviation: float,
    control: float,
    treatment: float,
    baseline: float | None = None,
    relative: bool = False,
    treatment_standard_deviation: float | None = None,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    comparisons: int = 1,
    distribution: Distribution = "t",
) -> Value:
    """Probability that the t test calls a true effect; arguments as :func:`power_rates`.

    Args:
        standard_deviation: Of one unit.
        treatment_standard_deviation: Of one treatment unit; the same when left out.
        distribution: ``normal`` for the approximation by z.
    """
    tail = checked_tail(alpha, alternative, comparisons)
    spread = Spread.of(standard_deviation, treatment_standard_deviation)
    true_effect = unit_effect(effect, baseline, relative=relative)
    if isinstance(true_effect, Undefined):
        return true_effect
    reason = no_units(control, treatment, LEAST_UNITS) or spread.missing
    if reason is not None:
        return reason
    return spread.power(
        true_effect, control, treatment,
        tail=tail, alternative=alternative, distribution=distribution,
    )  # fmt: skip


def minimum_detectable_effect_means(  # noqa: D417  the others as in minimum_detectable_effect_rates
    *,
    standard_deviation: float,
    control: float,
    treatment: float,
    baseline: float | None = None,
    treatment_standard_deviation: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    alternative: str = "two-sided",
    direction: str | None = None,
    comparisons: int = 1,
    spread_grows: bool = False,
) -> DetectableEffect:
    """Find the effect (z_a + z_b) SE; arguments as :func:`minimum_detectable_effect_rates`.

    By the normal distribution: with 100 units per arm it is 0.5 % too small, with 1,000 0.05 %.

    Args:
        standard_deviation: Of one unit.
        baseline: Control's mean, for the relative effect.
        treatment_standard_deviation: Of one treatment unit; the same when left out.
        spread_grows: The standard deviation of treatment grows in proportion to its mean (as
            that of revenue does), so that a larger effect is also a noisier one. Needs the
            baseline; ``not_reachable`` if the noise outgrows every effect.

    Returns:
        Numbers, or ``no_users``, ``too_few_units``, ``no_variance``, ``not_reachable``; for the
        lift also ``nonpositive_control`` and ``near_zero_control`` (no double holds it).
    """
    tail = checked_tail(alpha, alternative, comparisons, power=power)
    spread = Spread.of(standard_deviation, treatment_standard_deviation)
    sign = signed_direction(direction, alternative)
    reason = no_units(control, treatment, LEAST_UNITS) or spread.missing
    reason = reason or no_effect(sign, alternative)
    if reason is not None:
        return DetectableEffect(reason, None if baseline is None else reason)
    reach = float(ndtri(power)) - float(ndtri(tail))
    found = sign * reach * math.sqrt(spread.variance(control, treatment))
    if baseline is None:
        return DetectableEffect(found, None)
    if baseline <= 0:
        return DetectableEffect(found, Undefined("nonpositive_control"))
    if spread_grows:
        lift = spread.growing(sign * reach / baseline, control, treatment)
        return DetectableEffect(lift if isinstance(lift, Undefined) else lift * baseline, lift)
    return DetectableEffect(found, value(found / baseline, "near_zero_control"))
