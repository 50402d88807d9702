"""The committed table is what the tests say, and no endpoint is without a rule."""

from __future__ import annotations

import pytest

from experiments_core.api.app import FACADES
from tests.api.facades import table


def test_the_table_is_what_the_tests_say(recorder: table.Recorder):
    ran = {key: how for key, how in recorder.outcomes.items() if how != "skipped"}
    assert table.DOC.read_text(encoding="utf-8") == table.made(ran)


@pytest.mark.parametrize("tag", sorted({door.tag for _, door in FACADES}))
def test_every_endpoint_has_a_rule(tag: str):
    door = next(door for _, door in FACADES if door.tag == tag)
    held = {row.endpoint for name, row in table.rows() if name == tag}
    assert set(table.endpoints(door)) <= held
