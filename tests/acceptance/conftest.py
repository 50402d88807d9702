"""The reference numbers, read once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.answers import Case


@pytest.fixture(scope="module")
def cases(acceptance_data: Path) -> list[Case]:
    text = (acceptance_data / "oracles" / "statistics.json").read_text(encoding="utf-8")
    return json.loads(text)["cases"]
