"""Fixtures that every room uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ACCEPTANCE_VARIABLE = "UPSHOT_ACCEPTANCE_DATA"


@pytest.fixture(scope="session")
def acceptance_data() -> Path:
    """Folder with the real data sets and reference numbers."""
    folder = os.environ.get(ACCEPTANCE_VARIABLE)
    if not folder:
        pytest.skip(f"{ACCEPTANCE_VARIABLE} is not set, so there are no reference data to read")
    return Path(folder)
