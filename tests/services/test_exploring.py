"""The data of a look under other choices: shown beside the plan, never as it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import InvalidInputError
from experiments_core.services import analyses, exploring
from experiments_core.services.exploring import Choices
from experiments_core.services.workspace import Workspace
from tests.services.conftest import Clock
from tests.services.test_analyses import START, make, rows, upload, views


@pytest.fixture
def view(ws: Workspace, clock: Clock) -> analyses.LookView:
    clock.now = START + timedelta(days=11)
    experiment: Experiment = make(ws)
    upload(ws, experiment, rows(2000, lift=0.3))
    return analyses.look(ws, LOCAL, experiment.id)


def test_without_a_choice_it_is_the_look_itself(view: analyses.LookView):
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
    view: analyses.LookView, choices: Choices, told: tuple[str, ...]
):
    assert exploring.explore(view, choices).result.exploring == told


def test_exploring_takes_no_look_and_keeps_the_checks(ws: Workspace, view: analyses.LookView):
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


def test_tabs_follow_what_is_explored(ws: Workspace, view: analyses.LookView):
    explored = exploring.explore(view, Choices(reference="B"))
    key = view.experiment.id
    course = analyses.series(ws, LOCAL, key, "converted", shown=explored)
    assert list(course) == ["control"]
    cut = analyses.segments(ws, LOCAL, key, "converted", "country", shown=explored)
    assert cut[0].arms[0].contrast is not None
    told = analyses.explained(explored, "converted", "control")
    assert "Old (t) against New (c)" in told.numbers


@pytest.mark.parametrize(
    "choices",
    (Choices(reference="Z"), Choices(confidence_level=1.0), Choices(correction="sidak"),
     Choices(alternative="up"), Choices(methods=("wald",))),
)  # fmt: skip
def test_what_does_not_exist_is_refused_by_name(view: analyses.LookView, choices: Choices):
    with pytest.raises(InvalidInputError) as refused:
        exploring.explore(view, choices)
    assert refused.value.details
