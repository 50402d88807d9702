"""ShortKit: ranking, config and feature tests of a feed; every share is a fraction."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.facades import camel, common
from experiments_core.api.facades.shortkit_forms import (
    DIALECT,
    KINDS,
    STATUS,
    USUAL,
    Change,
    ExperimentAnswer,
    ListAnswer,
    NewExperiment,
    Stop,
    experiment_body,
    id_of,
    metrics_body,
    moments_body,
    recommendation_body,
)
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import One
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import ExperimentDraft, VariantDraft
from experiments_core.domain.lifecycle import Status, Verb, invalid_transition
from experiments_core.services import acting, experiments, measuring

door = Door(
    "ShortKit",
    envelope=camel.respond_with({"targeting": "targetingRules", "allocation_bp": "traffic"}),
    via="compat/shortkit",
    any_type=True,
)

HERE = "/v1/experiments"
ONE = f"{HERE}/{{experiment_id}}"


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
    shown = [experiment_body(one) for one in known[:limit]]
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
            targeting=_targeting(body.targeting_rules),
            variants=tuple(
                VariantDraft(one.id, one.name, weight_bp=weight, value=one.config)
                for one, weight in zip(body.variants, weights, strict=True)
            ),
            metrics=common.metrics_of(
                call, *map(_metric, body.metrics or USUAL), any_kind=True
            ),
        )
        made = experiments.create_experiment(call.ws, call.actor, draft)
    return answers.one(experiment_body(made), status=201)


@door.get(ONE, Rule(permission=Permission.READ, answer=One[ExperimentAnswer]))
def read_experiment(call: The, experiment_id: str) -> Response:
    """One experiment, with what its arms are told and how many take part."""
    one = DIALECT.found(call, experiment_id)
    units = common.numbers_of(call, one).units
    body = experiment_body(one)
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
        changes = body.said()
        if "traffic" in changes:
            changes["allocation_bp"] = _allocation(changes.pop("traffic"))
        after = experiments.edit_experiment(
            call.ws, call.actor, one.id, changes, version=one.version
        )
    return answers.one(experiment_body(after))


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
        after = acting.transition(call.ws, call.actor, one.id, Verb.START, version=one.version)
    return answers.one(moments_body(after))


@door.post(
    f"{ONE}/stop", Rule(permission=Permission.EDIT, answer=One[dict[str, Any]], errors=(409,))
)
def stop(call: The, experiment_id: str, body: Stop | None = None) -> Response:
    """End early; a winner is rolled out in the same transaction."""
    said = body or Stop()
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        after = acting.transition(
            call.ws, call.actor, one.id, Verb.STOP, version=one.version,
            winner=said.winner, reason=said.reason,
        )  # fmt: skip
    stopped = {"stoppedAt": common.seconds(after.stopped_at)}
    return answers.one(moments_body(after) | stopped)


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
        "experimentId": id_of(one),
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
                "metrics": metrics_body(one, measured, variant.key),
            }
            for variant in one.variants
        ],
        "recommendation": recommendation_body(one, measured),
    })  # fmt: skip


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
