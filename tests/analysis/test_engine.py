"""Cells and a design in, numbers and one verdict out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments_core.analysis.cells import Cell
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import CellKey
from experiments_core.stats.estimate import Undefined
from tests.analysis.conftest import (
    CONVERTED,
    REFUND,
    REVENUE,
    RUNNING,
    cell,
    design,
    rates,
)


def contrast(result: ExperimentResult, metric: str = "converted", arm: str = "B") -> Contrast:
    found = result.metric(metric).arm(arm).contrast
    assert found is not None
    return found


def test_a_finished_test_of_two_rates_has_the_textbook_numbers():
    result = analyze(rates({"control": (10_000, 1000), "B": (10_000, 1100)}), design())
    found = contrast(result)
    assert found.statistic == pytest.approx(2.3066, abs=5e-5)
    assert found.p_value == pytest.approx(0.02108, abs=5e-6)
    assert found.difference_ci_lower == pytest.approx(0.0015, abs=5e-5)
    assert found.relative_lift_ci_upper == pytest.approx(0.1928, abs=5e-5)
    assert (found.verdict, found.significant) == ("better", True)
    assert result.metric("converted").arm("control").ci_lower == pytest.approx(0.0943, abs=5e-5)
    assert (result.final, result.verdict.code, result.verdict.variant) == (True, "better", "B")
    assert result.treatments == ("B",)


def test_a_split_change_is_combined_inside_phases_and_the_plain_total_is_called_misleading(
    split_change: tuple[dict[CellKey, Cell], Design],
):
    result = analyze(*split_change)
    found = contrast(result)
    assert found.test_method == "stratified_score"
    assert found.difference == pytest.approx(0.00402, abs=5e-6)
    assert found.difference_ci_lower == pytest.approx(-0.00443, abs=5e-6)
    assert found.difference_ci_upper == pytest.approx(0.01229, abs=5e-6)
    assert found.relative_lift == pytest.approx(0.05)
    assert found.relative_lift_ci_lower == pytest.approx(-0.052, abs=5e-4)
    assert found.relative_lift_ci_upper == pytest.approx(0.163, abs=5e-4)
    assert found.statistic == pytest.approx(0.9389, abs=5e-5)
    assert found.p_value == pytest.approx(0.348, abs=5e-4)
    assert [row.weight for row in found.by_phase] == pytest.approx([0.6098, 0.3902], abs=5e-5)
    assert found.heterogeneity_p_value == pytest.approx(0.76, abs=5e-3)
    assert found.plain_total is not None
    assert found.plain_total.misleading
    assert found.plain_total.relative_lift == pytest.approx(-0.152, abs=5e-4)
    assert found.plain_total.p_value == pytest.approx(0.0010, abs=5e-5)
    assert found.size_weighted is not None
    assert found.size_weighted.difference == pytest.approx(0.00375)
    assert found.size_weighted.p_value == pytest.approx(0.359, abs=5e-4)
    assert result.health[0].p_value == 1.0
    assert result.health[0].facts["chi_square"] == 0
    assert result.phases == 2


def test_arm_values_over_phases_share_one_mix_so_their_difference_is_the_difference(
    split_change: tuple[dict[CellKey, Cell], Design],
):
    metric = analyze(*split_change).metric("converted")
    control, treatment = metric.arms
    assert control.value == pytest.approx(0.6098 * 0.1 + 0.3902 * 0.05, abs=1e-4)
    assert treatment.contrast is not None
    assert treatment.value - control.value == pytest.approx(treatment.contrast.difference)
    assert control.ci_lower < control.value < control.ci_upper
    assert (control.n, control.conversions) == (7000, 600)


def test_an_interim_look_is_decided_by_the_confidence_sequence():
    plan = Plan(planned_units=56_200, min_runtime_days=0)
    told = design(plan=plan, days=7, planned_days=14, **RUNNING)
    result = analyze(rates({"control": (14_523, 1201), "B": (14_600, 1299)}), told)
    found = contrast(result)
    assert found.p_value == pytest.approx(0.055914, abs=5e-7)
    early = found.sequential
    assert early is not None
    assert early.decides
    assert early.confidence_level == pytest.approx(0.997919, abs=5e-7)
    assert early.p_value_always_valid == pytest.approx(0.519942, abs=5e-7)
    assert early.difference_ci_lower == pytest.approx(-0.003836, abs=5e-7)
    assert early.difference_ci_upper == pytest.approx(0.016399, abs=5e-7)
    assert early.relative_lift_ci_lower == pytest.approx(-0.043620, abs=5e-7)
    assert early.relative_lift_ci_upper == pytest.approx(0.210379, abs=5e-7)
    assert (result.final, result.verdict.code) == (False, "interim")
    assert result.recommendation.action == "keep_running"


def test_a_final_look_of_a_fixed_plan_only_shows_what_could_have_been_said_at_any_time():
    found = contrast(analyze(rates({"control": (1000, 100), "B": (1000, 150)}), design()))
    assert found.sequential is not None
    assert not found.sequential.decides
    assert found.sequential.relative_lift_ci_lower < found.relative_lift_ci_lower


def test_a_look_far_too_early_for_the_sequence_decides_nothing_however_large_the_effect():
    metrics = (
        Mean("price"),
        Mean("cost", role="guardrail", non_inferiority_margin_absolute=50.0),
    )
    cells = {
        CellKey("control"): cell(500, price=(500, 100.0, 1.0), cost=(500, 100.0, 1.0)),
        CellKey("B"): cell(500, price=(500, 110.0, 1.0), cost=(500, 100.0, 1.0)),
    }
    plan = Plan(planned_units=10_000_000, min_runtime_days=0)
    result = analyze(cells, design(metrics=metrics, plan=plan, days=3, **RUNNING))
    found = contrast(result, "price")
    assert (found.significant, found.verdict) == (False, "no_clear_difference")
    assert found.sequential.p_value_always_valid == Undefined("below_minimum")
    assert found.sequential.relative_lift_ci_lower == Undefined("below_minimum")
    assert contrast(result, "cost").guardrail == "cannot_say"
    assert result.verdict.reasons[0] == "So far +10.0\u202f% price."


def test_holm_sets_the_level_of_every_primary_comparison():
    cells = {
        CellKey("control"): cell(10_000, a=(10_000, 1000), b=(10_000, 1000)),
        CellKey("B"): cell(10_000, a=(10_000, 1120), b=(10_000, 1010)),
        CellKey("C"): cell(10_000, a=(10_000, 1095), b=(10_000, 1000)),
    }
    told = design(
        arms=("control", "B", "C"),
        metrics=(Proportion("a"), Proportion("b")),
        phases=(PhaseDesign({"control": 1, "B": 1, "C": 1}),),
    )
    result = analyze(cells, told)
    first = contrast(result, "a", "B")
    assert first.p_value_adjusted == pytest.approx(4 * first.p_value)
    assert first.confidence_level == pytest.approx(1 - 0.05 / 4)
    second = contrast(result, "a", "C")
    assert second.p_value < 0.05 < second.p_value_adjusted
    assert second.confidence_level == pytest.approx(1 - 0.05 / 3)
    assert second.difference_ci_lower < 0
    assert (first.verdict, second.verdict) == ("better", "no_clear_difference")


def test_secondary_metrics_are_a_family_of_their_own_and_guardrails_stand_alone():
    metrics = (CONVERTED, replace(REVENUE, key="s1"), replace(REVENUE, key="s2"), REFUND)
    sums = {"s1": (1000, 10.0, 25.0), "s2": (1000, 10.0, 25.0), "refund": (1000, 100)}
    better = {"s1": (1000, 10.5, 25.0), "s2": (1000, 10.4, 25.0), "refund": (1000, 60)}
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100), **sums),
        CellKey("B"): cell(1000, converted=(1000, 101), **better),
    }
    result = analyze(cells, design(metrics=metrics))
    one, two = contrast(result, "s1"), contrast(result, "s2")
    assert (one.p_value_adjusted, two.p_value_adjusted) == (2 * one.p_value, two.p_value)
    assert contrast(result, "converted").confidence_level == 0.95
    assert contrast(result, "refund").confidence_level == 0.95


@pytest.mark.parametrize(
    ("conversions", "word"),
    ((700, "safe"), (1020, "not_shown_safe"), (1300, "harmed")),
)
def test_a_guardrail_is_safe_only_when_its_interval_stays_inside_the_margin(
    conversions: int, word: str
):
    cells = {
        CellKey("control"): cell(10_000, converted=(10_000, 1000), refund=(10_000, 1000)),
        CellKey("B"): cell(10_000, converted=(10_000, 1200), refund=(10_000, conversions)),
    }
    result = analyze(cells, design(metrics=(CONVERTED, REFUND)))
    found = contrast(result, "refund")
    assert found.guardrail == word
    inside = found.relative_lift_ci_upper < 0.1
    assert inside == (word == "safe")
    assert result.verdict.code == "better"


def test_a_guardrail_can_be_safe_and_worse():
    rail = replace(REFUND, non_inferiority_margin=0.5)
    cells = {
        CellKey("control"): cell(50_000, converted=(50_000, 5000), refund=(50_000, 5000)),
        CellKey("B"): cell(50_000, converted=(50_000, 5600), refund=(50_000, 5500)),
    }
    result = analyze(cells, design(metrics=(CONVERTED, rail)))
    assert contrast(result, "refund").guardrail == "safe_but_worse"
    assert result.recommendation.action == "ship"


def test_an_absolute_margin_judges_where_no_lift_exists():
    rail = Proportion("refund", role="guardrail", preferred_direction="decrease",
                      non_inferiority_margin_absolute=0.05)  # fmt: skip
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100), refund=(1000, 0)),
        CellKey("B"): cell(1000, converted=(1000, 150), refund=(1000, 2)),
    }
    assert (
        contrast(analyze(cells, design(metrics=(CONVERTED, rail))), "refund").guardrail
        == "safe"
    )
    relative = replace(rail, non_inferiority_margin_absolute=None, non_inferiority_margin=0.1)
    found = contrast(analyze(cells, design(metrics=(CONVERTED, relative))), "refund")
    assert found.guardrail == "cannot_say"
    assert found.guardrail_p_value == Undefined("zero_control")


def test_a_metric_that_the_data_do_not_hold_is_said_to_be_missing():
    metrics = (CONVERTED, REVENUE)
    result = analyze(rates({"control": (1000, 100), "B": (1000, 150)}), design(metrics=metrics))
    found = contrast(result, "revenue")
    assert found.p_value == Undefined("column_missing")
    assert (found.verdict, found.verdict_reason) == ("cannot_say", "column_missing")
    assert result.metric("revenue").arms[0].value == Undefined("column_missing")
    assert result.verdict.code == "better"


def test_a_neutral_metric_may_differ_but_is_neither_better_nor_worse():
    metrics = (CONVERTED, Mean("time", role="secondary", preferred_direction="neutral"))
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100), time=(1000, 10.0, 1.0)),
        CellKey("B"): cell(1000, converted=(1000, 100), time=(1000, 12.0, 1.0)),
    }
    found = contrast(analyze(cells, design(metrics=metrics)), "time")
    assert found.significant
    assert found.verdict == "no_clear_difference"


def test_a_share_of_missing_values_that_differs_between_arms_is_flagged():
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100)),
        CellKey("B"): cell(1000, converted=(900, 100)),
    }
    assert "many_missing" in contrast(analyze(cells, design())).flags


def test_a_one_sided_plan_opens_the_other_limit_and_leaves_secondary_metrics_two_sided():
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100), revenue=(1000, 10.0, 4.0)),
        CellKey("B"): cell(1000, converted=(1000, 125), revenue=(1000, 10.3, 4.0)),
    }
    plan = Plan(alternative="greater", min_runtime_days=0)
    result = analyze(cells, design(metrics=(CONVERTED, REVENUE), plan=plan))
    first, second = contrast(result), contrast(result, "revenue")
    assert first.difference_ci_upper == Undefined("unbounded")
    assert first.verdict == "better"
    assert isinstance(second.difference_ci_upper, float)


def test_nobody_is_no_data_and_no_number():
    result = analyze({}, design(status="draft"))
    assert (result.verdict.code, result.metrics, result.health) == ("no_data", (), ())
    assert result.verdict.text == "No data yet. Upload a file or send events."
    assert result.treatments == ()


def test_an_empty_arm_gives_reasons_not_numbers():
    result = analyze(rates({"control": (1000, 100)}), design())
    found = contrast(result)
    assert found.p_value == Undefined("no_users")
    assert result.metric("converted").arm("B").value == Undefined("no_users")
    assert result.verdict.code == "cannot_say"


@pytest.mark.parametrize(("conversions", "word"), ((110, "safe"), (180, "harmed")))
def test_a_guardrail_may_be_allowed_to_double(conversions: int, word: str):
    rail = replace(REFUND, non_inferiority_margin=1.0)
    cells = {
        CellKey("control"): cell(2000, converted=(2000, 200), refund=(2000, 100)),
        CellKey("B"): cell(2000, converted=(2000, 200), refund=(2000, conversions)),
    }
    found = contrast(analyze(cells, design(metrics=(CONVERTED, rail))), "refund")
    assert found.guardrail == word
    assert (found.relative_lift_ci_upper < 1) == (word == "safe")
