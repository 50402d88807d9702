from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from experiments_core.errors import BusyError, InvalidInputError, WorkspaceError
from experiments_core.store.database import Database
from experiments_core.store.ids import uuid7
from experiments_core.store.opening import open_database

COUNT = "SELECT count(*) FROM meta WHERE name = 'x'"
INSERT = "INSERT INTO meta VALUES ('x', ?)"


def count(db: Database) -> int:
    with db.read() as cursor:
        row = cursor.execute(COUNT).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def db():
    with Database.memory() as database:
        yield database


def test_a_block_that_ends_well_is_committed(db: Database):
    with db.write() as cursor:
        cursor.execute(INSERT, ["1"])
    assert count(db) == 1


@pytest.mark.parametrize("error", (ValueError, KeyboardInterrupt, SystemExit))
def test_a_block_that_fails_leaves_nothing(db: Database, error: type[BaseException]):
    with pytest.raises(error), db.write() as cursor:  # noqa: PT012
        cursor.execute(INSERT, ["1"])
        raise error
    assert count(db) == 0
    with db.write() as cursor:
        cursor.execute(INSERT, ["2"])
    assert count(db) == 1


def test_a_database_error_rolls_back_and_the_door_works_again(db: Database):
    with pytest.raises(duckdb.Error), db.write() as cursor:  # noqa: PT012
        cursor.execute(INSERT, ["1"])
        cursor.execute("SELECT * FROM nowhere")
    assert count(db) == 0


def test_a_nested_block_is_part_of_the_outer_one(db: Database):
    with pytest.raises(ValueError, match="late"), db.write() as outer:  # noqa: PT012
        with db.write() as inner:
            assert inner is outer
            inner.execute(INSERT, ["1"])
        with db.read() as reader:
            assert reader.execute(COUNT).fetchone() == (1,)
        raise ValueError("late")
    assert count(db) == 0


def test_a_nested_failure_that_was_swallowed_still_rolls_everything_back(db: Database):
    def swallow() -> None:
        with suppress(ValueError), db.write() as cursor:
            cursor.execute(INSERT, ["1"])
            raise ValueError

    with pytest.raises(RuntimeError, match="not handed on"), db.write():
        swallow()
    assert count(db) == 0


def test_reading_cannot_write(db: Database):
    with db.read() as cursor, pytest.raises(duckdb.Error, match="read-only"):
        cursor.execute(INSERT, ["1"])


def test_a_reader_sees_one_state_while_others_write(db: Database):
    with db.read() as cursor:
        assert cursor.execute(COUNT).fetchone() == (0,)
        writer = threading.Thread(target=lambda: add(db, 1))
        writer.start()
        writer.join()
        assert cursor.execute(COUNT).fetchone() == (0,)
    assert count(db) == 1


def add(db: Database, times: int) -> None:
    for _ in range(times):
        with db.write() as cursor:
            row = cursor.execute(COUNT).fetchone()
            assert row is not None
            cursor.execute(INSERT, [str(row[0])])


