"""On which physical line a record stands: records and lines part where a field has breaks.

A table of units has one of two columns. ``line`` is the line of each row. ``ahead`` is the line
less the row's place in the table (``rowid``): one number for all rows of a file without breaks
and blank lines, so that a clean file is written by all threads at once, in its order. A place
holds as long as no single row is deleted: before that can be, ``write_lines`` is called.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from experiments_core.tabular.structure import Structure

Jumps = tuple[tuple[int, ...], tuple[int, ...]]
"""Records from which on line minus record number is another, and that difference."""

AHEAD = "{0}.rowid + {0}.ahead"
WRITTEN = "{0}.line"
UNKNOWN = "NULL::BIGINT"
"""Expressions of a row's line, to be formatted with the name of its table in the query."""


def without_lines(jumps: Jumps, blank_lines: Sequence[int]) -> Jumps:
    """Count on as if records on these lines (one line each) were none."""
    records, offsets = (list(part) for part in jumps)
    for line in sorted(blank_lines):
        begins = [record + offset for record, offset in zip(records, offsets, strict=True)]
        place = max(n for n, begin in enumerate(begins) if begin <= line)
        record = line - offsets[place]
        later = [n for n in range(len(records)) if records[n] > record]
        for n in later:
            records[n] -= 1
            offsets[n] += 1
        records.insert(place + 1, record)
        offsets.insert(place + 1, offsets[place] + 1)
    last = dict(zip(records, offsets, strict=True))
    return tuple(last), tuple(last.values())


def jumps_below(structure: Structure, first: int) -> Jumps:
    """Count the records below the first ones from 1, and say on which lines they stand."""
    records, offsets = [1], [structure.line_of(first) - 1]
    for record, offset in zip(structure.jump_records, structure.jump_offsets, strict=True):
        if record > first:
            records.append(record - first + 1)
            offsets.append(offset + first - 1)
    return tuple(records), tuple(offsets)


def put_lines_right(cursor: duckdb.DuckDBPyConnection, table: str, jumps: Jumps) -> None:
    """Where blank lines or line breaks in fields come in between, lines run ahead of rows.

    Args:
        cursor: That may write the table.
        table: With ``ahead`` as it is for its first row.
        jumps: Records counted from 1.
    """
    records, offsets = jumps
    cursor.execute(
        f"UPDATE {table} SET ahead = ahead + more FROM ("
        f"SELECT t.rowid AS place, more FROM {table} t ASOF JOIN "
        "(SELECT unnest(?::BIGINT[]) AS since, unnest(?::BIGINT[]) AS more) "
        f"ON t.rowid >= since) WHERE {table}.rowid = place AND more <> 0",
        [[record - 1 for record in records], [offset - offsets[0] for offset in offsets]],
    )


def line_of(cursor: duckdb.DuckDBPyConnection, table: str) -> str:
    """Expression of the line of a table's rows; ``UNKNOWN`` in one older than lines."""
    if has_column(cursor, table, "ahead"):
        return AHEAD
    return WRITTEN if has_column(cursor, table, "line") else UNKNOWN


def write_lines(cursor: duckdb.DuckDBPyConnection, table: str) -> None:
    """Give every row its line, so that it keeps it when others go."""
    line = line_of(cursor, table)
    if line == WRITTEN:
        return
    cursor.execute(f"ALTER TABLE {table} ADD COLUMN line BIGINT")
    if line == AHEAD:
        cursor.execute(f"UPDATE {table} SET line = rowid + ahead")
        cursor.execute(f"ALTER TABLE {table} DROP COLUMN ahead")


def has_column(cursor: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """Whether a table of ours has a column."""
    sql = (
        "SELECT 1 FROM duckdb_columns() WHERE database_name = 'upshot' AND table_name = ? "
        "AND column_name = ?"
    )
    return cursor.execute(sql, [table, column]).fetchone() is not None
