"""Small files written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments_core.tabular.shape import Detection, detect

Judge = Callable[..., Detection]


def judge(text: str, **more: object) -> Detection:
    """Judge a small file as a whole."""
    records = sum(1 for line in text.split("\n") if line)
    return detect(text, complete=True, records=records, **more)


@pytest.fixture
def detected() -> Judge:
    return judge
