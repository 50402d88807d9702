"""Versions for everybody or for one unit, and taking them back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import listed, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Many, One, moment, sortable
from experiments_core.domain.access import Permission
from experiments_core.domain.deployment import CONDITIONS, PARTICIPANT, Deployment
from experiments_core.services import deploying

door = Door("Deployments")

AT = "/experiments/{experiment}/deployments"
Reason = Annotated[str, Field(max_length=500)]
Condition = Literal["not_significant", "health_red", "plan_not_reached", "guardrail_not_safe"]


class NewDeployment(Body):
    """Which version, for whom, why, and which unmet conditions are known."""

    variant: Annotated[str, Field(min_length=1, max_length=100)]
    target: Literal["production", "project", "participant"] = "production"
    unit_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    reason: Reason = ""
    acknowledge: Annotated[
        list[Condition], Field(default_factory=list, max_length=len(CONDITIONS))
    ]


class Why(Body):
    """A reason."""

    reason: Reason = ""


class DeploymentAnswer(Answer):
    """One version given to everybody or to one unit."""

    id: str
    experiment_id: str
    variant: str
    target: str
    unit_id: str | None
    state: Literal["active", "reverted"]
    reason: str
    acknowledged: list[str]
    by: str
    created_at: str
    reverted_at: str | None
    reverted_by: str | None


@door.get(AT, Rule(permission=Permission.READ, answer=Many[DeploymentAnswer]))
def list_deployments(call: The, experiment: str, page: Page) -> Response:
    """Every deployment of an experiment, the newest first."""
    found = deploying.deployments(call.ws, call.actor, experiment)[::-1]
    return listed(
        call.request_id,
        found,
        page,
        lambda x: (sortable(x.created_at), x.id),
        body_of,
        down=True,
    )


@door.post(
    AT,
    Rule(
        permission=Permission.DEPLOY, answer=One[DeploymentAnswer], status=201,
        heeds_version=True, errors=(409,),
    ),
)  # fmt: skip
def deploy(call: The, experiment: str, body: NewDeployment) -> Response:
    """Give everybody a version (the experiment goes to the archive), or one unit.

    If-Match is needed for everybody; one unit changes nothing about the experiment.
    """
    alone = body.target == PARTICIPANT and call.if_match is None
    _, made = deploying.deploy(
        call.ws, call.actor, experiment, version=None if alone else call.version(),
        variant=body.variant,
        target=body.target, unit_id=body.unit_id, reason=body.reason,
        acknowledge=body.acknowledge,
    )  # fmt: skip
    return one(body_of(made), status=201)


@door.post(
    "/deployments/{deployment}/revert",
    Rule(permission=Permission.DEPLOY, answer=One[DeploymentAnswer], errors=(409,)),
)
def revert(call: The, deployment: str, body: Why | None = None) -> Response:
    """Take a deployment back: the former version is served again."""
    reason = body.reason if body else ""
    _, ended = deploying.revert(call.ws, call.actor, deployment, reason=reason)
    return one(body_of(ended))


def body_of(deployment: Deployment) -> dict[str, Any]:
    """Render a deployment."""
    body = asdict(deployment) | {"state": deployment.state}
    del body["org_id"], body["previous"]
    return body | {
        "acknowledged": list(deployment.acknowledged),
        "created_at": moment(deployment.created_at),
        "reverted_at": moment(deployment.reverted_at),
    }
