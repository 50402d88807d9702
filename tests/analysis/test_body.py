"""The one JSON body: every field, null with a reason, and the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.analysis.cells import Cell
from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.results import ExperimentResult
from experiments_core.analysis.segments import segment_results
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import CellKey
from experiments_core.stats.estimate import REASONS
from tests.analysis.conftest import CONVERTED, REFUND, RUNNING, cell, design, rates

TREATMENT_FIELDS = {
    "variant", "n", "conversions", "value", "ci_lower", "ci_upper", "difference",
    "difference_ci_lower", "difference_ci_upper", "relative_lift", "relative_lift_ci_lower",
    "relative_lift_ci_upper", "statistic", "p_value", "p_value_adjusted", "confidence_level",
    "test_method", "interval_method", "significant", "verdict",
}  # fmt: skip


def through_json(result: ExperimentResult) -> dict[str, Any]:
    text = json.dumps(to_dict(result), allow_nan=False)
    body: dict[str, Any] = json.loads(text)
    return body


def results() -> list[ExperimentResult]:
    phases = {
        CellKey("control", 1): cell(5000, converted=(5000, 500), refund=(5000, 0)),
        CellKey("B", 1): cell(5000, converted=(5000, 525), refund=(5000, 3)),
        CellKey("control", 2): cell(2000, converted=(2000, 100), refund=(2000, 0)),
        CellKey("B", 2): cell(8000, converted=(8000, 420), refund=(8000, 0)),
    }
    changed = (PhaseDesign({"control": 1, "B": 1}), PhaseDesign({"control": 1, "B": 4}))
    means = {
        CellKey("control"): cell(100, time=(100, -1.0, 4.0)),
        CellKey("B"): cell(100, time=(100, 1.0, 0.0)),
    }
    neutral = Mean("time", role="secondary", preferred_direction="neutral")
    segmented = analyze(rates({"control": (500, 50), "B": (500, 70)}), design())
    cut = {
        CellKey(arm, 0, value): cell(250, converted=(250, 30))
        for arm in ("control", "B")
        for value in ("DE", "(blank)")
    }
    one = replace(
        segmented.metrics[0], segments=segment_results(cut, design(), CONVERTED, "country")
    )
    return [
        analyze({}, design()),
        analyze(phases, design(metrics=(CONVERTED, REFUND), phases=changed)),
        analyze(means, design(metrics=(neutral,))),
        analyze(rates({"control": (500, 0), "B": (500, 0)}), design()),
        analyze(rates({"control": (500, 50), "B": (900, 60), "X": (9, 1)}), design(**RUNNING)),
        replace(segmented, metrics=(one,), look=3, status="stopped"),
    ]


@pytest.mark.parametrize("result", results())
def test_a_stored_body_reads_back_as_the_same_result(result: ExperimentResult):
    assert from_dict(through_json(result)) == result


@pytest.mark.parametrize("result", results())
def test_every_null_number_has_a_reason_of_the_list(result: ExperimentResult):
    for metric in through_json(result)["metrics"]:
        for arm in metric["arms"]:
            for name, value in arm.items():
                if value is None and name != "verdict":
                    assert arm[f"{name}_reason"] in REASONS
                if name.endswith("_reason"):
                    assert value in REASONS


def test_comparisons_stand_on_treatments_and_control_has_none():
    body = through_json(analyze(rates({"control": (500, 50), "B": (500, 70)}), design()))
    control, treatment = body["metrics"][0]["arms"]
    assert set(control) == {"variant", "n", "conversions", "value", "ci_lower", "ci_upper"}
    assert set(treatment) >= TREATMENT_FIELDS
    assert "sequential" not in treatment
    assert {"final", "verdict", "recommendation", "health", "phases", "reference", "metrics",
            "engine_version", "statistics_version", "data_hash"} <= set(body)  # fmt: skip
    assert set(body["verdict"]) >= {"code", "variant", "basis", "text"}
    assert body["health"][0]["check"] == "sample_ratio_mismatch"
    assert body["health"][0]["p_value"] == 1.0


def test_the_sequential_block_stands_only_where_it_decides():
    cells = rates({"control": (500, 50), "B": (500, 70)})
    running = through_json(analyze(cells, design(**RUNNING)))["metrics"][0]["arms"][1]
    assert running["sequential"]["method"] == "always_valid"
    final = through_json(analyze(cells, design()))["metrics"][0]["arms"][1]
    assert final["always_valid"]["method"] == "always_valid"


def test_a_neutral_metric_has_no_verdict():
    body = through_json(results()[2])
    assert body["metrics"][0]["arms"][1]["verdict"] is None
    assert body["metrics"][0]["arms"][1]["significant"] is True
    assert body["metrics"][0]["arms"][1]["relative_lift_reason"] == "nonpositive_control"


def excludes_zero(lower: float | None, upper: float | None) -> bool:
    return (lower is not None and lower > 0) or (upper is not None and upper < 0)


SIZES = st.integers(min_value=0, max_value=3000)
MEANS = st.integers(-(10**9), 10**9).map(lambda whole: whole / 1000)
VARIANCES = st.integers(0, 10**9).map(lambda whole: whole / 1000)


@st.composite
def arms(draw: st.DrawFn) -> Cell:
    n = draw(SIZES)
    return cell(
        n,
        converted=(n, draw(st.integers(0, n))),
        time=(draw(st.integers(0, n)), draw(MEANS), draw(VARIANCES)),
    )


@st.composite
def experiments(draw: st.DrawFn) -> tuple[dict[CellKey, Cell], Design]:
    phases = draw(st.integers(1, 2))
    names = ("control", "B", "C")[: draw(st.integers(2, 3))]
    cells = {
        CellKey(arm, k if phases > 1 else 0): draw(arms())
        for arm in names
        for k in range(1, phases + 1)
    }
    correction = draw(st.sampled_from(["holm", "bh", "none"]))
    alternative = draw(st.sampled_from(["two-sided", "greater", "less"]))
    weights = dict.fromkeys(names, 1.0)
    told = design(
        arms=names,
        metrics=(Proportion("converted"), Mean("time")),
        phases=(PhaseDesign(weights),) * phases,
        plan=Plan(correction=correction, alternative=alternative, min_runtime_days=0),
        **(RUNNING if draw(st.booleans()) else {}),
    )
    return cells, told


@given(experiments())
@settings(max_examples=400, deadline=None)
def test_p_value_difference_lift_and_verdict_never_contradict_each_other(
    case: tuple[dict[CellKey, Cell], Design],
):
    cells, told = case
    body = through_json(analyze(cells, told))
    for metric in body["metrics"]:
        for arm in metric["arms"][1:]:
            _check_arm(arm, told)


def _check_arm(arm: dict[str, Any], told: Design) -> None:
    if arm["p_value"] is None:
        assert arm["verdict"] == "cannot_say"
        assert not arm["significant"]
        return
    level = 1 - arm["confidence_level"]
    alpha_local = level if told.plan.alternative == "two-sided" else level / 2
    by_p = arm["p_value"] < alpha_local
    if abs(arm["p_value"] - alpha_local) > 1e-12:
        found = excludes_zero(arm["difference_ci_lower"], arm["difference_ci_upper"])
        assert by_p == found
        assert (arm["p_value_adjusted"] < told.plan.alpha) == by_p
        if arm["relative_lift"] is not None:
            lift = excludes_zero(arm["relative_lift_ci_lower"], arm["relative_lift_ci_upper"])
            assert lift == by_p
    early = arm.get("sequential")
    decided = by_p
    if early is not None:
        decided = excludes_zero(early["difference_ci_lower"], early["difference_ci_upper"])
        if early["relative_lift_ci_lower"] is not None:
            ends = early["relative_lift_ci_lower"], early["relative_lift_ci_upper"]
            assert excludes_zero(*ends) == decided
    assert arm["significant"] == decided
    word = "better" if (arm["difference"] or 0) > 0 else "worse"
    assert arm["verdict"] == (word if decided else "no_clear_difference")
