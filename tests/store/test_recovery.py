"""Damaged files are found, repaired where that loses nothing, and never served as whole."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from experiments_core.errors import UnrecoverableError, WorkspaceError
from experiments_core.services import workspace
from experiments_core.store.database import Database
from experiments_core.store.opening import open_database

COMMITS = 40
FAULTS = 40
WRITE_AND_DIE = f"""
import os, sys
from experiments_core.store.opening import open_database
db = open_database(sys.argv[1])
for i in range({COMMITS}):
    with db.write() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('x', ?)", [str(i)])
os._exit(9)
"""


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose process was killed: everything acknowledged is in its log."""
    folder = tmp_path_factory.mktemp("killed")
    subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(folder / "w.duckdb")], check=False)
    assert (folder / "w.duckdb.wal").stat().st_size > 0
    return folder


@pytest.fixture
def file(killed: Path, tmp_path: Path) -> Path:
    shutil.copytree(killed, tmp_path / "copy")
    return tmp_path / "copy" / "w.duckdb"


def wal(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")


def stored(db: Database) -> list[int]:
    with db.read() as cursor:
        rows = cursor.execute("SELECT value FROM meta WHERE name = 'x'").fetchall()
    return sorted(int(value) for (value,) in rows)


def told(file: Path) -> str:
    return (file.with_suffix(".d") / "recovery.log").read_text(encoding="utf-8")


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path, place: int) -> None:
    os.truncate(path, place)


def test_a_log_that_is_whole_is_replayed_without_a_word(file: Path):
    with open_database(file) as db:
        assert (db.damage, stored(db)) == ("", list(range(COMMITS)))
    assert not (file.with_suffix(".d") / "recovery.log").exists()
    assert not wal(file).exists()


@pytest.mark.parametrize("fault", (cut, flip))
def test_any_damage_of_the_log_is_found_and_nothing_is_lost_silently(
    killed: Path, tmp_path: Path, fault: Callable[[Path, int], None]
):
    rng = random.Random(20261128)  # noqa: S311  places of faults
    size = wal(killed / "w.duckdb").stat().st_size
    for number in range(FAULTS // 2):
        folder = tmp_path / str(number)
        shutil.copytree(killed, folder)
        file, place = folder / "w.duckdb", rng.randrange(size)
        fault(wal(file), place)
        try:
            db = open_database(file)
        except UnrecoverableError:
            assert (file.with_suffix(".d") / "damaged").exists()
            continue
        with db:
            rows = stored(db)
            assert rows == list(range(len(rows))), f"fault at {place}"
            assert bool(db.damage) == (len(rows) < COMMITS), f"fault at {place}"


def test_a_torn_tail_that_nobody_was_promised_is_cut_off(file: Path):
    """The last entry was being written when the power went: its commit was not answered."""
    whole = wal(file).stat().st_size
    flip(wal(file), whole - 30)
    (file.with_suffix(".d") / "seq").write_text(f"{COMMITS - 1:020d}\n", encoding="ascii")
    with open_database(file) as db:
        assert (db.damage, stored(db)) == ("", list(range(COMMITS - 1)))
        with db.write() as cursor:
            cursor.execute("INSERT INTO meta VALUES ('x', '39')")
    assert "Cut w.duckdb.wal at byte" in told(file)
    (kept,) = (file.with_suffix(".d") / "damaged").iterdir()
    assert wal(kept / file.name).stat().st_size == whole
    with open_database(file) as db:
        assert stored(db) == list(range(COMMITS))


@pytest.mark.parametrize("lost", ("missing", "empty", "another"))
def test_a_lost_log_leaves_a_workspace_that_can_only_be_read(
    file: Path, tmp_path: Path, lost: str
):
    with open_database(file) as db, db.write() as cursor:  # what is in the file itself
        cursor.execute("INSERT INTO meta VALUES ('x', '40')")
    held = open_database(file)
    with held.write() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('x', '41')")
    copy = tmp_path / "later" / file.name
    shutil.copytree(file.parent, copy.parent)  # as a kill would leave it
    held.close()
    if lost == "missing":
        wal(copy).unlink()
    else:
        wal(copy).write_bytes(b"" if lost == "empty" else b"of another file" * 20)
    before = copy.read_bytes()
    with open_database(copy) as db:
        assert "lacks the change 42" in db.damage
        assert stored(db) == list(range(41))
        for door in (db.write, db.staging):
            with pytest.raises(WorkspaceError, match="can only be read") as refusal, door():
                pass
            assert refusal.value.code == "READ_ONLY"
    assert "lacks the change 42" in told(copy)
    assert copy.read_bytes() == before
    (copy.with_suffix(".d") / "seq").unlink()  # a person decides to go on without it
    with open_database(copy) as db:
        assert db.damage == ""


def test_when_nothing_opens_the_files_stay_as_they_are_and_somebody_is_told_what_to_do(
    file: Path,
):
    cut(file, 9000)
    before = file.read_bytes(), wal(file).read_bytes()
    with pytest.raises(UnrecoverableError, match="cannot be repaired") as refusal:
        open_database(file)
    assert "Copy the whole folder" in refusal.value.hint
    assert (file.read_bytes(), wal(file).read_bytes()) == before
    assert "Nothing opens" in told(file)


def test_a_server_whose_database_has_failed_ends_with_code_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with open_database(tmp_path / "w.duckdb") as db:
        db.cursors.on_fatal = lambda reason: workspace.end_at_once(db, reason)
        with pytest.raises(duckdb.FatalException), db.read():
            raise duckdb.FatalException("FATAL Error: the disk is gone")
    assert codes == [4]
    assert "the disk is gone" in told(tmp_path / "w.duckdb")
