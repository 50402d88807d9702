"""Final or interim, and which test decides."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from experiments_core.analysis.engine import analyze
from experiments_core.analysis.stage import stage
from experiments_core.domain.experiment import Plan
from tests.analysis.conftest import RUNNING, design, rates

PLANNED = Plan(planned_units=10_000, min_runtime_days=7)
SEQUENTIAL = Plan(method="sequential", planned_units=10_000)
OPEN = Plan(method="sequential")
NO_PLAN = Plan()
STOPPED = {"finished": True, "said_over": False, "status": "stopped"}
OVER = {"finished": True, "said_over": True}


@pytest.mark.parametrize(
    ("plan", "more", "units", "ending"),
    (
        (PLANNED, RUNNING | {"days": 9}, 5_000, "interim always_valid"),
        (PLANNED, RUNNING | {"days": 9}, 10_000, "final fixed"),
        (PLANNED, RUNNING | {"days": 6}, 10_000, "interim always_valid"),
        (PLANNED, RUNNING | {"days": None}, 10_000, "final fixed"),
        (PLANNED, STOPPED | {"days": 9}, 5_000, "final always_valid"),
        (PLANNED, STOPPED | {"days": 9}, 10_000, "final fixed"),
        (PLANNED, OVER | {"days": 9}, 5_000, "final always_valid"),
        (
            PLANNED,
            RUNNING | {"days": 9, "planned_end_passed": True},
            5_000,
            "interim always_valid",
        ),
        (NO_PLAN, OVER, 500, "final fixed"),
        (NO_PLAN, RUNNING, 500, "interim always_valid"),
        (NO_PLAN, STOPPED, 500, "final always_valid"),
        (SEQUENTIAL, RUNNING, 5_000, "interim group_sequential"),
        (SEQUENTIAL, RUNNING, 10_000, "final group_sequential"),
        (SEQUENTIAL, STOPPED, 5_000, "final group_sequential"),
        (SEQUENTIAL, RUNNING | {"planned_end_passed": True}, 5_000, "final group_sequential"),
        (SEQUENTIAL, RUNNING | {"spends": False}, 5_000, "interim always_valid"),
        (SEQUENTIAL, RUNNING | {"spends": False}, 10_000, "final always_valid"),
        (OPEN, RUNNING, 500_000, "interim always_valid"),
        (OPEN, OVER, 5_000, "final always_valid"),
    ),
)
def test_the_plan_and_the_calendar_say_which_test_decides(
    plan: Plan, more: dict[str, Any], units: int, ending: str
):
    found = stage(design(plan=plan, **more), units)
    assert f"{'final' if found.final else 'interim'} {found.deciding}" == ending


def test_a_planned_end_in_the_past_is_reached_when_the_plan_names_it():
    plan = Plan(planned_end=date(2026, 5, 20))
    told = design(plan=plan, days=9, planned_end_passed=True, **RUNNING)
    assert stage(told, 5_000).final


def test_a_sequential_plan_is_reached_once_its_test_has_decided():
    plan = Plan(method="sequential", min_runtime_days=0)
    decided = rates({"control": (5000, 500), "B": (5000, 800)})
    result = analyze(decided, design(plan=plan, days=3, **RUNNING))
    assert (result.final, result.verdict.code) == (True, "better")
    close = rates({"control": (5000, 500), "B": (5000, 560)})
    result = analyze(close, design(plan=plan, days=3, **RUNNING))
    assert (result.final, result.verdict.code) == (False, "interim")


def test_an_interim_look_below_the_minima_withholds_the_test_but_a_final_one_does_not():
    few = rates({"control": (500, 40), "B": (500, 14)})
    result = analyze(few, design(days=3, **RUNNING))
    assert result.verdict.code == "too_early"
    assert (
        result.verdict.text == "Too early for a p-value: B has 14 conversions, we start at 25."
    )
    found = result.metric("converted").arm("B").contrast
    assert found is not None
    assert (found.verdict, found.verdict_reason) == ("cannot_say", "below_minimum")
    assert analyze(few, design()).verdict.code == "worse"


def test_before_the_minimum_runtime_it_is_too_early():
    plan = Plan(planned_units=10_000, min_runtime_days=7)
    cells = rates({"control": (1000, 100), "B": (1000, 120)})
    result = analyze(cells, design(plan=plan, days=3, **RUNNING))
    assert result.verdict.code == "too_early"
    assert "has run 3 days" in result.verdict.text


@pytest.mark.parametrize("conversions", (1010, 1500))
def test_a_sequential_plan_is_not_reached_before_its_minimum_runtime(conversions: int):
    plan = Plan(method="sequential", planned_units=20_000, min_runtime_days=7)
    cells = rates({"control": (10_000, 1000), "B": (10_000, conversions)})
    early = analyze(cells, design(plan=plan, days=2, **RUNNING))
    assert (early.final, early.verdict.code) == (False, "too_early")
    assert early.verdict.text == "Too early. The test has run 2 days, the plan asks for 7."
    assert analyze(cells, design(plan=plan, days=7, **RUNNING)).final


def test_a_single_conversion_is_named_in_the_singular():
    few = rates({"control": (500, 40), "B": (500, 1)})
    text = analyze(few, design(days=9, **RUNNING)).verdict.text
    assert text == "Too early for a p-value: B has 1 conversion, we start at 25."
