"""Webhooks and what waits to be told as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.domain.webhook import Delivery, Webhook
from experiments_core.store.catalog import aware, from_utc, kept, to_utc

_DELIVERY = (
    "id", "webhook_id", "event", "body", "created_at", "attempts", "next_at", "delivered_at",
    "answer",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(f'd.{name}' for name in _DELIVERY)} FROM deliveries d"


def webhooks_of(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[Webhook]:
    """The webhooks of an organisation, the oldest first."""
    rows = cursor.execute(
        "SELECT id, org_id, url, created_by, created_at FROM webhooks "
        "WHERE org_id = ? AND removed_at IS NULL ORDER BY created_at, id",
        [org_id],
    ).fetchall()
    return [Webhook(key, org, url, by, aware(at)) for key, org, url, by, at in rows]


def insert_webhook(cursor: duckdb.DuckDBPyConnection, made: Webhook) -> None:
    """Write a new webhook."""
    cursor.execute(
        "INSERT INTO webhooks VALUES (?, ?, ?, ?, ?, NULL)",
        [made.id, made.org_id, made.url, made.created_by, to_utc(made.created_at)],
    )


def remove_webhook(cursor: duckdb.DuckDBPyConnection, webhook_id: str, now: datetime) -> None:
    """End a webhook; what waits for it is given up."""
    cursor.execute("UPDATE webhooks SET removed_at = ? WHERE id = ?", [to_utc(now), webhook_id])
    cursor.execute("UPDATE deliveries SET next_at = NULL WHERE webhook_id = ?", [webhook_id])


def insert_delivery(cursor: duckdb.DuckDBPyConnection, made: Delivery) -> None:
    """Write something to be told."""
    cursor.execute(
        "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [kept(getattr(made, name)) for name in _DELIVERY],
    )


def due(
    cursor: duckdb.DuckDBPyConnection, now: datetime, most: int
) -> list[tuple[Delivery, str]]:
    """What is to be told now, with its address, the oldest first."""
    rows = cursor.execute(
        f"{_SELECT.replace(' FROM ', ', w.url FROM ')} JOIN webhooks w ON w.id = d.webhook_id "
        "WHERE d.next_at <= ? ORDER BY d.created_at, d.id LIMIT ?",
        [to_utc(now), most],
    ).fetchall()
    return [(_delivery(row[:-1]), row[-1]) for row in rows]


def latest(
    cursor: duckdb.DuckDBPyConnection, webhook_ids: Sequence[str]
) -> dict[str, Delivery]:
    """The newest thing told to each of some webhooks."""
    rows = cursor.execute(
        f"{_SELECT} WHERE list_contains(?, d.webhook_id) ORDER BY d.created_at, d.id",
        [list(webhook_ids)],
    ).fetchall()
    return {row[1]: _delivery(row) for row in rows}


def note_attempt(cursor: duckdb.DuckDBPyConnection, after: Delivery) -> None:
    """Write down what came of an attempt."""
    cursor.execute(
        "UPDATE deliveries SET attempts = ?, next_at = ?, delivered_at = ?, answer = ? "
        "WHERE id = ? AND next_at IS NOT NULL",
        [after.attempts, kept(after.next_at), kept(after.delivered_at), after.answer,
         after.id],
    )  # fmt: skip


def _delivery(row: Sequence[Any]) -> Delivery:
    values = dict(zip(_DELIVERY, row, strict=True))
    for name in ("created_at", "next_at", "delivered_at"):
        values[name] = from_utc(values[name])
    return Delivery(**values)
