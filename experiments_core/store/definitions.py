"""The library of metrics: one row per version, the newest one may change its words."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.domain.definition import WORDS, Definition
from experiments_core.store.catalog import from_utc, to_utc

_COLUMNS = (
    "org_id", "key", "version", "revision", "doc", "created_by", "created_at", "updated_at",
)  # fmt: skip


def insert_definition(cursor: duckdb.DuckDBPyConnection, definition: Definition) -> None:
    """Write a version."""
    marks = ", ".join("?" * len(_COLUMNS))
    cursor.execute(
        f"INSERT INTO metric_definitions ({', '.join(_COLUMNS)}) VALUES ({marks})",
        [
            definition.org_id, definition.key, definition.version, definition.revision,
            _document(definition), definition.created_by, to_utc(definition.created_at),
            to_utc(definition.updated_at),
        ],
    )  # fmt: skip


def update_words(cursor: duckdb.DuckDBPyConnection, definition: Definition) -> None:
    """Write the words, and who reads them last, into the row of a version."""
    cursor.execute(
        "UPDATE metric_definitions SET doc = ?, revision = ?, updated_at = ? "
        "WHERE org_id = ? AND key = ? AND version = ?",
        [
            _document(definition), definition.revision, to_utc(definition.updated_at),
            definition.org_id, definition.key, definition.version,
        ],
    )  # fmt: skip


def versions(
    cursor: duckdb.DuckDBPyConnection, org_id: str, key: str | None = None
) -> list[Definition]:
    """Every version of one metric, or of all, by key and version."""
    rows = cursor.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM metric_definitions "
        "WHERE org_id = ? AND (? IS NULL OR lower(key) = lower(?)) "
        "ORDER BY lower(key), version",
        [org_id, key, key],
    ).fetchall()
    return [_read(row) for row in rows]


def _document(definition: Definition) -> str:
    words = {name: getattr(definition, name) for name in WORDS}
    document = {**words, "meaning": definition.meaning}
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _read(row: tuple[Any, ...]) -> Definition:
    values = dict(zip(_COLUMNS, row, strict=True))
    values |= json.loads(values.pop("doc"))
    for name in ("created_at", "updated_at"):
        moment = values[name]
        values[name] = from_utc(moment) if isinstance(moment, datetime) else moment
    return Definition(**values)
