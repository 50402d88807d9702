"""The rows of a deployment, written in the transaction of the change that makes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from experiments_core.domain.access import Actor, event_by
from experiments_core.domain.deployment import PRODUCTION, Deployment, cleaned_reason
from experiments_core.domain.experiment import Experiment
from experiments_core.services import webhooks
from experiments_core.services.pseudonyms import stand_in
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import deployments as rows

DEPLOYMENT = "deployment"


def record(
    ws: Workspace,
    actor: Actor,
    cursor: Any,
    before: Experiment,
    *,
    variant: str,
    target: str = PRODUCTION,
    unit_id: str | None = None,
    previous: str | None = None,
    reason: str = "",
    acknowledged: Iterable[str] = (),
) -> Deployment:
    """Write a deployment and its audit row; one to everybody ends the one before.

    Args:
        ws: The workspace.
        actor: Who deploys.
        cursor: Of the transaction that changes the experiment.
        before: The experiment as it was.
        variant: Key of the variant.
        target: ``production``, ``project`` or ``participant``.
        unit_id: For a participant.
        previous: What a revert gives back; for everybody it is what is deployed now.
        reason: As typed.
        acknowledged: Codes of the conditions that are not met.
    """
    everybody = unit_id is None
    deployment = Deployment(
        id=ws.new_id(),
        experiment_id=before.id,
        variant=variant,
        target=target,
        unit_id=unit_id,
        previous=before.deployed if everybody else previous,
        reason=cleaned_reason(reason),
        acknowledged=tuple(acknowledged),
        by=actor.name,
        created_at=ws.now(),
        org_id=actor.org_id,
    )
    for earlier in rows.deployments_of(cursor, actor.org_id, before.id):
        same = earlier.unit_id == unit_id
        if same and earlier.reverted_at is None:
            end(ws, actor, cursor, earlier, "superseded by a later deployment")
    rows.insert_deployment(cursor, deployment)
    _write_event(ws, actor, cursor, deployment, verb="deploy", note=deployment.reason)
    after = replace(before, deployed=variant) if everybody else before
    webhooks.announce(ws, cursor, "deploy", after, deployment)
    return deployment


def end(
    ws: Workspace, actor: Actor, cursor: Any, deployment: Deployment, reason: str
) -> Deployment:
    """Write the end of a deployment and its audit row."""
    ended = replace(deployment, reverted_at=ws.now(), reverted_by=actor.name)
    rows.end_deployment(cursor, ended)
    _write_event(ws, actor, cursor, ended, verb="revert", note=cleaned_reason(reason))
    return ended


def _write_event(
    ws: Workspace, actor: Actor, cursor: Any, deployment: Deployment, *, verb: str, note: str
) -> None:
    """The audit row of a deployment or its end."""
    event = event_by(
        actor,
        ws.now(),
        verb,
        DEPLOYMENT,
        deployment.id,
        before=None if verb == "deploy" else {"state": "active"},
        after={
            "experiment": deployment.experiment_id,
            "state": deployment.state,
            "variant": deployment.variant,
            "target": deployment.target,
            "unit": deployment.unit_id and stand_in(ws, actor.org_id, deployment.unit_id),
            "acknowledged": list(deployment.acknowledged),
        },
        note=note,
    )
    audit.append_event(cursor, ws.db.secret, event)
