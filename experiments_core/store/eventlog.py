"""The log of exposures and events: written in groups, never changed.

:func:`write_events` is a handler of the writing thread: it takes several batches at once and is
safe to repeat, because known ids are looked up in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from experiments_core.domain.events import Event, digest
from experiments_core.store.assignments import Assignment, insert_assignments
from experiments_core.store.commits import next_seq
from experiments_core.store.incoming import insert_rows

_EVENTS = pa.schema([
    ("org_id", pa.string()), ("event_id", pa.string()), ("id_hash", pa.uint64()),
    ("content_hash", pa.uint64()), ("type", pa.string()), ("experiment_id", pa.string()),
    ("unit", pa.string()), ("name", pa.string()), ("variant", pa.string()),
    ("ts", pa.timestamp("us")), ("value", pa.float64()), ("attributes", pa.string()),
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What one call wants to have written.

    Attributes:
        events: Checked events.
        experiment_ids: Id of each one's experiment; None where it names none.
        assignments: Of units that an exposure brings, if they have none yet.
        atomic: All or none.
    """

    org_id: str
    events: Sequence[Event]
    experiment_ids: Sequence[str | None]
    assignments: Sequence[Assignment] = ()
    atomic: bool = False


@dataclass(slots=True)
class BatchAnswer:
    """What became of a batch.

    Attributes:
        accepted: Events that are stored now.
        duplicates: Events that were stored before, with the same content.
        reused: Places in the batch whose id is known with other content.
    """

    accepted: int = 0
    duplicates: int = 0
    reused: list[int] = field(default_factory=list)


Contents = dict[str, int]
"""Event id -> its content, of one organisation."""
_Row = tuple[Event, str, int, str | None]
"""An event, its organisation, the hash of its id and the id of its test."""


def write_events(
    cursor: duckdb.DuckDBPyConnection, batches: Sequence[EventBatch]
) -> list[BatchAnswer]:
    """Append the events that are new, and assign the units that exposures bring."""
    hashes = [[id_hash(b.org_id, event.event_id) for event in b.events] for b in batches]
    known = _known(cursor, batches, hashes)
    answers: list[BatchAnswer] = []
    rows: list[_Row] = []
    assigned: list[Assignment] = []
    for batch, hashed in zip(batches, hashes, strict=True):
        answer, fresh = _sort_out(batch, known.setdefault(batch.org_id, {}))
        answers.append(answer)
        rows += [
            (batch.events[place], batch.org_id, hashed[place], batch.experiment_ids[place])
            for place in fresh
        ]
        if not (batch.atomic and answer.reused):
            assigned += batch.assignments
    seq = next_seq(cursor)
    _insert_events(cursor, rows, seq)
    insert_assignments(cursor, assigned, seq)
    return answers


def _sort_out(batch: EventBatch, known: Contents) -> tuple[BatchAnswer, list[int]]:
    """Tell new events from known ones, and know them from then on; the first of two stands."""
    answer, fresh = BatchAnswer(), list[int]()
    for place, event in enumerate(batch.events):
        content = known.get(event.event_id)
        if content is None:
            known[event.event_id] = event.content
            fresh.append(place)
        elif content == event.content:
            answer.duplicates += 1
        else:
            answer.reused.append(place)
    answer.accepted = len(fresh)
    if batch.atomic and answer.reused:
        for place in fresh:
            del known[batch.events[place].event_id]
        answer.accepted = answer.duplicates = 0
        return answer, []
    return answer, fresh


def _known(
    cursor: duckdb.DuckDBPyConnection,
    batches: Sequence[EventBatch],
    hashes: Sequence[Sequence[int]],
) -> dict[str, Contents]:
    """Organisation -> the events that are in the log, of all whose ids the batches name.

    Args:
        cursor: Inside the writing transaction.
        batches: Whose ids are looked for.
        hashes: Of each batch the :func:`id_hash` of its events.
    """
    table = pa.table({
        "org_id": [batch.org_id for batch in batches for _ in batch.events],
        "event_id": [event.event_id for batch in batches for event in batch.events],
        "id_hash": pa.array([one for several in hashes for one in several], pa.uint64()),
    })  # fmt: skip
    cursor.register("incoming_ids", table)
    try:
        rows = cursor.execute(
            "SELECT e.org_id, e.event_id, e.content_hash FROM events e JOIN incoming_ids i "
            "ON e.id_hash = i.id_hash AND e.event_id = i.event_id AND e.org_id = i.org_id"
        ).fetchall()
    finally:
        cursor.unregister("incoming_ids")
    known: dict[str, Contents] = {}
    for org, event_id, content in rows:
        known.setdefault(org, {})[event_id] = int(content)
    return known


def id_hash(org_id: str, event_id: str) -> int:
    """64 bits over an event's id: finds it without comparing texts."""
    return digest(f"{org_id}\n{event_id}")


def _insert_events(cursor: duckdb.DuckDBPyConnection, rows: Sequence[_Row], seq: int) -> None:
    if not rows:
        return
    events = [row[0] for row in rows]
    columns: list[Any] = [
        [row[1] for row in rows],
        [event.event_id for event in events],
        [row[2] for row in rows],
        [event.content for event in events],
        [event.type for event in events],
        [row[3] for row in rows],
        [event.unit for event in events],
        [event.name for event in events],
        [event.variant for event in events],
        [event.ts for event in events],
        [event.value for event in events],
        [_json(event.attributes) for event in events],
    ]
    insert_rows(cursor, "events", _EVENTS, columns, "*, ?", [seq])


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)
