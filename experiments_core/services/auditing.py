"""Read the trace of every change, and check that nobody has edited it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.domain.access import Actor, AuditEvent, Permission, require
from experiments_core.domain.documents import moment_text
from experiments_core.reports import tables
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit

COLUMNS = (
    "seq", "at", "actor", "verb", "object", "object_id", "name", "before", "after", "note",
    "via", "request_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What the trail is narrowed to; None narrows nothing.

    Attributes:
        object: A kind of thing (``experiment``, ``key``).
        object_id: The id of one.
    """

    actor: str | None = None
    verb: str | None = None
    object: str | None = None
    object_id: str | None = None


def read_audit(
    ws: Workspace,
    actor: Actor,
    asked: Asked,
    *,
    before: int | None = None,
    limit: int | None = None,
) -> list[AuditEvent]:
    """Events of the organisation, the newest first.

    Args:
        ws: The workspace.
        actor: An admin.
        asked: The filters.
        before: Only events with a smaller number.
        limit: How many at most.
    """
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        return audit.find_events(
            cursor, actor.org_id, actor=asked.actor, verb=asked.verb, kind=asked.object,
            object_id=asked.object_id, before=before, limit=limit,
        )  # fmt: skip


def count_audit(ws: Workspace, actor: Actor, asked: Asked) -> int:
    """How many events fit the filters."""
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        return audit.count_events(
            cursor, actor.org_id, actor=asked.actor, verb=asked.verb, kind=asked.object,
            object_id=asked.object_id,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """What the filters of an organisation's trail can be set to, each in order."""

    actors: list[str]
    verbs: list[str]
    objects: list[str]


def filter_words(ws: Workspace, actor: Actor) -> Words:
    """Who did something so far, what was done, and to what."""
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        return Words(*audit.words_of(cursor, actor.org_id))


def names_of(ws: Workspace, actor: Actor, events: Sequence[AuditEvent]) -> dict[str, str]:
    """What the things of these events are called, by their ids."""
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        return audit.names_of(cursor, actor.org_id, sorted({one.object_id for one in events}))


def audit_csv(ws: Workspace, actor: Actor, asked: Asked) -> bytes:
    """The same as a file, one row per event."""
    events = read_audit(ws, actor, asked)
    names = names_of(ws, actor, events)
    rows = [_row(event, names.get(event.object_id, "")) for event in events]
    return tables.write_csv(COLUMNS, rows)


def first_bad_event(ws: Workspace, actor: Actor) -> int | None:
    """Recompute the chain of hashes; the number of the first event that was touched."""
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        return audit.first_broken_event(cursor, ws.db.secret)


def _row(event: AuditEvent, name: str) -> dict[str, tables.Cell]:
    return {
        "seq": event.seq,
        "at": moment_text(event.ts),
        "actor": event.actor,
        "verb": event.verb,
        "object": event.object,
        "object_id": event.object_id,
        "name": name,
        "before": _text(event.before),
        "after": _text(event.after),
        "note": event.note,
        "via": event.via,
        "request_id": event.request_id,
    }


def _text(values: object) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False)