def test_writers_of_many_threads_lose_nothing(db: Database):
    threads = [threading.Thread(target=add, args=(db, 25)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as cursor:
        rows = cursor.execute("SELECT value FROM meta WHERE name = 'x'").fetchall()
        commits = cursor.execute("SELECT count(*), max(seq) FROM commit_log").fetchone()
    assert sorted(int(value) for (value,) in rows) == list(range(200))
    assert commits == (200, 200)


def test_staging_loads_beside_the_door_and_is_gone_next_time(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file) as database:
        with database.write(), database.staging() as cursor:
            cursor.execute("CREATE TABLE staging_1 AS SELECT * FROM range(10)")
        with database.write() as cursor:
            cursor.execute("CREATE TABLE kept AS FROM staging_1")
    with open_database(file) as database, database.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM kept").fetchone() == (10,)
        with pytest.raises(duckdb.CatalogException):
            cursor.execute("FROM staging_1")


def test_closing_leaves_one_file_and_no_log(tmp_path: Path):
    with open_database(tmp_path / "w.duckdb") as database:
        add(database, 3)
        assert (tmp_path / "w.duckdb.wal").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.d", "w.duckdb"]
    with open_database(tmp_path / "w.duckdb") as database:
        assert count(database) == 3


def test_closing_twice_is_once_and_a_closed_database_says_so():
    database = Database.memory()
    database.close()
    database.close()
    with pytest.raises(BusyError, match="closed"), database.read():
        pass


def test_closing_interrupts_what_runs(tmp_path: Path):
    database = open_database(tmp_path / "w.duckdb")
    begun, outcome = threading.Event(), []

    def endless() -> None:
        try:
            with database.write() as cursor:
                cursor.execute(INSERT, ["lost"])
                begun.set()
                cursor.execute(
                    "SELECT sum(a.range * b.range) FROM range(9e9::BIGINT) a, range(9) b"
                )
        except duckdb.Error as error:
            outcome.append(type(error).__name__)

    thread = threading.Thread(target=endless)
    thread.start()
    begun.wait()
    time.sleep(0.1)
    database.close()
    thread.join(timeout=30)
    assert outcome == ["InterruptException"]
    assert not (tmp_path / "w.duckdb.wal").exists()
    with open_database(tmp_path / "w.duckdb") as again:
        assert count(again) == 0


def test_the_file_keeps_the_format_of_duckdb_1_5(tmp_path: Path):
    with open_database(tmp_path / "w.duckdb") as database, database.read() as cursor:
        row = cursor.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'upshot'"
        ).fetchone()
    assert row is not None
    assert "v1.5.0" in str(row[0])


def test_the_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path):
    with open_database(tmp_path / "w.duckdb") as database:
        first = database.secret
    with open_database(tmp_path / "w.duckdb") as database:
        assert database.secret == first
    secret = tmp_path / "w.d" / "secret"
    assert len(first) == 32
    assert secret.stat().st_mode & 0o777 == 0o600


def test_memory_leaves_nothing_behind():
    database = Database.memory()
    side = database.side
    assert database.path is None
    assert database.inbox == side / "inbox"
    database.close()
    del database
    gc.collect()
    assert not side.exists()


def test_memory_reads_the_files_it_was_given_and_no_others(tmp_path: Path):
    for name in ("mine.csv", "other.csv"):
        (tmp_path / name).write_text("a\n1\n", encoding="utf-8")
    query = "SELECT * FROM read_csv(?)"
    with Database.memory(readable=[tmp_path / "mine.csv"]) as db, db.read() as cursor:
        assert cursor.execute(query, [str(tmp_path / "mine.csv")]).fetchall() == [(1,)]
        with pytest.raises(duckdb.PermissionException):
            cursor.execute(query, [str(tmp_path / "other.csv")])


def test_too_little_memory_is_said_in_words():
    with (
        Database.memory(memory_limit="60MB") as database,
        pytest.raises(BusyError, match="more memory"),
        database.read() as cursor,
    ):
        cursor.execute("SELECT list(range::VARCHAR || repeat('x', 100)) FROM range(9_000_000)")


@pytest.mark.parametrize(
    ("text", "told"),
    (("No space left on device", BusyError), ("Input/output error", duckdb.IOException)),
)
def test_a_fault_of_the_disk_leaves_nothing_and_a_full_one_is_said_in_words(
    db: Database, text: str, told: type[Exception]
):
    with pytest.raises(told), db.write() as cursor:  # noqa: PT012
        cursor.execute(INSERT, ["1"])
        raise duckdb.IOException(f"IO Error: {text}")
    assert count(db) == 0


def test_a_memory_limit_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(InvalidInputError, match="UPSHOT_MEMORY_LIMIT is “plenty”"):
        open_database(tmp_path / "w.duckdb", memory_limit="plenty")


