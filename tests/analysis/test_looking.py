"""Looks that are paid for: alpha spent by a group-sequential plan, one share per look."""

from __future__ import annotations

import itertools

import pytest

from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.stats import sequential
from experiments_core.stats.estimate import Undefined
from tests.analysis.conftest import CONVERTED, RUNNING, design, rates

PLAN = Plan(method="sequential", planned_units=20_000, min_runtime_days=0)
LOOKS = (5_200, 9_900, 15_100, 20_000)
# ldbounds and gsDesign (R) for these looks, alpha 0.05 two-sided, as printed in the method
# book under 4.13.
BOUNDS = (4.243, 2.980, 2.348, 2.015)


def at(place: int, treated: int = 0, **more: object) -> ExperimentResult:
    """The look at one of the places, after those before it."""
    n = LOOKS[place] // 2
    hits = n // 10
    cells = rates({"control": (n, hits), "B": (n, treated or hits)})
    told = {"plan": PLAN, "past_units": LOOKS[:place], "looks": place, "days": 9} | RUNNING
    return analyze(cells, design(**told | more))


def found(result: ExperimentResult) -> Contrast:
    contrast = result.metric("converted").arm("B").contrast
    assert contrast is not None
    return contrast


@pytest.mark.parametrize("place", range(4))
def test_each_look_is_judged_at_what_the_earlier_ones_left(place: int):
    early = found(at(place)).sequential
    assert early is not None
    assert (early.method, early.decides) == ("group_sequential", True)
    assert early.bound == pytest.approx(BOUNDS[place], abs=6e-4)
    assert early.confidence_level == pytest.approx(
        1 - sequential.two_sided_p_of_z(early.bound), abs=1e-15
    )
    assert early.information == LOOKS[place] / 20_000
    assert early.p_value_always_valid is None


def test_the_interval_of_a_look_excludes_no_effect_exactly_when_it_decides():
    decided = set()
    for treated in range(780, 1000, 4):
        contrast = found(at(2, treated))
        early = contrast.sequential
        inside = early.difference_ci_lower <= 0 <= early.difference_ci_upper
        assert contrast.significant is not inside
        assert contrast.significant is (early.p_value < 1 - early.confidence_level)
        decided.add(contrast.significant)
    assert decided == {True, False}


def test_a_plan_is_reached_once_a_look_has_decided_and_final_at_the_planned_units():
    early = at(2, 950)
    assert (early.final, early.verdict.code) == (True, "better")
    assert not at(2).final
    last = at(3)
    assert (last.final, last.verdict.code) == (True, "no_clear_difference")
    assert found(last).sequential.alpha_spent == pytest.approx(0.05)


def test_data_after_the_last_look_are_judged_at_its_level():
    n = 10_500
    cells = rates({"control": (n, 1000), "B": (n, 1000)})
    after = analyze(cells, design(plan=PLAN, past_units=LOOKS, days=9, **RUNNING))
    bound = found(after).sequential.bound
    assert bound == pytest.approx(BOUNDS[3], abs=0.01)  # the true number correlates the looks


def test_units_withdrawn_again_do_not_give_alpha_back():
    n = 4_900
    cells = rates({"control": (n, 490), "B": (n, 490)})
    told = design(plan=PLAN, past_units=(5_200, 9_900), days=9, **RUNNING)
    assert found(analyze(cells, told)).sequential.bound == pytest.approx(
        sequential.group_sequential_bounds((0.26, 0.49), 0.05)[-1]
    )


def test_a_planned_end_before_the_planned_units_spends_what_is_left():
    ended = found(at(1, planned_end_passed=True)).sequential
    running = found(at(1)).sequential
    assert ended.alpha_spent == pytest.approx(0.05)
    assert ended.bound < running.bound
    assert found(at(1, finished=True)).sequential.bound == running.bound  # somebody stopped it


def test_far_too_early_no_decision_is_possible():
    n = 300
    cells = rates({"control": (n, 100), "B": (n, 260)})
    early = found(analyze(cells, design(plan=PLAN, days=9, **RUNNING)))
    assert early.sequential.bound == Undefined("below_minimum")
    assert (early.significant, early.sequential.confidence_level) == (False, 1.0)
    assert early.sequential.difference_ci_lower == Undefined("below_minimum")


def test_each_comparison_of_a_family_spends_its_own_share():
    metrics = (CONVERTED, Proportion("paid"))
    cells = rates({"control": (4_950, 495), "B": (4_950, 495)})
    told = design(metrics=metrics, plan=PLAN, past_units=LOOKS[:1], days=9, **RUNNING)
    one = analyze(cells, told).metric("converted").arm("B").contrast.sequential
    assert one.bound == pytest.approx(
        sequential.group_sequential_bounds((0.26, 0.495), 0.025)[-1]
    )


def test_the_body_holds_the_look_and_comes_back():
    result = at(2, 900)
    body = to_dict(result)
    block = body["metrics"][0]["arms"][1]["sequential"]
    assert block["method"] == "group_sequential"
    assert "p_value_always_valid" not in block
    assert {"bound", "information", "alpha_spent", "p_value"} <= set(block)
    assert from_dict(body) == result


def test_the_looks_card_says_what_has_been_spent():
    cards = {card.check: card for card in at(2).health}
    assert "look 3" in cards["looks"].message
    assert "76\u202f% of the planned units" in cards["looks"].message
    assert cards["looks"].facts["alpha_spent"] == pytest.approx(
        sequential.spent(15_100 / 20_000, 0.05)
    )


def test_looking_as_planned_errs_as_often_as_promised():
    """First exits of the bounds sum to alpha: 5 % over the four looks together."""
    shares = [look / 20_000 for look in LOOKS]
    bounds = [found(at(place)).sequential.bound for place in range(4)]
    assert sequential.false_alarm_rate(shares, bounds) == pytest.approx(0.05, abs=1e-6)
    assert all(a > b for a, b in itertools.pairwise(bounds))
