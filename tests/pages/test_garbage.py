"""After the first run of a page, what it has loaded is out of the search for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pages.parts import garbage


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    before = gc.get_freeze_count()
    gc.unfreeze()
    garbage.settle.clear()
    yield
    gc.unfreeze()
    garbage.settle.clear()
    if before:
        gc.freeze()


def test_each_page_settles_once():
    garbage.settle("Results")
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    made = [[number] for number in range(100)]
    garbage.settle("Results")
    assert gc.get_freeze_count() <= frozen
    garbage.settle("Data")
    assert gc.get_freeze_count() > frozen
    assert len(made) == 100


def test_what_comes_later_is_still_collected():
    garbage.settle("Results")
    ring: list[object] = []
    ring.append(ring)
    del ring
    assert gc.collect() >= 1
