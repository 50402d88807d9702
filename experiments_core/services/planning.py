"""How many units, how long, and what else the same traffic could show. Needs no workspace.

The plan is made for the test that will judge the result: the pooled z-test for rates, Welch's t
for means, at alpha divided by the number of comparisons in the primary family.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments_core.services import planning_words as words
from experiments_core.services.planning_design import Design, checked
from experiments_core.services.planning_numbers import (
    DetectableEffect,
    days_for,
    detectable,
    detectable_effect,
    power_for,
    power_of,
    relative_to_baseline,
    units_for,
    units_in,
)
from experiments_core.services.planning_words import OtherSize
from experiments_core.stats.estimate import Undefined, Value

__all__ = [
    "Design", "DetectableEffect", "OtherSize", "PlanResult", "PowerPoint", "Sensitivity",
    "SensitivityCell", "SensitivityRow", "WeekEffect", "days_for", "detectable_effect", "plan",
    "power_curve", "power_for", "units_for", "units_in",
]  # fmt: skip

CURVE_STEPS = 40
WEEKS_SHOWN = 8
EFFECT_STEPS = (0.5, 0.75, 1.0, 1.25, 1.5)
BASELINE_STEPS = (0.7, 0.85, 1.0, 1.2, 1.45)
DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True)
class PowerPoint:
    """Power if the true effect were this one, with the planned units.

    Attributes:
        effect: Treatment - control, in the metric's unit.
        relative_effect: The same as a fraction of the baseline, if there is a baseline above 0.
        power: Probability to call it, a fraction.
    """

    effect: float
    relative_effect: float | None
    power: float


@dataclass(frozen=True, slots=True)
class WeekEffect:
    """The smallest effect that is seen with the planned power after so many whole weeks.

    Attributes:
        week: Weeks of traffic, from 1.
        units: Units in all arms by then.
        effect: In the planned direction, in the metric's unit.
        relative_effect: As a fraction of the baseline.
        planned: Whether this is the week the plan ends in.
    """

    week: int
    units: int
    effect: Value
    relative_effect: Value
    planned: bool


@dataclass(frozen=True, slots=True)
class SensitivityCell:
    """The plan for another effect and another baseline (or spread).

    Attributes:
        effect: Treatment - control, in the metric's unit.
        total: Units in all arms, or why there is no such plan.
        days: Days of traffic, when the daily units are known.
    """

    effect: float
    total: int | Undefined
    days: int | None


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """One baseline (of a rate) or one standard deviation (of a mean), over the effects."""

    value: float
    planned: bool
    cells: tuple[SensitivityCell, ...]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What if the baseline, the spread or the effect is different?

    Attributes:
        varies: ``baseline`` or ``standard_deviation``, down the rows.
        relative: Whether ``effects`` are fractions of the baseline or in the metric's unit.
        effects: One per column; the planned one is in the middle.
    """

    varies: str
    relative: bool
    effects: tuple[float, ...]
    rows: tuple[SensitivityRow, ...]


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan with everything that explains it.

    Attributes:
        design: What was asked.
        units: Units per arm, control first, each rounded up.
        total: Their sum.
        days: Days of enrolment, or None without daily units.
        weeks: The same in whole weeks, rounded up.
        curve: Power by true effect, from no effect to twice the planned one.
        mde_by_week: Smallest visible effect by week; empty without daily units.
        sensitivity: Units and days for neighbouring assumptions.
        other_calculators: What other formulas say, and why.
        formula: The formula in words and symbols.
        formula_with_numbers: The same with the numbers put in; empty where it is iterated.
        assumptions: Sentences on which the number rests.
        notes: Sentences of advice about this plan; may be empty.
    """

    design: Design
    units: tuple[int, ...]
    total: int
    days: int | None
    weeks: int | None
    curve: tuple[PowerPoint, ...]
    mde_by_week: tuple[WeekEffect, ...]
    sensitivity: Sensitivity
    other_calculators: tuple[OtherSize, ...]
    formula: str
    formula_with_numbers: str
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]


def plan(design: Design) -> PlanResult:
    """Plan what a design asks for.

    Raises:
        InvalidInputError: a value is out of range, or no number of units can show the effect.
    """
    checked(design)
    sized = units_for(design)
    if isinstance(sized, Undefined):
        raise words.impossible(design, sized)
    total = sum(sized)
    days = days_for(design, total)
    weeks = None if days is None else math.ceil(days / DAYS_PER_WEEK)
    return PlanResult(
        design=design,
        units=sized,
        total=total,
        days=days,
        weeks=weeks,
        curve=power_curve(design, sized),
        mde_by_week=_effects_by_week(design, weeks),
        sensitivity=_sensitivity(design),
        other_calculators=words.other_sizes(design, sized),
        formula=words.formula(design),
        formula_with_numbers=words.formula_with_numbers(design),
        assumptions=words.assumptions(design),
        notes=words.notes(design, days),
    )


def power_curve(design: Design, units: Sequence[int]) -> tuple[PowerPoint, ...]:
    """Power from just above no effect to twice the planned one, as far as rates allow."""
    points = []
    for step in range(1, CURVE_STEPS + 1):
        effect = design.effect * 2 * step / CURVE_STEPS
        power = power_of(design, effect, units)
        if not isinstance(power, Undefined):
            points.append(PowerPoint(effect, design.as_relative(effect), power))
    return tuple(points)


def _effects_by_week(design: Design, planned_week: int | None) -> tuple[WeekEffect, ...]:
    if design.daily_entering is None or planned_week is None:
        return ()
    direction = "increase" if design.effect > 0 else "decrease"
    weeks = list(range(1, WEEKS_SHOWN + 1))
    if planned_week > WEEKS_SHOWN:
        weeks.append(planned_week)
    rows = []
    for week in weeks:
        units = units_in(design, week * DAYS_PER_WEEK)
        effect = detectable(design, design.split(units), direction)
        rows.append(
            WeekEffect(
                week, units, effect, relative_to_baseline(design, effect), week == planned_week
            )
        )
    return tuple(rows)


def _sensitivity(design: Design) -> Sensitivity:
    relative = design.relative and design.baseline is not None
    asked = design.relative_effect if relative else design.effect
    effects = tuple((asked or 0.0) * step for step in EFFECT_STEPS)
    varies = "baseline" if design.kind == "rate" else "standard_deviation"
    centre = design.baseline if design.kind == "rate" else design.standard_deviation
    rows = []
    for step in BASELINE_STEPS:
        value = _neighbour(centre or 0.0, step)
        if design.kind == "rate" and value >= 1:
            continue
        changed = replace(design, **{varies: value})  # type: ignore[arg-type]
        scale = (changed.baseline or 0.0) if relative else 1.0
        cells = tuple(_cell(changed, effect * scale) for effect in effects)
        rows.append(SensitivityRow(value, step == 1.0, cells))
    return Sensitivity(varies, relative, effects, tuple(rows))


def _cell(design: Design, effect: float) -> SensitivityCell:
    units = units_for(replace(design, effect=effect))
    if isinstance(units, Undefined):
        return SensitivityCell(effect, units, None)
    total = sum(units)
    return SensitivityCell(effect, total, days_for(design, total))


def _neighbour(centre: float, step: float) -> float:
    """A neighbouring value with two digits, so that a table can show it as it is."""
    if step == 1.0:
        return centre
    value = centre * step
    return round(value, 1 - math.floor(math.log10(value)))
