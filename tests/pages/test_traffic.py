"""Traffic: the sum to the hundredth, the preview, phases, two people at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL, event_by
from experiments_core.domain.experiment import Experiment, ExperimentDraft, Plan
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import acting, experiments, ramping, traffic
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from tests.pages.words import button, field, said, tables, unescaped

Open = Callable[..., AppTest]


@pytest.fixture
def running(ws: Workspace) -> Experiment:
    """A test that runs at 50 / 50 with 60 % of its users."""
    draft = ExperimentDraft(
        "Shorter checkout",
        hypothesis="Fewer fields.",
        metrics=(Proportion("paid"),),
        plan=Plan(planned_units=42_000, daily_units=3000),
        allocation_bp=6000,
    )
    made = experiments.create_experiment(ws, LOCAL, draft)
    return acting.transition(ws, LOCAL, made.id, "start", version=made.version)


def type_split(app: AppTest, control: str, treatment: str) -> AppTest:
    field(app, "Share of Control, %").set_value(control)
    field(app, "Share of Treatment, %").set_value(treatment)
    return app.run()


def reason(app: AppTest) -> Any:
    return next(one for one in app.text_area if one.label == "Reason")


def rules(app: AppTest) -> Any:
    return next(one for one in app.text_area if one.label.startswith("Rules"))


def test_nothing_there_says_what_fills_it(open_page: Open) -> None:
    app = open_page("traffic")
    assert not app.exception
    assert "No experiment yet." in said(app)


def test_a_split_that_is_off_says_by_how_much(running: Experiment, open_page: Open) -> None:
    app = type_split(open_page("traffic", exp=running.slug), "20", "79.5")
    assert "99.50 %" in said(app)
    assert "0.50 % is missing" in said(app)
    assert button(app, "Open phase 2").disabled


def test_a_change_opens_a_phase_and_keeps_the_old_split(
    ws: Workspace, running: Experiment, open_page: Open
) -> None:
    app = type_split(open_page("traffic", exp=running.slug), "20", "80")
    assert "New users: 20 / 80" in said(app)
    reason(app).set_value("The sale is over").run()
    button(app, "Open phase 2").click().run()
    assert not app.exception
    phases = experiments.get_experiment(ws, LOCAL, running.id).phases
    assert [phase.weights_bp["treatment"] for phase in phases] == [5000, 8000]
    assert phases[1].reason == "The sale is over"
    assert "Phases: 1 change" in said(app)


def test_a_reason_is_required_and_the_typed_split_stays(
    ws: Workspace, running: Experiment, open_page: Open
) -> None:
    app = type_split(open_page("traffic", exp=running.slug), "20", "80")
    button(app, "Open phase 2").click().run()
    assert "reason" in said(app).lower()
    assert field(app, "Share of Treatment, %").value == "80"
    assert len(experiments.get_experiment(ws, LOCAL, running.id).phases) == 1


def test_traffic_of_a_running_test_cannot_shrink(running: Experiment, open_page: Open) -> None:
    app = open_page("traffic", exp=running.slug)
    field(app, "Allocation, can only rise, %").set_value("30").run()
    assert "Traffic can only grow while a test runs." in said(app)
    assert button(app, "Open phase 2").disabled


def test_holdout_and_rules_are_changed_with_the_split(
    ws: Workspace, running: Experiment, open_page: Open
) -> None:
    app = open_page("traffic", exp=running.slug)
    rules(app).set_value("country\nage >= 18").run()
    assert "Line 1 is “country”" in said(app)
    rules(app).set_value("country in DE, FR\nage >= 18").run()
    field(app, "Holdout, % (at most 50)").set_value("5").run()
    assert "Holdout of new users: 0.00 % → 5.00 %." in said(app)
    assert "nobody who is in the test leaves it" in said(app)
    reason(app).set_value("Germany first").run()
    button(app, "Open phase 2").click().run()
    assert not app.exception
    saved = experiments.get_experiment(ws, LOCAL, running.id)
    assert saved.holdout_bp == 500
    assert saved.targeting == {"all": [
        {"attribute": "country", "op": "in", "value": ["DE", "FR"]},
        {"attribute": "age", "op": "gte", "value": 18},
    ]}  # fmt: skip
    assert saved.weights_bp == running.weights_bp


def test_equal_makes_the_shares_exact(running: Experiment, open_page: Open) -> None:
    app = type_split(open_page("traffic", exp=running.slug), "20", "70")
    button(app, "Equal").click().run()
    assert field(app, "Share of Control, %").value == "50"
    assert "Adds up to exactly 100 %." in said(app)


def test_two_people_see_theirs_and_mine(
    ws: Workspace, running: Experiment, open_page: Open
) -> None:
    app = type_split(open_page("traffic", exp=running.slug), "20", "80")
    traffic.change_traffic(
        ws, LOCAL, running.id, version=running.version, reason="ramp up",
        weights_bp={"control": 4000, "treatment": 6000}, holdout_bp=300,
    )  # fmt: skip
    reason(app).set_value("The sale is over").run()
    assert "Your text is kept." in said(app)
    shown = [unescaped(one.to_csv(index=False)).splitlines() for one in tables(app)]
    both = next(lines for lines in shown if "Yours, not saved" in lines[0])
    assert both[1:] == [
        '"Share of Control, %",40,20', '"Share of Treatment, %",60,80',
    ]  # fmt: skip
    assert field(app, "Share of Treatment, %").value == "80"
    button(app, "Go on with mine").click().run()
    button(app, "Open phase 3").click().run()
    saved = experiments.get_experiment(ws, LOCAL, running.id)
    assert (saved.weights_bp["treatment"], saved.holdout_bp) == (8000, 300)


def test_a_ramp_is_planned_and_cancelled(
    ws: Workspace, running: Experiment, open_page: Open
) -> None:
    app = open_page("traffic", exp=running.slug)
    day = ws.now().date() + timedelta(days=1)
    for share, told in (("50", "50 % comes after 60 %"), ("80", "80 % from")):
        app.date_input[0].set_value(day)
        field(app, "Allocation, above 60 %").set_value(share)
        button(app, "Add this step").click().run()
        assert told in said(app).replace("\u202f", " ")
    (step,) = experiments.get_experiment(ws, LOCAL, running.id).ramp
    assert (step.at.date(), step.allocation_bp) == (day, 8000)
    button(app, "Cancel the ramp").click().run()
    assert experiments.get_experiment(ws, LOCAL, running.id).ramp == ()


def test_a_ramp_that_stopped_by_itself_is_told_until_somebody_takes_note(
    ws: Workspace, running: Experiment, open_page: Open
) -> None:
    event = event_by(
        ramping.ramp_actor("default"), ws.now(), ramping.STOPPED, "experiment", running.id,
        note="The guardrail “Refunds” is harmed by treatment.",
    )  # fmt: skip
    with ws.db.write() as cursor:
        audit.append_event(cursor, ws.db.secret, event)
    app = open_page("traffic", exp=running.slug)
    assert "“Refunds” is harmed" in said(app)
    button(app, "Taken note").click().run()
    assert "“Refunds” is harmed" not in said(app)
