"""crewkit: two versions of an agent's configuration, the share of the variant in percent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.call import Call, The
from experiments_core.api.door import Door
from experiments_core.api.facades import common
from experiments_core.api.facades.crewkit_forms import (
    CONTROL,
    DIALECT,
    VARIANT,
    Change,
    Deploy,
    ExperimentAnswer,
    ListAnswer,
    MetricsAnswer,
    NewExperiment,
    experiment_body,
    group_body,
    is_pair,
)
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import One
from experiments_core.domain.access import Permission, require
from experiments_core.domain.acts import already_deployed
from experiments_core.domain.deployment import CONDITIONS
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.lifecycle import Status, Verb, invalid_transition
from experiments_core.errors import NotFoundError
from experiments_core.services import acting, experiments, organisations, projects, traffic

REASON = "via crewkit API"
door = Door("crewkit", envelope=common.respond, via="compat/crewkit", any_type=True)

METRICS: tuple[dict[str, Any], ...] = (
    {
        "key": "success", "name": "Success", "kind": "proportion", "column": "success",
        "aggregation": "max",
    },
    {
        "key": "cost", "name": "Cost", "kind": "mean", "column": "cost",
        "aggregation": "last", "unit": "USD", "preferred_direction": "decrease",
    },
    {
        "key": "turns", "name": "Turns", "kind": "mean", "column": "turns",
        "aggregation": "last", "preferred_direction": "decrease",
    },
    {
        "key": "p95_cost", "name": "Cost, 95th percentile", "kind": "quantile",
        "column": "cost", "aggregation": "last", "q": 0.95, "unit": "USD",
        "preferred_direction": "decrease",
    },
)  # fmt: skip
"""A session without a score is in neither numerator nor denominator, so nothing adds up from 0:
the highest score and the last cost count."""
HERE = "/{org_id}/experiments"
ONE = f"{HERE}/{{experiment_id}}"


READ = Rule(permission=Permission.READ, answer=One[ExperimentAnswer])
ACT = Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], errors=(409,))


@door.get(HERE, Rule(permission=Permission.READ, answer=ListAnswer))
def list_experiments(
    call: The,
    org_id: str,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Every experiment of two versions, the newest first."""
    _own(call, org_id)
    known = [one for one in DIALECT.all(call) if is_pair(one)]
    places = common.locators(call)
    shown = known[(page - 1) * per_page : page * per_page]
    meta = {
        "total_count": len(known), "current_page": page,
        "total_pages": max(1, -(-len(known) // per_page)), "per_page": per_page,
    }  # fmt: skip
    return answers.raw(
        {"data": [experiment_body(call, one, org_id, places) for one in shown], "meta": meta}
    )


@door.post(
    HERE,
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], status=201, errors=(409,)),
)
def create_experiment(call: The, org_id: str, body: NewExperiment) -> Response:
    """Make an experiment of two versions; ``traffic_split`` is the variant's share."""
    _own(call, org_id)
    with call.ws.db.write():
        place = projects.resource_at(
            call.ws, call.actor, kind="config", locator=body.resource_id
        )
        share = 100 * body.traffic_split
        draft = ExperimentDraft(
            name=body.name,
            type="config",
            unit="session",
            resource=place.id,
            variants=(
                _arm(CONTROL, 10_000 - share, body.control_version_hash),
                _arm(VARIANT, share, body.variant_version_hash),
            ),
            metrics=common.metrics_of(call, *METRICS),
        )
        made = experiments.create_experiment(call.ws, call.actor, draft)
    return answers.one(experiment_body(call, made, org_id, common.locators(call)), status=201)


@door.get(ONE, READ)
def read_experiment(call: The, org_id: str, experiment_id: str) -> Response:
    """Read one."""
    return _shown(call, org_id, _found(call, org_id, experiment_id))


@door.patch(ONE, ACT)
def change_experiment(call: The, org_id: str, experiment_id: str, body: Change) -> Response:
    """Change the name any time; the split of a draft, or as a change of traffic."""
    with call.ws.db.write():
        one = _found(call, org_id, experiment_id)
        if body.name is not None:
            one = experiments.edit_experiment(
                call.ws, call.actor, one.id, {"name": body.name}, version=one.version
            )
        if body.traffic_split is not None:
            one = _split(call, one, 100 * body.traffic_split)
    return _shown(call, org_id, one)


@door.delete(ONE, Rule(permission=Permission.EDIT, status=204, errors=(409,)))
def delete_experiment(call: The, org_id: str, experiment_id: str) -> Response:
    """Delete one that is not running."""
    return DIALECT.delete(call, _found(call, org_id, experiment_id).id)


