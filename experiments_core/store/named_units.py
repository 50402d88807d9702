"""Units that are named: testers with an arm of their own, and explicit participants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from experiments_core.store.catalog import aware, to_utc


def overrides_of(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> dict[str, str]:
    """Unit -> the arm that a tester asked for."""
    sql = "SELECT unit, variant FROM overrides WHERE experiment_id = ? ORDER BY created_at"
    return dict(cursor.execute(sql, [experiment_id]).fetchall())


def set_override(
    cursor: duckdb.DuckDBPyConnection,
    experiment_id: str,
    unit: str,
    variant: str | None,
    *,
    at: datetime,
    by: str,
) -> None:
    """Give a tester an arm, or take it back."""
    cursor.execute(
        "DELETE FROM overrides WHERE experiment_id = ? AND unit = ?", [experiment_id, unit]
    )
    if variant is not None:
        cursor.execute(
            "INSERT INTO overrides VALUES (?, ?, ?, ?, ?)",
            [experiment_id, unit, variant, by, to_utc(at)],
        )


def participants_of(
    cursor: duckdb.DuckDBPyConnection, experiment_id: str
) -> list[tuple[str, int, datetime]]:
    """Named units: (unit, batch, added at), in the order in which they were named."""
    return participants_in(cursor, [experiment_id]).get(experiment_id, [])


def participants_in(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, list[tuple[str, int, datetime]]]:
    """The same of each of several experiments that has any."""
    rows = cursor.execute(
        "SELECT experiment_id, unit, batch, added_at FROM participants "
        "WHERE list_contains(?, experiment_id) ORDER BY batch, rowid",
        [list(experiment_ids)],
    ).fetchall()
    found: dict[str, list[tuple[str, int, datetime]]] = {}
    for owner, unit, batch, added in rows:
        found.setdefault(owner, []).append((unit, int(batch), aware(added)))
    return found


def assigned_participants(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, list[tuple[str, str | None, int]]]:
    """Experiment -> (unit, arm, run) of named units, the first assignment last."""
    rows = cursor.execute(
        "SELECT a.experiment_id, a.unit, a.variant, a.run_no FROM assignments a "
        "SEMI JOIN participants p ON p.experiment_id = a.experiment_id AND p.unit = a.unit "
        "WHERE list_contains(?, a.experiment_id) ORDER BY a.seq DESC",
        [list(experiment_ids)],
    ).fetchall()
    found: dict[str, list[tuple[str, str | None, int]]] = {}
    for owner, unit, variant, run_no in rows:
        found.setdefault(owner, []).append((unit, variant, int(run_no)))
    return found


def insert_participants(
    cursor: duckdb.DuckDBPyConnection,
    experiment_id: str,
    units: Sequence[str],
    *,
    batch: int,
    at: datetime,
    by: str,
) -> None:
    """Name a batch of units."""
    cursor.execute(
        "INSERT INTO participants SELECT ?, unnest(?::VARCHAR[]), ?, ?, ?",
        [experiment_id, list(units), batch, to_utc(at), by],
    )
