"""The life of an experiment: one enum, one table.

::

    draft → running ⇄ paused
            running, paused → stopped → running (a new run)
            running, paused, stopped → completed → stopped (reopen)
            draft, stopped, completed → archived → back (unarchive)
            stopped, completed → archived with a version for everyone (deploy)
            draft, stopped, completed, archived → bin → back (restore, 30 days) or gone (purge)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from experiments_core.domain.access import Permission
from experiments_core.errors import ConflictError, Problem


class Status(StrEnum):
    """Where an experiment stands."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    COMPLETED = "completed"
    ARCHIVED = "archived"


class Verb(StrEnum):
    """What a person can do with an experiment's life."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    COMPLETE = "complete"
    REOPEN = "reopen"
    DEPLOY = "deploy"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    DELETE = "delete"
    RESTORE = "restore"
    PURGE = "purge"


BIN = "bin"
"""Where a deleted experiment is; its status waits underneath."""

GONE = "gone"
"""Target of the verb after which nothing is left but the audit trail."""

PREVIOUS = "previous"
"""Target of the verbs that lead back to the status before."""

BIN_DAYS = 30


@dataclass(frozen=True, slots=True)
class Step:
    """One cell of the table.

    Attributes:
        target: A :class:`Status`, :data:`BIN`, :data:`GONE` or :data:`PREVIOUS`.
        label: What a button says.
        what_happens: What the verb does from here, for the person about to use it.
        asks: What has to be told with it: ``reason``, ``conclusion``, ``variant``.
        permission: The right it needs.
        listed: False for a second name of a verb that is listed already.
    """

    target: str
    label: str
    what_happens: str
    asks: tuple[str, ...] = ()
    permission: Permission = Permission.EDIT
    listed: bool = True


@dataclass(frozen=True, slots=True)
class VerbInfo:
    """A verb that is allowed now, with what :class:`Step` says about it."""

    verb: Verb
    label: str
    what_happens: str
    asks: tuple[str, ...] = ()
    permission: Permission = Permission.EDIT


_BEGIN = (
    "Seals hypothesis, metrics and plan, and opens phase 1: new units enter from now on. "
    "Results begin with the first data."
)
_AGAIN = (
    "Starts a new run. Units keep the version they have, unless everybody is assigned anew. "
    "Earlier data are kept; results count all runs that share their assignments."
)
_PAUSE = (
    "Units in the test keep their version, new ones get the fallback. Data are accepted, and "
    "results go on."
)
_RESUME = (
    "New units enter again under the present split, the others keep their version. Data and "
    "results go on, in a new phase of the same run."
)
_STOP = (
    "The test ends and everyone gets the fallback. Data are kept and results become final; a "
    "new run can follow."
)
_COMPLETE = (
    "Records how the test ended and closes it; everyone gets the fallback. Results are final; "
    "late data can be imported and are marked."
)
_REOPEN = (
    "Takes the conclusion back, which stays in the history; the test is stopped again. Nothing "
    "changes for users, data and results."
)
_DEPLOY = (
    "Everyone gets the version you choose, and the experiment goes to the archive. Data and "
    "results stay as they are. It can be reverted."
)
_ARCHIVE = (
    "Leaves the list and becomes read-only. Nothing changes for users, data and results; "
    "Unarchive brings it back as it is."
)
_UNARCHIVE = (
    "Comes back to the list in the status it had. Nothing changes for users, data and results."
)
_DELETE = (
    f"Goes to the bin for {BIN_DAYS} days, with its data and results; users get the fallback. "
    "Its key stays reserved."
)
_RESTORE = (
    "Comes back as it was when it was deleted, with its data and results. Nothing changes for "
    "users."
)
_PURGE = (
    "Erases the experiment with its data, looks and decisions for ever, and units get no "
    "answer any more. Only the audit trail remains."
)

_stop = Step(Status.STOPPED, "Stop", _STOP)
_complete = Step(Status.COMPLETED, "Complete", _COMPLETE, asks=("conclusion",))
_archive = Step(Status.ARCHIVED, "Archive", _ARCHIVE)
_deploy = Step(
    Status.ARCHIVED, "Deploy", _DEPLOY, asks=("variant",), permission=Permission.DEPLOY
)
_delete = Step(BIN, "Delete", _DELETE)

TRANSITIONS: dict[tuple[str, Verb], Step] = {
    (Status.DRAFT, Verb.START): Step(Status.RUNNING, "Start", _BEGIN),
    (Status.DRAFT, Verb.ARCHIVE): _archive,
    (Status.DRAFT, Verb.DELETE): _delete,
    (Status.RUNNING, Verb.PAUSE): Step(Status.PAUSED, "Pause", _PAUSE),
    (Status.RUNNING, Verb.STOP): _stop,
    (Status.RUNNING, Verb.COMPLETE): _complete,
    (Status.PAUSED, Verb.RESUME): Step(Status.RUNNING, "Resume", _RESUME),
    (Status.PAUSED, Verb.START): Step(Status.RUNNING, "Resume", _RESUME, listed=False),
    (Status.PAUSED, Verb.STOP): _stop,
    (Status.PAUSED, Verb.COMPLETE): _complete,
    (Status.STOPPED, Verb.START): Step(Status.RUNNING, "Start a new run", _AGAIN),
    (Status.STOPPED, Verb.COMPLETE): _complete,
    (Status.STOPPED, Verb.DEPLOY): _deploy,
    (Status.STOPPED, Verb.ARCHIVE): _archive,
    (Status.STOPPED, Verb.DELETE): _delete,
    (Status.COMPLETED, Verb.DEPLOY): _deploy,
    (Status.COMPLETED, Verb.REOPEN): Step(
        Status.STOPPED, "Reopen", _REOPEN, asks=("reason",), permission=Permission.REOPEN
    ),
    (Status.COMPLETED, Verb.ARCHIVE): _archive,
    (Status.COMPLETED, Verb.DELETE): _delete,
    (Status.ARCHIVED, Verb.UNARCHIVE): Step(PREVIOUS, "Unarchive", _UNARCHIVE),
    (Status.ARCHIVED, Verb.DELETE): _delete,
    (BIN, Verb.RESTORE): Step(PREVIOUS, "Restore", _RESTORE),
    (BIN, Verb.PURGE): Step(GONE, "Purge", _PURGE, permission=Permission.PURGE),
}
"""The only truth about what may follow what: (place, verb) -> step."""

_IS: dict[str, str] = {
    Status.DRAFT: "is a draft",
    Status.RUNNING: "is running",
    Status.PAUSED: "is paused",
    Status.STOPPED: "is stopped",
    Status.COMPLETED: "is completed",
    Status.ARCHIVED: "is archived",
    BIN: "is in the bin",
}
_ONLY: dict[Verb, str] = {
    Verb.RESUME: "Only a paused experiment can be resumed.",
    Verb.REOPEN: "Only a completed experiment can be reopened.",
    Verb.UNARCHIVE: "Only an archived experiment can be unarchived.",
    Verb.RESTORE: "Only an experiment in the bin can be restored.",
    Verb.PURGE: "Only an experiment in the bin can be purged.",
}
_STARTED_ONLY: dict[Verb, str] = {
    Verb.PAUSE: "Only a running experiment can be paused.",
    Verb.STOP: "Only one that has been started can be stopped.",
    Verb.COMPLETE: "Only one that has been started can be completed.",
    Verb.DEPLOY: "Only one that has been started can be deployed.",
}


def advance(place: str, verb: Verb) -> Step:
    """Look a step up in the table.

    Args:
        place: The status, or :data:`BIN` for a deleted experiment.
        verb: What is asked for.

    Raises:
        ConflictError: ``INVALID_TRANSITION``: where the experiment stands, what to do first,
            and the verbs that are allowed now.
    """
    step = TRANSITIONS.get((place, verb))
    if step is None:
        raise invalid_transition(place, _advice(place, verb), (_misplaced(place, verb),))
    return step


def allowed_actions(place: str) -> tuple[VerbInfo, ...]:
    """Every verb the table allows from here, in the order of the table."""
    return tuple(
        VerbInfo(verb, step.label, step.what_happens, step.asks, step.permission)
        for (origin, verb), step in TRANSITIONS.items()
        if origin == place and step.listed
    )


def action_names(place: str) -> tuple[str, ...]:
    """What a program may ask for now: the verbs, and ``traffic`` while a test is under way."""
    verbs = tuple(info.verb.value for info in allowed_actions(place))
    under_way = place in {Status.RUNNING, Status.PAUSED}
    return (*verbs, "traffic") if under_way else verbs


def invalid_transition(
    place: str, advice: str, details: tuple[Problem, ...] = ()
) -> ConflictError:
    """The refusal of something that the present state does not allow."""
    return ConflictError(
        f"This experiment {_IS[place]}. {advice}",
        code="INVALID_TRANSITION",
        details=details,
        allowed_actions=action_names(place),
    )


def _misplaced(place: str, verb: Verb) -> Problem:
    origins = [origin for (origin, other) in TRANSITIONS if other is verb]
    listed = " or ".join(filter(None, (", ".join(origins[:-1]), origins[-1])))
    return Problem("status", str(place), f"must be {listed}", f"{verb} needs {listed}")


def _what_first(place: str, goals: frozenset[str]) -> str:
    """Name the verbs that lead from here to one of the goals: “stop it”, “reopen and start it”.

    From the archive and the bin only the way out can be named: where it leads depends.
    """
    if place == BIN:
        return "restore it"
    if place == Status.ARCHIVED:
        return "unarchive it"
    waiting: deque[tuple[str, tuple[str, ...]]] = deque([(place, ())])
    seen = {place}
    while True:
        here, path = waiting.popleft()
        if here in goals:
            return f"{' and '.join(path)} it"
        for (origin, verb), step in TRANSITIONS.items():
            if origin == here and step.target not in seen:
                seen.add(step.target)
                waiting.append((step.target, (*path, verb.value)))


def _advice(place: str, verb: Verb) -> str:
    targets = {step.target for (_, other), step in TRANSITIONS.items() if other is verb}
    if place in targets and verb not in _ONLY:
        return f"There is nothing to {verb.value}."
    if place != BIN and verb in _ONLY:
        return _ONLY[verb]
    if place == Status.DRAFT and verb in _STARTED_ONLY:
        return _STARTED_ONLY[verb]
    origins = frozenset(origin for origin, other in TRANSITIONS if other is verb)
    return f"To {verb.value} it, {_what_first(place, origins)} first."
