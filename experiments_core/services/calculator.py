"""One question to the calculator: units, days, power or effect, the other three given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import planning
from experiments_core.services.planning_body import design_body, effect_body, plan_body
from experiments_core.services.planning_design import Design, checked
from experiments_core.stats.estimate import Undefined

WHOLE_BP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is planned; see :class:`experiments_core.services.planning_design.Design`.

    Attributes:
        units: Units of all arms, where they are given.
        days: Days of traffic instead.
        solve_for: ``units`` (with ``days``), ``effect`` or ``power``.
    """

    kind: str = "proportion"
    baseline: float | None = None
    standard_deviation: float | None = None
    minimum_detectable_effect: float | None = None
    relative: bool = False
    alpha: float = 0.05
    power: float = 0.8
    alternative: str = "two-sided"
    weights_bp: Sequence[int] = (5_000, 5_000)
    primary_metrics: int = 1
    daily_units: float | None = None
    allocation_bp: int = WHOLE_BP
    units: int | None = None
    days: int | None = None
    solve_for: str = "units"


def answer(actor: Actor, asked: Question) -> dict[str, Any]:
    """Answer a question as a body for programs.

    Raises:
        InvalidInputError: something that is needed is missing, or a value is out of range.
    """
    require(actor, Permission.READ)
    design = _design(asked)
    if asked.solve_for in {"units", "days"}:
        if asked.solve_for == "days" and asked.daily_units is None:
            raise _missing("daily_units", "to tell days")
        result = planning.plan(design)
        arms = [
            {"weight_bp": weight, "units": units}
            for weight, units in zip(asked.weights_bp, result.units, strict=True)
        ]
        return {**plan_body(result), "solve_for": asked.solve_for, "per_arm": arms}
    total = _total(asked, design)
    if asked.solve_for == "effect":
        found = effect_body(design, planning.detectable_effect(design, total))
        return {**found, "solve_for": "effect", "total": total}
    power = planning.power_for(design, total)
    body = {"solve_for": "power", "design": design_body(design), "total": total}
    if isinstance(power, Undefined):
        return {**body, "power": None, "power_reason": power.reason}
    return {**body, "power": power}


def _design(asked: Question) -> Design:
    is_mean = asked.kind == "mean"
    effect = asked.minimum_detectable_effect
    if effect is None and asked.solve_for != "effect":
        raise _missing("minimum_detectable_effect", f"to tell {asked.solve_for}")
    if asked.relative and asked.baseline is None:
        raise _missing("baseline", "a relative effect is relative to it")
    scale = asked.baseline or 0.0 if asked.relative else 1.0
    return checked(Design(
        kind="mean" if is_mean else "rate",
        baseline=asked.baseline,
        effect=0.0 if asked.solve_for == "effect" or effect is None else effect * scale,
        relative=asked.relative,
        standard_deviation=asked.standard_deviation,
        alpha=asked.alpha,
        power=asked.power,
        alternative=asked.alternative,
        weights=tuple(float(weight) for weight in asked.weights_bp),
        primary_metrics=asked.primary_metrics,
        daily_units=asked.daily_units,
        allocation=asked.allocation_bp / WHOLE_BP,
    ))  # fmt: skip


def _total(asked: Question, design: Design) -> int:
    if asked.units is not None:
        return asked.units
    if asked.days is not None and asked.daily_units is not None:
        return planning.units_in(design, asked.days)
    raise _missing("units", "or days together with daily_units")


def _missing(field: str, why: str) -> InvalidInputError:
    message = f"{field} is missing: {why}"
    return InvalidInputError(
        f"{message}.", details=(Problem(field, None, "REQUIRED", message),)
    )
