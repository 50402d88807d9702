"""What shows that a guardrail is not harmed: units and days, power, smallest margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.services.planning_design import Design, checked
from experiments_core.services.planning_numbers import days_for, whole_units
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.non_inferiority import Guardrail

MARGINS = (0.01, 0.02, 0.05, 0.10)
"""Relative harm that might be accepted."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """Units that show a guardrail to be inside a margin, if nothing changes.

    Attributes:
        margin: A fraction of the baseline, or in the metric's unit.
        units: Per arm, control first, each rounded up; or why there are none.
        total: Their sum.
        days: Until they have come; None without daily units.
    """

    margin: float
    units: tuple[int, ...] | Undefined
    total: int | Undefined
    days: int | None


def guarded(
    design: Design,
    margins: Sequence[float] = MARGINS,
    *,
    relative: bool = True,
    preferred_direction: str = "increase",
) -> tuple[Guarded, ...]:
    """Units for each margin; none where a relative one has no baseline above 0.

    A guardrail is judged by the interval at level 1 - alpha, outside the primary family, each
    treatment against control.

    Args:
        design: The question; its effect does not matter.
        margins: Largest harm accepted, above 0.
        relative: Margins are fractions of the baseline.
        preferred_direction: ``increase`` or ``decrease``: which change is good.
    """
    if relative and design.as_relative(1.0) is None:
        return ()
    rail = _guardrail(design, relative=relative, preferred_direction=preferred_direction)
    return tuple(_guarded(design, rail, margin) for margin in margins)


def margin_power(
    design: Design,
    margin: float,
    total: int,
    *,
    relative: bool = True,
    preferred_direction: str = "increase",
) -> Value:
    """Chance that so many units in all show one margin, if nothing changes."""
    rail = _guardrail(design, relative=relative, preferred_direction=preferred_direction)
    control, *others = checked(design).split(total)
    return rail.power(margin, control, min(others))


def smallest_margin(
    design: Design,
    total: int,
    *,
    relative: bool = True,
    preferred_direction: str = "increase",
) -> Value:
    """The smallest margin that so many units in all show with the design's power."""
    rail = _guardrail(design, relative=relative, preferred_direction=preferred_direction)
    control, *others = checked(design).split(total)
    return rail.margin(control, min(others), design.power)


def _guardrail(design: Design, *, relative: bool, preferred_direction: str) -> Guardrail:
    return Guardrail(
        control=design.baseline,
        standard_deviation=None if design.kind == "rate" else design.standard_deviation or 0.0,
        relative=relative,
        preferred_direction=preferred_direction,
        alpha=design.alpha / 2,
    )


def _guarded(design: Design, rail: Guardrail, margin: float) -> Guarded:
    units = whole_units(design, rail.size(margin, design.power, design.allocation_ratio))
    if isinstance(units, Undefined):
        return Guarded(margin, units, units, None)
    total = sum(units)
    return Guarded(margin, units, total, days_for(design, total))
