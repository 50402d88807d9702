"""What is kept from one state of the file never reaches a reader of another one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from experiments_core.store.database import Database
from experiments_core.store.kept import MOST, Kept
from experiments_core.store.opening import open_database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "kept.duckdb") as own:
        with own.write() as cursor:
            cursor.execute("CREATE TABLE numbers AS SELECT 0 AS n")
        yield own


def number(cursor: Any) -> int:
    ((found,),) = cursor.execute("SELECT n FROM numbers").fetchall()
    return int(found)


def count_up(db: Database) -> None:
    with db.write() as cursor:
        cursor.execute("UPDATE numbers SET n = n + 1")


def kept(db: Database, cursor: Any, asked: list[int]) -> int:
    def make() -> int:
        asked.append(1)
        return number(cursor)

    return db.kept(cursor, "number", make)


def test_a_value_is_read_once_until_something_is_committed(db: Database):
    asked: list[int] = []
    for _ in range(3):
        with db.read() as cursor:
            assert kept(db, cursor, asked) == 0
    assert len(asked) == 1
    count_up(db)
    with db.read() as cursor:
        assert kept(db, cursor, asked) == 1
    assert len(asked) == 2


def test_a_reader_that_began_before_a_commit_neither_takes_nor_leaves_a_value(db: Database):
    asked: list[int] = []
    with db.read() as early:
        assert kept(db, early, asked) == 0
        count_up(db)
        assert kept(db, early, asked) == 0  # its own state, although the file is newer
        with db.read() as late:
            assert kept(db, late, asked) == 1
        assert kept(db, early, asked) == 0
    with db.read() as last:
        assert kept(db, last, asked) == 1


def test_a_transaction_that_has_not_looked_yet_sees_what_its_value_was_made_of(db: Database):
    asked: list[int] = []
    with db.read() as cursor:
        count_up(db)  # between its begin and its first look
        assert kept(db, cursor, asked) == number(cursor) == 1
    with db.read() as cursor:
        assert kept(db, cursor, asked) == 1
        count_up(db)
        assert number(cursor) == 1  # the look for the value has settled what it sees


def test_the_writer_reads_its_own_changes_and_keeps_none(db: Database):
    asked: list[int] = []
    with db.write() as cursor:
        cursor.execute("UPDATE numbers SET n = 7")
        with db.read() as own:
            assert kept(db, own, asked) == 7

    def fail() -> None:
        with db.write() as cursor:
            cursor.execute("UPDATE numbers SET n = 8")
            assert kept(db, cursor, asked) == 8
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with db.read() as cursor:
        assert kept(db, cursor, asked) == 7


def test_who_asks_for_nothing_else_needs_no_transaction_for_what_is_kept(db: Database):
    asked: list[int] = []

    def make(cursor: Any) -> int:
        asked.append(1)
        return number(cursor)

    assert [db.recall("number", make) for _ in range(3)] == [0, 0, 0]
    count_up(db)
    assert db.recall("number", make) == 1
    with db.write() as cursor:
        cursor.execute("UPDATE numbers SET n = 5")
        assert db.recall("number", make) == 5
    with pytest.raises(ZeroDivisionError), db.write() as cursor:
        raise ZeroDivisionError
    assert db.recall("number", make) == 5
    assert len(asked) == 4


def test_only_so_many_values_are_kept():
    memory = Kept()
    for name in range(MOST + 1):
        memory.keep(0, name, "value")
    assert memory.here(0) == (False, None)
    assert memory.here(MOST) == (True, "value")
    with memory.committing():
        assert memory.here(MOST)[0] is False


def test_what_cannot_be_read_is_asked_for_again(db: Database):
    def fail() -> int:
        raise LookupError

    with db.read() as cursor:
        with pytest.raises(LookupError):
            db.kept(cursor, "number", fail)
        assert kept(db, cursor, []) == 0


def test_while_a_commit_is_under_way_nothing_is_kept():
    memory = Kept()
    assert memory.state() == 0
    with memory.committing():
        assert memory.state() is None
        memory.keep(0, "name", "old")
    assert memory.state() == 2
    memory.keep(0, "name", "old")
    assert memory.of(2, "name") == (False, None)
    memory.keep(2, "name", "new")
    assert memory.of(2, "name") == (True, "new")
    assert memory.of(0, "name")[0] is False


def test_many_readers_beside_a_writer_always_see_one_state(db: Database):
    """The kept number and the number in the same transaction's file are never two."""
    done = threading.Event()

    def read() -> int:
        turns = 0
        while not done.is_set():
            with db.read() as cursor:
                assert kept(db, cursor, []) == number(cursor)
            assert db.recall("number", number) <= db.recall("other", number)
            turns += 1
        return turns

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for _ in range(60):
                count_up(db)
        finally:
            done.set()
        assert sum(reader.result() for reader in readers) > 0
    with db.read() as cursor:
        assert kept(db, cursor, []) == number(cursor) == 60


def test_work_that_finds_everything_kept_does_without_the_file(db: Database):
    asked: list[int] = []

    def work() -> int:
        asked.append(1)
        return db.recall("number", number)

    assert db.without_reading(work) is None
    assert work() == 0
    assert db.without_reading(work) == 0
    count_up(db)
    assert db.without_reading(work) is None
    assert work() == 1
    assert len(asked) == 5


def test_work_without_reading_may_not_write_either(db: Database):
    def work() -> int:
        count_up(db)
        return 1

    assert db.without_reading(work) is None
    with db.read() as cursor:
        assert number(cursor) == 0


def test_what_is_steady_is_kept_over_a_commit_to_the_log_only(db: Database):
    asked: list[str] = []

    def read(name: str) -> int:
        def make(cursor: Any) -> int:
            asked.append(name)
            return number(cursor)

        return db.recall((name, "one"), make)

    for _ in range(2):
        assert (read("experiment"), read("looks")) == (0, 0)
    with db.write(log_only=True) as cursor:
        cursor.execute("CREATE TABLE elsewhere (n INTEGER)")
    assert (read("experiment"), read("looks")) == (0, 0)
    assert asked == ["experiment", "looks", "looks"]
    count_up(db)
    assert (read("experiment"), read("looks")) == (1, 1)
