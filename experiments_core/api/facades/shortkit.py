"""ShortKit: ranking, config and feature tests of a feed; every share is a fraction."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.facades import common
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Body, One
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.lifecycle import Status, Verb, invalid_transition
from experiments_core.services import experiments, measuring
from experiments_core.services.measuring import Measured

door = Door(
    "ShortKit",
    envelope=common.camel_with({"targeting": "targetingRules", "allocation_bp": "traffic"}),
    via="compat/shortkit",
    any_type=True,
)

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
HERE = "/v1/experiments"
ONE = f"{HERE}/{{experiment_id}}"
Share = Annotated[float, Field(ge=0, le=1)]


class NewVariant(Body):
    """An arm: its share inside the test, and what the feed is told."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    traffic: Share
    config: Any = None


class NewExperiment(Body):
    """What ShortKit's clients send; ``traffic`` is the share of users in the test."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=10_000)] = ""
    type: Literal["ranking", "config", "feature"]
    traffic: Share
    variants: Annotated[list[NewVariant], Field(min_length=2, max_length=20)]
    metrics: Annotated[list[str], Field(max_length=20)] | None = None
    targetingRules: dict[str, Any] | None = None  # noqa: N815  the client's spelling


class Change(Body):
    """What may change in a draft."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    traffic: Share | None = None


class Stop(Body):
    """Why, and the variant that everybody gets."""

    winner: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class ExperimentAnswer(BaseModel):
    """An experiment as ShortKit prints it."""

    id: str
    name: str
    description: str
    status: str
    type: str
    traffic: float
    variants: list[dict[str, Any]]
    metrics: list[str]
    startedAt: str | None  # noqa: N815  the client's spelling
    createdAt: str  # noqa: N815  as above


class ListAnswer(BaseModel):
    """Experiments, and how many there are in all."""

    data: list[ExperimentAnswer]
    meta: dict[str, int]


