"""Two thousand files with a few bytes changed: refused or read, never a row lost in silence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from experiments_core.services import ingestion
from experiments_core.services.workspace import Workspace, open_workspace
from tests.fuzz import files

BATCHES, BATCH = 8, 250


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as workspace:
        yield workspace


def test_every_original_is_read(ws: Workspace):
    assert set(files.sound(ws).values()) == {"read"}


@pytest.mark.parametrize("seed", range(BATCHES))
def test_changed_files_are_refused_or_read_whole(ws: Workspace, seed: int):
    tally = files.run(ws, BATCH, seed)
    assert not tally.faults
    assert sum(tally.outcomes.values()) == BATCH
    assert min(tally.outcomes["read"], tally.outcomes["refused"]) > BATCH / 10


def test_a_reader_that_loses_a_row_would_be_noticed(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
):
    counted = files.counted
    monkeypatch.setattr(files, "counted", lambda *told: counted(*told) + 1)
    tally = files.run(ws, 20, 0)
    assert tally.outcomes["row lost"] > 0


def test_a_half_import_would_be_noticed(ws: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ingestion, "discard", lambda *_: None)
    tally = files.run(ws, 20, 0)
    assert any(fault.startswith("half-import") for fault in tally.faults)
