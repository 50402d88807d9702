"""The second quarter of the changed files of ``test_changed_files``."""

from __future__ import annotations

import pytest

from tests.fuzz import files


@pytest.mark.parametrize("seed", (2, 3))
def test_changed_files_are_refused_or_read_whole(seed: int):
    files.read_a_batch(seed)
