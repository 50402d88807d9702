"""Reading a file ends in time, says why, and leaves a workspace that works."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.source import Role
from experiments_core.errors import BusyError, InvalidInputError
from experiments_core.services import ingestion
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.settings import Settings, read_settings
from experiments_core.store import connect
from experiments_core.store.database import Database

from .files import change

HEADER = "user_id,variant,converted,note\n"
ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range % 7 = 3"


def test_a_statement_that_takes_too_long_is_stopped_and_the_cursor_goes_on() -> None:
    with Database.memory() as db:
        db.longest_staging = 0.3
        begun = time.monotonic()
        with (
            pytest.raises(BusyError, match=r"longer than 0\.3 seconds") as error,
            db.staging() as cursor,
        ):
            cursor.execute(ENDLESS)
        assert error.value.code == "IMPORT_TOO_SLOW"
        assert time.monotonic() - begun < 30
        db.longest_staging = 60
        with db.staging() as cursor:
            assert cursor.execute("SELECT 1").fetchone() == (1,)


def sleep_then_work(db: Database) -> None:
    with db.staging() as cursor:
        time.sleep(0.3)
        cursor.execute(ENDLESS)


def test_time_that_is_up_between_two_statements_stops_the_next_one() -> None:
    with Database.memory() as db:
        db.longest_staging = 0.05
        with pytest.raises(BusyError):
            sleep_then_work(db)


def test_an_import_that_takes_too_long_leaves_nothing_and_can_be_tried_again() -> None:
    rows = "".join(f"u{n},{'ab'[n % 2]},{n % 3 == 0:d}\n" for n in range(200_000))
    data = f"user_id,variant,converted\n{rows}".encode()
    with open_workspace(":memory:") as ws:
        draft = ingestion.receive(ws, LOCAL, io.BytesIO(data), "big.csv")
        mapping = draft.detection.proposal
        for question in draft.questions:
            value = question.default or question.choices[0].value
            mapping = ingestion.answer(mapping, question, value)
        ws.db.longest_staging = 0.001
        with pytest.raises(BusyError, match="nothing was stored"):
            ingestion.check(ws, LOCAL, draft.import_id, mapping)
        assert _units(ws) == 0
        ws.db.longest_staging = 600
        record = ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="x")
        assert (record.rows_used, _units(ws)) == (200_000, 200_000)


def test_an_import_that_needs_too_much_memory_leaves_nothing_and_the_next_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "MAX_TEMPORARY", "1MB")
    wide = "".join(f"u{n},{'ab'[n % 2]},1,{n}{'y' * 800}\n" for n in range(20_000))
    file = tmp_path / "upshot.duckdb"
    settings = Settings(workspace=file, memory_limit="24MB")
    with open_workspace(file, settings=settings) as ws:
        draft = ingestion.receive(ws, LOCAL, io.BytesIO((HEADER + wide).encode()), "big.csv")
        mapping = change(draft.detection.proposal, "note", role=Role.SEGMENT)
        with pytest.raises(BusyError, match="more memory, or more room on disk"):
            ingestion.check(ws, LOCAL, draft.import_id, replace(mapping, finished=True))
        assert [one.file_name for one in ingestion.unfinished(ws, LOCAL)] == ["big.csv"]
        small = HEADER + "".join(f"u{n},{'ab'[n % 2]},{n % 3 == 0:d},\n" for n in range(40))
        draft = ingestion.receive(ws, LOCAL, io.BytesIO(small.encode()), "small.csv")
        mapping = replace(draft.detection.proposal, control="a", finished=True)
        ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Small")
    with open_workspace(file, settings=settings) as ws:
        assert _units(ws) == 40


def _units(ws: Workspace) -> int:
    with ws.db.read() as cursor:
        tables = cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'units_')"
        ).fetchall()
        counts = [
            cursor.execute(f"SELECT count(*) FROM {name}").fetchone() for (name,) in tables
        ]
    return sum(row[0] for row in counts if row)


def test_the_limit_is_a_setting_that_is_checked() -> None:
    assert read_settings({"UPSHOT_IMPORT_SECONDS": "60"}).import_seconds == 60
    with pytest.raises(InvalidInputError, match="UPSHOT_IMPORT_SECONDS is “soon”"):
        read_settings({"UPSHOT_IMPORT_SECONDS": "soon"})
