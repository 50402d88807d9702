"""Health cards: level, number, sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from experiments_core.analysis.design import PhaseDesign, Quality
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.results import Check, ExperimentResult
from experiments_core.domain.source import CellKey
from experiments_core.stats.estimate import Undefined
from tests.analysis.conftest import CONVERTED, RUNNING, cell, design, rates

GOOD = rates({"control": (10_000, 1000), "B": (10_000, 1050)})
TWO_PHASES = (
    PhaseDesign({"control": 1, "B": 1}, date(2026, 5, 6)),
    PhaseDesign({"control": 1, "B": 4}, date(2026, 5, 12)),
)


def card(result: ExperimentResult, code: str) -> Check:
    return next(check for check in result.health if check.check == code)


def has(result: ExperimentResult, code: str) -> bool:
    return any(check.check == code for check in result.health)


@pytest.mark.parametrize(
    ("control", "treatment", "level"),
    ((5000, 5010, "pass"), (5000, 5290, "warn"), (5000, 5400, "fail"), (5, 9, "info")),
)
def test_the_split_is_amber_below_one_in_a_hundred_and_red_below_one_in_a_thousand(
    control: int, treatment: int, level: str
):
    cells = rates({"control": (control, control // 10), "B": (treatment, treatment // 10)})
    assert card(analyze(cells, design()), "sample_ratio_mismatch").level == level


def test_a_small_split_of_two_arms_gets_the_exact_binomial_test_too():
    cells = rates({"control": (2, 1), "B": (11, 2)})
    found = card(analyze(cells, design()), "sample_ratio_mismatch")
    # 2 (C(13, 0) + C(13, 1) + C(13, 2)) / 2^13
    assert found.facts["exact_p_value"] == pytest.approx(2 * (1 + 13 + 78) / 2**13)
    assert "Exact binomial test: p\u202f=\u202f0.022, no alarm." in found.message
    assert "exact_p_value" not in card(analyze(GOOD, design()), "sample_ratio_mismatch").facts
    three = rates({"control": (5, 1), "B": (5, 2), "C": (20, 3)})
    told = design(arms=("control", "B", "C"))
    assert "exact_p_value" not in card(analyze(three, told), "sample_ratio_mismatch").facts


def test_a_slightly_uneven_split_of_a_finished_test_is_not_to_be_checked_tomorrow():
    cells = rates({"control": (5000, 500), "B": (5290, 500)})
    over = card(analyze(cells, design()), "sample_ratio_mismatch").message
    running = card(analyze(cells, design(**RUNNING)), "sample_ratio_mismatch").message
    assert over.endswith("May be chance.")
    assert running.endswith("Check again tomorrow.")


def test_units_in_an_arm_that_nobody_planned_close_the_gate_and_are_named():
    cells = GOOD | rates({"varaint": (7, 1)})
    result = analyze(cells, design())
    found = card(result, "sample_ratio_mismatch")
    assert (found.level, found.p_value) == ("fail", Undefined("unexpected_arm"))
    assert "varaint (7)" in found.message
    assert result.verdict.code == "cannot_say"


def test_a_drained_arm_that_still_gets_units_is_named():
    told = design(phases=(PhaseDesign({"control": 1, "B": 0}),))
    assert "B (10" in card(analyze(GOOD, told), "sample_ratio_mismatch").message


def test_any_positive_weights_are_shares():
    told = design(phases=(PhaseDesign({"control": 3, "B": 3}),))
    assert card(analyze(GOOD, told), "sample_ratio_mismatch").p_value == 1.0


@pytest.mark.parametrize(
    ("crossed", "level"), ((0, "pass"), (150, "pass"), (400, "warn"), (4000, "fail"))
)
def test_units_in_both_arms_are_amber_above_one_per_cent_and_red_above_ten(
    crossed: int, level: str
):
    found = card(analyze(GOOD, design(), Quality(crossed_units=crossed)), "crossed_units")
    assert found.level == level
    assert found.facts["units"] == crossed


def test_the_fate_of_units_in_both_arms_is_told():
    left_out = analyze(GOOD, design(), Quality(crossed_units=312))
    assert card(left_out, "crossed_units").message == (
        "312 users (1.5\u202f%) were in both versions and are left out."
    )
    kept = analyze(GOOD, design(), Quality(crossed_units=1, crossed_left_out=False))
    assert card(kept, "crossed_units").message.startswith("1 user (0.0\u202f%) was in both")
    assert "counts by where it was first" in card(kept, "crossed_units").message


def test_totals_cannot_tell_who_was_in_both_arms():
    assert not has(analyze(GOOD, design(basis="totals")), "crossed_units")


@pytest.mark.parametrize(("rejected", "level"), ((0, "pass"), (20, "warn"), (200, "fail")))
def test_rejected_rows_count_and_rows_left_out_on_purpose_do_not(rejected: int, level: str):
    quality = Quality(rows_read=1000, rows_left_out=300, rows_rejected=rejected)
    found = card(analyze(GOOD, design(), quality), "left_out_rows")
    assert found.level == level
    assert found.message.startswith("300 of 1\u202f000 rows left out.")
    assert not has(analyze(GOOD, design()), "left_out_rows")


def phased(**unplaced: int) -> dict[CellKey, Any]:
    cells = {
        CellKey("control", 1): cell(5000, converted=(5000, 500)),
        CellKey("B", 1): cell(5000, converted=(5000, 500)),
        CellKey("control", 2): cell(2000, converted=(2000, 100)),
        CellKey("B", 2): cell(8000, converted=(8000, 400)),
    }
    for arm, n in unplaced.items():
        cells[CellKey(arm, 0)] = cell(n, converted=(n, n // 10))
    return cells


def test_a_changed_split_is_told_with_its_date():
    found = card(analyze(phased(), design(phases=TWO_PHASES)), "split_changed")
    assert found.level == "info"
    assert found.label == "Split changed once"
    assert found.message.startswith("The split changed on 12\u202fMay (50/50 → 20/80).")
    assert "The plain total says −1" in found.message


def test_units_without_a_time_are_left_out_of_a_test_whose_split_changed():
    told = design(phases=TWO_PHASES)
    few = analyze(phased(B=100), told)
    assert card(few, "phase_unknown").level == "warn"
    assert few.metric("converted").arm("B").n == 13_000
    many = analyze(phased(B=5000), told)
    assert (many.verdict.code, many.verdict.reason) == ("cannot_say", "phase_unknown")
    assert not has(analyze(phased(), told), "phase_unknown")


def dealt_anew(placed: int, unplaced: int) -> dict[CellKey, Any]:
    return {
        CellKey(arm, phase): cell(n, converted=(n, n // 10))
        for arm in ("control", "B")
        for phase, n in ((1, placed), (-1, unplaced))
        if n
    }


def test_units_without_a_time_are_counted_when_all_arms_were_dealt_anew():
    few = analyze(dealt_anew(5000, 50), design())
    found = card(few, "phase_unknown")
    assert (found.level, found.facts) == ("warn", {"units": 100})
    assert found.message.startswith(
        "100 users (1.0\u202f%) have no first-seen time. The arms were"
    )
    assert few.metric("converted").arm("B").n == 5000
    many = analyze(dealt_anew(5000, 5000), design())
    assert (many.verdict.code, many.verdict.reason) == ("cannot_say", "phase_unknown")
    none = analyze(dealt_anew(0, 5000), design())
    assert (none.verdict.code, none.verdict.reason) == ("cannot_say", "phase_unknown")
    assert card(none, "sample_ratio_mismatch").level == "info"
    assert not has(analyze(dealt_anew(5000, 0), design()), "phase_unknown")


def test_without_any_time_a_changed_split_leaves_only_totals_that_may_mislead():
    as_planned = rates({"control": (7000, 600), "B": (13_000, 945)})
    result = analyze(as_planned, design(phases=TWO_PHASES, basis="totals"))
    assert (result.verdict.code, result.verdict.reason) == ("cannot_say", "phase_unknown")
    assert result.phases == 1
    ratio = card(result, "sample_ratio_mismatch")
    assert (ratio.level, ratio.p_value) == ("info", Undefined("phase_unknown"))
    assert isinstance(result.metric("converted").arm("B").value, float)


def test_an_effect_that_differs_between_phases_is_told():
    cells = phased()
    alike = card(analyze(cells, design(phases=TWO_PHASES)), "heterogeneous_phases")
    assert alike.level == "pass"
    cells[CellKey("B", 1)] = cell(5000, converted=(5000, 900))
    differ = analyze(cells, design(phases=TWO_PHASES))
    assert card(differ, "heterogeneous_phases").level == "warn"
    assert "heterogeneous_phases" in differ.metrics[0].arms[1].contrast.flags


@pytest.mark.parametrize(("hits", "asked", "level"), (
    (1400, None, "pass"), (1600, None, "warn"), (1400, 0.1, "warn"), (1250, 0.1, "pass"),
))  # fmt: skip
def test_a_lift_beyond_half_or_three_times_the_plan_is_suspicious(
    hits: int, asked: float | None, level: str
):
    metric = replace(CONVERTED, relative_minimum_detectable_effect=asked)
    cells = rates({"control": (10_000, 1000), "B": (10_000, hits)})
    assert card(analyze(cells, design(metrics=(metric,))), "suspicious_lift").level == level


def test_old_data_of_a_running_test_are_amber():
    newest = datetime(2026, 5, 10, 21, 30, tzinfo=UTC)
    fresh = analyze(GOOD, design(newest=newest, age_days=1.0, **RUNNING))
    stale = analyze(GOOD, design(newest=newest, age_days=5.0, **RUNNING))
    over = analyze(GOOD, design(newest=newest, age_days=500.0))
    assert [card(r, "freshness").level for r in (fresh, stale, over)] == [
        "pass",
        "warn",
        "pass",
    ]
    assert card(fresh, "freshness").short == "10\u202fMay 21:30"
    assert not has(analyze(GOOD, design()), "freshness")


def test_minima_that_a_finished_test_missed_are_told_but_withhold_nothing():
    result = analyze(rates({"control": (90, 40), "B": (80, 30)}), design())
    found = card(result, "minimum_reached")
    assert found.level == "info"
    assert found.message.startswith("control has 90 users, we start at 100.")
    assert isinstance(result.metric("converted").arm("B").contrast.p_value, float)


def test_looks_are_counted_where_there_is_an_experiment():
    assert card(analyze(GOOD, design(looks=4, **RUNNING)), "looks").short == "5"
    assert not has(analyze(GOOD, design()), "looks")


def test_a_phase_too_small_for_the_split_check_says_so_beside_its_missing_p_value():
    cells = phased() | {
        CellKey("control", 2): cell(2, converted=(2, 0)),
        CellKey("B", 2): cell(8, converted=(8, 1)),
    }
    facts = card(analyze(cells, design(phases=TWO_PHASES)), "sample_ratio_mismatch").facts
    first, second = facts["by_phase"]
    assert first["p_value"] > 0.001
    assert (second["p_value"], second["p_value_reason"]) == (None, "below_minimum")
