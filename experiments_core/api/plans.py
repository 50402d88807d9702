"""The calculator: how many units, how long, what can be seen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, One
from experiments_core.domain.access import Permission
from experiments_core.services import calculator

door = Door("Planning")


class PlanQuestion(Body):
    """What is planned, and which of the four is sought."""

    kind: Literal["proportion", "mean", "ratio"] = "proportion"
    baseline: float | None = None
    standard_deviation: float | None = None
    minimum_detectable_effect: float | None = None
    relative: bool = False
    alpha: float = 0.05
    power: float = 0.8
    alternative: Literal["two-sided", "greater", "less"] = "two-sided"
    non_inferiority_margin: Annotated[float, Field(gt=0, le=1)] | None = None
    non_inferiority_margin_absolute: Annotated[float, Field(gt=0)] | None = None
    preferred_direction: Literal["increase", "decrease"] = "increase"
    weights_bp: Annotated[
        list[int], Field(min_length=2, max_length=100, default_factory=lambda: [5_000, 5_000])
    ]
    primary_metrics: Annotated[int, Field(ge=1, le=30)] = 1
    daily_units: Annotated[float, Field(gt=0, le=1e12)] | None = None
    allocation_bp: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    units: Annotated[int, Field(ge=2, le=10**12)] | None = None
    days: Annotated[int, Field(ge=1, le=10_000)] | None = None
    solve_for: Literal["units", "days", "effect", "power", "margin"] = "units"


class PlanAnswer(Answer):
    """Units per arm, days, power or effect, and what they rest on."""

    solve_for: str
    design: dict[str, Any]


@door.post("/plan", Rule(permission=Permission.READ, rate="compute", answer=One[PlanAnswer]))
def plan(call: The, body: PlanQuestion) -> Response:
    """Answer how many units, how long, which power, effect, or margin of a guardrail."""
    fields = body.model_dump()
    return one(calculator.answer(call.actor, calculator.Question(**fields)))
