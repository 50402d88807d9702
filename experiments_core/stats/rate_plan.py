"""Planning a test of rates: how many units, what power, which effect can be seen.

The plan is for the test that will be run, the pooled z-test.
Rates, effects, alpha and power are fractions; effects are treatment - control, so a decrease is
below 0; ``allocation_ratio`` is treatment units / control units. What cannot be planned is a
value with a reason; an alpha of 5 is an error of the caller.

Source: Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, ch. 4.
"""

from __future__ import annotations

from scipy.special import ndtri

from experiments_core.stats import size_conventions
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.plan_values import (
    DetectableEffect,
    SampleSize,
    checked_tail,
    no_effect,
    no_units,
    signed_direction,
)
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
