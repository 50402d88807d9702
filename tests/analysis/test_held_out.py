"""Everybody in the test against the holdout: as in the method book, apart from the arms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import experiments_core as ec
from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.analysis.design import PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.charts import holdout as shown
from experiments_core.domain.experiment import Plan
from tests.analysis.conftest import design, rates

CELLS = rates({"control": (47_500, 4_950), "B": (47_500, 5_025), "holdout": (5_000, 500)})


def test_the_worked_example_of_the_method_book():
    result = analyze(CELLS, design(holdout="holdout"))
    (one,) = result.holdout.metrics
    assert (one.holdout_n, one.exposed_n) == (5_000, 95_000)
    assert one.difference == pytest.approx(0.005)
    limits = one.difference_ci_lower, one.difference_ci_upper
    assert limits == pytest.approx((-0.0038, 0.0133), abs=5e-5)
    lift = one.relative_lift, one.relative_lift_ci_lower, one.relative_lift_ci_upper
    assert lift == pytest.approx((0.05, -0.035, 0.144), abs=5e-4)
    extra = one.extra, one.extra_ci_lower, one.extra_ci_upper
    assert extra == pytest.approx((475, -364, 1259), abs=0.6)
    assert one.effective_n == 4_750
    assert one.verdict == "no_clear_difference"


def test_a_look_before_the_end_needs_more_than_the_last_one():
    cells = rates({"control": (4_750, 500), "B": (4_750, 500), "holdout": (1_000, 80)})
    last = analyze(cells, design(holdout="holdout"))
    early = analyze(cells, design(holdout="holdout", said_over=False, finished=False))
    found = [
        result.holdout.metrics[0] for result in (last, early)
    ]  # pooled z: 0.02526 / 0.0101
    assert found[0].p_value == found[1].p_value == pytest.approx(0.01237, abs=1e-5)
    assert [one.verdict for one in found] == ["better", "no_clear_difference"]


def test_arms_split_and_verdict_do_not_see_the_holdout():
    with_it = analyze(CELLS, design(holdout="holdout"))
    without = analyze({k: c for k, c in CELLS.items() if k.arm != "holdout"}, design())
    assert with_it.metrics == without.metrics
    assert with_it.verdict == without.verdict
    assert with_it.health == without.health
    assert with_it.progress == without.progress


def test_the_holdout_may_be_the_reference():
    told = design(arms=("holdout", "control", "B"), reference="holdout", holdout="holdout")
    result = analyze(CELLS, told)
    assert result.treatments == ("control", "B")
    assert result.metric("converted").arm("B").contrast.difference == pytest.approx(
        5_025 / 47_500 - 0.1
    )
    assert result.health[0].level == "pass"


def test_nobody_drawn_at_random_is_an_observation():
    result = analyze(CELLS, design(holdout="holdout", holdout_randomised=False))
    (one,) = result.holdout.metrics
    assert (one.verdict, one.verdict_reason) == ("cannot_say", "not_randomised")
    assert isinstance(one.p_value, float)


def test_body_table_and_back():
    result = analyze(CELLS, design(holdout="holdout"))
    body: dict[str, Any] = to_dict(result)
    assert body["holdout"]["metrics"][0]["extra"] == pytest.approx(475)
    assert from_dict(body) == result
    assert "holdout" not in to_dict(analyze(CELLS, design()))
    (row,) = shown.rows(result)
    assert row["Extra so far"].startswith("+475 (")
    assert "95\u202f000 users" in shown.note(result, "user")


def test_in_a_notebook_the_holdout_is_named():
    rows = [
        (arm, int(i < hits)) for arm, n, hits in
        (("control", 900, 90), ("B", 900, 120), ("kept out", 200, 15)) for i in range(n)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["group", "converted"])
    asked = {"variant": "group", "metrics": [ec.Proportion("converted")]}
    report = ec.analyze(frame, holdout="kept out", **asked)
    assert report.result.treatments == ("B",)
    assert report.result.holdout.metrics[0].exposed_n == 1800
    other = ec.analyze(frame, holdout="kept out", control="kept out", **asked)
    assert set(other.result.treatments) == {"control", "B"}
    assert other.health[0].level == "pass"


def test_over_phases_both_values_stand_at_the_same_mix():
    first_day = {"control": (400, 200), "B": (400, 200), "holdout": (200, 100)}
    later = {"control": (100, 10), "B": (800, 80), "holdout": (100, 10)}
    cells = {
        replace(key, phase=phase): cell
        for phase, arms in ((1, first_day), (2, later))
        for key, cell in rates(arms).items()
    }
    phases = (PhaseDesign({"control": 1, "B": 1}), PhaseDesign({"control": 1, "B": 8}))
    (one,) = analyze(cells, design(holdout="holdout", phases=phases)).holdout.metrics
    first, second = 200 * 800 / 1000, 100 * 900 / 1000  # Mantel-Haenszel weights
    mix = (0.5 * first + 0.1 * second) / (first + second)
    assert (one.holdout_value, one.exposed_value) == pytest.approx((mix, mix))
    assert one.difference == pytest.approx(0, abs=1e-12)


def test_an_interim_look_gives_no_verdict_on_the_holdout():
    plan = Plan(min_runtime_days=0, planned_units=100_000)
    early = design(holdout="holdout", plan=plan, status="running", finished=False, days=2)
    cells = rates({"control": (4000, 400), "B": (4000, 400), "holdout": (4000, 100)})
    (row,) = shown.rows(analyze(cells, early))
    assert row["Verdict"] == "… interim"
