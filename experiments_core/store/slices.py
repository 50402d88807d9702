"""Which slices of an experiment somebody has opened: each is one more chance to be misled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from experiments_core.store.catalog import to_utc


@dataclass(frozen=True, slots=True)
class OpenedSlice:
    """One metric, cut by one attribute.

    Attributes:
        metric: Key.
        column: Header text of the attribute.
        segments: How many values were shown.
    """

    metric: str
    column: str
    segments: int


def opened(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> tuple[OpenedSlice, ...]:
    """Every slice that was opened, the first one first."""
    rows = cursor.execute(
        "SELECT metric, column_name, segments FROM slices WHERE experiment_id = ? "
        "ORDER BY opened_at, metric, column_name",
        [experiment_id],
    ).fetchall()
    return tuple(OpenedSlice(metric, column, int(count)) for metric, column, count in rows)


def note(
    cursor: duckdb.DuckDBPyConnection,
    experiment_id: str,
    found: OpenedSlice,
    *,
    actor: str,
    at: datetime,
) -> None:
    """Write a slice down, once; opened again it may only show more values."""
    changed = cursor.execute(
        "UPDATE slices SET segments = greatest(segments, ?) "
        "WHERE experiment_id = ? AND metric = ? AND column_name = ? RETURNING 1",
        [found.segments, experiment_id, found.metric, found.column],
    ).fetchall()
    if not changed:
        cursor.execute(
            "INSERT INTO slices VALUES (?, ?, ?, ?, ?, ?)",
            [experiment_id, found.metric, found.column, found.segments, actor, to_utc(at)],
        )
