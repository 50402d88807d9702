"""Units seen in two arms, kept so that either rule about them can be analysed.

Beside a dataset's table of units lies ``crossed_<hex id>``: the row that each such unit has
where it was first seen (``is_crossed``), whichever rule the import was read by, and rows of the
same units from other imports. It is there only where there are such units and a time tells
where they were first seen. Units made of the log of events need no such table: the log knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from experiments_core.query.crossovers import (
    FIRST_SEEN,
    first_seen_events_sql,
    other_units_sql,
)
from experiments_core.store.event_units import log_table
from experiments_core.store.facts import has_table, units_table
from experiments_core.store.lines import line_of
from experiments_core.store.staging_job import crossed_staging, staging_table


def keep_crossed(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, import_id: str, *, has_own: bool
) -> None:
    """Keep what an import has of units in two arms, before its rows move into the dataset.

    Args:
        cursor: From ``Database.write()``.
        dataset_id: Of the experiment.
        import_id: Whose rows are staged.
        has_own: Units stand in two arms within the import.
    """
    beside, staged = crossed_table(dataset_id), staging_table(import_id)
    crossed = crossed_staging(import_id)
    there = has_table(cursor, beside)
    if has_own and not there:
        cursor.execute(
            f"CREATE TABLE {beside} AS SELECT *, TRUE AS is_crossed FROM {crossed} LIMIT 0"
        )
    if has_own:
        cursor.execute(
            f"INSERT INTO {beside} BY NAME SELECT *, TRUE AS is_crossed FROM {crossed}"
        )
    if there:
        line = line_of(cursor, staged).format(staged)
        mine = f"AND import_id = '{import_id}'"
        cursor.execute(
            f"INSERT INTO {beside} BY NAME SELECT COLUMNS(lambda c: c NOT IN ('line', 'ahead'))"
            f", {line} AS line, FALSE AS is_crossed FROM {staged} "
            f"WHERE unit IN (SELECT unit FROM {beside}) "
            f"AND unit NOT IN (SELECT unit FROM {beside} WHERE is_crossed {mine})"
        )
    if has_own:
        cursor.execute(f"DROP TABLE {crossed}")


def take_out_crossed(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, import_id: str
) -> None:
    """Delete what one import has of units in two arms."""
    if has_table(cursor, crossed_table(dataset_id)):
        cursor.execute(
            f"DELETE FROM {crossed_table(dataset_id)} WHERE import_id = ?", [import_id]
        )


def erase_crossed(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, units: Sequence[str]
) -> None:
    """Delete the rows of some units; where they are used or left out, they are counted."""
    if has_table(cursor, crossed_table(dataset_id)):
        cursor.execute(
            f"DELETE FROM {crossed_table(dataset_id)} WHERE list_contains(?, unit)",
            [list(units)],
        )


def drop_crossed(cursor: duckdb.DuckDBPyConnection, dataset_id: str) -> None:
    """Drop the table of a dataset that no import fills any more."""
    cursor.execute(f"DROP TABLE IF EXISTS {crossed_table(dataset_id)}")


def crossed_table(dataset_id: str) -> str:
    """Name of the table beside a dataset's table of units."""
    return units_table(dataset_id).replace("units_", "crossed_", 1)


def other_units(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, imports: Sequence[str], rule: str
) -> str:
    """Show the units of an upload under one rule, for as long as the cursor lives.

    Args:
        cursor: From ``Database.read()``.
        dataset_id: Whose imports all keep their units in two arms.
        imports: Ids of the imports that fill it, in the order in which they came.
        rule: ``exclude`` or ``first_seen``.

    Returns:
        A name that a query can ask.
    """
    table = units_table(dataset_id)
    sql = other_units_sql(table, crossed_table(dataset_id), imports, rule)
    return _shown(cursor, f"{table}_{rule}", sql)


def first_seen_events(
    cursor: duckdb.DuckDBPyConnection,
    dataset_id: str,
    experiment: tuple[str, str],
    since: datetime | None,
) -> str:
    """The same for units made of the log of events, which leave those in two arms out.

    Args:
        cursor: From ``Database.read()``.
        dataset_id: Of the units.
        experiment: Ids of its organisation and of the experiment.
        since: Exposures before this moment do not count.
    """
    table = units_table(dataset_id)
    sql = first_seen_events_sql(table, log_table(dataset_id), *experiment, since)
    return _shown(cursor, f"{table}_{FIRST_SEEN}", sql)


def _shown(cursor: duckdb.DuckDBPyConnection, name: str, sql: str) -> str:
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
    return name
