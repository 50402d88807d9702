"""Robustness sheet, shuffles, holdout and what to expect, written out for anyone to check."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from experiments_core.analysis.calibration import calibrate
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.explain import Explanation
from experiments_core.analysis.explain_calibration import explain_calibration
from experiments_core.analysis.explain_expected import explain_expected
from experiments_core.analysis.explain_holdout import explain_holdout
from experiments_core.analysis.explain_robustness import explain_variation
from experiments_core.analysis.robustness import Robustness, Setting, capped, sheet
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean
from experiments_core.domain.source import CellKey
from experiments_core.stats.moments import Moments
from experiments_core.stats.shrinkage import exaggeration, shrink
from experiments_core.stats.shuffles import Phase
from tests.analysis.conftest import CONVERTED, cell, design, rates

RATES = rates({"control": (10_000, 1000), "B": (10_000, 1100)})
BEFORE = Mean("revenue", "before")


def opened(metric: Metric, cells: dict) -> tuple[Robustness, dict[tuple, Explanation]]:
    told = design(metrics=(metric,))
    contrast = analyze(cells, told).metric(metric.key).arm("B").contrast
    assert contrast is not None
    for one in cells.values():
        own = one.summaries[metric.key]
        one.summaries.update({version.key: own for version in capped(metric).values()})
    found = sheet(told, metric, {Setting(): cells}, contrast, treatment="B")
    return found, {
        (one.method, one.adjusted): explain_variation(found, one, told)
        for one in found.variations
        if one.cap is None
    }


def adjusted_cells() -> dict:
    rng = np.random.default_rng(3)
    cells = {}
    for arm, shift in (("control", 0.0), ("B", 0.8)):
        before = rng.gamma(2, 10, 500)
        table = np.cov(np.vstack([before + rng.normal(shift, 3, 500), before]))
        means = (before.mean() + shift, before.mean())
        cells[CellKey(arm)] = cell(500)
        cells[CellKey(arm)].summaries["revenue"] = Moments(
            500, means, tuple(map(tuple, table.tolist()))
        )
    return cells


def after(text: str, lead: str) -> float:
    """The number behind a name."""
    return float(text.split(f"{lead} = ", 1)[1].split(maxsplit=1)[0].rstrip(",;"))


def test_every_analysis_of_a_rate_can_be_done_again_from_what_is_written():
    found, told = opened(CONVERTED, RATES)
    z = stats.norm.isf(0.025)
    agresti = told["agresti_caffo", None].numbers
    p_c, p_t = 1001 / 10_002, 1101 / 10_002
    assert f"p̃_t = 1101 / 10002 = {p_t:.6g}" in agresti
    reach = z * math.sqrt((p_t * (1 - p_t) + p_c * (1 - p_c)) / 10_002)
    assert f"{p_t - p_c - reach:.6g} to {p_t - p_c + reach:.6g}" in agresti
    newcombe = told["newcombe", None].numbers
    l_t, u_c = after(newcombe, "l_t"), after(newcombe, "u_c")
    low = 0.01 - math.hypot(0.11 - l_t, u_c - 0.1)
    shown = float(newcombe.split("d = ")[1].split(": ")[1].split()[0])
    assert shown == pytest.approx(low, abs=1e-6)
    katz = told["log_delta", None].numbers
    error = math.sqrt(0.9 / 1000 + 0.89 / 1100)
    assert f"SE of ln r = {error:.6g}" in katz
    assert f"{1.1 * math.exp(-z * error) - 1:.6g} to" in katz
    zero_one = told["t_of_zero_one", None].numbers
    assert f"s²_c = {0.09 * 10_000 / 9_999:.6g}" in zero_one
    assert "N / (N − 1) = 20000 / 19999" in told["miettinen_nurminen", None].numbers
    planned = told["pooled_z", None]
    assert "p = (1000 + 1100) / 20000" in planned.numbers
    counted = planned.steps[0].numbers
    assert f"so it holds in {found.holds} of {len(found.variations)}" in counted


def test_the_analyses_of_an_adjusted_mean_name_what_they_leave_out():
    _, told = opened(BEFORE, adjusted_cells())
    assert "θ = " in told["welch_t", True].numbers
    assert "θ" not in told["welch_t", False].numbers
    student = told["student_t", False]
    assert "f = 998" in student.numbers
    assert "Student 1908" in student.formula
    log = told["log_delta", False].numbers
    m_c, m_t, error = (after(log, name) for name in ("m_c", "m_t", "SE of ln r"))
    square = sum(after(log, f"s²_{a}") / 500 / m**2 for a, m in (("c", m_c), ("t", m_t)))
    assert error == pytest.approx(math.sqrt(square), rel=1e-4)


def test_an_empty_control_writes_reasons_not_numbers():
    cells = rates({"control": (400, 0), "B": (400, 30)})
    for one in opened(CONVERTED, cells)[1].values():
        assert "nan" not in one.numbers
        assert "inf" not in one.numbers


def test_false_alarms_stand_beside_the_band_they_are_held_against():
    rng = np.random.default_rng(4)
    phases = [Phase(rng.random(2000) < 0.5, (rng.random((2000, 1)) < 0.2).astype(float))]
    found = calibrate(CONVERTED, phases, variant="B", alpha=0.05, number=200, seed=1)
    alarms, bars, power = explain_calibration(found)
    low, high = (int(stats.binom.ppf(q, 200, 0.025)) for q in (0.0005, 0.9995))
    assert f"200 · 0.025 = 5 expected, band {low} to {high}" in alarms.numbers
    planned = found.planned
    both = planned.less + planned.greater
    assert f"{planned.less} worse + {planned.greater} better = {both}: holds" in alarms.numbers
    assert "200 / 20 = 10" in bars.numbers
    lift, share = planned.power[-1]
    assert f"+{lift:g}: {share * 200:.0f} / 200" in power.numbers


@pytest.mark.parametrize("finished", (True, False))
def test_the_holdout_is_written_at_the_level_that_judges_it(*, finished: bool):
    cells = rates({"control": (4_750, 500), "B": (4_750, 500), "holdout": (1_000, 80)})
    told = design(holdout="holdout", said_over=finished, finished=finished)
    (one,) = analyze(cells, told).holdout.metrics
    written = explain_holdout(cells, told, CONVERTED, one)
    assert "p_c = 80 / 1000" in written.numbers
    assert "p_t = 1000 / 9500" in written.numbers
    assert f"{one.difference:.6g} · 9500 = {one.extra:.6g}" in written.steps[0].numbers
    assert len(written.steps) == (1 if finished else 2)
    excludes_zero = one.difference_ci_lower > 0
    assert excludes_zero == (one.relative_lift_ci_lower > 0) == (one.verdict == "better")
    assert excludes_zero is finished


def test_what_to_expect_can_be_computed_from_the_past_that_is_written():
    past = [
        (0.05, 0.02),
        (-0.03, 0.02),
        (0.04, 0.02),
        (0.02, 0.02),
        (-0.04, 0.02),
        (0.06, 0.03),
    ]
    found = shrink(0.062, 0.02, [d for d, _ in past], [se for _, se in past])
    plan = (0.8, 0.05, exaggeration(0.8))
    curse, pulled = explain_expected(0.062, 0.02, found=found, past=past, plan=plan)
    assert after(curse.numbers, "δ") == pytest.approx(2.8016, abs=1e-4)  # z_.975 + z_.8
    lines = pulled.numbers.splitlines()
    pairs = [line.split(", ") for line in lines if line.startswith("d_")]
    squares = [float(d.split("= ")[1]) ** 2 - float(s.split("= ")[1]) ** 2 for d, s in pairs]
    tau = sum(squares) / 6
    assert after(pulled.numbers, "τ²") == pytest.approx(tau, rel=1e-5)
    assert f"{0.062 * tau / (tau + 0.0004):.6g}" in pulled.numbers


@pytest.mark.parametrize(
    ("past", "why"),
    (([(0.05, 0.02)] * 5, "fewer than 6"), ([(0.01, 0.02)] * 6, "no more than their noise")),
)
def test_without_a_pull_the_reason_is_written(past: list, why: str):
    found = shrink(0.062, 0.02, [d for d, _ in past], [se for _, se in past])
    steps = explain_expected(0.062, 0.02, found=found, past=past, plan=(0.8, 0.05, 1.12))
    assert why in steps[1].numbers
