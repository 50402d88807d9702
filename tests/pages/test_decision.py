"""The decision box on a real workspace: suggestion, guess, decision, what is live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.services import (
    acting,
    deciding,
    deploying,
    experiments,
    forecasting,
    workspace,
)
from experiments_core.services.workspace import Workspace
from tests.pages.running import run_page
from tests.pages.words import said
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock


@pytest.fixture
def ws() -> Iterator[Workspace]:
    clock = Clock()
    clock.now = START + timedelta(days=11)
    yield workspace.use(workspace.open_workspace(":memory:", clock=clock))
    workspace.stop()


def opened(experiment: Experiment) -> AppTest:
    return run_page("results", exp=experiment.slug)


def told(app: AppTest) -> str:
    return said(app)


def test_before_the_data_a_guess_is_taken(ws: Workspace):
    experiment = make(ws)
    app = opened(experiment)
    assert "What do you expect?" in told(app)
    app.number_input[0].set_value(5.0)
    next(one for one in app.button if one.label == "Write it down").click().run()
    assert not app.exception
    (guess,) = forecasting.forecasts(ws, LOCAL, experiment.id)
    assert (guess.guess, guess.lower, guess.upper) == (0.05, -0.05, 0.05)


def test_the_box_shows_guess_and_outcome_and_takes_a_decision(ws: Workspace):
    experiment = make(ws)
    forecasting.forecast(ws, LOCAL, experiment.id, metric="converted", guess=0.3)
    upload(ws, experiment, rows(2000, lift=0.3))
    app = opened(experiment)
    assert "Forecast and outcome" in told(app)
    key = f"decision-{experiment.slug}"
    app.button(key="record-decision").click().run()
    app.selectbox(key=f"{key}-action").select("extend")
    app.button(key="record-decision").click().run()
    app.text_area(key=f"{key}-note").input("One more week.")
    app.button(key="record-decision").click()
    app.button(key=f"{key}-save").click().run()
    assert not app.exception
    (decision,) = deciding.decisions(ws, LOCAL, experiment.id)
    assert (decision.action, decision.note) == ("extend", "One more week.")
    assert "Extend the test" in told(app)


def test_what_is_live_is_said_and_can_be_reverted(ws: Workspace):
    experiment = make(ws)
    upload(ws, experiment, rows(2000, lift=0.3))
    current = experiments.get_experiment(ws, LOCAL, experiment.id)
    acting.transition(ws, LOCAL, experiment.id, "stop", version=current.version, winner="B")
    (live,) = deploying.deployments(ws, LOCAL, experiment.id)
    app = opened(experiment)
    assert "Everyone gets New" in told(app)
    app.button(key=f"revert-{live.id}").click().run()
    app.button(key=f"revert-{live.id}").click()
    app.button(key="confirm-revert").click().run()
    assert deploying.deployments(ws, LOCAL, experiment.id)[0].state == "reverted"
    assert "taken back by local" in told(app)
