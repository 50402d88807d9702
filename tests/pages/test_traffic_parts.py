"""Traffic, below the change: the flow, the tester, ramp, overrides, lists, the audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric import Proportion
from experiments_core.errors import InvalidInputError
from experiments_core.services import assigning, participants
from experiments_core.services.experiments import create_experiment, transition
from experiments_core.services.flowing import flow
from experiments_core.services.workspace import Workspace
from pages.parts.traffic_audit import read_list
from pages.parts.traffic_try import attributes_of
from tests.pages.words import button, field, said

Open = Callable[..., AppTest]


def begin(ws: Workspace, **changes: Any) -> Experiment:
    known: dict[str, Any] = {"name": "Checkout", "metrics": (Proportion("paid"),)}
    made = create_experiment(ws, LOCAL, ExperimentDraft(**known | changes))
    if changes.get("assignment_mode") == "listed":
        return made
    return transition(ws, LOCAL, made.id, "start", version=made.version)


def area(app: AppTest, label: str) -> Any:
    return next(one for one in app.text_area if one.label == label)


def test_the_flow_multiplies_the_shares_of_its_gates(ws: Workspace):
    test = begin(ws, allocation_bp=4000, holdout_bp=1000, targeting={"countries": ["DE"]})
    people = [(f"u{i}", {"country": "DE"}) for i in range(200)]
    answers = assigning.assign_many(ws, LOCAL, people, [test.id])
    gates = {gate.name: gate for gate in flow(ws, LOCAL, test.id)}
    assert list(gates) == [
        "everybody", "targeted", "allocated", "holdout", "control", "treatment",
    ]  # fmt: skip
    assert gates["control"].of_all == pytest.approx(0.4 * 0.9 * 0.5)
    assert gates["holdout"].of_all == pytest.approx(0.4 * 0.1)
    told = [one.variant for one in answers if one.reason == "assigned"]
    assert gates["control"].units == told.count("control")
    assert gates["treatment"].units == told.count("treatment")


def test_a_unit_is_tried_with_every_rules_answer(open_page: Open, ws: Workspace):
    test = begin(ws, targeting={"all": [{"attribute": "age", "op": "gte", "value": 18}]})
    app = open_page("traffic", exp=test.slug)
    field(app, "User id").set_value("<b>u1</b>")
    area(app, "Attributes, one a line").set_value("age = 12").run()
    assert not app.exception
    assert "gets the fallback, control: not targeted" in said(app)
    area(app, "Attributes, one a line").set_value("age").run()
    assert "write it as name = value" in said(app)


def test_an_override_is_set_on_the_page(open_page: Open, ws: Workspace):
    test = begin(ws)
    app = open_page("traffic", exp=test.slug)
    ids = [one for one in app.text_input if one.label == "User id"]
    ids[-1].set_value("qa")
    button(app, "Override").click().run()
    assert not app.exception
    assert participants.overrides(ws, LOCAL, test.id) == {"qa": "control"}


def test_a_batch_of_participants_is_named_on_the_page(open_page: Open, ws: Workspace):
    test = begin(ws, assignment_mode="listed")
    app = open_page("traffic", exp=test.slug)
    area(app, "Add a batch, one id a line").set_value("a\nb\n\nc\nd")
    button(app, "Add these participants").click().run()
    assert not app.exception
    assert "4 participants: control 2, treatment 2." in said(app)


def test_a_list_is_audited_on_the_page(open_page: Open, ws: Workspace):
    test = begin(ws)
    people = [f"u{i}" for i in range(60)]
    lines = [f"{u},{assigning.assign(ws, LOCAL, test.id, u).variant}" for u in people]
    app = open_page("traffic", exp=test.slug)
    area(app, "Units and variants").set_value("\n".join(lines))
    button(app, "Audit").click().run()
    assert not app.exception
    assert "explains every one of 60 units" in said(app)


def test_attributes_are_read_as_what_they_are():
    typed = 'country = DE\nage=31\nnew = true\nsegments = ["a", "b"]\n\nname = null'
    assert attributes_of(typed) == {
        "country": "DE", "age": 31, "new": True, "segments": ["a", "b"], "name": "null",
    }  # fmt: skip


@pytest.mark.parametrize("mark", (",", ";", "\t"))
def test_a_pasted_list_is_read_by_its_delimiter(mark: str):
    assert read_list(f"u1{mark}a\n\nu2{mark} b \nu1{mark}a") == {"u1": "a", "u2": "b"}


@pytest.mark.parametrize("pasted", ("u1", "u1,a,b", "u1,a\nu1,b"))
def test_a_list_that_says_no_arm_or_two_is_refused(pasted: str):
    with pytest.raises(InvalidInputError):
        read_list(pasted)
