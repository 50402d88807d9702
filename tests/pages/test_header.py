"""The head of the pages: picker, status, verbs and their dialogs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft, Plan, VariantDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.record import record_of
from experiments_core.services import acting, experiments, workspace
from experiments_core.services.saving import Save
from pages.parts import header

MAY = datetime(2026, 5, 6, tzinfo=UTC)


@pytest.fixture
def ws() -> Iterator[workspace.Workspace]:
    yield workspace.use(workspace.open_workspace(":memory:"))
    workspace.stop()


def made(ws: workspace.Workspace, name: str = "Shorter checkout") -> Experiment:
    draft = ExperimentDraft(
        name=name,
        hypothesis="Fewer fields, more orders.",
        variants=(
            VariantDraft("control", "Control", True, 5000),
            VariantDraft("B", "B", False, 5000),
        ),
        metrics=(Proportion("paid_order"),),
        plan=Plan(planned_end=date(2026, 5, 19)),
    )
    return experiments.create_experiment(ws, LOCAL, draft)


def act(ws: workspace.Workspace, one: Experiment, verb: str, **more: object) -> Experiment:
    return acting.transition(ws, LOCAL, one.id, verb, version=one.version, **more)


PAGE = """
import streamlit as st
from experiments_core.domain.access import LOCAL
from experiments_core.services import workspace
from pages.parts import header

found = header.open_experiment(workspace.current(), LOCAL)
st.text("none" if found is None else found.slug)
"""


def opened(**params: str) -> AppTest:
    app = AppTest.from_string(PAGE, default_timeout=20)
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def with_more(app: AppTest) -> AppTest:
    """The same with the list of further verbs open."""
    app.session_state["more-verbs-0"] = True
    return app.run()


@pytest.mark.usefixtures("ws")
def test_without_experiments_the_page_decides_what_to_show():
    assert opened().text[0].value == "none"


def test_the_address_names_the_experiment(ws: workspace.Workspace):
    made(ws, "First")
    made(ws, "Second")
    assert opened(exp="first").text[0].value == "first"


def test_the_picker_changes_the_address(ws: workspace.Workspace):
    made(ws, "First")
    made(ws, "Second")
    app = opened(exp="first")
    app.selectbox[0].select("second").run()
    assert app.text[0].value == "second"


def test_a_draft_offers_start_and_the_rest_under_more(ws: workspace.Workspace):
    made(ws)
    app = opened()
    assert labels(app) == ["Start", "Archive"]
    assert labels(with_more(app)) == ["Start", "Archive", "Delete", "Change the design"]


def test_after_the_end_the_conclusion_is_offered_first(ws: workspace.Workspace):
    act(ws, act(ws, made(ws), "start", at=MAY), "stop", at=MAY + timedelta(days=14))
    assert labels(opened())[0] == "Complete"
    assert labels(with_more(opened()))[-1] == "Start a new run"


def test_a_record_says_what_it_is_and_can_be_changed(ws: workspace.Workspace):
    one = made(ws)
    Save(ws, LOCAL, "import").change(
        one.id, None, lambda before: record_of(before, MAY, MAY + timedelta(days=13))
    )
    app = opened()
    assert "Stopped 19\u202fMay 2026" in app.markdown[0].value
    assert "recorded from its data" in app.markdown[0].value
    assert "Change the design" in labels(with_more(app))


def test_an_experiment_in_the_bin_can_be_opened_by_its_link(ws: workspace.Workspace):
    act(ws, made(ws), "delete")
    app = opened(exp="shorter-checkout")
    assert labels(app) == ["Restore", "Purge"]


def test_every_verb_says_what_it_will_do(ws: workspace.Workspace):
    act(ws, made(ws), "start", at=MAY)
    helps = {button.label: button.help for button in opened().button}
    assert "fallback" in helps["Pause"]
    assert "fallback" in helps["Stop"]


def test_a_verb_is_confirmed_in_a_dialog(ws: workspace.Workspace):
    act(ws, made(ws), "start", at=MAY)
    app = opened()
    app.button(key="verb-stop").click().run()
    app.text_input[0].input("Planned end.")
    app.button(key="verb-stop").click()
    app.button(key="confirm-stop").click().run()
    stopped = experiments.get_experiment(ws, LOCAL, "shorter-checkout")
    assert (stopped.status, stopped.stop_reason) == ("stopped", "Planned end.")


def test_completing_without_a_conclusion_says_what_is_missing(ws: workspace.Workspace):
    act(ws, act(ws, made(ws), "start", at=MAY), "stop", at=MAY + timedelta(days=14))
    app = opened()
    app.button(key="verb-complete").click().run()
    app.button(key="verb-complete").click()
    app.button(key="confirm-complete").click().run()
    assert any("Say how the test ended" in element.value for element in app.markdown)
    assert experiments.get_experiment(ws, LOCAL, "shorter-checkout").status == "stopped"


def test_a_conclusion_names_the_version_that_won(ws: workspace.Workspace):
    act(ws, act(ws, made(ws), "start", at=MAY), "stop", at=MAY + timedelta(days=14))
    app = opened()
    app.button(key="verb-complete").click().run()
    next(one for one in app.selectbox if one.label == "Conclusion").select("won")
    app.button(key="verb-complete").click().run()
    winner = next(one for one in app.selectbox if one.label == "Winner")
    assert winner.value == "B"
    app.button(key="verb-complete").click()
    app.button(key="confirm-complete").click().run()
    done = experiments.get_experiment(ws, LOCAL, "shorter-checkout")
    assert (done.conclusion, done.winner) == ("won", "B")


def test_the_status_line_counts_days_of_the_plan(ws: workspace.Workspace):
    started = act(ws, made(ws), "start", at=MAY)
    now = MAY + timedelta(days=5, hours=3)
    assert header.status_line(started, now) == "Running, day 6 of 14 · user"
    stopped = act(ws, started, "stop", at=MAY + timedelta(days=13))
    assert header.status_line(stopped, now).replace("\u202f", " ") == (
        "Stopped 19 May 2026 · user"
    )
    done = act(ws, stopped, "complete", conclusion="won", at=MAY + timedelta(days=14))
    assert header.status_line(done, now).endswith(", won · user")
