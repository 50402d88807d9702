"""A table of units in two arms, some of whose cells are blank; a file in memory."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from experiments_core.store.database import Database

ROWS = """
    SELECT 'i' AS import_id, i AS line, 'u' || i AS unit,
        CASE WHEN i % 3 = 0 THEN 'control' ELSE 'B' END AS arm,
        CASE WHEN i % 10 = 9 THEN NULL ELSE TIMESTAMP '2026-05-01' + INTERVAL (i) HOUR END
            AS first_ts,
        CASE WHEN i % 7 = 6 THEN NULL ELSE CAST(i % 5 = 0 AS TINYINT) END AS c0,
        CASE WHEN i % 4 = 3 THEN NULL ELSE (i * 37 % 101)::DOUBLE END AS c1,
        CASE i % 3 WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' ELSE NULL END AS c2
    FROM range(1, 201) AS t(i)
"""


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with Database.memory() as db, db.write() as own:
        own.execute(f"CREATE TABLE units_0a AS {ROWS}")
        yield own


@pytest.fixture(scope="module")
def db():
    with Database.memory() as database:
        yield database


def value(db: Database, expression: str, cell: object) -> object:
    """What an expression makes of a cell ``f``."""
    with db.read() as cursor:
        row = cursor.execute(f"SELECT {expression} FROM (SELECT ? AS f)", [cell]).fetchone()
    assert row is not None
    return row[0]
