"""Traffic, below the change: the flow, the tester, ramp, overrides, lists, the audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft, NamespaceSlot
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import assigning, participants
from experiments_core.services.acting import transition
from experiments_core.services.experiments import create_experiment, get_experiment
from experiments_core.services.flowing import flow
from experiments_core.services.workspace import Workspace
from pages.parts.traffic_try import attributes_of
from tests.pages.words import button, field, said, tables

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
    assert "gets the fallback, Control: not targeted" in said(app)
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
    area(app, "Or paste units and variants").set_value("\n".join(lines))
    button(app, "Audit").click().run()
    assert not app.exception
    assert "explains every one of 60 units" in said(app)


def test_a_file_is_audited_and_who_was_served_something_else_can_be_taken_along(
    open_page: Open, ws: Workspace
):
    test = begin(ws)
    people = [f"u{i}" for i in range(400)]
    given = {u: assigning.assign(ws, LOCAL, test.id, u).variant for u in people}
    given["u7"] = "control" if given["u7"] == "treatment" else "treatment"
    lines = ["user_id,variant", *(f"{unit},{arm}" for unit, arm in given.items())]
    app = open_page("traffic", exp=test.slug)
    audit = next(one for one in app.get("file_uploader") if "two columns" in one.label)
    audit.set_value(("served.csv", "\n".join(lines).encode(), "text/csv"))
    button(app, "Audit").click().run()
    assert not app.exception
    assert "1 unit served something else" in said(app)
    assert "All of them as CSV" in [one.proto.label for one in app.get("download_button")]


def test_a_list_of_ids_is_drawn_on_the_page(open_page: Open, ws: Workspace):
    test = begin(ws, allocation_bp=5000)
    app = open_page("traffic", exp=test.slug)
    drawn = next(one for one in app.get("file_uploader") if "would get what" in one.label)
    drawn.set_value(("ids.txt", "\n".join(f"u{i}" for i in range(100)).encode(), "text/plain"))
    app.run()
    assert not app.exception
    counted = " ".join(table.to_string() for table in tables(app))
    assert "fallback" in counted
    assert "The list as CSV" in [one.proto.label for one in app.get("download_button")]


def test_a_namespace_is_made_and_a_draft_takes_a_part_of_it(open_page: Open, ws: Workspace):
    draft = create_experiment(ws, LOCAL, ExperimentDraft("Checkout"))
    app = open_page("traffic", exp=draft.slug)
    field(app, "Key").set_value("site")
    button(app, "Make it").click().run()
    next(one for one in app.selectbox if one.label == "Namespace").select("site")
    field(app, "To, %").set_value("40")
    button(app, "Save the part").click().run()
    assert not app.exception
    assert get_experiment(ws, LOCAL, draft.id).namespace == NamespaceSlot("site", 0, 4000)
    assert "free" in " ".join(table.to_string() for table in tables(app))


def test_attributes_are_read_as_what_they_are():
    typed = 'country = DE\nage=31\nnew = true\nsegments = ["a", "b"]\n\nname = null'
    assert attributes_of(typed) == {
        "country": "DE", "age": 31, "new": True, "segments": ["a", "b"], "name": "null",
    }  # fmt: skip
