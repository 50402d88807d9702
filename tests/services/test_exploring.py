"""The data of a look under other choices: shown beside the plan, never as it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import ConflictError, InvalidInputError
from experiments_core.services import (
    analyses,
    courses,
    explaining,
    exploring,
    segmenting,
    viewing,
)
from experiments_core.services.cutting import Cut
from experiments_core.services.exploring import Choices
from experiments_core.services.workspace import Workspace
from tests.services.checkout import START, make, rows, upload, views
from tests.services.conftest import Clock


@pytest.fixture
def view(ws: Workspace, clock: Clock) -> viewing.LookView:
    clock.now = START + timedelta(days=11)
    experiment: Experiment = make(ws)
    upload(ws, experiment, rows(2000, lift=0.3))
    return analyses.look(ws, LOCAL, experiment.id)


def test_without_a_choice_it_is_the_look_itself(view: viewing.LookView):
    assert exploring.explore(view, Choices(reference="control")) is view


@pytest.mark.parametrize(
    ("choices", "told"),
    (
        (Choices(reference="B"), ("compared with New",)),
        (Choices(confidence_level=0.99), ("99\u202f% intervals",)),
        (Choices(correction="none"), ("no correction",)),
        (Choices(alternative="greater"), ("one-sided (greater)",)),
        (
            Choices(methods=("newcombe",)),
            ("Newcombe’s hybrid interval of the difference",),
        ),
    ),
)
def test_each_departure_from_the_plan_is_named(
    view: viewing.LookView, choices: Choices, told: tuple[str, ...]
):
    assert exploring.explore(view, choices).result.exploring == told


def test_exploring_takes_no_look_and_keeps_the_checks(ws: Workspace, view: viewing.LookView):
    explored = exploring.explore(view, Choices(reference="B", confidence_level=0.9))
    assert views(ws) == [(1, 1)]
    result = explored.result
    assert (result.reference, result.treatments) == ("B", ("control",))
    assert result.look == view.result.look
    codes = [(card.check, card.level) for card in result.health]
    assert codes == [(card.check, card.level) for card in view.result.health]
    one = view.result.metric("converted").arm("B").contrast
    other = result.metric("converted").arm("control").contrast
    assert other.difference == pytest.approx(-one.difference)
    assert other.confidence_level == pytest.approx(0.9)


def test_tabs_follow_what_is_explored(ws: Workspace, view: viewing.LookView):
    explored = exploring.explore(view, Choices(reference="B"))
    key = view.experiment.id
    course = courses.series(ws, LOCAL, key, "converted", shown=explored)
    assert list(course) == ["control"]
    cut = segmenting.segments(ws, LOCAL, key, "converted", "country", shown=explored)
    assert cut[0].arms[0].contrast is not None
    told = explaining.explained(explored, "converted", "control")
    assert "Old (t) against New (c)" in told.numbers


def test_the_first_day_is_left_out_of_everything_that_is_shown(
    ws: Workspace, view: viewing.LookView
):
    part = analyses.cut_look(ws, LOCAL, view, Cut(exclude=("first_day",)))
    explored = exploring.explored(ws, LOCAL, part, Choices(confidence_level=0.9))
    assert explored.result.exploring == (*part.result.exploring, "90\u202f% intervals")
    key = view.experiment.id
    course = courses.series(ws, LOCAL, key, "converted", shown=explored)["B"]
    planned = courses.series(ws, LOCAL, key, "converted")["B"]
    assert [point.day for point in course] == [point.day for point in planned[1:]]
    arm = explored.result.metric("converted").arm("B")
    assert course[-1].treatment_n == arm.n
    assert arm.n == view.result.metric("converted").arm("B").n - planned[0].treatment_n
    cut = segmenting.segments(ws, LOCAL, key, "converted", "country", shown=explored)
    assert sum(one.arms[1].n for one in cut) == arm.n
    assert len(views(ws)) == 1


def test_sparklines_end_at_the_lift_of_the_scorecard(ws: Workspace, view: viewing.LookView):
    cells = courses.daily(ws, LOCAL, view)
    lines = courses.lifts(view, cells)
    course = courses.series(ws, LOCAL, view.experiment.id, "converted", cells=cells)["B"]
    assert lines["converted", "B"] == pytest.approx([p.relative_lift for p in course])
    for metric in view.result.metrics:
        lift = metric.arm("B").contrast.relative_lift
        assert lines[metric.key, "B"][-1] == pytest.approx(lift)


def test_rows_that_have_changed_are_not_asked_for_an_old_look(
    ws: Workspace, view: viewing.LookView
):
    old = replace(view, result=replace(view.result, data_hash="sha256:of other rows"))
    with pytest.raises(ConflictError) as refused:
        exploring.explored(ws, LOCAL, old, Choices(covariate="visits"))
    assert refused.value.code == "DATA_CHANGED"


def test_a_covariate_that_does_not_exist_is_refused_by_name(
    ws: Workspace, view: viewing.LookView
):
    with pytest.raises(InvalidInputError) as refused:
        exploring.explored(ws, LOCAL, view, Choices(covariate="nothing_like_it"))
    assert refused.value.details[0].field == "covariate"


@pytest.mark.parametrize(
    "choices",
    (Choices(reference="Z"), Choices(confidence_level=1.0), Choices(correction="sidak"),
     Choices(alternative="up"), Choices(methods=("wald",))),
)  # fmt: skip
def test_what_does_not_exist_is_refused_by_name(view: viewing.LookView, choices: Choices):
    with pytest.raises(InvalidInputError) as refused:
        exploring.explore(view, choices)
    assert refused.value.details
