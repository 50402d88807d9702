"""Auto-promote acts only where the experiment asks and an admin allowed it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, Plan
from experiments_core.services import analyses, deploying, experiments, projects, promoting
from experiments_core.services.workspace import Workspace
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock


def allow(ws: Workspace, *, allowed: bool = True) -> None:
    (project,) = projects.list_projects(ws, LOCAL)
    projects.edit_project(
        ws, LOCAL, project.key, {"auto_promote_allowed": allowed}, version=project.version
    )


def wishing(ws: Workspace, clock: Clock, *, days: int = 10, asks: bool = True) -> Experiment:
    clock.now = START + timedelta(days=11)
    experiment = make(ws, plan=Plan(planned_units=4000))
    changes = {"auto_promote": asks, "promote_after_days": days, "promote_threshold": 0.02}
    return experiments.edit_experiment(
        ws, LOCAL, experiment.id, changes, version=experiment.version
    )


def test_an_import_that_meets_everything_deploys_the_winner(ws: Workspace, clock: Clock):
    allow(ws)
    experiment = wishing(ws, clock)
    upload(ws, experiment, rows(2000, lift=0.45))
    after = experiments.get_experiment(ws, LOCAL, experiment.id)
    assert (after.status, after.winner, after.deployed) == ("stopped", "B", "B")
    event = experiments.history(ws, LOCAL, experiment.id)[-1]
    assert (event.actor, event.verb) == ("auto-promote", "stop")
    (deployment,) = deploying.deployments(ws, LOCAL, experiment.id)
    assert (deployment.by, deployment.acknowledged) == ("auto-promote", ("plan_not_reached",))


def test_without_the_project_it_stays_a_suggestion(ws: Workspace, clock: Clock):
    allow(ws, allowed=False)
    experiment = wishing(ws, clock)
    upload(ws, experiment, rows(2000, lift=0.45))
    view = analyses.look(ws, LOCAL, experiment.id)
    assert view.result.recommendation.reasons == ("auto_promote_ready",)
    assert view.experiment.status == "running"
    assert not promoting.may_act(ws, view.experiment)
    assert all(one.met for one in promoting.conditions(view.experiment, view.result, clock.now))


@pytest.mark.parametrize(
    ("days", "lift", "asks"), ((12, 0.45, True), (10, 0.05, True), (10, 0.45, False))
)
def test_a_condition_that_is_not_met_keeps_it_running(
    ws: Workspace, clock: Clock, *, days: int, lift: float, asks: bool
):
    allow(ws)
    experiment = wishing(ws, clock, days=days, asks=asks)
    upload(ws, experiment, rows(2000, lift=lift))
    view = analyses.look(ws, LOCAL, experiment.id)
    assert experiments.get_experiment(ws, LOCAL, experiment.id).status == "running"
    assert deploying.deployments(ws, LOCAL, experiment.id) == ()
    found = promoting.conditions(view.experiment, view.result, clock.now)
    assert (found == ()) is not asks
    assert not all(one.met for one in found) or not asks


def test_the_days_that_pass_alone_are_enough_for_the_next_look(ws: Workspace, clock: Clock):
    allow(ws)
    experiment = wishing(ws, clock, days=12)
    upload(ws, experiment, rows(2000, lift=0.45, days=11))
    assert experiments.get_experiment(ws, LOCAL, experiment.id).status == "running"
    clock.wait(days=1)
    analyses.look(ws, LOCAL, experiment.id)
    assert experiments.get_experiment(ws, LOCAL, experiment.id).status == "stopped"
