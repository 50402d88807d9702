"""Read everything once, and look that what belongs together is there."""

from __future__ import annotations

import duckdb

from experiments_core.store.database import Database
from experiments_core.store.fingerprint import fingerprint

KEEPS_ITS_LINES = ("audit", "imports")
"""Tables whose rows outlive the experiment that they name."""


def scan(cursor: duckdb.DuckDBPyConnection) -> tuple[bool, str]:
    """Read every row of every table; a damaged block is found by its checksum."""
    try:
        held = fingerprint(cursor)
    except duckdb.Error as error:
        return False, str(error).splitlines()[0][:300]
    rows = sum(count for count, _ in held.values())
    return True, f"{rows:,} rows of {len(held)} tables can be read"


def orphans(cursor: duckdb.DuckDBPyConnection) -> tuple[bool, str]:
    """Rows that name an experiment, or datasets that name a table, which is not there."""
    found = []
    tables = cursor.execute(
        "SELECT c.table_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid) "
        "WHERE c.database_name = 'upshot' AND c.column_name = 'experiment_id' "
        "AND NOT list_contains(?, c.table_name) ORDER BY 1",
        [list(KEEPS_ITS_LINES)],
    ).fetchall()
    for (name,) in tables:
        row = cursor.execute(
            f'SELECT count(*) FROM "{name}" WHERE experiment_id IS NOT NULL '
            "AND experiment_id NOT IN (SELECT id FROM experiments)"
        ).fetchone()
        if row and row[0]:
            found.append(f"{row[0]:,} of {name}")
    row = cursor.execute(
        "SELECT count(*) FROM datasets WHERE table_name <> '' AND table_name NOT IN "
        "(SELECT table_name FROM duckdb_tables() WHERE database_name = 'upshot')"
    ).fetchone()
    if row and row[0]:
        found.append(f"{row[0]:,} datasets without their table")
    return not found, ", ".join(found) or "every row names something that is there"


def sequence(db: Database) -> tuple[bool, str]:
    """Whether the file holds every change that was acknowledged."""
    if db.damage:
        return False, db.damage
    return True, f"change {db.last_commit:,} is the last one, and it is there"
