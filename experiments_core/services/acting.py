"""The verbs: start, pause, stop, complete and so on; which are allowed, and doing one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from experiments_core.domain.access import Actor, Permission, may, require
from experiments_core.domain.acts import Act, needed_permission, perform
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Verb, VerbInfo, allowed_actions
from experiments_core.domain.text import clean
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import deployed, deploying, erasing, places
from experiments_core.services.project_rules import check_slot
from experiments_core.services.saving import Also, Save, moment
from experiments_core.services.workspace import Workspace


def allowed_verbs(experiment: Experiment, actor: Actor | None = None) -> tuple[VerbInfo, ...]:
    """The verbs that the transition table allows now, each with what it will do.

    Args:
        experiment: The experiment.
        actor: Leaves out what this actor may not do; None leaves nothing out.
    """
    return tuple(
        info
        for info in allowed_actions(experiment.place)
        if (actor is None or may(actor, info.permission))
        and not (info.verb is Verb.DEPLOY and experiment.deployed)
    )


def transition(
    ws: Workspace,
    actor: Actor,
    reference: str,
    verb: str,
    *,
    version: int,
    reason: str = "",
    conclusion: str | None = None,
    note: str = "",
    reassign: str = "keep",
    winner: str | None = None,
    unstated: bool = False,
    acknowledge: Iterable[str] = (),
    at: datetime | None = None,
) -> Experiment:
    """Start, pause, resume, stop, complete, reopen, deploy, archive, unarchive and so on.

    Args:
        ws: The workspace.
        actor: Who does it.
        reference: Id, key or slug.
        verb: One of :class:`~experiments_core.domain.lifecycle.Verb`.
        version: The version the actor last read.
        reason: Why; needed to reopen, and to complete before the planned end.
        conclusion: Needed to complete: won, lost, inconclusive, stopped_early or invalid.
        note: Goes with the conclusion.
        reassign: For a new run: ``keep`` everybody's variant, or assign ``fresh``.
        winner: Key of a variant. With a stop everybody gets it, whatever the results say (the
            conditions that are not met are written down); with a conclusion it is only
            remembered; needed to deploy.
        unstated: To complete without a conclusion, as clients of other services do.
        acknowledge: To deploy: codes of unmet conditions that the actor knows of.
        at: When it happened, for history recorded after the fact; now when left out.

    Raises:
        ConflictError: ``INVALID_TRANSITION`` with the verbs allowed now, ``CHECKLIST``,
            ``DEPLOY_NOT_SUPPORTED`` or ``ALREADY_DEPLOYED``.
        VersionStaleError: somebody saved since that version.
        InvalidInputError: something that has to be told with the verb is missing or wrong.
        ForbiddenError: the verb needs a higher role.
    """
    known = _verb(verb)
    if known is Verb.DEPLOY:
        after, _ = deploying.deploy(
            ws, actor, reference, variant=winner, version=version, reason=reason,
            acknowledge=acknowledge, at=at,
        )  # fmt: skip
        return after
    require(actor, Permission.EDIT)
    if known is Verb.PURGE:
        return erasing.purge(ws, actor, reference, version=version)

    def change(experiment: Experiment) -> Experiment:
        act = Act(
            known, moment(at, ws.now(), experiment), actor.name, reason, conclusion, note,
            reassign, winner, unstated,
        )  # fmt: skip
        done = perform(experiment, act)
        require(actor, needed_permission(experiment, known))
        return done

    said = "; ".join(text for text in (clean(reason), clean(note)) if text)
    save = Save(ws, actor, known.value, said, at)
    if known is Verb.STOP and winner is not None:
        also = _deploys(ws, actor, reference, winner, reason)
    else:
        also = _checks(actor, known)
    return save.change(reference, version, change, also)


def _deploys(ws: Workspace, actor: Actor, reference: str, winner: str, reason: str) -> Also:
    """Everybody gets the winner of a stop; what was not met is written down with it."""
    require(actor, Permission.DEPLOY)
    unmet = deploying.conditions(ws, actor, reference, winner)

    def also(cursor: Any, before: Experiment, _after: Experiment) -> None:
        deployed.record(
            ws, actor, cursor, before, variant=winner, reason=reason, acknowledged=unmet
        )

    return also


def _checks(actor: Actor, verb: Verb) -> Also:
    """What has to be free again for a test that comes back."""

    def also(cursor: Any, _before: Experiment, after: Experiment) -> None:
        if verb in {Verb.START, Verb.RESTORE, Verb.UNARCHIVE}:
            check_slot(cursor, after)
        if verb is Verb.RESTORE:
            places.check_external_ids(cursor, actor, after.id, after.external_ids)

    return also


def _verb(text: str) -> Verb:
    try:
        return Verb(text)
    except ValueError:
        message = f"There is no verb “{text}”; there are {', '.join(Verb)}."
        problem = Problem("verb", text, "UNKNOWN_CHOICE", message)
        raise InvalidInputError(message, details=(problem,)) from None
