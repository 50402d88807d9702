"""Where a text still stands in a workspace: every table, and every file beside them."""

from __future__ import annotations

from experiments_core.services.workspace import Workspace


def traces(ws: Workspace, text: str) -> list[str]:
    """Names of the tables and files in which a text stands, as a part of whatever is there."""
    with ws.db.read() as cursor:
        tables = cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'upshot' "
            "AND NOT temporary ORDER BY table_name"
        ).fetchall()
        found = [
            name
            for (name,) in tables
            if cursor.execute(
                f'SELECT 1 FROM "{name}" AS t WHERE contains(CAST(t AS VARCHAR), ?) LIMIT 1',
                [text],
            ).fetchone()
        ]
    files = [file for file in ws.db.side.rglob("*") if file.is_file()]
    return found + [str(file) for file in files if text.encode() in file.read_bytes()]
