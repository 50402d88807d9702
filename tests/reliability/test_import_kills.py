"""An import that is killed leaves all of the file or nothing of it, and says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.import_kills import kill_in, run_whole, write_rows

ROWS = 200_000


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    write_rows(tmp_path / "inbox", ROWS)
    return tmp_path


@pytest.mark.parametrize(
    ("stage", "seconds"),
    (("Taking the file in", 0.03), ("Reading rows", 0.05), ("Importing", 0.002)),
)
def test_kill_9_leaves_all_or_nothing_and_the_workspace_says_so(
    workspace: Path, stage: str, seconds: float
) -> None:
    left = kill_in(workspace, "Killed", stage, seconds, ROWS)
    assert left.good, left
    if stage != "Importing":
        assert left.nothing
    run_whole(workspace)  # and the next import of the same file goes through
