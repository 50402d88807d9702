"""Rows of Python on their way into a table, as Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa


def insert_rows(  # noqa: PLR0917  one place where rows go in
    cursor: duckdb.DuckDBPyConnection,
    table: str,
    schema: pa.Schema,
    columns: Sequence[Any],
    selected: str,
    parameters: list[Any],
    beside: str = "",
) -> None:
    """Insert rows, given by column; what is selected may look at what is there.

    Args:
        cursor: Inside the writing transaction.
        table: Where they go.
        schema: Of the columns.
        columns: One sequence for each field of the schema.
        selected: What is selected of ``incoming_rows``.
        parameters: Of the whole statement.
        beside: What follows ``FROM incoming_rows``.
    """
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    cursor.register("incoming_rows", pa.Table.from_arrays(arrays, schema=schema))
    try:
        cursor.execute(
            f"INSERT INTO {table} SELECT {selected} FROM incoming_rows {beside}", parameters
        )
    finally:
        cursor.unregister("incoming_rows")
