"""Bring a workspace file to the present schema, one numbered step at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from experiments_core.errors import WorkspaceError
from experiments_core.store import backup

SCHEMA = Path(__file__).with_name("schema.sql")
MIGRATIONS = Path(__file__).with_name("migrations")
SCHEMA_VERSION = 1
"""Version that ``schema.sql`` makes; a file of ``migrations/`` is named after the version it
leads to (``0002_what_it_does.sql``)."""


def migrate(cursor: duckdb.DuckDBPyConnection, side: Path, folder: Path = MIGRATIONS) -> int:
    """Make the schema in a new file, or bring an old file up to date.

    A verified copy is kept in ``side/backups`` before an old file is touched. Every step is one
    transaction followed by a checkpoint. Running it again changes nothing.

    Args:
        cursor: A cursor on the workspace, outside any transaction.
        side: The workspace's side folder.
        folder: Where the numbered steps are.

    Returns:
        The version of the file now.

    Raises:
        WorkspaceError: the file is no workspace, or was made by a newer Upshot.
    """
    steps = _steps(folder)
    newest = newest_version(folder)
    present = _version(cursor)
    if present > newest:
        raise WorkspaceError(
            f"This workspace was made by a newer Upshot (schema {present}; this one knows "
            f"{newest}).",
            hint="Start it with that version, or a later one.",
        )
    if present == 0:
        _run(cursor, SCHEMA, SCHEMA_VERSION)
        present = SCHEMA_VERSION
    elif present < newest:
        backup.make(cursor, side, f"before-schema-{newest}", lambda: datetime.now(UTC))
    for version in range(present + 1, newest + 1):
        _run(cursor, steps[version], version)
    return newest


def newest_version(folder: Path = MIGRATIONS) -> int:
    """The version that a file has after every step."""
    return max([SCHEMA_VERSION, *_steps(folder)])


def _steps(folder: Path) -> dict[int, Path]:
    """Version -> the script that leads to it."""
    return {int(path.name[:4]): path for path in sorted(folder.glob("[0-9]*.sql"))}


def _version(cursor: duckdb.DuckDBPyConnection) -> int:
    """Schema version of the file, 0 when it is new."""
    found = cursor.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'upshot'"
    ).fetchall()
    tables = {name for (name,) in found}
    if not tables:
        return 0
    if not {"meta", "commit_log", "experiments"} <= tables:
        raise WorkspaceError(
            "This file is a DuckDB database, but not an Upshot workspace.",
            hint="Name another file in UPSHOT_WORKSPACE.",
        )
    row = cursor.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    return int(row[0]) if row else 0


def _run(cursor: duckdb.DuckDBPyConnection, script: Path, version: int) -> None:
    cursor.execute("BEGIN")
    try:
        cursor.execute(script.read_text(encoding="utf-8"))
        cursor.execute("DELETE FROM meta WHERE name = 'schema_version'")
        cursor.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(version)])
        cursor.execute("COMMIT")
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("CHECKPOINT upshot")
