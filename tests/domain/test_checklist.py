from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from experiments_core.domain.checklist import blocking, checklist, planned_days
from experiments_core.domain.experiment import Experiment, Plan, Variant
from experiments_core.domain.metric_kinds import Proportion

Build = Callable[..., Experiment]


def split(*weights: int) -> tuple[Variant, ...]:
    return tuple(
        Variant(f"v{i}", f"V{i}", is_control=i == 0, weight_bp=weight)
        for i, weight in enumerate(weights)
    )


def levels(experiment: Experiment) -> dict[str, str]:
    return {line.item: line.level for line in checklist(experiment)}


def test_a_complete_experiment_has_only_ticks(build: Build):
    guardrail = Proportion("refund", role="guardrail", non_inferiority_margin=0.1)
    ready = build(
        hypothesis="Fewer fields, more orders.",
        metrics=(Proportion("paid"), guardrail),
        plan=Plan(planned_units=42_000, daily_units=3000),
    )
    assert set(levels(ready).values()) == {"ok"}
    assert all(line.message for line in checklist(ready))
    assert blocking(ready) == ()


@pytest.mark.parametrize(
    ("changes", "item", "rule"),
    (
        ({"variants": split(10_000, 0)}, "variants", "RANGE"),
        ({"variants": split(5000, 4000)}, "split", "SPLIT_SUM"),
        ({"allocation_bp": 0}, "allocation", "ALLOCATION_ZERO"),
        ({"metrics": ()}, "primary metric", "REQUIRED"),
        ({"metrics": (Proportion("paid", role="secondary"),)}, "primary metric", "REQUIRED"),
    ),
)
def test_what_a_start_needs_blocks_it(
    build: Build, changes: dict[str, object], item: str, rule: str
):
    (line,) = blocking(build(**changes))
    assert (line.item, line.rule) == (item, rule)
    assert line.fix


@pytest.mark.parametrize(
    ("changes", "item"),
    (
        ({"hypothesis": ""}, "hypothesis"),
        ({}, "guardrail"),
        ({"plan": Plan()}, "plan"),
        ({"variants": split(9000, 1000)}, "split"),
        ({"plan": Plan(planned_units=1000, daily_units=500)}, "runtime"),
        ({"plan": Plan(planned_units=100_000, daily_units=500)}, "runtime"),
    ),
)
def test_what_would_make_it_better_only_warns(
    build: Build, changes: dict[str, object], item: str
):
    experiment = build(**changes)
    assert levels(experiment)[item] == "warn"
    assert blocking(experiment) == ()


def test_a_date_is_a_plan_too(build: Build):
    assert levels(build(plan=Plan(planned_end=date(2026, 6, 1))))["plan"] == "ok"


def test_days_follow_from_units_traffic_and_allocation(build: Build):
    plan = Plan(planned_units=42_000, daily_units=3000)
    assert planned_days(build(plan=plan)) == 14
    assert planned_days(build(plan=plan, allocation_bp=5000)) == 28
    assert planned_days(build(plan=plan, allocation_bp=0)) is None
    assert planned_days(build(plan=Plan(planned_units=100))) is None
    long = checklist(build(plan=Plan(planned_units=100_000, daily_units=500)))[-1]
    assert long.message == "At your traffic this takes 29 weeks."
