"""Giving a version to everybody, or to one unit: what is recorded and what has to be known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status, action_names, invalid_transition
from experiments_core.domain.text import clean, text_problems
from experiments_core.errors import ConflictError, Problem

PRODUCTION = "production"
PROJECT = "project"
PARTICIPANT = "participant"
TARGETS = (PRODUCTION, PROJECT, PARTICIPANT)
UNIT_LENGTH = 256

CONDITIONS: dict[str, str] = {
    "not_significant": "It is not shown to be better on every primary metric",
    "health_red": "A health check is red",
    "plan_not_reached": "The plan was not reached",
    "guardrail_not_safe": "A guardrail is not shown to be safe",
}
"""What a deployment to everybody should rest on: code -> what is said where it does not."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version given to everybody or to one unit.

    Attributes:
        variant: Its key.
        target: ``production``, ``project`` or ``participant``.
        unit_id: The unit, for a participant only.
        previous: Key of the variant that a revert gives back; None is control, and for a
            participant the arm of its assignment.
        acknowledged: Codes of :data:`CONDITIONS` that were not met and taken note of.
        reverted_at: None while it is active.
    """

    id: str
    experiment_id: str
    variant: str
    target: str
    unit_id: str | None
    previous: str | None
    reason: str
    acknowledged: tuple[str, ...]
    by: str
    created_at: datetime
    reverted_at: datetime | None = None
    reverted_by: str | None = None
    org_id: str = "default"

    @property
    def state(self) -> str:
        """``active`` or ``reverted``."""
        return "active" if self.reverted_at is None else "reverted"


def check_acknowledged(
    experiment: Experiment, unmet: Iterable[str], acknowledged: Iterable[str]
) -> None:
    """Refuse to deploy on conditions that are not met and nobody took note of.

    Raises:
        ConflictError: ``DEPLOY_NOT_SUPPORTED`` with each of them.
    """
    known = set(acknowledged)
    missing = [code for code in unmet if code not in known]
    if not missing:
        return
    said = "; ".join(_lowered(CONDITIONS[code]) for code in missing)
    raise ConflictError(
        f"The results do not carry this deployment: {said}.",
        code="DEPLOY_NOT_SUPPORTED",
        hint=f"To deploy all the same, acknowledge: {', '.join(missing)}.",
        details=tuple(
            Problem("acknowledge", code, "REQUIRED", CONDITIONS[code]) for code in missing
        ),
        allowed_actions=action_names(experiment.place),
    )


def deployment_problems(
    experiment: Experiment,
    *,
    variant: object,
    target: object,
    unit_id: object,
    reason: object,
    acknowledge: Iterable[object],
) -> list[Problem]:
    """Check what was said with a deployment, all of it at once."""
    keys = [one.key for one in experiment.variants]
    problems = []
    if variant not in keys:
        rule = "REQUIRED" if variant is None else "UNKNOWN_CHOICE"
        message = f"there is no variant “{variant}”; there are {', '.join(keys)}"
        problems.append(Problem("variant", variant, rule, message))
    if target not in TARGETS:
        message = f"target is “{target}”; choose one of {', '.join(TARGETS)}"
        problems.append(Problem("target", target, "UNKNOWN_CHOICE", message))
    if target == PARTICIPANT:
        problems += text_problems("unit_id", unit_id or "", shortest=1, longest=UNIT_LENGTH)
    elif unit_id is not None:
        message = "a unit is named only with the target “participant”"
        problems.append(Problem("unit_id", unit_id, "UNKNOWN_FIELD", message))
    problems += text_problems("reason", reason, longest=500, lines=True)
    for code in acknowledge:
        if code not in CONDITIONS:
            message = f"there is no condition “{code}”; there are {', '.join(CONDITIONS)}"
            problems.append(Problem("acknowledge", code, "UNKNOWN_CHOICE", message))
    return problems


def check_participant_place(experiment: Experiment) -> None:
    """Refuse a version for one unit in the archive and the bin.

    Raises:
        ConflictError: ``INVALID_TRANSITION``.
    """
    if experiment.place not in set(Status) - {Status.ARCHIVED}:
        way = "Restore" if experiment.deleted_at else "Unarchive"
        raise invalid_transition(
            experiment.place, f"{way} it to give a participant another version."
        )


def check_active(deployment: Deployment) -> None:
    """Refuse to revert twice.

    Raises:
        ConflictError: ``ALREADY_REVERTED``.
    """
    if deployment.reverted_at is None:
        return
    raise ConflictError(
        f"This deployment was reverted on {deployment.reverted_at:%Y-%m-%d}"
        f"{f' by {deployment.reverted_by}' if deployment.reverted_by else ''}.",
        code="ALREADY_REVERTED",
    )


def cleaned_unit(unit_id: str | None) -> str | None:
    """A unit id without surrounding blanks, otherwise exactly as given."""
    return None if unit_id is None else unit_id.strip()


def cleaned_reason(reason: str) -> str:
    """The reason as it is kept."""
    return clean(reason)


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
