"""A decision rests on a look and says why it departs from what the look recommends."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.errors import InvalidInputError
from experiments_core.services import deciding
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from tests.services.conftest import Clock
from tests.services.noted import prepared, rules_of
from tests.services.people import EDITOR, VIEWER


def test_a_decision_rests_on_the_look_and_remembers_what_was_recommended(
    ws: Workspace, clock: Clock
):
    experiment = prepared(ws, clock)
    decided = deciding.decide(ws, EDITOR, experiment.key, action="extend", note=" One week. ")
    assert (decided.look, decided.recommended, decided.departs) == (1, "keep_running", False)
    assert (decided.note, decided.by) == ("One week.", "Emil")
    assert deciding.decisions(ws, VIEWER, experiment.id) == (decided,)
    with ws.db.read() as cursor:
        (event,) = audit.events_of(cursor, "default", "decision", decided.id)
    assert (event.verb, event.note) == ("decide", "One week.")


def test_a_decision_that_departs_has_to_say_why(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    with pytest.raises(InvalidInputError, match="departs from the recommendation") as refused:
        deciding.decide(ws, EDITOR, experiment.id, action="ship", variant="B")
    assert rules_of(refused) == [("note", "REQUIRED")]
    decided = deciding.decide(
        ws, EDITOR, experiment.id, action="ship", variant="B", note="The sale starts."
    )
    assert decided.departs


@pytest.mark.parametrize(
    ("said", "rules"),
    (
        ({"action": "dance"}, [("action", "UNKNOWN_CHOICE"), ("note", "REQUIRED")]),
        ({"action": "ship", "note": "because"}, [("variant", "REQUIRED")]),
        ({"action": "extend", "variant": "C"}, [("variant", "UNKNOWN_CHOICE")]),
        ({"action": "extend", "note": "x" * 5001}, [("note", "LENGTH")]),
    ),
)
def test_a_decision_is_checked_all_at_once(
    ws: Workspace, clock: Clock, said: dict[str, Any], rules: list[tuple[str, str]]
):
    experiment = prepared(ws, clock)
    with pytest.raises(InvalidInputError) as refused:
        deciding.decide(ws, EDITOR, experiment.id, **said)
    assert rules_of(refused) == rules
    assert deciding.decisions(ws, EDITOR, experiment.id) == ()
