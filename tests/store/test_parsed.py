"""A text is parsed once; what it names is looked up by whoever executes it, when it does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import duckdb

from experiments_core.store.parsed import MOST, parsed

SQL = "SELECT * FROM numbers WHERE n > ? ORDER BY n"


def test_it_reads_the_tables_of_the_one_who_executes_it_as_they_are_then():
    with duckdb.connect() as one, duckdb.connect() as other:
        one.execute("CREATE TABLE numbers AS SELECT unnest([1, 2]) AS n")
        other.execute("CREATE TABLE numbers AS SELECT 7 AS n, 'seven' AS name")
        assert one.execute(parsed(one, SQL), [1]).fetchall() == [(2,)]
        assert other.execute(parsed(other, SQL), [1]).fetchall() == [(7, "seven")]
        one.execute("DROP TABLE numbers")
        one.execute("CREATE TABLE numbers AS SELECT 'a' AS name, 5 AS n")
        assert one.execute(parsed(one, SQL), [1]).fetchall() == [("a", 5)]
        assert parsed(one, SQL) is parsed(other, SQL)


def test_many_threads_execute_one_statement():
    with duckdb.connect() as root:
        root.execute("CREATE TABLE numbers AS SELECT range AS n FROM range(100)")
        cursors = [root.cursor() for _ in range(4)]

        def ask(cursor: duckdb.DuckDBPyConnection) -> set[int]:
            return {
                len(cursor.execute(parsed(cursor, SQL), [least]).fetchall()) + least
                for least in range(50)
            }

        with ThreadPoolExecutor(4) as pool:
            assert all(found == {99} for found in pool.map(ask, cursors))


def test_only_so_many_texts_are_kept():
    with duckdb.connect() as cursor:
        first = parsed(cursor, "SELECT 0")
        for n in range(1, MOST + 1):
            parsed(cursor, f"SELECT {n}")
        assert parsed(cursor, "SELECT 0") is not first
