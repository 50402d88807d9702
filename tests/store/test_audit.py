from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from experiments_core.domain.access import AuditEvent
from experiments_core.store.audit import append_event, events_of, first_broken_event
from experiments_core.store.database import Database

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def db() -> Iterator[Database]:
    with Database.memory() as database:
        with database.write() as cursor:
            for i in range(5):
                event = AuditEvent(
                    NOON, "mira", "edit", "experiment", f"e{i % 2}", {"a": i}, {"a": "ü"}
                )
                append_event(cursor, database.secret, event)
        yield database


def broken(db: Database) -> int | None:
    with db.read() as cursor:
        return first_broken_event(cursor, db.secret)


def test_events_come_back_as_they_were(db: Database):
    with db.read() as cursor:
        events = events_of(cursor, "default", "experiment", "e1")
        assert events_of(cursor, "other", "experiment", "e1") == []
    assert [event.seq for event in events] == [2, 4]
    assert events[0] == AuditEvent(
        NOON, "mira", "edit", "experiment", "e1", {"a": 1}, {"a": "ü"}, seq=2
    )


def test_an_untouched_chain_holds(db: Database):
    assert broken(db) is None


@pytest.mark.parametrize(
    ("statement", "row"),
    (
        ("UPDATE audit SET actor = 'other' WHERE seq = 3", 3),
        ("UPDATE audit SET before = '{\"a\": 9}' WHERE seq = 1", 1),
        ("UPDATE audit SET ts = ts + INTERVAL 1 SECOND WHERE seq = 5", 5),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("UPDATE audit SET seq = CASE seq WHEN 2 THEN 4 WHEN 4 THEN 2 ELSE seq END", 2),
        ("INSERT INTO audit SELECT 6, * EXCLUDE (seq) FROM audit WHERE seq = 5", 6),
    ),
)
def test_any_tampering_names_the_first_bad_row(db: Database, statement: str, row: int):
    with db.write() as cursor:
        cursor.execute(statement)
    assert broken(db) == row


def test_the_chain_cannot_be_made_without_the_key(db: Database):
    with db.write() as cursor:
        append_event(cursor, b"guess", AuditEvent(NOON, "eve", "edit", "experiment", "e1"))
    assert broken(db) == 6
