"""Answers that are given again when a request is repeated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import duckdb

from experiments_core.store.catalog import to_utc


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was given.

    Attributes:
        digest: Of who asked, what for and with which body.
    """

    digest: str
    status: int
    headers: dict[str, str]
    body: str


def find_answer(
    cursor: duckdb.DuckDBPyConnection, org_id: str, key: str, since: datetime
) -> StoredAnswer | None:
    """The answer given under an idempotency key, if it is not older than ``since``."""
    row = cursor.execute(
        "SELECT digest, status, headers, body FROM answers "
        "WHERE org_id = ? AND key = ? AND created_at > ?",
        [org_id, key, to_utc(since)],
    ).fetchone()
    if row is None:
        return None
    return StoredAnswer(row[0], int(row[1]), json.loads(row[2]), row[3])


def keep_answer(
    cursor: duckdb.DuckDBPyConnection,
    org_id: str,
    key: str,
    answer: StoredAnswer,
    now: datetime,
) -> None:
    """Keep an answer."""
    cursor.execute(
        "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
        [org_id, key, answer.digest, answer.status, json.dumps(answer.headers), answer.body,
         to_utc(now)],
    )  # fmt: skip


def forget_answers(cursor: duckdb.DuckDBPyConnection, until: datetime) -> None:
    """Forget answers that were given before a moment."""
    cursor.execute("DELETE FROM answers WHERE created_at <= ?", [to_utc(until)])
