"""The cumulative result day by day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from experiments_core.analysis.design import PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.series import cumulative
from experiments_core.domain.source import CellKey
from tests.analysis.conftest import CONVERTED, REFUND, cell, design, rates


def test_the_last_point_is_the_scorecard_and_each_point_is_a_look_at_its_day():
    cells = {
        CellKey(arm, day=date(2026, 5, day)): cell(
            500, converted=(500, 50 + (3 * day if arm == "B" else 0))
        )
        for arm in ("control", "B")
        for day in (1, 2, 4)
    }  # fmt: skip
    points = cumulative(cells, design(), CONVERTED, {"B": 0.05})["B"]
    assert [point.day.day for point in points] == [1, 2, 4]
    assert [point.control_n for point in points] == [500, 1000, 1500]
    whole = analyze(rates({"control": (1500, 150), "B": (1500, 171)}), design())
    contrast = whole.metric("converted").arm("B").contrast
    assert contrast is not None
    last = points[-1]
    assert last.relative_lift == contrast.relative_lift
    assert last.relative_lift_ci_lower == contrast.relative_lift_ci_lower
    assert last.always_valid_lower == contrast.sequential.relative_lift_ci_lower


def test_days_before_both_arms_have_units_have_no_point():
    cells = {
        CellKey("control", day=date(2026, 5, 1)): cell(5, converted=(5, 1)),
        CellKey("control", day=date(2026, 5, 2)): cell(5, converted=(5, 1)),
        CellKey("B", day=date(2026, 5, 2)): cell(5, converted=(5, 1)),
    }
    points = cumulative(cells, design(), CONVERTED, {"B": 0.05})["B"]
    assert [point.day.day for point in points] == [2]
    assert points[0].relative_lift == pytest.approx(0.0)


def test_units_without_a_day_are_on_no_day_and_a_guardrail_stands_alone():
    rail = replace(REFUND, key="converted")
    cells = {
        CellKey(arm, day=day): cell(500, converted=(500, 50))
        for arm in ("control", "B", "C")
        for day in (None, date(2026, 5, 1))
    }
    told = design(
        arms=("control", "B", "C"), metrics=(rail,),
        phases=(PhaseDesign({"control": 1, "B": 1, "C": 1}),),
    )  # fmt: skip
    points = cumulative(cells, told, rail, {"B": 0.05, "C": 0.05})
    assert [point.treatment_n for point in points["C"]] == [500]


def test_nothing_in_nothing_out():
    assert cumulative({}, design(), CONVERTED, {"B": 0.05}) == {"B": ()}
