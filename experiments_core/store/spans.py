"""The ends of a table of units: when the first and the last came, the extremes of a column."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.query.beside import ends_sql, span_sql
from experiments_core.query.units import COLUMN, TABLE, identifier
from experiments_core.store.catalog import from_utc
from experiments_core.store.parsed import parsed

Ends = dict[str, tuple[Any, Any]]
"""Column -> its smallest and its largest value."""

Span = tuple[datetime | None, datetime | None]
"""First and last moment at which a unit was first seen, aware; None without times."""


def ends_of(cursor: duckdb.DuckDBPyConnection, source: str, columns: Sequence[str]) -> Ends:
    """The smallest and the largest value of some columns.

    Args:
        cursor: On the workspace.
        source: A table, or a query in brackets.
        columns: As they stand in it.
    """
    row = cursor.execute(parsed(cursor, ends_sql(source, columns))).fetchone()
    values = iter(row or ())
    return dict(zip(columns, zip(values, values, strict=True), strict=True))


def unit_span(cursor: duckdb.DuckDBPyConnection, table: str) -> Span:
    """First and last moment at which a unit of a table was first seen."""
    return span_and_ends(cursor, table, ())[0]


def span_and_ends(
    cursor: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> tuple[Span, Ends]:
    """The same, with the smallest and largest value of some columns, in one query."""
    asked = ("first_ts", *(identifier(column, COLUMN) for column in columns))
    ends = ends_of(cursor, identifier(table, TABLE), asked)
    first, last = ends.pop("first_ts")
    return (from_utc(first), from_utc(last)), ends


def unit_spans(cursor: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> dict[str, Span]:
    """The span of each of several tables, in one query."""
    if len(tables) < 2:
        return {table: unit_span(cursor, table) for table in tables}
    spans = " UNION ALL ".join(
        f"SELECT {place}, * FROM ({span_sql(table)})" for place, table in enumerate(tables)
    )
    rows = cursor.execute(spans).fetchall()
    return {tables[place]: (from_utc(first), from_utc(last)) for place, first, last in rows}
