"""Erase an experiment with everything that belongs to it; the audit trail stays."""

from __future__ import annotations

import duckdb

from experiments_core.store.crossovers import drop_crossed
from experiments_core.store.event_units import drop_log
from experiments_core.store.facts import has_table

_BY_EXPERIMENT = (
    "SELECT table_name FROM duckdb_columns() WHERE database_name = 'upshot' "
    "AND column_name = 'experiment_id' ORDER BY table_name"
)
_BY_IMPORT = (
    "SELECT table_name FROM duckdb_columns() WHERE database_name = 'upshot' "
    "AND column_name = 'import_id' AND table_name IN ('rejects', 'totals')"
)


def purge_experiment(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> dict[str, int]:
    """Delete the rows of every table that names the experiment, and its tables of units.

    Args:
        cursor: From ``Database.write()``.
        experiment_id: The experiment's id.

    Returns:
        Table -> rows that were deleted, for the audit trail.
    """
    erased = {}
    one = [experiment_id]
    for (name,) in cursor.execute(_BY_IMPORT).fetchall():
        erased[name] = _delete(
            cursor,
            name,
            "import_id IN (SELECT id FROM imports WHERE experiment_id = ?)",
            one,
        )
    tables = cursor.execute(
        "SELECT id, table_name FROM datasets WHERE experiment_id = ? AND table_name <> ''", one
    ).fetchall()
    for dataset_id, name in tables:
        drop_crossed(cursor, dataset_id)
        if has_table(cursor, name):
            row = cursor.execute(f"SELECT count(*) FROM {name}").fetchone()
            erased["units"] = erased.get("units", 0) + (row[0] if row else 0)
            cursor.execute(f"DROP TABLE {name}")
    follows = cursor.execute(
        "SELECT dataset_id FROM event_data WHERE experiment_id = ?", one
    ).fetchall()
    for (dataset_id,) in follows:
        drop_log(cursor, dataset_id)
    for (name,) in cursor.execute(_BY_EXPERIMENT).fetchall():
        erased[name] = _delete(cursor, name, "experiment_id = ?", one)
    _delete(cursor, "experiments", "id = ?", one)
    return {name: rows for name, rows in erased.items() if rows}


def files_of(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> tuple[str, ...]:
    """Ids of the imports whose uploaded files belong to the experiment."""
    rows = cursor.execute(
        "SELECT id FROM imports WHERE experiment_id = ?", [experiment_id]
    ).fetchall()
    return tuple(str(key) for (key,) in rows)


def _delete(
    cursor: duckdb.DuckDBPyConnection, table: str, where: str, parameters: list[str]
) -> int:
    row = cursor.execute(f"DELETE FROM {table} WHERE {where}", parameters).fetchone()
    return int(row[0]) if row else 0
