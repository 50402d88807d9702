"""The numbers of one design: units, power, detectable effect, days."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments_core.services.planning_design import Design, checked
from experiments_core.stats import mean_plan, rate_plan
from experiments_core.stats.duration import duration_days
from experiments_core.stats.estimate import Undefined, Value


@dataclass(frozen=True, slots=True)
class DetectableEffect:
    """The smallest effects that so many units show with the planned power, up and down.

    Attributes:
        units: Units per arm, control first.
        increase: Absolute, above 0, in the metric's unit, or why there is none.
        decrease: Absolute, below 0.
        relative_increase: As a fraction of the baseline.
        relative_decrease: The same, below 0.
    """

    units: tuple[int, ...]
    increase: Value
    decrease: Value
    relative_increase: Value
    relative_decrease: Value


def units_for(design: Design) -> tuple[int, ...] | Undefined:
    """Units per arm, control first, each rounded up; or why there is no such number."""
    if design.kind == "rate":
        size = rate_plan.sample_size_rates(
            baseline=design.baseline or 0.0,
            minimum_detectable_effect=design.effect,
            relative=False,
            alpha=design.alpha,
            power=design.power,
            alternative=design.alternative,
            allocation_ratio=design.allocation_ratio,
            comparisons=design.comparisons,
        )
    else:
        size = mean_plan.sample_size_means(
            minimum_detectable_effect=design.effect,
            standard_deviation=design.standard_deviation or 0.0,
            alpha=design.alpha,
            power=design.power,
            alternative=design.alternative,
            allocation_ratio=design.allocation_ratio,
            comparisons=design.comparisons,
        )
    return whole_units(design, size.exact_control)


def whole_units(design: Design, control: Value) -> tuple[int, ...] | Undefined:
    """Units per arm where control needs so many, each rounded up."""
    if isinstance(control, Undefined):
        return control
    per_share = control / design.weights[0]
    return tuple(math.ceil(per_share * weight - 1e-6) for weight in design.weights)


def power_for(design: Design, total: int) -> Value:
    """Power of the design's effect when so many units come in all."""
    checked(design)
    return power_of(design, design.effect, design.split(total))


def detectable_effect(design: Design, total: int) -> DetectableEffect:
    """The smallest effects that so many units show with the design's power.

    Args:
        design: The question; its own effect does not matter.
        total: Units in all arms.

    Raises:
        InvalidInputError: a value of the design is out of range.
    """
    checked(replace(design, effect=0.0))
    units = design.split(total)
    up, down = (detectable(design, units, way) for way in ("increase", "decrease"))
    return DetectableEffect(
        units, up, down, relative_to_baseline(design, up), relative_to_baseline(design, down)
    )


def days_for(design: Design, total: int) -> int | None:
    """Days until so many units have come; None without daily units."""
    if design.daily_units is None:
        return None
    days = duration_days(total, design.daily_units, design.allocation).days
    return None if isinstance(days, Undefined) else days


def units_in(design: Design, days: int) -> int:
    """Units that come in so many days; 0 without daily units."""
    return math.floor((design.daily_entering or 0.0) * days + 1e-9)


def power_of(design: Design, effect: float, units: Sequence[int]) -> Value:
    """Power of any effect with so many units per arm (the smallest treatment counts)."""
    told = _compared(design, units) | {"effect": effect}
    if design.kind == "rate":
        return rate_plan.power_rates(**told, baseline=design.baseline or 0.0)
    return mean_plan.power_means(**told, standard_deviation=design.standard_deviation or 0.0)


def detectable(design: Design, units: Sequence[int], direction: str) -> Value:
    """The smallest effect seen in one direction (``increase`` or ``decrease``)."""
    told = _compared(design, units) | {"power": design.power, "direction": direction}
    if design.kind == "rate":
        return rate_plan.minimum_detectable_effect_rates(
            **told, baseline=design.baseline or 0.0
        ).difference
    return mean_plan.minimum_detectable_effect_means(
        **told, standard_deviation=design.standard_deviation or 0.0
    ).difference


def _compared(design: Design, units: Sequence[int]) -> dict[str, Any]:
    return {
        "control": units[0],
        "treatment": min(units[1:]),
        "alpha": design.alpha,
        "alternative": design.alternative,
        "comparisons": design.comparisons,
    }


def relative_to_baseline(design: Design, effect: Value) -> Value:
    """An effect as a fraction of the baseline, or why that does not exist."""
    if isinstance(effect, Undefined):
        return effect
    relative = design.as_relative(effect)
    return Undefined("nonpositive_control") if relative is None else relative
