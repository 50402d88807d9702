"""Scheduled ramps: planned by people, taken by the actor ``ramp``, stopped by harm."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from experiments_core.domain import ramp as rules
from experiments_core.domain.access import (
    Actor,
    AuditEvent,
    Permission,
    Role,
    event_by,
    require,
)
from experiments_core.domain.experiment import Experiment, RampStep
from experiments_core.domain.traffic import change_traffic
from experiments_core.errors import ConflictError, UpshotError
from experiments_core.services import analyses
from experiments_core.services.places import check_strict
from experiments_core.services.saving import EXPERIMENT, Save, find
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit, catalog

PLANNED, STOPPED, NOTED = "ramp", "ramp_stopped", "ramp_noted"
"""What the audit trail calls a ramp that was planned, one that stopped by itself, and that
somebody has taken note of it."""

log = logging.getLogger("upshot.ramp")


def ramp_actor(org_id: str) -> Actor:
    """Who takes the steps, as the audit trail names it."""
    return Actor("ramp", Role.EDITOR, org_id)


def set_ramp(
    ws: Workspace,
    actor: Actor,
    reference: str,
    steps: Sequence[RampStep],
    *,
    version: int | None,
) -> Experiment:
    """Plan the rises of the allocation; an empty list plans none.

    Raises:
        ConflictError: ``ALLOCATION_SHRINKS``, ``STRICT_TRAFFIC``, or the test has ended.
        InvalidInputError: a step is not in the future, or out of order.
        VersionStaleError: somebody saved since that version.
    """
    require(actor, Permission.EDIT)

    def change(experiment: Experiment) -> Experiment:
        if steps:
            check_strict(ws, actor, experiment)
        rules.check_ramp(experiment, steps, ws.now())
        return replace(experiment, ramp=tuple(steps))

    return Save(ws, actor, PLANNED).change(reference, version, change)


def take_due_steps(ws: Workspace) -> list[str]:
    """Take every step whose time has come, or stop the ramp; what was done, in words.

    A harmed guardrail, a red health check or a strict project clears the whole ramp: somebody
    has to look and plan it again.
    """
    now = ws.now()
    with ws.db.read() as cursor:
        waiting = [one for one in catalog.running_experiments(cursor) if rules.due(one, now)]
    done = []
    for experiment in waiting:
        try:
            done.append(_take(ws, experiment))
        except UpshotError as error:
            log.warning("ramp of %s: %s", experiment.key, error.message)
    return done


def stopped_ramps(ws: Workspace, actor: Actor) -> dict[str, AuditEvent]:
    """Ramps that stopped by themselves, by the experiment's id; the event's note says why.

    Left out are those that were planned again, or that somebody has taken note of.
    """
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        last = audit.last_events(cursor, actor.org_id, EXPERIMENT, (PLANNED, STOPPED, NOTED))
    return {event.object_id: event for event in last if event.verb == STOPPED}


def take_note(ws: Workspace, actor: Actor, reference: str) -> None:
    """Say that a ramp that stopped by itself was seen; it is told to nobody any more.

    Raises:
        NotFoundError: there is no such experiment.
    """
    require(actor, Permission.EDIT)
    with ws.db.write() as cursor:
        seen = find(cursor, actor, reference)
        event = event_by(actor, ws.now(), NOTED, EXPERIMENT, seen.id)
        audit.append_event(cursor, ws.db.secret, event)


def reason_to_stop(ws: Workspace, actor: Actor, reference: str) -> str | None:
    """Why nobody else should enter now; None when nothing speaks against it."""
    view = analyses.judged(ws, actor, reference, trigger="ramp")
    result = view.result
    names = {one.key: one.name or one.key for one in view.experiment.variants}
    for card in result.health:
        if card.level == "fail":
            return f"{card.label}: {card.message}"
    for metric in result.metrics:
        for arm in metric.arms:
            if arm.contrast is not None and arm.contrast.guardrail == "harmed":
                return f"The guardrail “{metric.name}” is harmed by {names[arm.variant]}."
    return None


def _forbidden(ws: Workspace, actor: Actor, experiment: Experiment) -> str | None:
    """Why the project allows no step; a draft's ramp may have been planned before."""
    try:
        check_strict(ws, actor, experiment)
    except ConflictError as error:
        return error.message
    return None


def _take(ws: Workspace, experiment: Experiment) -> str:
    actor = ramp_actor(experiment.org_id)
    why = _forbidden(ws, actor, experiment) or reason_to_stop(ws, actor, experiment.id)
    now = ws.now()
    if why is not None:

        def clear(before: Experiment) -> Experiment:
            return replace(before, ramp=())

        Save(ws, actor, STOPPED, why[:500]).change(experiment.id, None, clear)
        return f"{experiment.key}: ramp stopped. {why}"

    def rise(before: Experiment) -> Experiment:
        step = rules.due(before, now)
        rest = replace(before, ramp=rules.ahead(before.ramp, now))
        if step is None or step.allocation_bp <= before.allocation_bp:
            return rest
        return change_traffic(
            rest,
            weights_bp=None,
            allocation_bp=step.allocation_bp,
            reason=f"Scheduled ramp to {step.allocation_bp / 100:g} %.",
            at=now,
            by=actor.name,
        )

    after = Save(ws, actor, "traffic", "scheduled ramp").change(experiment.id, None, rise)
    return f"{experiment.key}: allocation {after.allocation_bp / 100:g} %"
