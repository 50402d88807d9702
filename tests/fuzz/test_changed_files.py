"""Files with a few bytes changed: refused or read, never a row lost in silence.

Two thousand of them, over four modules of two batches each: workers share out whole modules.
Here is the first quarter, and what shows that a fault would be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from experiments_core.services import ingestion
from experiments_core.services.workspace import Workspace, open_workspace
from tests.fuzz import files


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as workspace:
        yield workspace


def test_every_original_is_read(ws: Workspace):
    assert set(files.sound(ws).values()) == {"read"}


@pytest.mark.parametrize("seed", (0, 1))
def test_changed_files_are_refused_or_read_whole(seed: int):
    files.read_a_batch(seed)


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
