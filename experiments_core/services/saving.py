"""Save a changed experiment: version compared, audit row written, all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from experiments_core.domain.access import Actor, event_by
from experiments_core.domain.documents import moment_text
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.phases import last_change
from experiments_core.domain.trace import changes_between, who_was_faster
from experiments_core.errors import InvalidInputError, NotFoundError, Problem, VersionStaleError
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit, catalog

EXPERIMENT = "experiment"

Also = Callable[[Any, Experiment, Experiment], None]
"""Writes further rows: cursor, the experiment before, the experiment after."""


@dataclass(frozen=True, slots=True)
class Save:
    """One change by one person.

    Attributes:
        verb: What the audit trail calls it.
        note: The reason that was given.
        at: When it happened, if it is recorded after the fact.
        merges: Fields that may be saved over a newer version in which nobody touched them.
    """

    ws: Workspace
    actor: Actor
    verb: str
    note: str = ""
    at: datetime | None = None
    merges: frozenset[str] = frozenset()

    def change(
        self,
        reference: str,
        version: int | None,
        change: Callable[[Experiment], Experiment],
        also: Also | None = None,
    ) -> Experiment:
        """Load, compare the version, change, save and record, in one transaction.

        Args:
            reference: Id, key or slug.
            version: The version its author last read; None does not compare.
            change: The pure change; what it raises rolls everything back.
            also: Writes rows that belong to the change, in the same transaction; it is called
                although the experiment itself stays as it was.

        Raises:
            VersionStaleError: somebody saved since ``version``.
        """
        with self.ws.db.write() as cursor:
            before = find(cursor, self.actor, reference)
            try:
                check_version(self.ws, self.actor, cursor, before, version)
            except VersionStaleError as stale:
                if not self.merges or not stale.fields or self.merges & set(stale.fields):
                    raise
            changed = change(before)
            if changed == before:
                if also is not None:
                    also(cursor, before, before)
                return before
            after = replace(changed, version=before.version + 1, updated_at=self.ws.now())
            by = self.actor.name
            if not catalog.update_experiment(cursor, after, version=before.version, by=by):
                raise _stale(self.ws, self.actor, cursor, before, before.version)
            self.record(cursor, before, after)
            if also is not None:
                also(cursor, before, after)
        return after

    def record(self, cursor: Any, before: Experiment | None, after: Experiment) -> None:
        """Write the audit row of a change, in the transaction that ``cursor`` is in."""
        old, new = changes_between(before, after)
        if self.at is not None:
            new["at"] = moment_text(self.at)
        event = event_by(
            self.actor, self.ws.now(), self.verb, EXPERIMENT, after.id,
            before=old if before else None, after=new, note=self.note,
        )  # fmt: skip
        audit.append_event(cursor, self.ws.db.secret, event)


def check_version(
    ws: Workspace, actor: Actor, cursor: Any, current: Experiment, version: int | None
) -> None:
    """Refuse a version that is not the present one; None is not compared.

    Raises:
        VersionStaleError: says who changed what since.
    """
    if version is not None and version != current.version:
        raise _stale(ws, actor, cursor, current, version)


def _stale(
    ws: Workspace, actor: Actor, cursor: Any, current: Experiment, version: int
) -> VersionStaleError:
    events = audit.events_of(cursor, actor.org_id, EXPERIMENT, current.id)
    message, fields = who_was_faster(events, version, ws.now())
    return VersionStaleError(message, current=current, fields=fields)


def find(cursor: Any, actor: Actor, reference: str) -> Experiment:
    """Find an experiment of the actor's organisation by id, key or slug.

    Raises:
        NotFoundError: there is none, or it belongs to somebody else.
    """
    found = catalog.find_experiment(cursor, actor.org_id, reference)
    if found is None or not sees(actor, found):
        raise NotFoundError(
            f"There is no experiment “{reference}”.", hint="Look in the list of experiments."
        )
    return found


def look_up(ws: Workspace, actor: Actor, reference: str) -> Experiment:
    """The same for who is about to read only.

    Raises:
        NotFoundError: there is none, or it belongs to somebody else.
    """
    name = ("experiment", actor.org_id, actor.projects, reference)
    return ws.db.recall(name, lambda cursor: find(cursor, actor, reference))


def sees(actor: Actor, experiment: Experiment) -> bool:
    """Tell whether a key that is good for some projects is good for this one."""
    return not actor.projects or experiment.project in actor.projects


def moment(
    at: datetime | None, now: datetime, experiment: Experiment | None = None
) -> datetime:
    """The moment given for the record, or now.

    A clock that was set back does not make now earlier than the experiment's last change.

    Raises:
        InvalidInputError: it has no zone, or lies in the future.
    """
    if at is None:
        latest = last_change(experiment) if experiment else None
        return now if latest is None else max(now, latest)
    if at.tzinfo is None or at > now:
        message = "at must be a time with its zone that is not in the future"
        raise InvalidInputError(
            f"{message.capitalize()}.", details=(Problem("at", at, "RANGE", message),)
        )
    return at
