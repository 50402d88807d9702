from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from experiments_core.errors import BusyError
from experiments_core.store.database import Database
from experiments_core.store.writer import Writer


@pytest.fixture
def db() -> Iterator[Database]:
    with Database.memory() as opened:
        with opened.write() as cursor:
            cursor.execute("CREATE TABLE notes (n INTEGER)")
        yield opened


def rows(db: Database) -> list[int]:
    with db.read() as cursor:
        return [n for (n,) in cursor.execute("SELECT n FROM notes ORDER BY n").fetchall()]


def write(cursor: Any, numbers: Sequence[int]) -> list[int]:
    for n in numbers:
        if n < 0:
            raise ValueError(n)
        cursor.execute("INSERT INTO notes VALUES (?)", [n])
    return [10 * n for n in numbers]


def test_what_waits_goes_into_one_commit(db: Database):
    writer, sizes = Writer(db), []
    gate, entered = threading.Event(), threading.Event()

    def slow(cursor: Any, numbers: Sequence[int]) -> list[int]:
        entered.set()
        gate.wait(5)
        return write(cursor, numbers)

    def noted(cursor: Any, numbers: Sequence[int]) -> list[int]:
        sizes.append(len(numbers))
        return write(cursor, numbers)

    first = writer.submit(slow, 0)
    assert entered.wait(5)
    waiting = [writer.submit(noted, n) for n in range(1, 9)]
    gate.set()
    assert [job.result(5) for job in (first, *waiting)] == [10 * n for n in range(9)]
    assert sizes == [8]
    assert rows(db) == list(range(9))
    writer.close()


def test_a_bad_job_harms_only_itself(db: Database):
    writer = Writer(db)
    gate = threading.Event()

    def wait(_cursor: Any, payloads: Sequence[Any]) -> list[None]:
        gate.wait(5)
        return [None] * len(payloads)

    first = writer.submit(wait, None)
    jobs = [writer.submit(write, n) for n in (1, -2, 3)]
    gate.set()
    first.result(5)
    assert jobs[0].result(5) == 10
    assert jobs[2].result(5) == 30
    with pytest.raises(ValueError, match="-2"):
        jobs[1].result(5)
    assert rows(db) == [1, 3]
    writer.close()


def test_a_full_queue_says_so_and_stores_nothing(db: Database):
    writer = Writer(db, most_waiting=10)
    gate = threading.Event()

    def wait(_cursor: Any, payloads: Sequence[Any]) -> list[None]:
        gate.wait(5)
        return [None] * len(payloads)

    held = writer.submit(wait, None, rows=6)
    taken = writer.submit(write, 1, rows=4)
    with pytest.raises(BusyError):
        writer.submit(write, 2)
    gate.set()
    held.result(5)
    assert taken.result(5) == 10
    assert writer.submit(write, 3).result(5) == 30
    assert rows(db) == [1, 3]
    writer.close()


def test_closing_writes_what_waits_and_takes_no_more(db: Database):
    writer = Writer(db)
    jobs = [writer.submit(write, n) for n in range(50)]
    writer.close()
    assert all(job.done() for job in jobs)
    assert rows(db) == list(range(50))
    with pytest.raises(BusyError):
        writer.submit(write, 1)
    writer.close()
