"""Part of the data by itself, and results that the plan keeps shut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, Plan
from experiments_core.errors import ConflictError, InvalidInputError, NotFoundError
from experiments_core.services import (
    acting,
    analyses,
    courses,
    experiments,
    explaining,
    exploring,
    listing,
    measuring,
    metric_preview,
    ramping,
    segmenting,
    viewing,
)
from experiments_core.services.cutting import Cut
from experiments_core.services.exploring import Choices
from experiments_core.services.sql_console import run_sql
from experiments_core.services.workspace import Workspace, open_workspace
from tests.services.checkout import START, make, rows, upload, views
from tests.services.conftest import Clock

LOCKED = Plan(planned_units=4000, min_runtime_days=7, lock_results=True)


@dataclass(frozen=True)
class Measured:
    ws: Workspace
    key: str

    def cut(self, cut: Cut) -> viewing.LookView:
        view = analyses.look(self.ws, LOCAL, self.key)
        return analyses.cut_look(self.ws, LOCAL, view, cut)


@pytest.fixture(scope="module")
def tested() -> Iterator[Measured]:
    """Two runs: 1,000 units in five days, a day of rest, 600 units in the five days after."""
    clock = Clock()
    with open_workspace(":memory:", clock=clock) as ws:
        yield Measured(ws, _two_runs(ws, clock).id)


def _two_runs(ws: Workspace, clock: Clock) -> Experiment:
    made = make(ws)
    clock.now = START + timedelta(days=5)
    stopped = acting.transition(ws, LOCAL, made.id, "stop", version=made.version)
    clock.wait(days=1)
    again = acting.transition(ws, LOCAL, made.id, "start", version=stopped.version)
    upload(ws, again, rows(1000, days=5))
    later = START + timedelta(days=6)
    days = [(START + timedelta(days=day), later + timedelta(days=day)) for day in range(5)]
    text = "\n".join(rows(600, first=5000, days=5))
    for old, new in days[::-1]:
        text = text.replace(f",{old:%Y-%m-%d}", f",{new:%Y-%m-%d}")
    upload(ws, again, text.splitlines())
    clock.now = START + timedelta(days=12)
    return experiments.get_experiment(ws, LOCAL, again.id)


def units(view: viewing.LookView) -> int:
    return sum(arm.n for arm in view.result.metric("converted").arms)


@pytest.mark.parametrize(
    ("cut", "counted", "told"),
    (
        (Cut(), 1600, ()),
        (Cut(as_of=START + timedelta(days=2)), 400, ("as of 3\u202fMay 2026 00:00 UTC",)),
        (Cut(run="current"), 600, ("run 2 only",)),
        (Cut(run="1"), 1000, ("run 1 only",)),
        (Cut(exclude=("first_day",)), 1400, ("without 1\u202fMay 2026",)),
        (Cut(run="2", exclude=("first_day",)), 480, ("run 2 only", "without 7\u202fMay 2026")),
        (
            Cut(exclude=("2026-05-02", "2026-05-01")), 1200,
            ("without 1\u202fMay 2026", "without 2\u202fMay 2026"),
        ),
    ),
)  # fmt: skip
def test_each_cut_counts_its_units_and_is_named(
    tested: Measured, cut: Cut, counted: int, told: tuple[str, ...]
):
    found = tested.cut(cut)
    assert units(found) == counted
    assert found.result.exploring == told
    assert [number for number, _ in views(tested.ws)] == [1]


def test_a_cut_and_other_choices_go_together(tested: Measured):
    ws, key = tested.ws, tested.key
    cut = tested.cut(Cut(run="current"))
    both = exploring.explore(cut, Choices(reference="B"))
    assert both.result.exploring == ("run 2 only", "compared with New")
    assert units(both) == 600
    course = courses.series(ws, LOCAL, key, "converted", shown=cut)
    assert course["B"][-1].control_n + course["B"][-1].treatment_n == 600
    by_country = segmenting.segments(ws, LOCAL, key, "converted", "country", shown=cut)
    assert sum(arm.n for one in by_country for arm in one.arms) == 600


def test_an_earlier_day_of_a_finished_test_is_judged_as_a_look_on_that_day(
    ws: Workspace, clock: Clock
):
    running = _two_runs(ws, clock)
    acting.transition(ws, LOCAL, running.id, "stop", version=running.version)
    done = Measured(ws, running.id)
    assert done.cut(Cut()).result.final
    early = done.cut(Cut(as_of=START + timedelta(days=3))).result
    assert not early.final
    assert early.verdict.code == "too_early"
    assert early.progress is not None
    assert early.progress.days == 4
    assert done.cut(Cut(as_of=START + timedelta(days=30))).result.final


@pytest.mark.parametrize(
    ("cut", "refusal"),
    (
        (Cut(run="latest"), InvalidInputError),
        (Cut(run="3"), NotFoundError),
        (Cut(exclude=("yesterday",)), InvalidInputError),
        (Cut(exclude=("20260501",)), InvalidInputError),
    ),
)
def test_what_cannot_be_cut_is_refused(tested: Measured, cut: Cut, refusal: type[Exception]):
    with pytest.raises(refusal):
        tested.cut(cut)


@pytest.fixture
def locked(ws: Workspace, clock: Clock) -> Experiment:
    clock.now = START + timedelta(days=11)
    made = make(ws, plan=LOCKED)
    upload(ws, made, rows(2000, lift=0.9))
    return experiments.get_experiment(ws, LOCAL, made.id)


def test_a_locked_plan_shows_health_and_progress_and_no_number_of_an_arm(
    ws: Workspace, locked: Experiment
):
    result = analyses.look(ws, LOCAL, locked.id).result
    assert result.locked
    assert result.metrics == ()
    assert result.progress is not None
    assert result.progress.units == 2000
    assert "sample_ratio_mismatch" in {card.check for card in result.health}
    assert not {"suspicious_lift"} & {card.check for card in result.health}
    assert (result.verdict.code, result.recommendation.action) == ("interim", "keep_running")
    assert from_dict(to_dict(result)) == result
    key = locked.id
    assert analyses.past_look(ws, LOCAL, key, 1).result.metrics == ()
    (kept,) = analyses.looks_of(ws, LOCAL, key)
    assert analyses.find_look(ws, LOCAL, kept.id)[1].cells == {}
    assert listing.summaries(ws, LOCAL)[key].relative_lift is None
    assert measuring.measured(ws, LOCAL, key).result.metrics == ()
    view = analyses.look(ws, LOCAL, key)
    explored = exploring.explore(view, Choices(confidence_level=0.9))
    assert explored.result.metrics == ()
    cut = analyses.cut_look(ws, LOCAL, view, Cut(exclude=("first_day",)))
    assert (cut.result.locked, cut.result.metrics) == (True, ())
    found = run_sql(ws, LOCAL, "SELECT count(*) FROM results")
    assert found.rows == ((0,),)


def test_every_way_deeper_into_a_locked_result_is_shut(ws: Workspace, locked: Experiment):
    key = locked.id
    asked = (
        lambda: courses.series(ws, LOCAL, key, "converted"),
        lambda: segmenting.segments(ws, LOCAL, key, "converted", "country"),
        lambda: explaining.explain(ws, LOCAL, key, "converted", "B"),
        lambda: metric_preview.preview(
            ws, LOCAL, key, {"kind": "proportion", "column": "converted"}
        ),
    )
    for ask in asked:
        with pytest.raises(ConflictError) as refused:
            ask()
        assert refused.value.code == "RESULTS_LOCKED"


def test_the_lock_opens_with_the_end_of_the_test_and_earlier_looks_with_it(
    ws: Workspace, locked: Experiment
):
    analyses.look(ws, LOCAL, locked.id)
    acting.transition(ws, LOCAL, locked.id, "stop", version=locked.version)
    result = analyses.look(ws, LOCAL, locked.id).result
    assert not result.locked
    assert result.metrics
    assert analyses.past_look(ws, LOCAL, locked.id, 1).result.metrics


def test_a_lock_does_not_hide_harm_from_the_ramp(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=11)
    made = make(ws, plan=LOCKED)
    lines = rows(2000)
    upload(ws, made, [line for i, line in enumerate(lines) if i % 2 == 0 or i % 5])
    view = analyses.look(ws, LOCAL, made.id)
    assert view.result.locked
    assert view.result.recommendation.action == "investigate"
    assert ramping.reason_to_stop(ws, LOCAL, made.id) is not None
