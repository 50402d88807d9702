"""What looks cost and what guardrails need, for the planner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments_core.services import planning_guardrails as guardrails
from experiments_core.services import planning_looks
from experiments_core.services.planning_design import Design

DESIGN = Design(kind="rate", baseline=0.10, effect=0.01, daily_units=4000)


def test_the_most_units_rise_slowly_with_the_looks():
    found = planning_looks.over_looks(DESIGN, 29_502)
    assert [one.looks for one in found] == [1, 2, 5, 14]
    assert [one.factor for one in found] == sorted(one.factor for one in found)
    assert (found[0].total, found[0].factor) == (29_502, 1.0)
    assert found[2].total == pytest.approx(29_502 * 1.023, rel=2e-3)
    assert found[2].days == 8
    assert planning_looks.over_looks(replace(DESIGN, alternative="greater"), 29_502) == ()


def test_a_guardrail_needs_what_the_method_book_says():
    found = {one.margin: one.units for one in guardrails.guarded(DESIGN)}
    assert found[0.10] == (14_128, 14_128)
    assert found[0.05] == (56_512, 56_512)


@pytest.mark.parametrize("kind", ("rate", "mean", "ratio"))
def test_units_margin_and_power_of_a_guardrail_agree(kind: str):
    spread = None if kind == "rate" else 0.3
    design = replace(DESIGN, kind=kind, standard_deviation=spread, weights=(2.0, 1.0, 1.0))
    for way in ("increase", "decrease"):
        (found,) = guardrails.guarded(design, (0.1,), preferred_direction=way)
        assert found.units[0] == pytest.approx(2 * found.units[2], abs=1)
        assert found.days == pytest.approx(found.total / 4000, abs=1)
        power = guardrails.margin_power(design, 0.1, found.total, preferred_direction=way)
        assert power == pytest.approx(0.8, abs=1e-3)
        margin = guardrails.smallest_margin(design, found.total, preferred_direction=way)
        assert margin == pytest.approx(0.1, rel=1e-3)


def test_a_relative_margin_needs_a_baseline():
    design = replace(DESIGN, kind="mean", baseline=None, standard_deviation=1.0)
    assert guardrails.guarded(design) == ()
    assert guardrails.guarded(design, (0.1,), relative=False)[0].units == (1571, 1571)
