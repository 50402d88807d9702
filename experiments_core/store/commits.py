"""The number of the last change: in the file, and beside it as it was acknowledged."""

from __future__ import annotations

from pathlib import Path

import duckdb

from experiments_core.domain.text import grouped
from experiments_core.store.recovery import note

ACKNOWLEDGED = "seq"
"""Name of the file beside the workspace."""
WAY_OUT = (
    "Stop Upshot and put the newer file back; or take the newest verified copy with "
    "upshot restore; or go on without these changes: upshot restore --accept-loss."
)
"""What a person can do where acknowledged changes are lacking."""


def has_commits(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Whether the file has the table of commits: a new one has no table at all."""
    sql = (
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'upshot' "
        "AND table_name = 'commit_log'"
    )
    return cursor.execute(sql).fetchone() is not None


def last_commit_in(cursor: duckdb.DuckDBPyConnection) -> int:
    """Number of the last change that the file holds; 0 in a new one."""
    if not has_commits(cursor):
        return 0
    row = cursor.execute("SELECT max(seq) FROM commit_log").fetchone()
    return int(row[0] or 0) if row else 0


def acknowledge(side: Path, seq: int) -> None:
    """Write the number of the last change beside the file, once it is safe."""
    (side / ACKNOWLEDGED).write_text(f"{seq:020d}\n", encoding="ascii")


def what_is_lacking(file: Path, side: Path, seq: int) -> str:
    """The acknowledged changes that a file lacks, in a sentence; empty when it has them all.

    Args:
        file: The workspace.
        side: The folder beside it, where a lack is written down.
        seq: The last change in the file.
    """
    noted = side / ACKNOWLEDGED
    if not noted.exists():
        return ""
    acknowledged = int(noted.read_text(encoding="ascii") or 0)
    if acknowledged <= seq:
        return ""
    missing = f"changes {grouped(seq + 1)} to {grouped(acknowledged)}"
    if acknowledged == seq + 1:
        missing = f"change {grouped(acknowledged)}"
    damage = (
        f"This workspace can only be read: {file.name} lacks the {missing} that "
        "were saved before. It is an older copy, or its .wal file was lost or damaged."
    )
    note(side, f"{damage} {WAY_OUT}")
    return damage


def next_seq(cursor: duckdb.DuckDBPyConnection) -> int:
    """Number of the commit that the present transaction will be."""
    ((last,),) = cursor.execute("SELECT max(seq) FROM commit_log").fetchall()
    return int(last or 0) + 1
