"""Every number around a comparison, written out."""

from __future__ import annotations

import math

from scipy import stats

from experiments_core.analysis.bayesian import with_view
from experiments_core.analysis.design import Design
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.explain_step import Step
from experiments_core.analysis.explain_steps import further_steps
from experiments_core.analysis.groups import Groups
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import CellKey
from tests.analysis.conftest import CONVERTED, cell, design, rates

ARMS = {"control": (4000, 800), "B": (4100, 920)}


def written(
    cells: dict, told: Design, metric: Metric = CONVERTED, *, chances: bool = False
) -> dict[str, Step]:
    result = analyze(cells, told)
    groups = Groups.of(cells, len(told.phases))
    if chances:
        result = with_view(result, groups, told)
    found = further_steps(result, groups, told, metric=metric.key, treatment="B")
    return {step.title: step for step in found}


def test_each_arm_has_its_interval_with_the_counts_put_in():
    step = written(rates(ARMS), design())["Each version by itself"]
    low, high = stats.binomtest(800, 4000).proportion_ci(0.95, "wilson")
    assert f"p = 800 / 4000 = 0.2, 95\u202f%: {low:.6g} to {high:.6g}" in step.numbers
    assert "Wilson 1927" in step.formula


def test_the_sample_ratio_is_written_as_chi_square():
    step = written(rates(ARMS), design())["Sample ratio"]
    found = stats.chisquare([4000, 4100])
    assert f"χ² = {found.statistic:.6g}, 1 degrees of freedom" in step.numbers
    assert f"p = {found.pvalue:.6g}" in step.numbers
    assert "O = 4100, E = 4050" in step.numbers


def test_the_always_valid_line_can_be_computed_from_what_is_written():
    step = written(rates(ARMS), design())["Thin line: if you had looked at any time"]
    words = step.numbers.replace(",", "").split()
    n, tuned, alpha = (float(words[words.index(name) + 2]) for name in ("n", "N", "α"))
    doubled = -2 * math.log(alpha)
    u = n * (doubled + math.log1p(doubled)) / tuned
    c = math.sqrt(2 * (u + 1) / u * (math.log(math.sqrt(u + 1)) - math.log(alpha)))
    assert f"= {2 * stats.norm.cdf(c) - 1:.6g}" in step.numbers


def test_a_family_shows_every_p_value_in_order():
    second = Proportion("signed_up")
    cells = {
        CellKey(arm, 1): cell(n, converted=(n, x), signed_up=(n, x // 2))
        for arm, (n, x) in ARMS.items()
    }
    told = design(metrics=(CONVERTED, second))
    step = written(cells, told)["Corrected p-value"]
    result = analyze(cells, told)
    p = sorted(m.arm("B").contrast.p_value for m in result.metrics)
    assert f"p_(1) = {p[0]:.6g} → {2 * p[0]:.6g}" in step.numbers
    assert f"p_(2) = {p[1]:.6g} → {max(2 * p[0], p[1]):.6g}" in step.numbers


def test_phases_a_limit_and_chances_are_written_out(split_change: tuple[dict, Design]):
    cells, told = split_change
    phases = written(cells, told)["Phase by phase"]
    assert phases.numbers.count("w = ") == 2
    assert "plain total" in phases.numbers
    chances = written(rates(ARMS), design(), chances=True)["Chance to be better"]
    assert "prior: Beta(1, 1)" in chances.numbers
    assert "x = 920, n = 4100" in chances.numbers


def test_a_guardrail_says_what_it_is_held_against():
    guard = Proportion(
        "refund", role="guardrail", preferred_direction="decrease", non_inferiority_margin=0.1
    )
    cells = {
        CellKey(arm, 1): cell(n, converted=(n, x), refund=(n, n // 20))
        for arm, (n, x) in ARMS.items()
    }
    told = design(metrics=(CONVERTED, guard))
    step = written(cells, told, guard)["Against the limit"]
    contrast = analyze(cells, told).metric("refund").arm("B").contrast
    assert "M = 0.1" in step.numbers
    assert f"= {contrast.guardrail_p_value:.6g}, to be below 0.025" in step.numbers


def test_one_unit_each_writes_reasons_not_numbers():
    cells = {CellKey(arm, 1): cell(1, revenue=(1, 1.0, 0.0)) for arm in ("control", "B")}
    revenue = Mean("revenue")
    found = written(cells, design(metrics=(revenue,)), revenue)
    for step in found.values():
        assert "nan" not in step.numbers
        assert "inf" not in step.numbers
    assert "none (" in found["Each version by itself"].numbers
