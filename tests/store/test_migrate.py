from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from experiments_core.errors import WorkspaceError
from experiments_core.store import migrate as migrations
from experiments_core.store.migrate import SCHEMA_VERSION, migrate, newest_version
from experiments_core.store.opening import open_database

NEWEST = newest_version()
COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
    "WHERE database_name = 'upshot' ORDER BY ALL"
)


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.MIGRATIONS, folder)
    (folder / f"{NEWEST + 1:04d}_colour.sql").write_text(
        "ALTER TABLE experiments ADD COLUMN colour VARCHAR;\n"
        "CREATE TABLE paints (name VARCHAR NOT NULL);",
        encoding="utf-8",
    )
    (folder / f"{NEWEST + 2:04d}_no_paint.sql").write_text(
        "DROP TABLE paints;", encoding="utf-8"
    )
    return folder


def version_of(file: Path) -> str:
    with open_database(file) as db, db.read() as cursor:
        row = cursor.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    assert row is not None
    return str(row[0])


def test_opening_again_changes_nothing(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file) as db, db.read() as cursor:
        first = cursor.execute(COLUMNS).fetchall()
    with open_database(file) as db, db.read() as cursor:
        assert cursor.execute(COLUMNS).fetchall() == first
        versions = cursor.execute("SELECT * FROM meta").fetchall()
    assert versions == [("schema_version", str(NEWEST))]
    assert not (tmp_path / "w.d" / "backups").exists()


def test_an_old_file_takes_every_step_once_and_leaves_a_copy(tmp_path: Path, steps: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file) as db:
        with db.write() as cursor:
            cursor.execute("INSERT INTO meta VALUES ('kept', 'yes')")
        with db.staging() as cursor:
            assert migrate(cursor, db.side, steps) == NEWEST + 2
            once = cursor.execute(COLUMNS).fetchall()
            assert migrate(cursor, db.side, steps) == NEWEST + 2
            assert cursor.execute(COLUMNS).fetchall() == once
            assert ("experiments", "colour", "VARCHAR", True) in once
            assert cursor.execute("SELECT value FROM meta WHERE name = 'kept'").fetchall()
    (copy,) = (tmp_path / "w.d" / "backups").glob("*.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{copy}' AS c (READ_ONLY)")
        assert connection.execute("SELECT count(*) FROM c.meta").fetchone() == (2,)
        assert connection.execute(
            "SELECT count(*) FROM duckdb_columns() WHERE column_name = 'colour'"
        ).fetchone() == (0,)


def test_a_new_file_takes_the_steps_too_and_needs_no_copy(
    tmp_path: Path, steps: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(migrations, "migrate", migrate)
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS upshot")
        connection.execute("USE upshot")
        assert migrate(connection, tmp_path, steps) == NEWEST + 2
    assert not (tmp_path / "backups").exists()


def test_a_step_that_fails_leaves_the_version_before(tmp_path: Path, steps: Path):
    (steps / f"{NEWEST + 2:04d}_no_paint.sql").write_text(
        "DROP TABLE paints; SELECT * FROM nowhere;", encoding="utf-8"
    )
    with open_database(tmp_path / "w.duckdb") as db, db.staging() as cursor:
        with pytest.raises(duckdb.CatalogException):
            migrate(cursor, db.side, steps)
        assert cursor.execute("SELECT value FROM meta").fetchall() == [(str(NEWEST + 1),)]
        assert cursor.execute("FROM paints").fetchall() == []


def test_a_file_of_a_newer_upshot_is_refused_in_words(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    with open_database(file) as db, db.write() as cursor:
        cursor.execute("UPDATE meta SET value = '999' WHERE name = 'schema_version'")
    with pytest.raises(WorkspaceError, match=r"newer Upshot \(schema 999; this one knows"):
        open_database(file)


def test_the_committed_steps_are_numbered_without_a_gap():
    numbers = [int(path.name[:4]) for path in sorted(migrations.MIGRATIONS.glob("*.sql"))]
    assert numbers == list(range(SCHEMA_VERSION + 1, SCHEMA_VERSION + 1 + len(numbers)))
