import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.stats import contrasts
from experiments_core.stats.estimate import REASONS, Comparison, Undefined
from experiments_core.stats.means import compare_means, student_test
from experiments_core.stats.moments import Moments
from experiments_core.stats.ratios import (
    compare_ratios,
    design_effect,
    linearised,
    ratio_pair,
)
from tests.stats.simulation import bands_broken, moments

counts = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=2, max_size=40)


@given(counts)
def test_the_linearised_variance_is_that_of_the_linearised_values(units: list[tuple[int, int]]):
    orders, sessions = np.array(units, dtype=float).T
    ratio = orders.sum() / sessions.sum()
    line = linearised(moments(orders, sessions))
    values = (orders - ratio * sessions) / sessions.mean()
    assert line.mean == pytest.approx(ratio, rel=1e-12)
    assert line.variance == pytest.approx(values.var(ddof=1), rel=1e-7, abs=1e-12)


@given(counts)
def test_a_denominator_of_one_per_unit_gives_plain_means(units: list[tuple[int, int]]):
    first, second = np.array(units, dtype=float).T
    ones = np.ones_like(first)
    as_ratio = compare_ratios([(moments(first, ones), moments(second, ones))])
    as_mean = compare_means([(moments(first), moments(second))])
    if isinstance(as_mean.test.p_value, Undefined):
        assert as_ratio.test.p_value == as_mean.test.p_value
    else:
        assert as_ratio.test.p_value == pytest.approx(as_mean.test.p_value, rel=1e-6)
        assert as_ratio.difference.value == pytest.approx(as_mean.difference.value, abs=1e-9)


@given(counts, counts)
def test_swapping_the_arms_mirrors_a_ratio(
    control: list[tuple[int, int]], treatment: list[tuple[int, int]]
):
    arms = [moments(*np.array(units, dtype=float).T) for units in (control, treatment)]
    there, back = compare_ratios([tuple(arms)]), compare_ratios([tuple(arms[::-1])])
    assert there.test.p_value == back.test.p_value
    if not isinstance(there.test.p_value, Undefined):
        assert there.difference.value == -back.difference.value


def test_nothing_to_divide_by_has_a_reason():
    some = moments([1, 2, 3], [1, 1, 2])
    none = moments([1, 2, 3], [0, 0, 0])
    assert linearised(none) == Undefined("zero_denominator")
    assert compare_ratios([(some, none)]).test.p_value == Undefined("zero_denominator")
    nobody = Moments(0, (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0)))
    assert compare_ratios([(some, nobody)]).test.p_value == Undefined("no_users")


def test_a_phase_without_denominator_is_left_out():
    some, other = moments([1, 2, 3], [1, 1, 2]), moments([2, 2, 5], [1, 3, 2])
    none = moments([1, 2, 3], [0, 0, 0])
    assert compare_ratios([(some, other), (some, none)]) == compare_ratios([(some, other)])


def test_an_exact_multiple_has_no_noise():
    exact = moments([2, 4, 6], [1, 2, 3])
    line = linearised(exact)
    assert isinstance(line, Moments)
    assert (line.mean, line.variance) == (pytest.approx(2), 0)


def test_the_margin_test_agrees_with_the_interval():
    draw = np.random.default_rng(3)
    sessions = draw.integers(1, 9, (2, 400))
    pair = [tuple(moments(draw.binomial(own, 0.3), own) for own in sessions)]
    shown = compare_ratios(pair).relative_lift
    for margin in (0.01, 0.05, 0.1, 0.3):
        result = contrasts.against_margin(
            ratio_pair(pair), margin=margin, relative=True, preferred_direction="increase"
        )
        assert (result.p_value < 0.025) == (shown.ci_lower > -margin)


@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
    st.lists(st.floats(), min_size=8, max_size=8),
)
def test_any_moments_give_a_number_or_a_reason(sizes: list[int], numbers: list[float]):
    arms = [
        Moments(n, tuple(numbers[i : i + 2]), ((abs(numbers[i + 2]), 0.0), (0.0, 1.0)))
        for n, i in zip(sizes[:2], (0, 4), strict=True)
    ]
    result = compare_ratios([tuple(arms)])
    p_value = result.test.p_value
    if isinstance(p_value, Undefined):
        assert p_value.reason in REASONS
    else:
        assert 0 < p_value <= 1


def test_sessions_of_users_are_judged_over_users():
    draw = np.random.default_rng(20240612)

    def one_test() -> Comparison:
        arms = []
        for _ in range(2):
            sessions = draw.integers(1, 12, 300)
            taste = draw.beta(2, 5, 300)  # sessions of one user are alike
            arms.append(moments(draw.binomial(sessions, taste), sessions))
        return compare_ratios([tuple(arms)])

    assert bands_broken(one_test) == []


def test_clusters_are_the_units_when_clusters_were_randomised():
    # one value per cluster: pooled t test, 18 degrees of freedom (scipy.stats.ttest_ind)
    control, treatment = [4, 3, 5, 2, 4, 3, 6, 4, 2, 3], [5, 6, 4, 7, 5, 6, 3, 6, 5, 4]
    result = student_test(moments(control), moments(treatment))
    assert result.statistic == pytest.approx(2.72352389700961, rel=1e-12)
    assert result.degrees_of_freedom == 18
    sizes = np.full(10, 50)
    by_size = compare_ratios([
        (moments(np.array(control) * 50, sizes), moments(np.array(treatment) * 50, sizes))
    ])  # fmt: skip
    assert by_size.difference.value == pytest.approx(1.5)
    assert by_size.test.degrees_of_freedom < 18.01
    assert design_effect(50, 0.02) == pytest.approx(1.98)
