"""What a workspace has worked out: by kind, bounded, its own, gone when it closes."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import experiments, ingestion, measuring
from experiments_core.services import known as known_module
from experiments_core.services.known import Known
from experiments_core.services.workspace import open_workspace


def test_a_value_is_made_once_by_its_kind_and_name():
    known, made = Known(), []

    def make(value: int) -> int:
        made.append(value)
        return value

    assert [known.once("a", 1, lambda: make(2)) for _ in range(3)] == [2, 2, 2]
    assert known.once("b", 1, lambda: make(3)) == 3
    assert made == [2, 3]
    assert known.get("c", 1) is None
    known.clear()
    assert known.get("a", 1) is None


def test_of_each_kind_those_asked_for_last_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(known_module, "MOST", 2)
    known = Known()
    known.keep("b", "x", 1)
    for name in "xy":
        known.keep("a", name, name)
    assert known.get("a", "x") == "x"
    known.keep("a", "z", "z")
    assert [known.get("a", name) for name in "xyz"] == ["x", None, "z"]
    assert known.get("b", "x") == 1


def test_numbers_belong_to_their_workspace_and_go_with_it(tmp_path: Path):
    with open_workspace(tmp_path / "a.duckdb") as ws:
        lines = "\n".join(f"u{i},{'control' if i % 2 else 'B'},{i % 3 % 2}" for i in range(400))
        text = io.BytesIO(f"unit,variant,bought\n{lines}\n".encode())
        draft = ingestion.receive(ws, LOCAL, text, "a.csv")
        mapping = replace(draft.detection.proposal, finished=True)
        ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Test")
        name = experiments.list_experiments(ws, LOCAL)[0].id
        found = measuring.measured(ws, LOCAL, name)
        assert measuring.measured(ws, LOCAL, name) is found
        ws.known.keep("a", "b", 1)
    assert ws.known.get("a", "b") is None
    shutil.copy(tmp_path / "a.duckdb", tmp_path / "b.duckdb")
    with open_workspace(tmp_path / "b.duckdb") as copy:
        again = measuring.measured(copy, LOCAL, name)
        assert again is not found
        assert again.result == found.result