@door.get(HERE, Rule(permission=Permission.READ, answer=ListAnswer))
def list_experiments(
    call: The,
    status: Annotated[
        Literal["draft", "running", "completed", "stopped"] | None, Query()
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Every experiment of a feed, the newest first."""
    known = [one for one in DIALECT.all(call) if status in {None, STATUS[one.status]}]
    shown = [_body(one) for one in known[:limit]]
    return answers.raw({"data": shown, "meta": {"total": len(known)}})


@door.post(
    HERE,
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], status=201, errors=(409,)),
)
def create_experiment(call: The, body: NewExperiment) -> Response:
    """Make a draft."""
    weights = common.basis_points("variants", [one.traffic for one in body.variants], 1.0)
    with call.ws.db.write():
        draft = ExperimentDraft(
            name=body.name,
            description=body.description,
            type=body.type,
            allocation_bp=_allocation(body.traffic),
            targeting=_targeting(body.targetingRules),
            variants=tuple(
                VariantDraft(one.id, one.name, weight_bp=weight, value=one.config)
                for one, weight in zip(body.variants, weights, strict=True)
            ),
            metrics=common.metrics_of(
                call, *map(_metric, body.metrics or USUAL), any_kind=True
            ),
        )
        made = experiments.create_experiment(call.ws, call.actor, draft)
    return answers.one(_body(made), status=201)


@door.get(ONE, Rule(permission=Permission.READ, answer=One[ExperimentAnswer]))
def read_experiment(call: The, experiment_id: str) -> Response:
    """One experiment, with what its arms are told and how many take part."""
    one = DIALECT.found(call, experiment_id)
    units = common.numbers_of(call, one).units
    body = _body(one)
    for shown, variant in zip(body["variants"], one.variants, strict=True):
        shown |= {"config": variant.value, "participants": units.get(variant.key, 0)}
    return answers.one(body)


@door.patch(ONE, Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], errors=(409,)))
def change_experiment(call: The, experiment_id: str, body: Change) -> Response:
    """Change a draft; a running experiment cannot be changed."""
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        if one.status is not Status.DRAFT:
            raise invalid_transition(
                one.place, "Experiments can only be modified in draft status."
            )
        changes: dict[str, Any] = {
            name: value
            for name in ("name", "description")
            if (value := getattr(body, name)) is not None
        }
        if body.traffic is not None:
            changes["allocation_bp"] = _allocation(body.traffic)
        after = experiments.edit_experiment(
            call.ws, call.actor, one.id, changes, version=one.version
        )
    return answers.one(_body(after))


@door.delete(ONE, Rule(permission=Permission.EDIT, status=204, errors=(409,)))
def delete_experiment(call: The, experiment_id: str) -> Response:
    """Delete one that is not running."""
    return DIALECT.delete(call, experiment_id)


@door.post(
    f"{ONE}/start", Rule(permission=Permission.EDIT, answer=One[dict[str, Any]], errors=(409,))
)
def start(call: The, experiment_id: str) -> Response:
    """Begin, or begin again after a stop."""
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        after = experiments.transition(
            call.ws, call.actor, one.id, Verb.START, version=one.version
        )
    return answers.one(_moments(after))


@door.post(
    f"{ONE}/stop", Rule(permission=Permission.EDIT, answer=One[dict[str, Any]], errors=(409,))
)
def stop(call: The, experiment_id: str, body: Stop | None = None) -> Response:
    """End early; a winner is rolled out in the same transaction."""
    said = body or Stop()
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        after = experiments.transition(
            call.ws, call.actor, one.id, Verb.STOP, version=one.version,
            winner=said.winner, reason=said.reason,
        )  # fmt: skip
    stopped = {"stoppedAt": common.seconds(after.stopped_at)}
    return answers.one(_moments(after) | stopped)


@door.get(
    f"{ONE}/results",
    Rule(permission=Permission.RESULTS, rate="compute", answer=One[dict[str, Any]]),
)
def results(call: The, experiment_id: str) -> Response:
    """Every metric of every arm, and what follows from the first one."""
    one = DIALECT.found(call, experiment_id)
    measured = measuring.measured(call.ws, call.actor, one.id, chances=True)
    began = one.first_started_at
    end = one.stopped_at or call.ws.now()
    return answers.one({
        "experimentId": _id(one),
        "status": STATUS[one.status],
        "duration": {
            "days": 0 if began is None else max(0, (end - began).days),
            "startedAt": common.seconds(began),
        },
        "variants": [
            {
                "id": variant.key,
                "name": variant.name,
                "participants": measured.units.get(variant.key, 0),
                "metrics": _metrics(one, measured, variant.key),
            }
            for variant in one.variants
        ],
        "recommendation": _recommendation(one, measured),
    })  # fmt: skip


def _metrics(one: Experiment, measured: Measured, variant: str) -> dict[str, Any]:
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


def _recommendation(one: Experiment, measured: Measured) -> dict[str, Any]:
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


def _metric(name: str) -> dict[str, Any]:
    kind = KINDS.get(name, "mean")
    return {"key": name, "name": name, "kind": kind, "column": name}


def _targeting(rules: dict[str, Any] | None) -> dict[str, Any] | None:
    if rules is None:
        return None
    return {
        "user_segments" if name == "userSegments" else name: value
        for name, value in rules.items()
    }


def _allocation(traffic: float) -> int:
    """A fraction as basis points.

    Raises:
        InvalidInputError: ``TOO_FINE``: it has more than four decimals.
    """
    exact = traffic * 10_000
    if abs(exact - round(exact)) > 1e-6:
        message = f"traffic is {traffic!r}; it may have four decimals"
        raise common.refusal("traffic", traffic, "TOO_FINE", message)
    return round(exact)


def _id(one: Experiment) -> str:
    return one.external_ids.get(DIALECT.system, f"exp_{UUID(one.id).hex}")


def _moments(one: Experiment) -> dict[str, Any]:
    return {
        "id": _id(one),
        "status": STATUS[one.status],
        "startedAt": common.seconds(one.started_at),
    }


def _body(one: Experiment) -> dict[str, Any]:
    return {
        "id": _id(one),
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