@door.post(f"{ONE}/start", ACT)
def start(call: The, org_id: str, experiment_id: str) -> Response:
    """Route traffic to both groups; one that is paused resumes."""
    return _step(call, org_id, experiment_id, lambda one: _verb(call, one, Verb.START))


@door.post(f"{ONE}/stop", ACT)
def stop(call: The, org_id: str, experiment_id: str) -> Response:
    """Stop: no new sessions are assigned."""
    return _step(call, org_id, experiment_id, lambda one: _verb(call, one, Verb.STOP))


@door.post(f"{ONE}/archive", ACT)
def archive(call: The, org_id: str, experiment_id: str) -> Response:
    """Archive a completed or stopped experiment."""

    def act(one: Experiment) -> Experiment:
        if one.status not in {Status.STOPPED, Status.COMPLETED}:
            raise invalid_transition(
                one.place, "Only a completed or stopped experiment can be archived."
            )
        return _verb(call, one, Verb.ARCHIVE)

    return _step(call, org_id, experiment_id, act)


@door.post(
    f"{ONE}/deploy",
    Rule(permission=Permission.DEPLOY, answer=One[ExperimentAnswer], errors=(409,)),
)
def deploy(call: The, org_id: str, experiment_id: str, body: Deploy) -> Response:
    """Give everybody one of the two; a running experiment is stopped first, then archived."""

    def act(one: Experiment) -> Experiment:
        require(call.actor, Permission.DEPLOY)
        if one.deployed is not None:
            raise already_deployed(one)
        if one.place in {Status.RUNNING, Status.PAUSED}:
            one = _verb(call, one, Verb.STOP)
        return acting.transition(
            call.ws, call.actor, one.id, Verb.DEPLOY, version=one.version,
            winner=body.variant, reason=REASON, acknowledge=tuple(CONDITIONS),
        )  # fmt: skip

    return _step(call, org_id, experiment_id, act)


@door.get(f"{ONE}/metrics", Rule(permission=Permission.RESULTS, answer=MetricsAnswer))
def metrics(call: The, org_id: str, experiment_id: str) -> Response:
    """Both groups, and whether their success rates differ."""
    one = _found(call, org_id, experiment_id)
    measured = common.numbers_of(call, one)
    values: dict[str, dict[str, float | None]] = {CONTROL: {}, VARIANT: {}}
    p_value: float | None = None
    for metric in measured.result.metrics:
        for arm in metric.arms:
            values[arm.variant][metric.key] = common.number(arm.value)
            if metric.key == "success" and arm.contrast is not None:
                p_value = common.number(arm.contrast.p_value)
    confidence = 1 - one.plan.alpha
    return answers.raw({
        **{arm: group_body(measured.units.get(arm, 0), values[arm]) for arm in values},
        "significance": {
            "p_value": p_value,
            "significant": p_value is not None and p_value < one.plan.alpha,
            "confidence": confidence,
        },
    })  # fmt: skip


def _own(call: Call, org_id: str) -> None:
    """The path names the organisation of the key, by id or slug."""
    own = organisations.organisation_of(call.ws, call.actor.org_id)
    if org_id not in {own.id, own.slug}:
        raise NotFoundError(f"There is no organisation “{org_id}”.")


def _found(call: Call, org_id: str, experiment_id: str) -> Experiment:
    _own(call, org_id)
    one = DIALECT.found(call, experiment_id)
    if not is_pair(one):
        raise NotFoundError(f"There is no experiment of two versions “{experiment_id}”.")
    return one


def _step(
    call: Call, org_id: str, experiment_id: str, act: Callable[[Experiment], Experiment]
) -> Response:
    with call.ws.db.write():
        after = act(_found(call, org_id, experiment_id))
    return _shown(call, org_id, after)


def _verb(call: Call, one: Experiment, verb: Verb) -> Experiment:
    return acting.transition(
        call.ws, call.actor, one.id, verb, version=one.version, reason=REASON
    )


def _split(call: Call, one: Experiment, share: int) -> Experiment:
    weights = {CONTROL: 10_000 - share, VARIANT: share}
    if weights == one.weights_bp:
        return one
    return traffic.change_traffic(
        call.ws, call.actor, one.id, version=one.version, weights_bp=weights, reason=REASON
    )


def _arm(key: str, weight: int, version_hash: str) -> VariantDraft:
    value = {"version_hash": version_hash}
    return VariantDraft(
        key, key, is_control=key == CONTROL, weight_bp=weight, value=value,
        version_hash=version_hash,
    )  # fmt: skip


def _shown(call: Call, org_id: str, one: Experiment) -> Response:
    return answers.one(experiment_body(call, one, org_id, common.locators(call)))
