import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments_core.stats.estimate import Undefined
from experiments_core.stats.srm import (
    SampleRatio,
    exact_sample_ratio_p_value,
    sample_ratio,
    sequential_sample_ratio,
)

HALVES = {"control": 1.0, "treatment": 1.0}


def two(control: int, treatment: int) -> SampleRatio:
    return sample_ratio([({"control": control, "treatment": treatment}, HALVES)])


def test_the_split_of_the_textbook_is_a_mismatch():
    # Kohavi, Tang & Xu 2020, Trustworthy Online Controlled Experiments: p = 1.8e-6
    result = two(821_588, 815_482)
    assert result.p_value == pytest.approx(1.8e-6, abs=5e-8)
    assert result.is_mismatch
    assert result.degrees_of_freedom == 1
    assert result.residuals["control"] == pytest.approx(4.772, abs=5e-4)
    assert result.residuals["treatment"] == pytest.approx(-4.772, abs=5e-4)


def test_an_uneven_split_above_the_alarm_level_is_no_alarm():
    result = two(450, 550)
    assert result.p_value == pytest.approx(0.0016, abs=5e-5)
    assert not result.is_mismatch


@given(
    observed=st.lists(st.integers(0, 10**6), min_size=2, max_size=5),
    weights=st.lists(st.floats(0.05, 1), min_size=5, max_size=5),
)
def test_one_phase_is_pearsons_chi_square(observed: list[int], weights: list[float]):
    planned = dict(zip("abcde", weights[: len(observed)], strict=False))
    seen = dict(zip("abcde", observed, strict=False))
    result = sample_ratio([(seen, planned)])
    total, whole = sum(observed), sum(planned.values())
    expected = [total * weight / whole for weight in planned.values()]
    if isinstance(result.p_value, Undefined):
        assert min(expected) < 8
        return
    textbook = stats.chisquare(observed, expected, sum_check=False)
    assert result.chi_square == pytest.approx(textbook.statistic, rel=1e-9, abs=1e-9)
    assert result.p_value == pytest.approx(textbook.pvalue, rel=1e-6, abs=1e-300)
    assert sum(result.expected.values()) == pytest.approx(total)


def test_a_changed_split_is_no_mismatch():
    phases = [
        ({"control": 5000, "treatment": 5000}, {"control": 50, "treatment": 50}),
        ({"control": 2000, "treatment": 8000}, {"control": 20, "treatment": 80}),
    ]
    result = sample_ratio(phases)
    assert (result.chi_square, result.p_value) == (0, 1)
    assert result.degrees_of_freedom == 2
    assert result.expected == {"control": 7000, "treatment": 13000}


def test_errors_that_cancel_in_the_totals_are_seen():
    phases = [
        ({"control": 5200, "treatment": 4800}, HALVES),
        ({"control": 3800, "treatment": 6200}, {"control": 2, "treatment": 3}),
    ]
    result = sample_ratio(phases)
    assert result.chi_square == pytest.approx(16 + 50 / 3)
    assert result.is_mismatch
    assert result.residuals["control"] == pytest.approx(0)


def test_a_phase_that_has_hardly_begun_is_left_out():
    begun = ({"control": 1, "treatment": 4}, {"control": 1, "treatment": 99})
    settled = ({"control": 5000, "treatment": 5100}, HALVES)
    result = sample_ratio([settled, begun])
    assert result.left_out == (1,)
    assert result.p_value == sample_ratio([settled]).p_value


@pytest.mark.parametrize(
    ("observed", "weights", "reason"),
    (
        ({}, HALVES, "no_users"),
        ({"control": 0, "treatment": 0}, HALVES, "no_users"),
        ({"control": 7, "treatment": 8}, HALVES, "below_minimum"),
        ({"control": 500}, {"control": 1.0}, "below_minimum"),
        ({"control": 5, "other": 1}, HALVES, "unexpected_arm"),
        ({"a": 500, "b": 480, "c": 12}, {"a": 1, "b": 1, "c": 0}, "unexpected_arm"),
    ),
)
def test_the_check_may_have_no_answer(
    observed: dict[str, int], weights: dict[str, float], reason: str
):
    result = sample_ratio([(observed, weights)])
    assert result.p_value == Undefined(reason)
    assert result.chi_square == Undefined(reason)
    assert result.is_mismatch is (reason == "unexpected_arm")


def test_an_arm_that_is_not_planned_costs_no_degree_of_freedom():
    with_idle = sample_ratio([({"a": 480, "b": 540, "c": 0}, {"a": 1, "b": 1, "c": 0})])
    assert with_idle.degrees_of_freedom == 1
    assert with_idle.p_value == pytest.approx(stats.chisquare([480, 540]).pvalue)


def test_a_hopeless_split_has_a_tiny_p_value_and_not_0():
    assert 0 < two(10**6, 10).p_value < 1e-300


def test_the_exact_p_value_is_binomial():
    p = exact_sample_ratio_p_value({"control": 30, "treatment": 50}, HALVES)
    assert p == pytest.approx(stats.binomtest(30, 80, 0.5).pvalue)
    nobody = exact_sample_ratio_p_value({}, HALVES)
    assert nobody == Undefined("no_users")
    defect = exact_sample_ratio_p_value({"other": 1}, HALVES)
    assert defect == Undefined("unexpected_arm")
    with pytest.raises(ValueError, match="two arms"):
        exact_sample_ratio_p_value({"a": 1}, {"a": 1})


def test_the_test_for_every_batch_is_a_multinomial_mixture():
    result = sequential_sample_ratio({"control": 440, "treatment": 560}, HALVES)
    mixture = stats.betabinom(1000, 500, 500).logpmf(440) - stats.binom(1000, 0.5).logpmf(440)
    assert result.log_bayes_factor == pytest.approx(mixture, rel=1e-9)
    assert result.p_value_always_valid == pytest.approx(math.exp(-mixture), rel=1e-9)
    assert not result.is_mismatch
    assert sequential_sample_ratio({"control": 4400, "treatment": 5600}, HALVES).is_mismatch


@pytest.mark.parametrize(
    ("users", "weights", "concentration", "expected"),
    (
        ((785_714_285, 214_285_714), (33, 9), 10, -9.251232069056098),
        ((980_294_117, 29_705_882), (33, 1), 1000, -6.915566678503301),
    ),
)
def test_the_mixture_keeps_its_digits_at_a_thousand_million_users(
    users: tuple[int, ...], weights: tuple[int, ...], concentration: int, expected: float
):
    # the formula with mpmath 1.4.1 at 40 digits; with lgamma in doubles six digits are right
    observed, planned = (
        dict(zip("ct", users, strict=True)),
        dict(zip("ct", weights, strict=True)),
    )
    found = sequential_sample_ratio(observed, planned, concentration).log_bayes_factor
    assert found == pytest.approx(expected, rel=1e-11)


def test_the_test_for_every_batch_may_have_no_answer():
    nobody = sequential_sample_ratio({}, HALVES)
    assert nobody.p_value_always_valid == Undefined("no_users")
    assert not nobody.is_mismatch
    defect = sequential_sample_ratio({"other": 3}, HALVES)
    assert defect.log_bayes_factor == Undefined("unexpected_arm")
    assert defect.is_mismatch
