"""A number explained by its formula."""

from __future__ import annotations

import pytest

from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.explain import Explanation, explain
from experiments_core.analysis.groups import Groups
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean
from experiments_core.domain.source import CellKey
from tests.analysis.conftest import CONVERTED, RUNNING, cell, design, rates


def explained(cells: dict, told: Design, metric: Metric = CONVERTED) -> Explanation:
    result = analyze(cells, told)
    contrast = result.metric(metric.key).arm("B").contrast
    assert contrast is not None
    groups = Groups.of(cells, len(told.phases))
    return explain(groups, told, metric, contrast, treatment="B")


def test_a_rate_is_written_out_with_its_counts():
    told = explained(rates({"control": (14_523, 1201), "B": (14_600, 1299)}), design())
    assert "Mee 1984" in told.formula
    assert "p_c = 1201 / 14523 = 0.0826964" in told.numbers
    assert "p = (1201 + 1299) / 29123 = 0.0858428" in told.numbers
    assert "z = 1.9117, p-value = 0.0559144" in told.numbers
    assert told.moments[0]["n"] == 14_523
    assert str(told).startswith(told.formula)


def test_phases_show_their_weights(split_change: tuple[dict, Design]):
    told = explained(*split_change)
    assert "w = 0.6098, 0.3902" in told.numbers
    assert "phase 2: p_t = 420 / 8000 = 0.0525" in told.numbers
    assert len(told.moments) == 4


@pytest.mark.parametrize("phases", (1, 2))
def test_a_mean_is_written_out_with_its_moments(phases: int):
    time = Mean("time")
    cells = {
        CellKey(arm, k if phases > 1 else 0): cell(100, time=(100, 5.0 + (arm == "B"), 4.0))
        for arm in ("control", "B")
        for k in range(1, phases + 1)
    }
    plan = (PhaseDesign({"control": 1, "B": 1}),) * phases
    told = explained(cells, design(metrics=(time,), phases=plan), time)
    assert "Fieller" in told.formula
    assert "m_c = 5, s²_c = 4" in told.numbers
    assert "√v =" in told.numbers


def test_corrections_and_looks_are_named():
    third = {"arms": ("control", "B", "C"),
             "phases": (PhaseDesign({"control": 1, "B": 1, "C": 1}),)}  # fmt: skip
    cells = rates({"control": (1000, 100), "B": (1000, 120), "C": (1000, 90)})
    told = explained(cells, design(**third, **RUNNING))
    assert "one of 2 comparisons" in told.numbers
    assert "always-valid p-value" in told.numbers


def test_a_mean_without_spread_gives_its_reason():
    time = Mean("time")
    cells = {CellKey(arm): cell(100, time=(100, 5.0, 0.0)) for arm in ("control", "B")}
    told = explained(cells, design(metrics=(time,)), time)
    assert "t = none (no_variance)" in told.numbers
    assert "√v =" not in told.numbers


def test_a_test_that_does_not_exist_gives_its_reason():
    told = explained(rates({"control": (100, 0), "B": (100, 0)}), design())
    assert "z = none (no_variance)" in told.numbers
