"""Give a version to everybody or to one unit, and take it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from experiments_core.analysis.readiness import unmet_conditions
from experiments_core.domain import deployment as rules
from experiments_core.domain.access import Actor, Permission, may, require
from experiments_core.domain.acts import Act, already_deployed, perform
from experiments_core.domain.deployment import PARTICIPANT, PRODUCTION, Deployment
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Verb, advance
from experiments_core.domain.text import clean
from experiments_core.domain.validation import refuse
from experiments_core.errors import NotFoundError
from experiments_core.services import analyses, deployed, webhooks
from experiments_core.services.pseudonyms import kept_units
from experiments_core.services.saving import Save, find, look_up, moment
from experiments_core.services.workspace import Workspace
from experiments_core.store import deployments as rows


def deploy(
    ws: Workspace,
    actor: Actor,
    reference: str,
    *,
    variant: str | None,
    version: int | None,
    target: str = PRODUCTION,
    unit_id: str | None = None,
    reason: str = "",
    acknowledge: Iterable[str] = (),
    at: datetime | None = None,
) -> tuple[Experiment, Deployment]:
    """Give everybody a version, or one unit.

    To everybody: the experiment goes to the archive and its fallback becomes the variant's
    value. To a participant: the status stays.

    Args:
        ws: The workspace.
        actor: Who deploys; needs the deploy right.
        reference: Id, key or slug.
        variant: Key of the variant.
        version: The version the actor last read; None does not compare.
        target: ``production``, ``project`` or ``participant``.
        unit_id: The unit, for a participant.
        reason: Why.
        acknowledge: Codes of unmet conditions that the actor knows of.
        at: When it happened, if it is recorded after the fact.

    Raises:
        ConflictError: ``DEPLOY_NOT_SUPPORTED`` with the conditions that are not met,
            ``ALREADY_DEPLOYED`` or ``INVALID_TRANSITION``.
        InvalidInputError: what was said breaks a rule.
        ForbiddenError: the actor may not deploy.
        VersionStaleError: somebody saved since that version.
    """
    if not may(actor, Permission.DEPLOY):
        require(actor, Permission.EDIT)
    codes = tuple(acknowledge)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
    if target == PARTICIPANT:
        rules.check_participant_place(experiment)
    elif experiment.deployed:
        raise already_deployed(experiment)
    else:
        advance(experiment.place, Verb.DEPLOY)
    require(actor, Permission.DEPLOY)
    refuse(rules.deployment_problems(
        experiment, variant=variant, target=target, unit_id=unit_id, reason=reason,
        acknowledge=codes,
    ))  # fmt: skip
    assert variant is not None  # noqa: S101  refused above
    save = Save(ws, actor, "deploy", clean(reason), at)
    if target == PARTICIPANT:
        return _to_one(save, experiment, version, variant=variant, unit_id=unit_id or "")
    unmet = conditions(ws, actor, experiment.id, variant)
    rules.check_acknowledged(experiment, unmet, codes)
    written: list[Deployment] = []

    def change(before: Experiment) -> Experiment:
        act = Act(Verb.DEPLOY, moment(at, ws.now(), before), actor.name, reason, winner=variant)
        return perform(before, act)

    def also(cursor: Any, before: Experiment, _after: Experiment) -> None:
        written.append(deployed.record(
            ws, actor, cursor, before, variant=variant, target=target, reason=reason,
            acknowledged=unmet,
        ))  # fmt: skip

    return save.change(experiment.id, version, change, also), written[0]


def _to_one(
    save: Save,
    experiment: Experiment,
    version: int | None,
    *,
    variant: str,
    unit_id: str,
) -> tuple[Experiment, Deployment]:
    """Give a version to one unit; the experiment stays as it is."""
    written: list[Deployment] = []

    def give(cursor: Any, before: Experiment, _after: Experiment) -> None:
        rules.check_participant_place(before)
        unit = rules.cleaned_unit(unit_id) or ""
        written.append(deployed.record(
            save.ws, save.actor, cursor, before, variant=variant, target=PARTICIPANT,
            unit_id=kept_units(save.ws, cursor, before, [unit])[unit], reason=save.note,
        ))  # fmt: skip

    return save.change(experiment.id, version, lambda before: before, give), written[0]


def conditions(ws: Workspace, actor: Actor, reference: str, variant: str) -> tuple[str, ...]:
    """Codes of the conditions that a deployment of this variant would not meet now.

    Who may deploy is told them, whether or not a key of theirs reads results too.
    """
    view = analyses.look(ws, replace(actor, scopes=None), reference)
    return unmet_conditions(view.result, view.design, variant)


def revert(
    ws: Workspace,
    actor: Actor,
    deployment_id: str,
    *,
    version: int | None = None,
    reason: str = "",
) -> tuple[Experiment, Deployment]:
    """Take a deployment back: everybody outside the test gets what they got before it.

    Args:
        ws: The workspace.
        actor: Who reverts; needs the deploy right.
        deployment_id: Its id.
        version: Of the experiment, as last read; None does not compare.
        reason: Why.

    Raises:
        NotFoundError: there is no such deployment.
        ConflictError: ``ALREADY_REVERTED``.
        ForbiddenError: the actor may not deploy.
    """
    require(actor, Permission.DEPLOY)
    with ws.db.read() as cursor:
        found = _found(cursor, actor, deployment_id)
    ended: list[Deployment] = []

    def change(before: Experiment) -> Experiment:
        rules.check_active(found)
        if found.target == PARTICIPANT:
            return before
        return replace(before, deployed=found.previous)

    def also(cursor: Any, _before: Experiment, after: Experiment) -> None:
        present = _found(cursor, actor, deployment_id)
        rules.check_active(present)
        ended.append(deployed.end(ws, actor, cursor, present, reason))
        webhooks.announce(ws, cursor, "revert", after, ended[0])

    save = Save(ws, actor, "revert", clean(reason))
    return save.change(found.experiment_id, version, change, also), ended[0]


def deployments(ws: Workspace, actor: Actor, reference: str) -> tuple[Deployment, ...]:
    """Every deployment of an experiment, the oldest first."""
    require(actor, Permission.READ)
    experiment = look_up(ws, actor, reference)
    return ws.db.recall(
        ("deployments", actor.org_id, experiment.id),
        lambda cursor: rows.deployments_of(cursor, actor.org_id, experiment.id),
    )


def _found(cursor: Any, actor: Actor, deployment_id: str) -> Deployment:
    found = rows.find_deployment(cursor, actor.org_id, deployment_id)
    if found is None:
        raise NotFoundError(
            f"There is no deployment “{deployment_id}”.",
            hint="Look in the experiment's list of deployments.",
        )
    return found