def test_what_a_killed_process_left_on_disk_is_cleared(tmp_path: Path):
    open_database(tmp_path / "w.duckdb").close()
    left = tmp_path / "w.d" / "tmp" / "duckdb_temp_storage-0.tmp"
    left.write_bytes(b"x")
    open_database(tmp_path / "w.duckdb").close()
    assert not left.exists()


def test_ids_are_version_7_unique_and_in_order_of_time():
    ids = [uuid7() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(one[14] == "7" and one[19] in "89ab" for one in ids)
    before = uuid7()
    time.sleep(0.002)
    assert before < uuid7()


# What cannot be opened ----------------------------------------------------------------------


def refused(file: Path, sentence: str) -> None:
    with pytest.raises(WorkspaceError, match=sentence) as error:
        open_database(file)
    assert error.value.hint
    lock = file.with_suffix(".d") / "lock"
    assert lock.read_text(encoding="utf-8") == ""  # and the next one may try


def test_a_file_with_two_names_is_refused(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    open_database(file).close()
    os.link(file, tmp_path / "second-name")
    refused(file, "more than one name")


def test_a_symbolic_link_leads_to_the_one_side_folder(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.duckdb").symlink_to(tmp_path / "real" / "w.duckdb")
    with open_database(tmp_path / "link.duckdb") as database:
        assert database.side == tmp_path / "real" / "w.d"
        assert database.inbox == tmp_path / "real" / "inbox"


def test_other_files_are_refused_in_words(tmp_path: Path):
    text = tmp_path / "text.duckdb"
    text.write_text("not a database " * 500, encoding="utf-8")
    refused(text, "is not a DuckDB file")
    stranger = tmp_path / "stranger.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{stranger}' AS s (STORAGE_VERSION 'v1.5.0')")
        connection.execute("CREATE TABLE s.t (i INTEGER)")
    refused(stranger, "not an Upshot workspace")
    newer = tmp_path / "newer.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{newer}' AS s (STORAGE_VERSION 'v2.0.0')")
        connection.execute("CREATE TABLE s.t (i INTEGER)")
    refused(newer, "file format of DuckDB 2")


def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file) as database:
        add(database, 1)
    damaged = bytearray(file.read_bytes())
    damaged[4096 : 4096 * 3] = os.urandom(4096 * 2)
    file.write_bytes(damaged)
    refused(file, "is damaged and cannot be repaired")
    assert file.read_bytes() == bytes(damaged)


def test_an_empty_file_is_a_place_for_a_new_one(tmp_path: Path):
    (tmp_path / "w.duckdb").touch()
    with open_database(tmp_path / "w.duckdb") as database:
        add(database, 1)
        assert count(database) == 1


def test_a_log_without_its_file_is_refused(tmp_path: Path):
    (tmp_path / "w.duckdb.wal").write_bytes(b"rows")
    refused(tmp_path / "w.duckdb", "is missing, but w.duckdb.wal")


def test_a_file_that_lost_acknowledged_commits_is_refused(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file) as database:
        add(database, 2)
    old = file.read_bytes()
    with open_database(file) as database:
        add(database, 3)
    file.write_bytes(old)
    with open_database(file) as database:
        assert "lacks the changes 3 to 5" in database.damage
        assert count(database) == 2
        with pytest.raises(WorkspaceError, match="can only be read"), database.write():
            pass
    (tmp_path / "w.d" / "seq").unlink()
    with open_database(file) as database:
        assert count(database) == 2


def test_a_deleted_file_begins_anew(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file) as database:
        add(database, 2)
    file.unlink()
    with open_database(file) as database:
        assert count(database) == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "w.d").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(WorkspaceError, match=r"w\.d cannot be written"):
        open_database(tmp_path / "w.duckdb")


def test_another_program_with_the_file_open_is_named(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    open_database(file).close()
    hold = (
        "import duckdb, sys, time; con = duckdb.connect(); "
        "con.execute(f\"ATTACH '{sys.argv[1]}'\"); print('open', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(file)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(BusyError, match=rf"Another program .* \(process {other.pid}\)"):
            open_database(file)
        other.send_signal(signal.SIGKILL)
