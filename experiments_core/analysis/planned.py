"""How far the plan is: units, days, and the smallest effect that could be seen by now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments_core.analysis.design import Design
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import ArmResult, MetricResult, Progress
from experiments_core.domain.metric import MetricRole
from experiments_core.stats import mean_plan, rate_plan
from experiments_core.stats.estimate import Undefined, Value


def progress(
    design: Design, groups: Groups, metrics: Sequence[MetricResult], units: int
) -> Progress:
    """Measure the test against its plan; None where the plan does not say."""
    first = next((m for m in metrics if m.role == MetricRole.PRIMARY), None)
    return Progress(
        units=units,
        planned_units=design.plan.planned_units,
        days=design.days,
        planned_days=design.planned_days,
        relative_minimum_detectable_effect=(
            None if first is None else _reached(design, groups, first)
        ),
        planned_relative_minimum_detectable_effect=(
            None if first is None else first.relative_minimum_detectable_effect
        ),
    )


def days_to_go(design: Design, now: Progress) -> int | None:
    """Days until the asked precision is there at the present pace; None when unknowable.

    The smallest visible effect shrinks with the root of the units.
    """
    reached = now.relative_minimum_detectable_effect
    asked = now.planned_relative_minimum_detectable_effect
    if reached is None or isinstance(reached, Undefined) or not asked or not design.days:
        return None
    factor = (reached / asked) ** 2 - 1
    return max(1, math.ceil(factor * design.days)) if factor > 0 else 0


def _reached(design: Design, groups: Groups, metric: MetricResult) -> Value | None:
    """Of the treatment that sees least: with the planned power, at the family's level."""
    control = metric.arm(design.reference)
    found = [
        _visible(design, metric, (control, arm), _effective(design, groups, metric, arm))
        for arm in metric.arms
        if arm.variant != design.reference
    ]
    known = [value for value in found if not isinstance(value, Undefined)]
    if len(known) < len(found):
        return next(value for value in found if isinstance(value, Undefined))
    return max(known, default=None)


def _effective(
    design: Design, groups: Groups, metric: MetricResult, treatment: ArmResult
) -> tuple[float, float]:
    """Units of both arms; over phases two equal arms that carry the same information."""
    if groups.phases == 1:
        return metric.arm(design.reference).n, treatment.n
    one = next(known for known in design.metrics if known.key == metric.key)
    strata = groups.strata(one, design.reference, treatment.variant)
    information = math.fsum(c.n * t.n / (c.n + t.n) for c, t in strata if c.n and t.n)
    return 2 * information, 2 * information


def _visible(
    design: Design,
    metric: MetricResult,
    arms: tuple[ArmResult, ArmResult],
    units: tuple[float, float],
) -> Value:
    control, treatment = arms
    if isinstance(control.value, Undefined):
        return control.value
    direction = "decrease" if metric.preferred_direction == "decrease" else "increase"
    plan = design.plan
    if plan.alternative != "two-sided":
        direction = "increase" if plan.alternative == "greater" else "decrease"
    if metric.kind == "proportion":
        effect = rate_plan.minimum_detectable_effect_rates(
            baseline=control.value, control=units[0], treatment=units[1],
            alpha=plan.alpha, power=plan.power, alternative=plan.alternative,
            direction=direction, comparisons=design.comparisons,
        ).relative_lift  # fmt: skip
    elif control.standard_deviation is None:
        return Undefined("too_few_units" if control.n else "no_users")
    else:
        effect = mean_plan.minimum_detectable_effect_means(
            baseline=control.value, standard_deviation=control.standard_deviation,
            treatment_standard_deviation=treatment.standard_deviation,
            control=units[0], treatment=units[1], alpha=plan.alpha, power=plan.power,
            alternative=plan.alternative, direction=direction,
            comparisons=design.comparisons,
        ).relative_lift  # fmt: skip
    known = Undefined("nonpositive_control") if effect is None else effect
    return known if isinstance(known, Undefined) else abs(known)
