"""API keys as rows: never the key itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import duckdb

from experiments_core.store.catalog import from_utc, to_utc


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key.

    Attributes:
        projects: Keys of the projects it is good for; empty means all.
        shown: The part that may be seen.
        lookup: Finds the row.
        digest: HMAC of the whole key.
    """

    id: str
    org_id: str
    name: str
    role: str
    scopes: tuple[str, ...]
    projects: tuple[str, ...]
    shown: str
    lookup: str
    digest: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


_COLUMNS = (
    "id", "org_id", "name", "role", "scopes", "projects", "shown", "lookup", "digest",
    "created_by", "created_at", "expires_at", "last_used_at", "revoked_at",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM api_keys"


def insert_key(cursor: duckdb.DuckDBPyConnection, key: KeyRow) -> None:
    """Write a new key."""
    values = [getattr(key, column) for column in _COLUMNS]
    cursor.execute(
        f"INSERT INTO api_keys ({', '.join(_COLUMNS)}) "
        f"VALUES ({', '.join('?' * len(_COLUMNS))})",
        [
            to_utc(value) if isinstance(value, datetime)
            else json.dumps(value) if isinstance(value, tuple)
            else value
            for value in values
        ],
    )  # fmt: skip


def keys_by_lookup(cursor: duckdb.DuckDBPyConnection, lookup: str) -> list[KeyRow]:
    """The keys that a lookup finds, of whatever organisation."""
    return _rows(cursor.execute(f"{_SELECT} WHERE lookup = ?", [lookup]))


def keys_of(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[KeyRow]:
    """Every key of an organisation, the newest first."""
    return _rows(
        cursor.execute(
            f"{_SELECT} WHERE org_id = ? ORDER BY created_at DESC, id DESC", [org_id]
        )
    )


def revoke_key(
    cursor: duckdb.DuckDBPyConnection, org_id: str, key_id: str, at: datetime
) -> None:
    """End a key."""
    cursor.execute(
        "UPDATE api_keys SET revoked_at = ? WHERE org_id = ? AND id = ? AND revoked_at IS NULL",
        [to_utc(at), org_id, key_id],
    )


def touch_key(cursor: duckdb.DuckDBPyConnection, key_id: str, at: datetime) -> None:
    """Note when a key was last used."""
    cursor.execute("UPDATE api_keys SET last_used_at = ? WHERE id = ?", [to_utc(at), key_id])


def _rows(found: duckdb.DuckDBPyConnection) -> list[KeyRow]:
    rows = []
    for row in found.fetchall():
        values = dict(zip(_COLUMNS, row, strict=True))
        for name in ("scopes", "projects"):
            values[name] = tuple(json.loads(values[name]))
        for name, value in values.items():
            if isinstance(value, datetime):
                values[name] = from_utc(value)
        rows.append(KeyRow(**values))
    return rows
