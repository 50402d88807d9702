"""The trace of every change: rows in a chain, so that an edit of the past shows."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb

from experiments_core.domain.access import AuditEvent
from experiments_core.domain.documents import moment_text
from experiments_core.store.catalog import from_utc, to_utc

_COLUMNS = (
    "seq, ts, org_id, actor, verb, object, object_id, before, after, note, hash, "
    "request_id, via"
)
_FITTING = (
    "org_id = ? AND (? IS NULL OR actor = ?) AND (? IS NULL OR verb = ?) "
    "AND (? IS NULL OR object = ?) AND (? IS NULL OR object_id = ?) AND (? IS NULL OR seq < ?)"
)
_ALL = 2**31
_NAME = ", ".join(
    f"{side} ->> '$.{field}'"
    for side in ("after", "before")
    for field in ("name", "email", "file_name", "url", "locator", "key")
)


def append_event(
    cursor: duckdb.DuckDBPyConnection, secret: bytes, event: AuditEvent
) -> AuditEvent:
    """Append an event; its hash covers the event and the hash of the one before.

    Args:
        cursor: From ``Database.write()``, the one that makes the change.
        secret: The workspace's key.
        event: What happened; its ``seq`` is given here.
    """
    last = cursor.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (int(last[0]), str(last[1])) if last else (0, "")
    written = replace(event, seq=seq + 1)
    cursor.execute(
        f"INSERT INTO audit ({_COLUMNS}) VALUES ({', '.join('?' * 13)})",
        [
            written.seq, to_utc(written.ts), written.org_id, written.actor, written.verb,
            written.object, written.object_id, _text(written.before), _text(written.after),
            written.note, _chain(secret, previous, written), written.request_id, written.via,
        ],
    )  # fmt: skip
    return written


def events_of(
    cursor: duckdb.DuckDBPyConnection, org_id: str, kind: str, object_id: str
) -> list[AuditEvent]:
    """The events of one object, the oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM audit "
        "WHERE org_id = ? AND object = ? AND object_id = ? ORDER BY seq",
        [org_id, kind, object_id],
    ).fetchall()
    return [_event(row) for row in rows]


def last_events(
    cursor: duckdb.DuckDBPyConnection, org_id: str, kind: str, verbs: Sequence[str]
) -> list[AuditEvent]:
    """Of each object of a kind, the last event that is one of these verbs."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE org_id = ? AND object = ? "
        "AND list_contains(?::VARCHAR[], verb) "
        "QUALIFY row_number() OVER (PARTITION BY object_id ORDER BY seq DESC) = 1",
        [org_id, kind, list(verbs)],
    ).fetchall()
    return [_event(row) for row in rows]


def find_events(
    cursor: duckdb.DuckDBPyConnection,
    org_id: str,
    *,
    actor: str | None = None,
    verb: str | None = None,
    kind: str | None = None,
    object_id: str | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[AuditEvent]:
    """Events of an organisation, the newest first, narrowed by what is not None.

    Args:
        cursor: Any.
        org_id: Of the organisation.
        actor: Who did it.
        verb: What was done.
        kind: To what kind of thing.
        object_id: To which thing.
        before: Only events with a smaller number.
        limit: How many at most.
    """
    wanted = [actor, actor, verb, verb, kind, kind, object_id, object_id, before, before]
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE {_FITTING} ORDER BY seq DESC LIMIT ?",
        [org_id, *wanted, _ALL if limit is None else limit],
    ).fetchall()
    return [_event(row) for row in rows]


def count_events(
    cursor: duckdb.DuckDBPyConnection,
    org_id: str,
    *,
    actor: str | None = None,
    verb: str | None = None,
    kind: str | None = None,
    object_id: str | None = None,
) -> int:
    """How many events fit; see :func:`find_events`."""
    wanted = [actor, actor, verb, verb, kind, kind, object_id, object_id, None, None]
    row = cursor.execute(
        f"SELECT count(*) FROM audit WHERE {_FITTING}", [org_id, *wanted]
    ).fetchone()
    return int(row[0]) if row else 0


def names_of(
    cursor: duckdb.DuckDBPyConnection, org_id: str, object_ids: Sequence[str]
) -> dict[str, str]:
    """What things are called, by id: the last name that an event of theirs gave them."""
    rows = cursor.execute(
        f"SELECT object_id, max_by(name, seq) FROM (SELECT object_id, seq, coalesce({_NAME}) "
        "AS name FROM audit WHERE org_id = ? AND list_contains(?::VARCHAR[], object_id)) "
        "WHERE name IS NOT NULL GROUP BY object_id",
        [org_id, list(object_ids)],
    ).fetchall()
    return {str(object_id): str(name) for object_id, name in rows}


def words_of(
    cursor: duckdb.DuckDBPyConnection, org_id: str
) -> tuple[list[str], list[str], list[str]]:
    """Who did something, what was done, and to what kinds of things; each in order."""
    found = cursor.execute(
        "SELECT list_sort(list(DISTINCT actor)), list_sort(list(DISTINCT verb)), "
        "list_sort(list(DISTINCT object)) FROM audit WHERE org_id = ?",
        [org_id],
    ).fetchone()
    actors, verbs, kinds = found or (None, None, None)
    return actors or [], verbs or [], kinds or []


def first_broken_event(cursor: duckdb.DuckDBPyConnection, secret: bytes) -> int | None:
    """Recompute the chain; the number of the first row that does not fit, or None."""
    previous = ""
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY seq").fetchall()
    for expected, row in enumerate(rows, start=1):
        event, kept = _event(row), str(row[10])
        if event.seq != expected or kept != _chain(secret, previous, event):
            return expected
        previous = kept
    return None


def _chain(secret: bytes, previous: str, event: AuditEvent) -> str:
    content = [
        previous, event.seq, moment_text(event.ts), event.org_id, event.actor, event.verb,
        event.object, event.object_id, event.before, event.after, event.note,
    ]  # fmt: skip
    if event.request_id or event.via:  # rows of the first schema had neither
        content += [event.request_id, event.via]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _event(row: tuple[Any, ...]) -> AuditEvent:
    seq, ts, org_id, actor, verb, kind, object_id, before, after, note, _hash, *door = row
    moment = from_utc(ts)
    assert moment is not None  # noqa: S101  the column is NOT NULL
    return AuditEvent(
        ts=moment,
        actor=actor,
        verb=verb,
        object=kind,
        object_id=object_id,
        before=json.loads(before) if before else None,
        after=json.loads(after) if after else None,
        note=note,
        org_id=org_id,
        seq=seq,
        request_id=door[0] or "",
        via=door[1] or "",
    )


def _text(values: dict[str, Any] | None) -> str | None:
    return None if values is None else json.dumps(values, ensure_ascii=False, allow_nan=False)
