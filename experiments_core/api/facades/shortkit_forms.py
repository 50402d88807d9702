"""ShortKit's forms: what its clients send and read; every share is a fraction."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from experiments_core.api.facades import common
from experiments_core.api.facades.camel import CamelAnswer, CamelBody
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.services.measuring import Measured

KINDS = {
    "completionRate": "proportion", "retention": "proportion", "watchTime": "mean",
    "sessionsPerUser": "count",
}  # fmt: skip
"""Metrics that ShortKit knows; another name is a mean."""


USUAL = ("completionRate",)
"""Metrics of a test that names none."""


STATUS = {
    Status.DRAFT: "draft", Status.RUNNING: "running", Status.PAUSED: "stopped",
    Status.STOPPED: "stopped", Status.COMPLETED: "completed", Status.ARCHIVED: "completed",
}  # fmt: skip


TYPES = ("ranking", "config", "feature")


DIALECT = common.Dialect("shortkit", lambda one: one.type in TYPES)


Share = Annotated[float, Field(ge=0, le=1)]


class NewVariant(CamelBody):
    """An arm: its share inside the test, and what the feed is told."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    traffic: Share
    config: Any = None


class NewExperiment(CamelBody):
    """What ShortKit's clients send; ``traffic`` is the share of users in the test."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=10_000)] = ""
    type: Literal["ranking", "config", "feature"]
    traffic: Share
    variants: Annotated[list[NewVariant], Field(min_length=2, max_length=20)]
    metrics: Annotated[list[str], Field(max_length=20)] | None = None
    targeting_rules: dict[str, Any] | None = None


class Change(CamelBody):
    """What may change in a draft."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    traffic: Share | None = None


class Stop(CamelBody):
    """Why, and the variant that everybody gets."""

    winner: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class ExperimentAnswer(CamelAnswer):
    """An experiment as ShortKit prints it."""

    id: str
    name: str
    description: str
    status: str
    type: str
    traffic: float
    variants: list[dict[str, Any]]
    metrics: list[str]
    started_at: str | None
    created_at: str


class ListAnswer(CamelAnswer):
    """Experiments, and how many there are in all."""

    data: list[ExperimentAnswer]
    meta: dict[str, int]


def metrics_body(one: Experiment, measured: Measured, variant: str) -> dict[str, Any]:
    """Every metric of the test, also before there are data."""
    treated = variant != one.control.key
    nothing = {"lift": None, "significant": False} if treated else {}
    told: dict[str, dict[str, Any]] = {
        metric.key: {"value": None, "confidence": 1 - one.plan.alpha, **nothing}
        for metric in one.metrics
    }
    for metric in measured.result.metrics:
        arm = metric.arm(variant)
        told[metric.key]["value"] = common.number(arm.value)
        if arm.contrast is not None:
            p = common.number(arm.contrast.p_value)
            told[metric.key] |= {
                "lift": common.number(arm.contrast.relative_lift),
                "significant": p is not None and p < one.plan.alpha,
            }
    return told


def recommendation_body(one: Experiment, measured: Measured) -> dict[str, Any]:
    """The arm that is shown to be better, and how probable it is that it is the best."""
    first = next(iter(measured.result.metrics), None)
    better, chances = [], {}
    for arm in first.arms if first else ():
        chances[arm.variant] = common.number(arm.probability_best)
        contrast = arm.contrast
        p = None if contrast is None else common.number(contrast.p_value)
        if contrast is not None and p is not None and p < one.plan.alpha:
            gain = common.number(contrast.difference) or 0.0
            down = first is not None and first.preferred_direction == "decrease"
            if (gain < 0) if down else (gain > 0):
                better.append(arm.variant)
    winner = max(better, key=lambda key: chances.get(key) or 0.0, default=None)
    known = [chance for chance in chances.values() if chance is not None]
    progress = measured.result.progress
    reached = progress.relative_minimum_detectable_effect if progress else None
    return {
        "winner": winner,
        "confidence": chances.get(winner) if winner else max(known, default=None),
        "minimumDetectableEffect": common.number(reached),
    }


def id_of(one: Experiment) -> str:
    """The id that the client knows: of its old service, or ours in ShortKit's spelling."""
    return one.external_ids.get(DIALECT.system, f"exp_{UUID(one.id).hex}")


def moments_body(one: Experiment) -> dict[str, Any]:
    """Render where an experiment stands."""
    return {
        "id": id_of(one),
        "status": STATUS[one.status],
        "startedAt": common.seconds(one.started_at),
    }


def experiment_body(one: Experiment) -> dict[str, Any]:
    """Render an experiment with its arms."""
    return {
        "id": id_of(one),
        "name": one.name,
        "description": one.description,
        "status": STATUS[one.status],
        "type": one.type,
        "traffic": one.allocation_bp / 10_000,
        "variants": [
            {
                "id": variant.key,
                "name": variant.name,
                "traffic": variant.weight_bp / 10_000,
            }
            for variant in one.variants
        ],
        "metrics": [metric.key for metric in one.metrics],
        "startedAt": common.seconds(one.started_at),
        "createdAt": common.seconds(one.created_at),
    }
