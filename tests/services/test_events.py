"""Events are taken once each, all or none where that is asked, and refused by field."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.errors import InvalidInputError, TooLargeError
from experiments_core.services.events import MOST_EVENTS, Receipt, receive_events
from experiments_core.services.workspace import Workspace
from tests.services.sent import begin, event, exposure, send


def test_a_retry_counts_once_and_the_same_id_with_other_content_is_refused(ws: Workspace):
    begin(ws)
    now = ws.now()
    bought = event("u1", "paid", now, number="1")
    assert send(ws, exposure("u1", now), bought) == Receipt(2, 0, ())
    assert send(ws, exposure("u1", now), bought, bought) == Receipt(0, 3, ())
    again = send(ws, bought | {"value": 5}, event("u2", "paid", now))
    assert (again.accepted, again.duplicates) == (1, 0)
    assert [(r.index, r.problem.rule) for r in again.rejected] == [(0, "EVENT_ID_REUSED")]


def test_of_two_events_with_one_id_in_one_call_the_first_stands(ws: Workspace):
    now = ws.now()
    one = event("u1", "paid", now, 1, number="1")
    receipt = send(ws, one, one | {"value": 2}, one)
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert [r.index for r in receipt.rejected] == [1]


def test_all_or_none_stores_none_when_one_is_wrong(ws: Workspace):
    now = ws.now()
    send(ws, event("u1", "paid", now, number="1"))
    for bad in (event("", "paid", now), event("u1", "paid", now, 5, number="1")):
        with pytest.raises(InvalidInputError) as refused:
            send(ws, event("u2", "paid", now, number="2"), bad, atomic=True)
        assert refused.value.details[0].field.startswith("events[1].")
    assert send(ws, event("u2", "paid", now, number="2")).accepted == 1


@pytest.mark.parametrize(
    ("wrong", "field", "rule"),
    (
        ({"event_id": None}, "event_id", "REQUIRED"),
        ({"event_id": "x" * 65}, "event_id", "LENGTH"),
        ({"unit_id": 7}, "unit_id", "TYPE"),
        ({"type": "click"}, "type", "UNKNOWN_CHOICE"),
        ({"name": None}, "name", "REQUIRED"),
        ({"value": True}, "value", "TYPE"),
        ({"value": float("nan")}, "value", "NOT_FINITE"),
        ({"value": 10**400}, "value", "NOT_FINITE"),
        ({"at": "yesterday"}, "at", "PATTERN"),
        ({"at": "2026-05-04T09:00:00"}, "at", "PATTERN"),
        ({"at": "2031-01-01T00:00:00Z"}, "at", "RANGE"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at", "PATTERN"),
        ({"experiment": "nowhere"}, "experiment", "NOT_FOUND"),
        ({"variant": "treatment"}, "variant", "UNKNOWN_FIELD"),
        ({"colour": "red"}, "colour", "UNKNOWN_FIELD"),
        ({"attributes": {"a": {"b": 1}}}, "attributes.a", "TYPE"),
        ({"attributes": {"a": "x" * 201}}, "attributes.a", "LENGTH"),
    ),
)
def test_a_wrong_event_is_named_by_place_field_and_rule(
    ws: Workspace, wrong: dict[str, Any], field: str, rule: str
):
    good = event("u1", "paid", ws.now(), number="good")
    bad = {k: v for k, v in (event("u1", "paid", ws.now()) | wrong).items() if v is not None}
    receipt = send(ws, good, bad)
    assert receipt.accepted == 1
    (found,) = receipt.rejected
    assert (found.index, found.problem.field, found.problem.rule) == (1, field, rule)


def test_too_many_events_in_one_call_are_refused(ws: Workspace):
    with pytest.raises(TooLargeError):
        receive_events(ws, LOCAL, [{}] * (MOST_EVENTS + 1))
