from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments_core.errors import BusyError
from experiments_core.store.lock import Owner, WorkspaceLock, owner_of
from experiments_core.store.opening import open_database

OPEN_IT = """
import sys
from experiments_core.errors import UpshotError
from experiments_core.store.opening import open_database
try:
    open_database(sys.argv[1])
except UpshotError as error:
    print(error)
    raise SystemExit(2)
"""


def second_process(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", OPEN_IT, str(file)], capture_output=True, text=True, check=False
    )


def test_a_second_process_is_told_in_one_sentence_who_has_it_and_where(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file, address="127.0.0.1", port=8501):
        owner = owner_of(tmp_path / "w.d" / "lock")
        assert owner is not None
        second = second_process(file)
    assert second.returncode == 2
    assert second.stdout == (
        f"Upshot already has this workspace open (process {owner.pid}, http://127.0.0.1:8501). "
        "Open http://127.0.0.1:8501, stop that process first, or set UPSHOT_WORKSPACE.\n"
    )
    assert second.stderr == ""


def test_an_owner_that_serves_nothing_is_named_by_its_process(tmp_path: Path):
    with open_database(tmp_path / "w.duckdb") as db:
        assert db.path is not None
        with pytest.raises(BusyError, match=r"\(process \d+\)\. Wait until it has ended"):
            open_database(db.path)


def test_the_lock_outlives_a_copy_of_the_file_in_the_owning_process(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file):
        (tmp_path / "copy").write_bytes(file.read_bytes())  # this drops DuckDB's own lock
        assert second_process(file).returncode == 2


def test_after_closing_the_next_one_may_open(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    open_database(file).close()
    assert owner_of(tmp_path / "w.d" / "lock") is None
    assert second_process(file).returncode == 0


def test_nobody_owns_what_was_never_opened(tmp_path: Path):
    assert owner_of(tmp_path / "lock") is None


def test_an_unreadable_note_still_refuses(tmp_path: Path):
    file = tmp_path / "lock"
    lock = WorkspaceLock(file, Owner(7))
    file.write_text("{", encoding="utf-8")
    with pytest.raises(BusyError, match="another process"):
        WorkspaceLock(file, Owner(8))
    lock.release()


def test_the_address_of_an_owner_is_one_a_browser_takes():
    assert Owner(1, "::1", 8501).url == "http://[::1]:8501"
    assert Owner(1, "localhost", 80).url == "http://localhost:80"
    assert Owner(1).url == ""
