"""The questions of a planner."""

from __future__ import annotations

import pytest

import experiments_core as ec
from experiments_core.errors import InvalidInputError


def test_planning_answers_for_rates_and_means():
    plan = ec.sample_size(
        baseline=0.20, minimum_detectable_effect=0.05, relative=False, power=0.8, alpha=0.05
    )
    assert (plan.control, plan.treatment, plan.total) == (1094, 1094, 2188)
    assert plan.assumptions["test_method"] == "pooled_z"
    mean = ec.sample_size(minimum_detectable_effect=1.0, standard_deviation=10.0)
    assert mean.control == pytest.approx(1571, abs=2)
    seen = ec.minimum_detectable_effect(baseline=0.10, control=20_000, treatment=20_000)
    assert seen.relative_lift == pytest.approx(0.0858, abs=1e-3)
    spread = ec.minimum_detectable_effect(control=1571, treatment=1571, standard_deviation=10.0)
    assert spread.difference == pytest.approx(1.0, abs=1e-3)


def test_planning_refuses_in_words():
    with pytest.raises(InvalidInputError, match="baseline is missing"):
        ec.sample_size(minimum_detectable_effect=0.05)
    with pytest.raises(InvalidInputError, match="alpha"):
        ec.sample_size(baseline=0.2, minimum_detectable_effect=0.05, alpha=5)
    with pytest.raises(InvalidInputError, match="alternative"):
        ec.minimum_detectable_effect(
            baseline=0.2, control=10, treatment=10, alternative="larger"
        )


def test_a_plan_may_be_read_at_several_looks_and_a_guardrail_be_planned():
    asked = {"baseline": 0.10, "minimum_detectable_effect": 0.01}
    fixed, looked = ec.sample_size(**asked), ec.sample_size(**asked, looks=5)
    assert looked.total / fixed.total == pytest.approx(1.023, abs=2e-3)
    assert looked.assumptions["looks"] == 5
    with pytest.raises(InvalidInputError, match="looks"):
        ec.sample_size(**asked, looks=5, alternative="greater")
    # Chow, Shao & Wang 2008, chapter 4; the method book's worked example
    assert ec.non_inferiority_size(baseline=0.10, margin=0.01).control == 14_128
    wide = ec.non_inferiority_size(baseline=0.10, margin=0.05, relative=True)
    assert (wide.control, wide.treatment, wide.total) == (56_512, 56_512, 113_024)
    shown = ec.non_inferiority_margin(baseline=0.10, control=14_128, treatment=14_128)
    assert shown == pytest.approx(0.01, rel=1e-4)
    found = ec.power(baseline=0.10, effect=0.01, control=14_751, treatment=14_751)
    assert found == pytest.approx(0.8, abs=1e-4)
