from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments_core.errors import BusyError, WorkspaceError
from experiments_core.services import workspace
from experiments_core.services.workspace import current, open_workspace, owner, start, stop
from experiments_core.settings import Settings


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    stop()
    yield
    stop()


def test_a_folder_holds_upshot_duckdb_and_a_file_is_itself(tmp_path: Path):
    with open_workspace(tmp_path / "folder") as ws:
        assert ws.settings.workspace == tmp_path / "folder" / "upshot.duckdb"
        assert ws.db.path == ws.settings.workspace
    with open_workspace(tmp_path / "copy.duckdb") as ws:
        assert ws.db.path == tmp_path / "copy.duckdb"


def test_the_clock_is_utc_and_can_be_given(tmp_path: Path):
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    with open_workspace(tmp_path, clock=lambda: noon) as ws:
        assert ws.now() == noon
        assert ws.new_id() != ws.new_id()
    assert workspace.utc_now().tzinfo is UTC


def test_the_server_has_one_workspace_from_start_to_stop(tmp_path: Path):
    settings = Settings(workspace=tmp_path / "upshot.duckdb", port=8599)
    with pytest.raises(WorkspaceError, match="No workspace is open"):
        current()
    opened = start(settings)
    assert current() is opened
    found = owner(tmp_path)
    assert found is not None
    assert found.url == "http://127.0.0.1:8599"
    with pytest.raises(BusyError, match=r"http://127\.0\.0\.1:8599"):
        open_workspace(tmp_path)
    stop()
    assert owner(tmp_path) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["upshot.d", "upshot.duckdb"]


def test_starting_again_closes_what_was_open(tmp_path: Path):
    settings = Settings(workspace=tmp_path / "upshot.duckdb")
    first = start(settings)
    second = start(settings)
    assert current() is second is not first


def test_a_text_that_no_record_knows_stays_for_a_month(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as ws:
        uploads = ws.db.side / "uploads"
    young, old = uploads / "young.txt", uploads / "old.txt"
    for text in (young, old):
        text.write_text("a,b\n", encoding="ascii")
    os.utime(old, (0, 0))
    with open_workspace(tmp_path):
        assert (young.exists(), old.exists()) == (True, False)
