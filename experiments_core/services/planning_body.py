"""A plan as JSON: for programs, and for ``upshot plan --json``."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from typing import Any

from experiments_core.services.planning import DetectableEffect, PlanResult
from experiments_core.services.planning_design import Design
from experiments_core.stats.estimate import Undefined


def plan_body(result: PlanResult) -> dict[str, Any]:
    """The plan with every number; what does not exist is null with its reason beside it."""
    body: dict[str, Any] = _plain(result)
    body["design"] = design_body(result.design)
    return body


def effect_body(design: Design, effect: DetectableEffect) -> dict[str, Any]:
    """The smallest effects that so many units show."""
    return {"design": design_body(design), **_plain(effect)}


def design_body(design: Design) -> dict[str, Any]:
    """What was asked, with what follows from it."""
    return {
        **asdict(design),
        "kind": "proportion" if design.kind == "rate" else design.kind,
        "weights": list(design.weights),
        "relative_effect": design.relative_effect,
        "comparisons": design.comparisons,
        "alpha_local": design.alpha_local,
        "allocation_ratio": design.allocation_ratio,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if not is_dataclass(value) or isinstance(value, type):
        return value
    body: dict[str, Any] = {}
    for field in fields(value):
        item = getattr(value, field.name)
        if isinstance(item, Undefined):
            body[field.name] = None
            body[f"{field.name}_reason"] = item.reason
        else:
            body[field.name] = _plain(item)
    return body
