"""What a workspace's tables hold, in two numbers each; alone, it reads a copy for a parent.

``python -I fingerprint.py FILE`` opens the file read-only, scans every table and prints a JSON
object: table -> [rows, sum of the rows' hashes as text]. Two files with the same tables in any
order of rows give the same object; a damaged block ends it with an error.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Sequence

Fingerprint = dict[str, tuple[int, str]]


def fingerprint(cursor: duckdb.DuckDBPyConnection, database: str = "upshot") -> Fingerprint:
    """Scan every table of an attached database: table -> (rows, sum of their hashes)."""
    names = cursor.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND NOT temporary "
        "ORDER BY table_name",
        [database],
    ).fetchall()
    found: Fingerprint = {}
    for (name,) in names:
        quoted = name.replace('"', '""')
        row = cursor.execute(
            f"SELECT count(*), CAST(coalesce(sum(CAST(hash(t) AS HUGEINT)), 0) AS VARCHAR) "
            f'FROM {database}."{quoted}" AS t'
        ).fetchone() or (0, "0")
        found[name] = (int(row[0]), str(row[1]))
    return found


def main(arguments: Sequence[str]) -> None:
    """Print the fingerprint of one file."""
    quoted = arguments[0].replace("'", "''")
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("LOAD json")
        connection.execute(f"ATTACH '{quoted}' AS upshot (READ_ONLY)")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        sys.stdout.write(json.dumps(fingerprint(connection)))


if __name__ == "__main__":
    main(sys.argv[1:])
