"""Verdict codes in their order, what to do, and the sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments_core.analysis.design import Design, PhaseDesign, Quality
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import CellKey
from tests.analysis.conftest import CONVERTED, REFUND, RUNNING, cell, design, rates

THREE = {
    "arms": ("control", "B", "C"),
    "phases": (PhaseDesign({"control": 1, "B": 1, "C": 1}),),
}
GAP = "\u202f"


def two_primaries(orders: int, refunds: int) -> ExperimentResult:
    metrics = (
        Proportion("orders"),
        Proportion("refunds", preferred_direction="decrease"),
    )
    cells = {
        CellKey("control"): cell(10_000, orders=(10_000, 1000), refunds=(10_000, 1000)),
        CellKey("B"): cell(10_000, orders=(10_000, orders), refunds=(10_000, refunds)),
    }
    return analyze(cells, design(metrics=metrics))


def flat(asked: float | None, days: int | None = 10) -> ExperimentResult:
    metric = replace(CONVERTED, relative_minimum_detectable_effect=asked)
    cells = rates({"control": (10_000, 1000), "B": (10_000, 1010)})
    return analyze(cells, design(metrics=(metric,), days=days))


def test_a_red_health_check_comes_before_everything_but_no_data():
    cells = rates({"control": (10_000, 1000), "B": (10_900, 1300)})
    result = analyze(cells, design())
    assert (result.verdict.code, result.verdict.reason) == (
        "cannot_say", "sample_ratio_mismatch",
    )  # fmt: skip
    assert result.verdict.text.startswith("Traffic is not what you asked for: 47.8 / 52.2")
    assert result.verdict.reasons[0].startswith("Something decides who is counted.")
    assert result.recommendation.action == "investigate"
    assert result.recommendation.reasons == ("sample_ratio_mismatch",)
    assert isinstance(result.metric("converted").arm("B").contrast.p_value, float)


def test_two_primary_metrics_that_disagree_are_mixed():
    result = two_primaries(1150, 1150)
    assert result.verdict.code == "mixed"
    assert result.verdict.text == (
        "Orders better, Refunds worse: the primary metrics disagree."
    )
    assert result.recommendation.action == "discuss"


def test_a_variant_with_one_better_primary_and_none_worse_is_better():
    result = two_primaries(1150, 1000)
    assert (result.verdict.code, result.verdict.variant) == ("better", "B")
    assert result.verdict.text == (
        f"B is better: +15.0{GAP}% orders (4.9{GAP}% to 26.0{GAP}%)."
    )
    assert result.verdict.reasons[-1] == (
        "Expect somewhat less once it is live; winners shrink."
    )
    assert result.recommendation.action == "ship"


def test_of_several_better_variants_the_largest_lift_is_named():
    cells = rates({"control": (10_000, 1000), "B": (10_000, 1200), "C": (10_000, 1300)})
    result = analyze(cells, design(**THREE))
    assert (result.verdict.code, result.verdict.variant) == ("better", "C")


def test_worse_means_every_treatment_is_worse():
    cells = rates({"control": (10_000, 1000), "B": (10_000, 800), "C": (10_000, 1000)})
    assert analyze(cells, design(**THREE)).verdict.code == "no_clear_difference"
    cells[CellKey("C")] = cell(10_000, converted=(10_000, 790))
    result = analyze(cells, design(**THREE))
    assert result.verdict.code == "worse"
    assert result.verdict.text.startswith("Every variant is worse; B: ")
    assert (result.recommendation.action, result.recommendation.variant) == ("roll_back", None)


def test_a_worse_treatment_is_rolled_back():
    result = analyze(rates({"control": (10_000, 1000), "B": (10_000, 800)}), design())
    assert result.verdict.text.startswith("B is worse: −20.0")
    assert (result.recommendation.action, result.recommendation.variant) == ("roll_back", "B")


def test_a_flat_result_is_an_answer_only_when_the_test_could_see_the_asked_effect():
    assert flat(None).recommendation.action == "stop_flat"
    powered = flat(0.2)
    assert powered.recommendation.reasons == ("no_difference", "powered")
    assert "is an answer here" in powered.verdict.reasons[0]
    short = flat(0.05)
    assert short.recommendation.action == "extend"
    assert short.recommendation.text.startswith("Extend by 5")
    assert "A flat result says little here." in short.verdict.reasons[0]
    assert "No clear difference. The data fit anything from −7." in short.verdict.text


def test_a_better_variant_whose_guardrail_is_open_is_to_be_discussed():
    cells = {
        CellKey("control"): cell(10_000, converted=(10_000, 1000), refund=(10_000, 1000)),
        CellKey("B"): cell(10_000, converted=(10_000, 1200), refund=(10_000, 1020)),
    }
    result = analyze(cells, design(metrics=(CONVERTED, REFUND)))
    assert (result.recommendation.action, result.recommendation.variant) == ("discuss", "B")
    assert result.recommendation.reasons == ("primary_better", "guardrail_not_shown_safe")
    assert result.verdict.reasons[0] == (
        f"Refund: not shown to be safe. The interval still reaches +10.8{GAP}%; "
        f"your limit is +10.0{GAP}%."
    )


def test_harm_at_an_interim_look_is_rolled_back_and_anything_else_keeps_running():
    plan = Plan(planned_units=100_000, min_runtime_days=0)
    told = design(plan=plan, days=3, planned_days=9, **RUNNING)
    harmed = analyze(rates({"control": (10_000, 1000), "B": (10_000, 700)}), told)
    assert (harmed.verdict.code, harmed.recommendation.action) == ("interim", "roll_back")
    better = analyze(rates({"control": (10_000, 1000), "B": (10_000, 1400)}), told)
    assert (better.verdict.code, better.recommendation.action) == ("interim", "keep_running")
    assert better.verdict.text == "Day 3 of 9. This is a look, not a result."
    assert better.verdict.reasons[-1] == "The interval is widened because you may look again."


def test_a_test_stopped_early_is_read_by_the_wider_interval_and_says_so():
    plan = Plan(planned_units=100_000)
    told = design(plan=plan, days=9, finished=True, said_over=False, status="stopped")
    result = analyze(rates({"control": (10_000, 1000), "B": (10_000, 1100)}), told)
    assert (result.final, result.verdict.code) == (True, "no_clear_difference")
    clear = analyze(rates({"control": (10_000, 1000), "B": (10_000, 1400)}), told)
    assert clear.verdict.code == "better"
    assert any("stopped before its plan" in reason for reason in clear.verdict.reasons)


@pytest.mark.parametrize(
    ("conversions", "start"),
    (
        (1087, "B is better, but only just (p"),
        (1082, "No clear difference, though close (p"),
        (915, "B is worse, but only just (p"),
    ),
)
def test_a_narrow_decision_is_called_narrow(conversions: int, start: str):
    cells = rates({"control": (10_000, 1000), "B": (10_000, conversions)})
    assert analyze(cells, design()).verdict.text.startswith(start)


def test_when_no_primary_metric_can_be_judged_the_reason_is_given():
    result = analyze(rates({"control": (1000, 0), "B": (1000, 0)}), design())
    assert (result.verdict.code, result.verdict.reason) == ("cannot_say", "no_variance")
    assert result.verdict.text == (
        "Cannot say. Every unit has the same value, so there is nothing to test."
    )
    assert result.recommendation.action == "investigate"


def test_without_conversions_in_control_the_difference_speaks():
    result = analyze(rates({"control": (1000, 0), "B": (1000, 30)}), design())
    assert result.verdict.text == f"B is better: +3.00{GAP}pp converted (2.11 to 4.25)."
    assert "no relative lift exists" in result.verdict.reasons[0]


def test_no_data_names_what_the_plan_needs():
    told: Design = design(plan=Plan(planned_units=56_200), status="running")
    assert analyze({}, told).verdict.text == (
        f"No data yet. Upload a file or send events; the plan needs 56{GAP}200 users."
    )
    assert analyze({}, told).recommendation.action == "keep_running"


def test_a_flat_primary_with_a_harmed_guardrail_is_rolled_back():
    cells = {
        CellKey("control"): cell(10_000, converted=(10_000, 1000), refund=(10_000, 1000)),
        CellKey("B"): cell(10_000, converted=(10_000, 1000), refund=(10_000, 1400)),
    }
    result = analyze(cells, design(metrics=(CONVERTED, REFUND)))
    assert result.recommendation.action == "roll_back"
    assert result.recommendation.reasons == ("guardrail_harmed",)
    assert any(reason.startswith("Refund: harmed, it moved by +40.0")
               for reason in result.verdict.reasons)  # fmt: skip


def test_names_from_data_lose_control_characters_and_keep_their_meaning():
    told = design(names={"B": "New\u202echeckout\n<b>"})
    result = analyze(rates({"control": (10_000, 1000), "B": (10_000, 1200)}), told)
    assert result.verdict.text.startswith("Newcheckout <b> is better")


def test_a_lower_is_better_metric_wins_by_falling():
    metric = Mean("seconds", unit="s", preferred_direction="decrease")
    cells = {
        CellKey("control"): cell(1000, seconds=(1000, 3.0, 1.0)),
        CellKey("B"): cell(1000, seconds=(1000, 2.5, 1.0)),
    }
    result = analyze(cells, design(metrics=(metric,)))
    assert result.verdict.code == "better"
    assert result.verdict.text.startswith("B is better: −16.7")


def test_too_many_rejected_rows_close_the_gate():
    quality = Quality(rows_read=1000, rows_left_out=200, rows_rejected=200)
    cells = rates({"control": (400, 40), "B": (400, 40)})
    result = analyze(cells, design(), quality)
    assert (result.verdict.code, result.verdict.reason) == ("cannot_say", "left_out_rows")


def test_of_better_variants_one_whose_first_metric_cannot_be_said_comes_last():
    metrics = (Proportion("a"), Proportion("b"))
    cells = {
        CellKey("control"): cell(10_000, a=(10_000, 1000), b=(10_000, 1000)),
        CellKey("B"): cell(10_000, a=(0, 0), b=(10_000, 1300)),
        CellKey("C"): cell(10_000, a=(10_000, 1010), b=(10_000, 1300)),
    }
    result = analyze(cells, design(metrics=metrics, **THREE))
    assert (result.verdict.code, result.verdict.variant) == ("better", "C")


def test_a_guardrail_in_the_metrics_unit_names_its_limit_there():
    rail = Mean("seconds", unit="s", role="guardrail", preferred_direction="decrease",
                non_inferiority_margin_absolute=0.1)  # fmt: skip
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100), seconds=(1000, 3.0, 4.0)),
        CellKey("B"): cell(1000, converted=(1000, 160), seconds=(1000, 3.0, 4.0)),
    }
    result = analyze(cells, design(metrics=(CONVERTED, rail)))
    assert result.verdict.reasons[0] == (
        f"Seconds: not shown to be safe. The interval still reaches +0.18{GAP}s; "
        f"your limit is +0.10{GAP}s."
    )
    nothing = {
        key: cell(1000, converted=(1000, 160 if key.arm == "B" else 100), seconds=(0, 0.0, 0.0))
        for key in cells
    }
    result = analyze(nothing, design(metrics=(CONVERTED, rail)))
    assert result.verdict.reasons[0] == (
        "Seconds: cannot say whether it is safe. No units were counted in one arm."
    )
    assert result.recommendation.action == "discuss"


def test_a_guardrail_in_a_one_hundred_per_cent_margin_cannot_be_judged_for_a_rate():
    rail = Proportion("refund", role="guardrail", non_inferiority_margin=1.0)
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100), refund=(1000, 100)),
        CellKey("B"): cell(1000, converted=(1000, 100), refund=(1000, 100)),
    }
    contrast = analyze(cells, design(metrics=(CONVERTED, rail))).metrics[1].arms[1].contrast
    assert contrast.guardrail == "cannot_say"


def test_an_interim_guardrail_below_its_minima_cannot_be_judged():
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100), refund=(1000, 3)),
        CellKey("B"): cell(1000, converted=(1000, 100), refund=(1000, 3)),
    }
    told = design(metrics=(CONVERTED, REFUND), **RUNNING)
    contrast = analyze(cells, told).metrics[1].arms[1].contrast
    assert contrast.guardrail == "cannot_say"
    assert contrast.guardrail_p_value.reason == "below_minimum"


def test_a_flat_mean_without_a_lift_speaks_of_its_difference():
    metric = Mean("balance")
    cells = {
        CellKey("control"): cell(1000, balance=(1000, -1.0, 4.0)),
        CellKey("B"): cell(1000, balance=(1000, -1.0, 4.0)),
    }
    text = analyze(cells, design(metrics=(metric,))).verdict.text
    assert text == "No clear difference. The data fit anything from −0.18 to +0.18."
    upper = analyze(cells, design(metrics=(metric,), plan=Plan(alternative="greater")))
    assert upper.verdict.text == "No clear difference. The data fit anything above −0.15."


def test_an_interim_look_without_a_plan_in_days_counts_units():
    plan = Plan(planned_units=56_200, min_runtime_days=0)
    cells = rates({"control": (10_000, 1000), "B": (10_000, 1010)})
    text = analyze(cells, design(plan=plan, **RUNNING)).verdict.text
    assert text == f"20{GAP}000 of 56{GAP}200 users. This is a look, not a result."
    bare = analyze(cells, design(**RUNNING)).verdict.text
    assert bare == "This is a look, not a result."


def test_a_worse_variant_beside_a_flat_one_is_named_and_rolled_back():
    cells = rates({"control": (10_000, 1000), "B": (10_000, 800), "C": (10_000, 1001)})
    result = analyze(cells, design(**THREE))
    assert result.verdict.code == "no_clear_difference"
    assert result.verdict.text == "No variant is better; B is worse."
    assert (result.recommendation.action, result.recommendation.variant) == ("roll_back", "B")


def test_a_flat_result_that_cannot_see_the_asked_effect_is_no_answer_without_days_either():
    found = flat(0.05, days=None)
    assert found.recommendation.reasons == ("no_difference", "underpowered")
    assert found.recommendation.text.startswith("Extend the test, or stop:")


def test_a_flat_one_sided_test_says_what_the_data_fit_how_close_it_was_and_what_it_could_see():
    metric = replace(CONVERTED, relative_minimum_detectable_effect=0.02)
    plan = Plan(alternative="greater")
    cells = rates({"control": (1000, 100), "B": (1000, 122)})
    found = analyze(cells, design(metrics=(metric,), plan=plan)).verdict
    assert found.text == f"No clear difference, though close (p{GAP}={GAP}0.059)."
    assert found.reasons[0] == f"The data fit anything above −1.0{GAP}%."
    assert "A flat result says little here." in found.reasons[1]
    less = analyze(cells, design(metrics=(metric,), plan=replace(plan, alternative="less")))
    assert less.verdict.text == (
        f"No clear difference. The data fit anything below +50.4{GAP}%."
    )


def test_a_guardrail_judged_at_the_level_of_a_look_is_told_by_the_interval_of_that_level():
    cells = {
        CellKey("control"): cell(20_000, converted=(20_000, 2000), refund=(20_000, 2000)),
        CellKey("B"): cell(20_000, converted=(20_000, 2600), refund=(20_000, 2040)),
    }
    plan = Plan(planned_units=200_000)
    told = design(metrics=(CONVERTED, REFUND), plan=plan, said_over=False, status="stopped")
    result = analyze(cells, told)
    contrast = result.metric("refund").arm("B").contrast
    assert contrast.guardrail == "not_shown_safe"
    assert contrast.relative_lift_ci_upper < 0.1 < contrast.sequential.relative_lift_ci_upper
    assert f"The interval still reaches +12.8{GAP}%" in result.verdict.reasons[0]


def test_a_guardrail_harmed_from_zero_is_told_by_its_difference():
    cells = {
        CellKey("control"): cell(1000, converted=(1000, 100), refund=(1000, 0)),
        CellKey("B"): cell(1000, converted=(1000, 150), refund=(1000, 50)),
    }
    result = analyze(cells, design(metrics=(CONVERTED, REFUND)))
    assert result.verdict.reasons[0] == (
        f"Refund: harmed, it moved by +5.00{GAP}pp; your limit is +10.0{GAP}%."
    )


def test_only_a_test_that_ended_before_its_plan_is_said_to_have_stopped_early():
    plan = Plan(method="sequential", planned_units=20_000, min_runtime_days=0)
    cells = rates({"control": (10_000, 1000), "B": (10_000, 1400)})
    reached = analyze(cells, design(plan=plan, **RUNNING))
    assert reached.final
    assert not any("stopped before" in reason for reason in reached.verdict.reasons)
    far = replace(plan, planned_units=200_000)
    flat_cells = rates({"control": (10_000, 1000), "B": (10_000, 1010)})
    stopped = analyze(flat_cells, design(plan=far, said_over=False, status="stopped"))
    assert any("stopped before" in reason for reason in stopped.verdict.reasons)
