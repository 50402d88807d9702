"""Auto-promote: five conditions, each named with its number; all of them make a suggestion."""

from __future__ import annotations

import pytest

from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.promoting import closest, conditions, promotable
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.promotion import Promotion
from experiments_core.domain.source import CellKey
from tests.analysis.conftest import CONVERTED, REFUND, RUNNING, cell, design, rates

GAP = "\u202f"
ASKED = Promotion(threshold=0.02, after_days=14, days_passed=True)
SAFE = (10_000, 1000)


def wishing(promotion: Promotion = ASKED, **more: object) -> Design:
    plan = Plan(planned_units=40_000, min_runtime_days=0)
    return design(**RUNNING, plan=plan, promotion=promotion, days=15, **more)


def read(
    treated: int, promotion: Promotion = ASKED, *, n: int = 10_000, rail: int | None = None
) -> ExperimentResult:
    cells = {
        CellKey("control"): cell(10_000, converted=(10_000, 1000), refund=SAFE),
        CellKey("B"): cell(n, converted=(n, treated), refund=(n, rail or 900)),
    }
    return analyze(cells, wishing(promotion, metrics=(CONVERTED, REFUND)))


def unmet(result: ExperimentResult, promotion: Promotion = ASKED) -> dict[str, str]:
    found = conditions(result.metrics, result.health, promotion, "B", days=15)
    return {one.code: one.text for one in found if not one.met}


def test_everything_met_is_a_suggestion_to_ship_before_the_plan_is_reached():
    result = read(1400)
    assert unmet(result) == {}
    assert (result.final, result.verdict.code) == (False, "interim")
    assert (result.recommendation.action, result.recommendation.variant) == ("ship", "B")
    assert result.recommendation.reasons == ("auto_promote_ready",)
    assert result.recommendation.text == (
        "Ship B: it meets everything you asked for before auto-promote."
    )


def test_too_little_uplift_is_named_with_both_numbers():
    result = read(1140)
    assert unmet(result)["threshold"] == f"Uplift +1.40{GAP}pp, you asked for +2.00{GAP}pp."
    assert result.recommendation.action == "keep_running"


def test_the_threshold_itself_is_enough_and_a_hair_less_is_not():
    result = read(1400)
    for threshold, met in ((0.04, True), (0.04 + 1e-9, False)):
        asked = Promotion(threshold, 14, days_passed=True)
        found = conditions(result.metrics, result.health, asked, "B")[1]
        assert (found.code, found.met) == ("threshold", met)


def test_too_few_days_hold_it_back():
    asked = Promotion(0.02, 20, days_passed=False)
    result = read(1400, asked)
    assert unmet(result, asked) == {"days": "15 days since the start, you asked for 20 days."}
    assert result.recommendation.action == "keep_running"


def test_a_difference_that_could_be_chance_holds_it_back():
    cells = rates({"control": (1000, 100), "B": (1000, 130)})
    result = analyze(cells, wishing())
    assert unmet(result) == {
        "significant": f"Converted is not significant (p{GAP}={GAP}0.631)."
    }
    assert result.recommendation.action == "keep_running"
    few = analyze(rates({"control": (50, 5), "B": (50, 9)}), wishing())
    assert unmet(few)["significant"] == "Converted cannot be judged yet."


def test_a_guardrail_that_is_not_shown_safe_holds_it_back():
    result = read(1400, rail=1060)
    assert unmet(result) == {"guardrails": "Not shown to be safe: Refund."}
    assert result.recommendation.action == "keep_running"


def test_red_traffic_holds_it_back_and_is_investigated():
    result = read(1400, n=9000)
    assert "sample ratio" in unmet(result)["health"]
    assert result.recommendation.action == "investigate"


def test_fewer_is_a_gain_where_fewer_is_preferred():
    metric = Proportion("converted", preferred_direction="decrease")
    cells = rates({"control": (10_000, 1400), "B": (10_000, 1000)})
    result = analyze(cells, wishing(metrics=(metric,)))
    assert result.recommendation.reasons == ("auto_promote_ready",)
    assert unmet(result) == {}


def test_of_several_the_one_that_gains_most():
    arms = ("control", "B", "C")
    cells = rates({"control": (10_000, 1000), "B": (10_000, 1400), "C": (10_000, 1500)})
    result = analyze(cells, wishing(arms=arms, phases=(PhaseDesign(dict.fromkeys(arms, 1)),)))
    assert result.recommendation.variant == "C"
    assert closest(result.metrics, ("B", "C")) == "C"
    assert promotable(result.metrics, result.health, ASKED, ("B",)) == "B"


@pytest.mark.parametrize("promotion", (None, ASKED))
def test_without_data_nothing_is_promotable(promotion: Promotion | None):
    result = analyze({}, wishing(promotion))  # type: ignore[arg-type]
    assert result.recommendation.action == "keep_running"
    assert closest(result.metrics, ()) is None


def test_an_experiment_that_does_not_ask_is_not_promoted():
    cells = rates({"control": (10_000, 1000), "B": (10_000, 1400)})
    result = analyze(cells, design(**RUNNING, plan=Plan(planned_units=40_000), days=15))
    assert result.recommendation.action == "keep_running"
