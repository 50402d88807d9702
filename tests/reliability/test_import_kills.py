"""An import that is killed leaves all of the file or nothing of it, and says which."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.reliability.import_kills import kill_in, run_whole, write_rows

ROWS = 200_000


def test_an_import_that_ends_anywhere_leaves_all_or_nothing_and_the_next_goes_through(
    tmp_path: Path,
) -> None:
    write_rows(tmp_path / "inbox", ROWS)
    for stage, seconds, how in (
        ("Taking the file in", 0.03, signal.SIGKILL),
        ("Reading rows", 0.05, signal.SIGSEGV),  # as a fault in the reader would end it
        ("Importing", 0.002, signal.SIGKILL),
    ):
        left = kill_in(tmp_path, "Killed", stage, seconds, ROWS, how)
        assert left.good, left
        if stage != "Importing":
            assert left.nothing
    run_whole(tmp_path)
