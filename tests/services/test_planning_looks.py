"""What looks cost and what guardrails need, for the planner."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
    found = {one.margin: one.per_arm for one in planning_looks.guarded(DESIGN)}
    assert found[0.10] == 14_128
    assert found[0.05] == 56_512
    assert planning_looks.guarded(replace(DESIGN, kind="mean", standard_deviation=1.0)) == ()
