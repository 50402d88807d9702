"""What SQL cannot do in an open workspace: a golden list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from experiments_core.store.database import Database
from experiments_core.store.opening import open_database

REFUSED = (
    # reading files
    "SELECT * FROM read_csv('{out}/secret.csv')",
    "SELECT * FROM '{out}/secret.csv'",
    "SELECT * FROM read_text('{out}/secret.csv')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('{out}/secret.csv')",
    "SELECT * FROM read_parquet('{out}/x.parquet')",
    "SELECT * FROM glob('{out}/*')",
    "SELECT * FROM read_csv('{side}/../secret.csv')",
    "SELECT * FROM read_csv('{side}/link.csv')",
    "SELECT * FROM sniff_csv('{out}/secret.csv')",
    "SELECT * FROM parquet_metadata('{out}/x.parquet')",
    "COPY meta FROM '{out}/secret.csv'",
    "IMPORT DATABASE '{out}'",
    # writing files
    "COPY meta TO '{out}/stolen.csv'",
    "COPY (SELECT 1) TO '/tmp/upshot-stolen.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{out}/stolen'",
    "ATTACH '{out}/other.duckdb'",
    "ATTACH '{out}/other.duckdb' AS o (READ_ONLY)",
    "CREATE PERSISTENT SECRET s (TYPE http)",
    # network
    "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    "SELECT * FROM 'https://127.0.0.1:9/x.parquet'",
    "ATTACH 'http://127.0.0.1:9/x.duckdb'",
    # code
    "INSTALL httpfs",
    "FORCE INSTALL httpfs",
    "INSTALL h3 FROM community",
    "LOAD httpfs",
    "LOAD '{out}/evil.duckdb_extension'",
    "UPDATE EXTENSIONS",
    # configuration
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_directories = ['/']",
    "SET allowed_paths = ['/etc/passwd']",
    "SET memory_limit = '64GB'",
    "SET threads = 64",
    "SET temp_directory = '{out}'",
    "SET python_enable_replacements = true",
    "SET autoinstall_known_extensions = true",
    "SET GLOBAL TimeZone = 'Asia/Tokyo'",
    "RESET enable_external_access",
    "RESET ALL",
    "PRAGMA enable_external_access = true",
    "PRAGMA memory_limit = '64GB'",
    "CALL enable_logging(storage = 'file', storage_path = '{out}/log')",
    # the process around it
    "SELECT getenv('PATH')",
    "SELECT * FROM frame",
)
STILL_ALLOWED = (
    "SELECT 1",
    "SELECT current_setting('TimeZone')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM read_csv('{side}/uploads/mine.csv')",
    "SELECT json_extract('{{\"a\": 1}}', '$.a')",
    "CREATE TEMP TABLE mine (i INTEGER)",
    "CREATE SECRET s (TYPE http, BEARER_TOKEN 'x')",  # in memory, and nothing can use it
)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("lockdown")
    (folder / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    with open_database(folder / "w.duckdb") as database:
        (database.side / "uploads" / "mine.csv").write_text("a\n1\n", encoding="utf-8")
        (database.side / "link.csv").symlink_to(folder / "secret.csv")
        yield database


def run(db: Database, statement: str) -> None:
    frame = pd.DataFrame({"a": [1]})  # a Python variable that SQL must not see
    assert len(frame) == 1
    with db.staging() as cursor:
        cursor.execute(statement.format(out=db.side.parent, side=db.side)).fetchall()


@pytest.mark.parametrize("statement", REFUSED)
def test_what_leaves_the_workspace_is_refused(db: Database, statement: str):
    before = everything(db.side.parent)
    with pytest.raises(duckdb.Error):
        run(db, statement)
    assert everything(db.side.parent) == before


@pytest.mark.parametrize("statement", STILL_ALLOWED)
def test_what_stays_inside_works(db: Database, statement: str):
    run(db, statement)


@pytest.mark.parametrize(
    ("setting", "value"),
    (
        ("enable_external_access", False),
        ("lock_configuration", True),
        ("python_enable_replacements", False),
        ("autoload_known_extensions", False),
        ("autoinstall_known_extensions", False),
        ("allow_community_extensions", False),
        ("allow_persistent_secrets", False),
        ("TimeZone", "UTC"),
    ),
)
def test_every_cursor_has_the_locked_settings(db: Database, setting: str, value: object):
    with db.read() as cursor:
        assert cursor.execute("SELECT current_setting(?)", [setting]).fetchone() == (value,)


def everything(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))
