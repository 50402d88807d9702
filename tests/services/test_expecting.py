"""What to expect after launch, from the workspace's own finished tests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import acting, analyses, expecting, viewing
from experiments_core.services.workspace import Workspace
from experiments_core.stats import shrinkage
from experiments_core.stats.estimate import Undefined
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock

PLAN = Plan(planned_units=2000, min_runtime_days=0)
PAST = (0.3, -0.1, 0.2, 0.0, 0.5, 0.1)


def finished(ws: Workspace, lift: float) -> viewing.LookView:
    """A finished test with this true lift."""
    experiment = make(ws, metrics=(Proportion("converted"),), plan=PLAN)
    upload(ws, experiment, rows(2000, lift=lift))
    return analyses.look(ws, LOCAL, experiment.id)


@pytest.fixture
def present(ws: Workspace, clock: Clock) -> viewing.LookView:
    clock.now = START + timedelta(days=11)
    return finished(ws, 0.5)


def test_without_a_past_it_says_so_and_gives_the_factor_of_the_power(
    ws: Workspace, present: viewing.LookView
):
    (one,) = expecting.expectations(ws, LOCAL, present)
    assert (one.metric, one.variant, one.past_tests) == ("converted", "B", 0)
    assert one.exaggeration == pytest.approx(1.12, abs=0.005)  # Gelman & Carlin 2014
    assert one.expected == Undefined("past_too_short")


def test_six_finished_tests_of_the_metric_pull_the_lift_towards_none(
    ws: Workspace, present: viewing.LookView
):
    past = [finished(ws, lift) for lift in PAST]
    (one,) = expecting.expectations(ws, LOCAL, present)
    assert one.past_tests == len(past)
    assert isinstance(one.expected, float)
    assert 0 < one.expected < one.relative_lift
    effects = [expecting._effect(v.result.metrics[0].arms[1].contrast) for v in past]
    own = expecting._effect(present.result.metrics[0].arms[1].contrast)
    again = shrinkage.shrink(*own, *zip(*effects, strict=True))
    assert one.expected == pytest.approx(again.estimate)
    measured = present.result.metrics[0].arms[1].contrast.relative_lift
    assert one.relative_lift == measured  # never altered


def test_a_running_or_deleted_test_is_no_past(ws: Workspace, present: viewing.LookView):
    running = make(ws, metrics=(Proportion("converted"),), plan=Plan(planned_units=50_000))
    upload(ws, running, rows(2000, lift=0.2))
    analyses.look(ws, LOCAL, running.id)
    gone = finished(ws, 0.4).experiment
    stopped = acting.transition(
        ws, LOCAL, gone.id, "stop", version=gone.version, reason="enough"
    )
    acting.transition(ws, LOCAL, gone.id, "delete", version=stopped.version)
    (one,) = expecting.expectations(ws, LOCAL, present)
    assert one.past_tests == 0


def test_what_is_not_decided_raises_no_expectation(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=11)
    assert expecting.expectations(ws, LOCAL, finished(ws, 0.0)) == ()
