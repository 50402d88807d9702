"""Planning: how many units, what power, which effect can be seen, how many days.

The plan is for the test that will be run: the pooled z-test for rates, the t test for means.
Rates, effects, alpha and power are fractions; effects are treatment - control, so a decrease is
below 0; ``allocation_ratio`` is treatment units / control units. What cannot be planned is a
value with a reason; an alpha of 5 is an error of the caller.

Source: Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, ch. 4.
"""

from __future__ import annotations

import math

from scipy.special import ndtri

from experiments_core.stats import size_conventions
from experiments_core.stats.estimate import Undefined, Value, value
from experiments_core.stats.plan_values import (
    DetectableEffect,
    Duration,
    SampleSize,
    Whole,
    checked_tail,
    no_effect,
    no_units,
    round_up,
    signed_direction,
    unit_effect,
)
from experiments_core.stats.t_power import LEAST_UNITS, Distribution, Spread
from experiments_core.stats.z_power import RateTest, no_rates

SMALLEST_DIFFERENCE = 1e-15
"""Two rates closer than this need more than :data:`plan_values.MOST_UNITS`."""


def sample_size_rates(
    *,
    baseline: float,
    minimum_detectable_effect: float,
    relative: bool,
    alpha: float = 0.05,
    power: float = 0.8,
    alternative: str = "two-sided",
    allocation_ratio: float = 1.0,
    comparisons: int = 1,
) -> SampleSize:
    """Units for the pooled z-test of two rates (as R's power.prop.test and Stata).

    n_c = [z_a sqrt((1 + 1/r) p(1 - p)) + z_b sqrt(p_c q_c + p_t q_t / r)]² / (p_t - p_c)².

    Args:
        baseline: Control's rate, in (0, 1).
        minimum_detectable_effect: Smallest effect worth seeing; below 0 for a decrease.
        relative: The effect is a fraction of the baseline, not a difference.
        alpha: Error rate of the whole family.
        power: Probability to see the effect, above alpha.
        alternative: ``two-sided``, ``greater`` or ``less``.
        allocation_ratio: Treatment units / control units.
        comparisons: Hypotheses in the family; each gets alpha / comparisons.

    Returns:
        Numbers, or ``effect_zero``, ``target_outside_range`` (a rate outside 0 to 1),
        ``not_reachable`` (one-sided against the effect's direction, or beyond all traffic).
    """
    tail = checked_tail(alpha, alternative, comparisons, power=power, ratio=allocation_ratio)
    target = baseline + minimum_detectable_effect * (baseline if relative else 1.0)
    reason = no_rates(baseline, target) or no_effect(target - baseline, alternative)
    if reason is not None:
        exact: Value = reason
    elif abs(target - baseline) < SMALLEST_DIFFERENCE:
        exact = Undefined("not_reachable")
    else:
        z_alpha, z_power = -float(ndtri(tail)), float(ndtri(power))
        exact = size_conventions.pooled(
            size_conventions.Design(baseline, target, z_alpha, z_power, allocation_ratio)
        )
    return SampleSize.rounded(exact, allocation_ratio, least=1, assumptions={
        "test_method": "pooled_z", "baseline": baseline, "target": target, "alpha": alpha,
        "comparisons": comparisons, "power": power, "alternative": alternative,
        "allocation_ratio": allocation_ratio,
    })  # fmt: skip


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


def power_rates(
    *,
    baseline: float,
    effect: float,
    control: float,
    treatment: float,
    relative: bool = False,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    comparisons: int = 1,
    both_tails: bool = False,
) -> Value:
    """Probability that the pooled z-test calls a true effect.

    Phi((|d| - z_a s0) / s1), s0 pooled, s1 unpooled.

    Args:
        baseline: Control's rate, in (0, 1).
        effect: True effect; below 0 for a decrease.
        control: Units of control.
        treatment: Units of treatment.
        relative: The effect is a fraction of the baseline.
        alpha: Error rate of the whole family.
        alternative: ``two-sided``, ``greater`` or ``less``.
        comparisons: Hypotheses in the family.
        both_tails: Count a rejection on the wrong side too (statsmodels does, R does not). It
            only matters for effects near 0, where the power then is alpha, not alpha/2.
    """
    tail = checked_tail(alpha, alternative, comparisons)
    target = baseline + effect * (baseline if relative else 1.0)
    reason = no_rates(baseline, target) or no_units(control, treatment, 1)
    if reason is not None:
        return reason
    rates = RateTest(baseline, control, treatment, tail, alternative)
    return rates.power(target - baseline, both_tails=both_tails)


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


def minimum_detectable_effect_rates(
    *,
    baseline: float,
    control: float,
    treatment: float,
    alpha: float = 0.05,
    power: float = 0.8,
    alternative: str = "two-sided",
    direction: str | None = None,
    comparisons: int = 1,
) -> DetectableEffect:
    """Find the effect at which :func:`power_rates` reaches the power.

    Up and down differ, because the variance depends on the target rate.

    Args:
        baseline: Control's rate, in (0, 1).
        control: Units of control.
        treatment: Units of treatment.
        alpha: Error rate of the whole family.
        power: Probability to see the effect, above alpha.
        alternative: ``two-sided``, ``greater`` or ``less``.
        direction: ``increase`` or ``decrease``; when left out, the one the test looks at.
        comparisons: Hypotheses in the family.

    Returns:
        Numbers, or ``target_outside_range``, ``no_users``, ``not_reachable`` (not even a rate
        of 0 or 1 would be seen).
    """
    tail = checked_tail(alpha, alternative, comparisons, power=power)
    sign = signed_direction(direction, alternative)
    reason = no_rates(baseline, baseline) or no_units(control, treatment, 1)
    reason = reason or no_effect(sign, alternative)
    if reason is not None:
        return DetectableEffect(reason, reason)
    found = RateTest(baseline, control, treatment, tail, alternative).detectable(sign, power)
    return DetectableEffect(found, found if isinstance(found, Undefined) else found / baseline)


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


def duration_days(
    total: Whole,
    daily_units: float,
    allocation: float = 1.0,
    *,
    conversion_window_days: int = 0,
) -> Duration:
    """Days until the planned units have come.

    Args:
        total: Units of all arms.
        daily_units: New eligible units a day: somebody who comes back does not add.
        allocation: Share of them that enters the test, a fraction.
        conversion_window_days: Days that the last unit is watched.
    """
    entering = daily_units * allocation
    if isinstance(total, Undefined):
        return Duration(total, total, total)
    if not 0 < entering < math.inf:
        nobody = Undefined("not_reachable")
        return Duration(nobody, nobody, nobody)
    days = round_up(total / entering)
    weeks = 7 * math.ceil(days / 7)
    return Duration(days, weeks, weeks + conversion_window_days)
