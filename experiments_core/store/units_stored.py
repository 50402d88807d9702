"""Whether units are there, before their project may keep ids in another way."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from experiments_core.store.staging import drop_tables

_NAMED = ("assignments", "participants", "overrides", "events")


def has_units(cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]) -> bool:
    """Whether anything that names a unit, or a file that may, came for some experiments."""
    ids = list(experiment_ids)
    where = "list_contains(?, experiment_id)"
    found = [f"SELECT 1 FROM {name} WHERE {where}" for name in _NAMED]
    found += [
        f"SELECT 1 FROM deployments WHERE unit_id IS NOT NULL AND {where}",
        f"SELECT 1 FROM imports WHERE state IN ('committed', 'undone') AND {where}",
    ]
    sql = " UNION ALL ".join(found)
    return cursor.execute(f"{sql} LIMIT 1", [ids] * len(found)).fetchone() is not None


def has_shared_events(cursor: duckdb.DuckDBPyConnection, org_id: str) -> bool:
    """Whether an organisation has events that belong to every experiment of their units."""
    sql = "SELECT 1 FROM events WHERE org_id = ? AND experiment_id IS NULL LIMIT 1"
    return cursor.execute(sql, [org_id]).fetchone() is not None


def drop_read_drafts(cursor: duckdb.DuckDBPyConnection, org_id: str) -> None:
    """Forget what was read of files that are not committed; they are read anew."""
    drafts = cursor.execute(
        "SELECT id FROM imports WHERE org_id = ? AND state = 'draft'", [org_id]
    ).fetchall()
    for (key,) in drafts:
        drop_tables(cursor, key)
