"""Find experiments: filters, words, order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import TYPES, Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.text import clean
from experiments_core.domain.validation import refuse
from experiments_core.errors import Problem
from experiments_core.services import listing
from experiments_core.services.experiments import list_experiments
from experiments_core.services.workspace import Workspace

SORTS: dict[str, Callable[[Experiment], Any]] = {
    "updated_at": lambda one: one.updated_at.timestamp(),
    "created_at": lambda one: one.created_at.timestamp(),
    "started_at": lambda one: one.started_at.timestamp() if one.started_at else None,
    "name": lambda one: one.name.casefold(),
    "key": lambda one: one.key.casefold(),
    "status": lambda one: list(Status).index(one.status),
}
DEFAULT_SORT = "-updated_at"
VERDICTS = (
    "no_data", "too_early", "interim", "cannot_say", "mixed", "better", "worse",
    "no_clear_difference",
)  # fmt: skip
"""Codes that a reading may have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; None narrows nothing.

    Attributes:
        status: A status, or ``bin`` for those deleted; without it archive and bin are left out.
        owner: A name, or ``me``.
        resource: Id of a resource.
        verdict: Code of the newest reading.
        q: Words that name, key, description, hypothesis or tags contain, all of them.
        updated_since: Changed at or after this moment.
    """

    status: str | None = None
    project: str | None = None
    environment: str | None = None
    type: str | None = None
    tag: str | None = None
    owner: str | None = None
    resource: str | None = None
    verdict: str | None = None
    q: str | None = None
    updated_since: datetime | None = None


def search(
    ws: Workspace, actor: Actor, wanted: Wanted, sort: str = DEFAULT_SORT
) -> list[Experiment]:
    """The experiments that fit every filter, in order.

    Args:
        ws: The workspace.
        actor: Who asks.
        wanted: The filters.
        sort: One of :data:`SORTS`, with ``-`` before it for downward.

    Raises:
        InvalidInputError: an unknown status, type, verdict or order.
    """
    refuse(_problems(wanted, sort))
    found = list_experiments(
        ws,
        actor,
        include_archived=wanted.status == Status.ARCHIVED,
        in_bin=wanted.status == "bin",
    )
    fitting = [one for one in found if _fits(one, wanted, actor)]
    if wanted.verdict is not None:
        known = listing.summaries(ws, actor)
        fitting = [
            one
            for one in fitting
            if (known[one.id].verdict if one.id in known else "no_data") == wanted.verdict
        ]
    return sorted(fitting, key=place(sort), reverse=sort.startswith("-"))


def place(sort: str) -> Callable[[Experiment], tuple[Any, ...]]:
    """Where an experiment stands in that order: whether it has the value, the value, its id."""
    value = SORTS[sort.removeprefix("-")]

    def found(one: Experiment) -> tuple[Any, ...]:
        key = value(one)
        return (0, 0, one.id) if key is None else (1, key, one.id)

    return found


def _fits(one: Experiment, wanted: Wanted, actor: Actor) -> bool:
    owner = actor.name if wanted.owner == "me" else wanted.owner
    exact = (
        (wanted.project, one.project),
        (wanted.environment, one.environment),
        (wanted.type, one.type),
        (owner, one.owner),
        (wanted.resource, one.resource),
    )
    if wanted.status not in {None, "bin"} and one.status != wanted.status:
        return False
    if any(asked is not None and asked != has for asked, has in exact):
        return False
    if wanted.tag is not None and wanted.tag.casefold() not in map(str.casefold, one.tags):
        return False
    if wanted.updated_since is not None and one.updated_at < wanted.updated_since:
        return False
    return _contains(one, wanted.q)


def _contains(one: Experiment, words: str | None) -> bool:
    if not words:
        return True
    text = "\n".join((one.name, one.key, one.description, one.hypothesis, *one.tags))
    return all(word in text.casefold() for word in clean(words).casefold().split())


def _problems(wanted: Wanted, sort: str) -> list[Problem]:
    problems = []
    for name, value, choices in (
        ("status", wanted.status, (*Status, "bin")),
        ("type", wanted.type, TYPES),
        ("verdict", wanted.verdict, VERDICTS),
        ("sort", sort.removeprefix("-"), tuple(SORTS)),
    ):
        if value is not None and value not in choices:
            listed = ", ".join(choices)
            message = f"{name} is “{value}”; choose one of {listed}"
            problems.append(Problem(name, value, "UNKNOWN_CHOICE", message))
    return problems
