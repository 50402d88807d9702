"""Progress to plan: what could be seen by now, and how long it still takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments_core.analysis.engine import analyze
from experiments_core.analysis.planned import days_to_go
from experiments_core.analysis.results import Progress
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean
from experiments_core.domain.source import CellKey
from experiments_core.stats.estimate import Undefined
from tests.analysis.conftest import CONVERTED, cell, design, rates


def reached(cells: dict, **more: object) -> object:
    return analyze(cells, design(**more)).progress.relative_minimum_detectable_effect


def test_the_smallest_visible_lift_is_that_of_the_planner():
    assert reached(rates({"control": (14_751, 1475), "B": (14_751, 1500)})) == pytest.approx(
        0.1, abs=2e-4
    )


def test_a_lopsided_split_over_phases_sees_less_than_its_units_promise(split_change: tuple):
    cells, told = split_change
    merged = rates({"control": (7000, 600), "B": (13_000, 945)})
    assert analyze(cells, told).progress.relative_minimum_detectable_effect > reached(merged)


@pytest.mark.parametrize(
    ("alternative", "direction"),
    (
        ("two-sided", "increase"),
        ("two-sided", "decrease"),
        ("greater", "increase"),
        ("less", "decrease"),
    ),
)
def test_a_decrease_is_seen_as_a_size(alternative: str, direction: str):
    metric: Metric = replace(CONVERTED, preferred_direction=direction)
    plan = Plan(alternative=alternative)
    found = reached(
        rates({"control": (10_000, 1000), "B": (10_000, 1000)}), metrics=(metric,), plan=plan
    )
    assert 0.08 < found < 0.13


def test_means_are_seen_by_their_spread():
    time = Mean("time")
    cells = {
        CellKey("control"): cell(1571, time=(1571, 10.0, 100.0)),
        CellKey("B"): cell(1571, time=(1571, 10.0, 100.0)),
    }
    assert reached(cells, metrics=(time,)) == pytest.approx(0.1, abs=1e-3)
    one = {key: cell(1, time=(1, 10.0, 0.0)) for key in cells}
    assert reached(one, metrics=(time,)) == Undefined("too_few_units")
    below = {key: cell(9, time=(9, -10.0, 4.0)) for key in cells}
    assert reached(below, metrics=(time,)) == Undefined("nonpositive_control")


def test_an_empty_control_sees_nothing():
    assert reached(rates({"B": (10, 1)})) == Undefined("no_users")


def progress(seen: object, asked: float | None) -> Progress:
    return Progress(1000, None, 10, None, seen, asked)


@pytest.mark.parametrize(
    ("seen", "asked", "days"),
    ((0.2, 0.1, 30), (0.1, 0.1, 0), (0.05, 0.1, 0), (0.101, 0.1, 1), (0.2, None, None),
     (None, 0.1, None), (Undefined("no_users"), 0.1, None)),
)  # fmt: skip
def test_the_days_to_go_grow_with_the_square_of_the_precision(
    seen: object, asked: float | None, days: int | None
):
    assert days_to_go(design(days=10), progress(seen, asked)) == days


def test_days_that_nobody_counted_cannot_be_foretold():
    assert days_to_go(design(), progress(0.2, 0.1)) is None
