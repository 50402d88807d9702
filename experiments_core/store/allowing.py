"""What an admin has allowed for a project."""

from __future__ import annotations

import duckdb


def allows_auto_promote(
    cursor: duckdb.DuckDBPyConnection, org_id: str, project: str = "default"
) -> bool:
    """Whether experiments of a project may deploy their winner by themselves."""
    row = cursor.execute(
        "SELECT settings ->> 'auto_promote_allowed' = 'true' FROM projects "
        "WHERE org_id = ? AND lower(key) = lower(?)",
        [org_id, project],
    ).fetchone()
    return bool(row and row[0])
