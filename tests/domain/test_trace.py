from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from experiments_core.domain.access import AuditEvent
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.trace import changes_between, who_was_faster

Build = Callable[..., Experiment]


def event(at: datetime, version: int, *fields: str) -> AuditEvent:
    after = {"version": version, "updated_at": "x"} | dict.fromkeys(fields, "new")
    return AuditEvent(at, "Mira", "edit", "experiment", "e1", {}, after)


def test_only_what_differs_is_told(build: Build):
    before = build()
    assert changes_between(before, replace(before, name="B")) == (
        {"name": "Checkout"}, {"name": "B"},
    )  # fmt: skip
    first, second = before.variants
    moved = replace(
        before, variants=(replace(first, weight_bp=2000), replace(second, weight_bp=8000))
    )
    assert changes_between(before, moved) == (
        {"weights_bp": {"control": 5000, "treatment": 5000}},
        {"weights_bp": {"control": 2000, "treatment": 8000}},
    )
    old, new = changes_between(None, before)
    assert old == {}
    assert new["name"] == "Checkout"


@pytest.mark.parametrize(
    ("fields", "minutes", "sentence"),
    (
        (("description",), 2, "Mira changed the description 2 minutes ago."),
        (("name", "tags"), 0, "Mira changed the name and the tags just now."),
        (("weights_bp",), 1, "Mira changed the split 1 minute ago."),
        (("status", "run_no", "started_at"), 60, "Mira changed the status 1 hour ago."),
        (("name", "tags", "owner", "type"), 150,
         "Mira changed the name and 3 more fields 2 hours ago."),
        ((), 60 * 48, "Mira changed this experiment on 2026-05-04."),
    ),
)  # fmt: skip
def test_the_sentence_names_who_what_and_when(
    monday: datetime, fields: tuple[str, ...], minutes: int, sentence: str
):
    now = monday + timedelta(minutes=minutes)
    assert who_was_faster([event(monday, 2, *fields)], 1, now) == (sentence, fields)


def test_all_fields_since_that_version_are_listed(monday: datetime):
    events = [event(monday, 1, "key"), event(monday, 2, "name"), event(monday, 3, "tags")]
    assert who_was_faster(events, 1, monday)[1] == ("name", "tags")
    assert who_was_faster(events, 7, monday) == (
        "There is no version 7 of this experiment.", (),
    )  # fmt: skip
