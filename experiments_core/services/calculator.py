"""One question to the calculator: units, days, power or effect, the other three given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from experiments_core.analysis import words
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import planning, planning_guardrails, planning_words
from experiments_core.services.planning_body import design_body, effect_body, plan_body
from experiments_core.services.planning_design import Design, checked
from experiments_core.stats.estimate import Undefined, Value

WHOLE_BP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is planned; see :class:`experiments_core.services.planning_design.Design`.

    Attributes:
        kind: ``proportion``, ``mean`` or ``ratio``.
        non_inferiority_margin: Plan a guardrail instead: harm accepted, relative to baseline.
        non_inferiority_margin_absolute: The same in the metric's unit.
        preferred_direction: Of a guardrail: ``increase`` or ``decrease``.
        units: Units of all arms, where they are given.
        days: Days of traffic instead.
        solve_for: ``units`` (with ``days``), ``effect``, ``power``, or ``margin``.
    """

    kind: str = "proportion"
    baseline: float | None = None
    standard_deviation: float | None = None
    minimum_detectable_effect: float | None = None
    relative: bool = False
    alpha: float = 0.05
    power: float = 0.8
    alternative: str = "two-sided"
    non_inferiority_margin: float | None = None
    non_inferiority_margin_absolute: float | None = None
    preferred_direction: str = "increase"
    weights_bp: Sequence[int] = (5_000, 5_000)
    primary_metrics: int = 1
    daily_units: float | None = None
    allocation_bp: int = WHOLE_BP
    units: int | None = None
    days: int | None = None
    solve_for: str = "units"

    @property
    def margin(self) -> float | None:
        """Relative or absolute, where there is one."""
        absolute = self.non_inferiority_margin_absolute
        return absolute if absolute is not None else self.non_inferiority_margin

    @property
    def guards(self) -> bool:
        """Whether a guardrail is planned instead of a difference."""
        return self.solve_for == "margin" or self.margin is not None


def answer(actor: Actor, asked: Question) -> dict[str, Any]:
    """Answer a question as a body for programs.

    Raises:
        InvalidInputError: something that is needed is missing, or a value is out of range.
    """
    require(actor, Permission.READ)
    design = _design(asked)
    if asked.guards:
        return _guardrail(asked, design)
    if asked.solve_for in {"units", "days"}:
        if asked.solve_for == "days" and asked.daily_units is None:
            raise _missing("daily_units", "to tell days")
        result = planning.plan(design)
        arms = _per_arm(asked, result.units)
        return {**plan_body(result), "solve_for": asked.solve_for, "per_arm": arms}
    total = _total(asked, design)
    if asked.solve_for == "effect":
        found = planning.detectable_effect(design, total)
        seen = 0.0 if isinstance(found.increase, Undefined) else found.increase
        body = effect_body(design, found) | _beside(asked, replace(design, effect=seen), total)
        return {**body, "solve_for": "effect"}
    power = planning.power_for(design, total)
    told = design if isinstance(power, Undefined) else replace(design, power=power)
    body = {"solve_for": "power", "design": design_body(design), **_told("power", power)}
    return body | _beside(asked, told, total)


def _beside(asked: Question, design: Design, total: int) -> dict[str, Any]:
    """What every answer has: units per arm and in all, days, the curve, what it rests on."""
    units = design.split(total)
    return {
        "per_arm": _per_arm(asked, units),
        "total": total,
        "days": planning.days_for(design, total),
        "curve": [asdict(point) for point in planning.power_curve(design, units)],
        "assumptions": list(planning_words.assumptions(design)),
    }


def _per_arm(asked: Question, units: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"weight_bp": weight, "units": here}
        for weight, here in zip(asked.weights_bp, units, strict=True)
    ]


def _guardrail(asked: Question, design: Design) -> dict[str, Any]:
    """Units and days, power, or the smallest margin of a guardrail."""
    relative = asked.non_inferiority_margin_absolute is None and (
        asked.non_inferiority_margin is not None or design.as_relative(1.0) is not None
    )
    how: dict[str, Any] = {
        "relative": relative, "preferred_direction": asked.preferred_direction,
    }  # fmt: skip
    body = {"solve_for": asked.solve_for, "design": design_body(design), **how}
    if asked.solve_for == "margin":
        total = _total(asked, design)
        found = planning_guardrails.smallest_margin(design, total, **how)
        return body | {"total": total, **_told("non_inferiority_margin", found)}
    if asked.solve_for == "effect":
        raise _refused(asked, "a guardrail has no effect to find; solve for its margin")
    margin = asked.margin or 0.0
    body["non_inferiority_margin"] = margin
    if asked.solve_for == "power":
        total = _total(asked, design)
        power = planning_guardrails.margin_power(design, margin, total, **how)
        return body | {"total": total, **_told("power", power)}
    guarded = planning_guardrails.guarded(design, (margin,), **how)
    if not guarded:
        raise _missing("baseline", "a relative margin needs one above 0")
    (one,) = guarded
    if isinstance(one.units, Undefined):
        raise _refused(asked, words.reason(one.units).rstrip("."))
    arms = _per_arm(asked, one.units)
    return body | {"units": list(one.units), "per_arm": arms, "total": one.total,
                   "days": one.days}  # fmt: skip


def _told(name: str, found: Value) -> dict[str, Any]:
    if isinstance(found, Undefined):
        return {name: None, f"{name}_reason": found.reason}
    return {name: found}


def _refused(asked: Question, message: str) -> InvalidInputError:
    problem = Problem("non_inferiority_margin", asked.margin, "RANGE", message)
    return InvalidInputError(f"This plan cannot be computed: {message}.", details=(problem,))


def _design(asked: Question) -> Design:
    effect = asked.minimum_detectable_effect
    if effect is None and asked.solve_for != "effect" and not asked.guards:
        raise _missing("minimum_detectable_effect", f"to tell {asked.solve_for}")
    if asked.relative and asked.baseline is None:
        raise _missing("baseline", "a relative effect is relative to it")
    sought = asked.solve_for in {"effect", "margin"}
    scale = asked.baseline or 0.0 if asked.relative else 1.0
    return checked(Design(
        kind="rate" if asked.kind == "proportion" else asked.kind,
        baseline=asked.baseline,
        effect=0.0 if sought or effect is None else effect * scale,
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
