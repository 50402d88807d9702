"""Rows lie in the order of their file, whichever thread has read them, and keep their lines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from experiments_core.store import backup, facts
from experiments_core.store.connect import STORAGE_VERSION
from experiments_core.store.database import Database
from experiments_core.store.lines import line_of
from experiments_core.store.opening import open_database

from .files import load, mapping_of

HEADER = "user_id,variant,converted,country"
FIRST = 2
MANY = 300_000
WIDE = "D" * 50
"""So many rows, so wide: three parts for the threads to read, and three groups of rows."""


def rows(first: int, count: int, arm: str = "control") -> str:
    """Rows whose units are named after the lines on which they stand."""
    return "".join(
        f"u{line},{(arm, 'treatment')[line % 2]},{line % 3 == 0:d},{WIDE}\n"
        for line in range(first, first + count)
    )


def astray(cursor: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int]:
    """Rows of a table, and those whose line is not the one they came from."""
    line = line_of(cursor, table).format(table)
    sql = (
        f"SELECT count(*), count(*) FILTER (unit IS DISTINCT FROM 'u' || ({line})) FROM {table}"
    )
    found = cursor.execute(sql).fetchone()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def clean() -> str:
    return f"{HEADER}\n{rows(FIRST, MANY)}"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


def keep(db: Database, text: str, dataset: str) -> str:
    """Stage a file and make it a dataset."""
    staged = load(db, text, mapping_of(HEADER))
    assert staged.rejects == ""
    with db.write() as cursor:
        facts.keep_as_dataset(cursor, staged.table, dataset)
    return facts.units_table(dataset)


def test_rows_that_two_threads_read_have_their_lines_for_good(disk: Path, clean: str):
    with open_database(disk, threads=2) as db:
        table = keep(db, clean, "d1")
        with db.read() as cursor:
            assert astray(cursor, table) == (MANY, 0)
    # closing has folded the log into the file
    with open_database(disk, threads=2) as db, db.staging() as cursor:
        assert astray(cursor, table) == (MANY, 0)
        copy = backup.make(cursor, db.side, "w-1", lambda: datetime(2026, 5, 1, tzinfo=UTC))
    with duckdb.connect() as plain:
        plain.execute(
            f"ATTACH '{copy.file}' AS upshot (STORAGE_VERSION '{STORAGE_VERSION}', READ_ONLY)"
        )
        plain.execute("USE upshot")
        assert astray(plain, table) == (MANY, 0)


def test_lines_run_ahead_of_rows_after_a_blank_line_and_a_break_in_a_field():
    third = MANY // 3
    text = f"{HEADER}\n{rows(FIRST, third)}\n{rows(FIRST + third + 1, third, 'Control')}"
    broken = FIRST + 2 * third + 1
    text += f'"u{broken}\n\n",control,1,{WIDE}\n{rows(broken + 3, third)}'
    with Database.memory() as db:
        staged = load(db, text, mapping_of(HEADER))
        assert (staged.rejects, staged.merged) == ("", {"Control": "control"})
        with db.read() as cursor:
            assert astray(cursor, staged.table) == (3 * third + 1, 0)


def test_rows_keep_their_lines_when_those_before_them_are_taken_out(disk: Path, clean: str):
    with open_database(disk, threads=2) as db:
        table = keep(db, f"{HEADER}\n{rows(FIRST, 10)}", "d1")
        staged = load(db, clean, mapping_of(HEADER))
        with db.write() as cursor:
            (first,) = cursor.execute(f"SELECT any_value(import_id) FROM {table}").fetchone()
            facts.add_to_dataset(cursor, staged.table, "d1", has_unit=True)
        with db.write() as cursor:
            facts.take_out(cursor, "d1", first, is_totals=False)
    with open_database(disk, threads=2) as db, db.read() as cursor:
        assert astray(cursor, table) == (MANY - 10, 0)
