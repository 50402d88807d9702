"""Decisions, forecasts and annotations: rows that are only appended."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

import duckdb

from experiments_core.domain.notes import Annotation, Decision, Forecast
from experiments_core.store.catalog import from_utc, to_utc

Note = TypeVar("Note", Decision, Forecast, Annotation)
_TABLES: dict[type, str] = {
    Decision: "decisions", Forecast: "forecasts", Annotation: "annotations",
}  # fmt: skip


def insert_note(
    cursor: duckdb.DuckDBPyConnection, note: Decision | Forecast | Annotation
) -> None:
    """Write one row."""
    cls = type(note)
    columns = _columns(cls)
    values = [getattr(note, field.name) for field in fields(cls)]
    kept = [to_utc(one) if isinstance(one, datetime) else one for one in values]
    marks = ", ".join("?" * len(columns))
    cursor.execute(f"INSERT INTO {_TABLES[cls]} ({', '.join(columns)}) VALUES ({marks})", kept)


def notes_of(
    cursor: duckdb.DuckDBPyConnection, cls: type[Note], org_id: str, experiment_id: str
) -> tuple[Note, ...]:
    """Every row of one kind of an experiment, the oldest first."""
    columns = _columns(cls)
    rows = cursor.execute(
        f"SELECT {', '.join(columns)} FROM {_TABLES[cls]} "
        "WHERE org_id = ? AND experiment_id = ? ORDER BY created_at, id",
        [org_id, experiment_id],
    ).fetchall()
    names = [field.name for field in fields(cls)]
    return tuple(cls(**_values(names, row)) for row in rows)


def delete_annotation(
    cursor: duckdb.DuckDBPyConnection, org_id: str, annotation_id: str
) -> None:
    """Take an annotation away; the audit trail keeps its text."""
    cursor.execute(
        "DELETE FROM annotations WHERE org_id = ? AND id = ?", [org_id, annotation_id]
    )


def _columns(cls: type) -> list[str]:
    return ["actor" if field.name == "by" else field.name for field in fields(cls)]


def _values(names: list[str], row: tuple[Any, ...]) -> dict[str, Any]:
    kept = (from_utc(one) if isinstance(one, datetime) else one for one in row)
    return dict(zip(names, kept, strict=True))
