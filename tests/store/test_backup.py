"""Copies count only when they were opened and compared; the ladder and people use them."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from experiments_core.errors import BusyError, UnrecoverableError, WorkspaceError
from experiments_core.store import backup
from experiments_core.store.commits import WAY_OUT
from experiments_core.store.database import Database
from experiments_core.store.fingerprint import Fingerprint
from experiments_core.store.opening import open_database
from experiments_core.store.restoring import restore

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "w.duckdb") as opened:
        yield opened


def write(db: Database, *values: int) -> None:
    for value in values:
        with db.write() as cursor:
            cursor.execute("INSERT INTO meta VALUES ('x', ?)", [str(value)])


def stored(db: Database) -> list[int]:
    with db.read() as cursor:
        rows = cursor.execute("SELECT value FROM meta WHERE name = 'x'").fetchall()
    return sorted(int(value) for (value,) in rows)


def make(db: Database, name: str = "w-1", day: int = 0) -> backup.Backup:
    with db.staging() as cursor:
        return backup.make(cursor, db.side, name, lambda: NOW + timedelta(days=day))


def told(file: Path) -> str:
    return (file.with_suffix(".d") / "recovery.log").read_text(encoding="utf-8")


def test_a_copy_is_opened_and_compared_before_it_has_a_name(db: Database):
    write(db, 1, 2, 3)
    made = make(db)
    assert backup.backups_in(db.side) == [made]
    assert made.is_whole
    assert (made.seq, made.bytes) == (3, made.file.stat().st_size)
    held = backup.read_copy(made.file)
    assert held["commit_log"][0] == held["meta"][0] - 1 == 3
    names = {path.name for path in (db.side / "backups").iterdir()}
    assert names == {"w-1.duckdb", "w-1.duckdb.json"}
    write(db, 4)
    assert stored(db) == [1, 2, 3, 4]


def test_a_copy_holds_one_moment_while_others_write(db: Database):
    write(db, 0)
    done = threading.Event()

    def writer() -> None:
        number = 1
        while not done.is_set():
            write(db, number)
            number += 1

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        copies = [make(db, f"w-{n}", n) for n in range(2)]
    finally:
        done.set()
        thread.join()
    for copy in copies:
        held = backup.read_copy(copy.file)
        assert held["commit_log"][0] == copy.seq
        assert held["meta"][0] == copy.seq + 1  # the schema's version stands there too
    assert copies[0].seq < copies[1].seq < len(stored(db))


def test_a_copy_that_differs_is_thrown_away_and_the_older_one_stays(
    db: Database, monkeypatch: pytest.MonkeyPatch
):
    write(db, 1)
    first = make(db)
    really = backup.read_copy

    def one_row_less(file: Path) -> Fingerprint:
        held = really(file)
        return held | {"meta": (held["meta"][0] - 1, held["meta"][1])}

    monkeypatch.setattr(backup, "read_copy", one_row_less)
    with pytest.raises(WorkspaceError) as refused:
        make(db, "w-2")
    assert refused.value.code == "BACKUP_NOT_VERIFIED"
    assert backup.backups_in(db.side) == [first]
    assert not list((db.side / "backups").glob("*.part*"))


def test_a_full_disk_and_a_second_one_at_once_are_refused(
    db: Database, monkeypatch: pytest.MonkeyPatch
):
    full = shutil.disk_usage(db.side)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(BusyError, match="no room"):
        make(db)
    monkeypatch.undo()
    assert backup._ONE_AT_A_TIME.acquire(blocking=False)
    try:
        with pytest.raises(BusyError, match="already"):
            make(db)
    finally:
        backup._ONE_AT_A_TIME.release()
    assert make(db).is_whole


def test_seven_daily_copies_stay_and_others_are_not_touched(
    db: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(backup, "read_copy", lambda _: held)
    with db.read() as cursor:
        held = backup.fingerprint(cursor)
    make(db, "before-schema-9")
    for day in range(9):
        make(db, f"w-{day}", day)
        backup.rotate(db.side, "w-")
    left = sorted(one.file.stem for one in backup.backups_in(db.side))
    assert left == ["before-schema-9", *(f"w-{day}" for day in range(2, 9))]


@pytest.fixture
def saved(db: Database) -> Path:
    """A file with two copies, the newer one lacking the last change."""
    assert db.path is not None
    write(db, 1)
    make(db, "w-1")
    write(db, 2)
    make(db, "w-2", 1)
    write(db, 3)
    db.close()
    return db.path


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def test_the_ladder_takes_the_newest_verified_copy_and_says_what_it_lacks(saved: Path):
    folder = saved.with_suffix(".d") / "backups"
    shutil.copyfile(saved, folder / "by-hand.duckdb")  # newer, but nobody verified it
    damage(saved)
    with open_database(saved) as db:
        assert stored(db) == [1, 2]
        assert "lacks the change 3" in db.damage
        assert "upshot restore" in WAY_OUT
    assert "Put the copy w-2.duckdb in the place of w.duckdb." in told(saved)


def test_a_copy_that_has_rotted_since_is_left_alone(saved: Path):
    copy = saved.with_suffix(".d") / "backups" / "w-2.duckdb"
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 0xFF
    copy.write_bytes(data)
    damage(saved)
    with open_database(saved) as db:
        assert stored(db) == [1]
    assert "w-2.duckdb is not what was verified" in told(saved)


def test_without_a_verified_copy_nothing_is_put_in_the_place(saved: Path):
    for told_of in (saved.with_suffix(".d") / "backups").glob("*.json"):
        told_of.unlink()
    damage(saved)
    with pytest.raises(UnrecoverableError) as refused:
        open_database(saved)
    assert "upshot restore FILE" in refused.value.hint


def test_a_person_restores_and_decides_about_what_is_missing(saved: Path, tmp_path: Path):
    before = saved.read_bytes()
    done = restore(saved, None)
    assert done.kept is not None
    assert (done.kept / saved.name).read_bytes() == before
    assert "lacks the change 3" in done.missing
    assert restore(saved, None, accept_loss=True).missing == ""
    with open_database(saved) as db:
        assert (stored(db), db.damage) == ([1, 2], "")
        write(db, 4)
    older = tmp_path / "elsewhere.duckdb"
    shutil.copyfile(saved.with_suffix(".d") / "backups" / "w-1.duckdb", older)
    assert restore(saved, older, accept_loss=True).missing == ""
    with open_database(saved) as db:
        assert stored(db) == [1]


def test_what_is_no_copy_is_refused_before_anything_is_moved(saved: Path, tmp_path: Path):
    before = saved.read_bytes()
    (tmp_path / "text.duckdb").write_text("no database")
    other = saved.with_suffix(".d") / "backups" / "w-1.duckdb"
    body = json.loads(Path(f"{other}.json").read_text(encoding="utf-8"))
    body["tables"]["meta"][0] += 1
    Path(f"{other}.json").write_text(json.dumps(body), encoding="utf-8")
    for copy in (tmp_path / "text.duckdb", tmp_path / "nothing.duckdb", other):
        with pytest.raises(WorkspaceError):
            restore(saved, copy)
    with open_database(saved), pytest.raises(BusyError):
        restore(saved, None)
    assert saved.read_bytes() == before
    assert not (saved.with_suffix(".d") / "damaged").exists()


def test_a_workspace_that_is_lost_comes_back_from_its_copies(saved: Path):
    saved.unlink()
    done = restore(saved, None, accept_loss=True)
    assert (done.kept, done.missing) == (None, "")
    with open_database(saved) as db:
        assert stored(db) == [1, 2]
