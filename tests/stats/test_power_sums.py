"""Sums of powers against numpy and scipy on the values themselves."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments_core.stats import power_sums
from experiments_core.stats.moments import Moments

Columns = list[np.ndarray[tuple[int], np.dtype[np.float64]]]


def sums(columns: Columns, power: int) -> list[float]:
    chosen = combinations_with_replacement(columns, power)
    return [float(np.prod(np.vstack(one), axis=0).sum()) for one in chosen]


def centred(columns: Columns) -> Moments | None:
    return power_sums.centred(len(columns[0]), sums(columns, 1), sums(columns, 2))


def drawn(seed: int, n: int = 500, *, far: float = 0.0) -> Columns:
    rng = np.random.default_rng(seed)
    before = rng.gamma(2.0, 3.0, n) + far
    return [before + rng.gamma(0.5, 8.0, n), before]


@pytest.mark.parametrize("seed", range(5))
def test_means_variances_and_covariances_are_those_of_the_values(seed: int):
    columns = drawn(seed)
    found = centred(columns)
    assert found is not None
    assert found.means == pytest.approx([one.mean() for one in columns], rel=1e-13)
    assert np.array(found.covariance) == pytest.approx(np.cov(columns), rel=1e-12)


@pytest.mark.parametrize("slope", (0.0, 0.7, -2.0))
def test_skewness_is_that_of_the_combination_about_any_point(slope: float):
    columns = drawn(3)
    found = centred(columns)
    assert found is not None
    expected = stats.skew(columns[0] - slope * columns[1], bias=False)
    for points in ((0.0, 0.0), (5.0, 4.0)):
        moved = [one - point for one, point in zip(columns, points, strict=True)]
        told = power_sums.skewness(found, points, sums(moved, 3), (slope,))
        assert told == pytest.approx(expected, rel=1e-10)


def test_skewness_of_one_column():
    column = drawn(4)[:1]
    found = centred(column)
    assert found is not None
    told = power_sums.skewness(found, (0.0,), sums(column, 3))
    assert told == pytest.approx(stats.skew(column[0], bias=False), rel=1e-11)


@given(
    st.integers(2, 400), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.integers(0, 1_000_000)
)
def test_a_variance_is_right_or_not_given(n: int, mean: float, spread: float, seed: int):
    values = mean + spread * np.random.default_rng(seed).standard_normal(n)
    found = centred([values])
    if found is None:
        assert n * (mean / values.std()) ** 2 > 0.9 * power_sums.FEW
    else:
        assert found.variance == pytest.approx(values.var(ddof=1), rel=1e-8)


@pytest.mark.parametrize(
    "values", ([0.1] * 3, [1e9, 1e9 + 1, 1e9 + 2], [1e200, -1e200], [7.0] * 10)
)
def test_equal_and_far_and_huge_values_are_not_given(values: list[float]):
    with np.errstate(over="ignore"):
        assert centred([np.array(values)]) is None


def test_nobody_one_value_and_zeros_have_no_spread():
    assert power_sums.centred(0, (0.0,), (0.0,)) == Moments.of_mean(0, 0.0, 0.0)
    assert power_sums.centred(1, (5.0,), (25.0,)) == Moments.of_mean(1, 5.0, 0.0)
    zeros = power_sums.centred(9, (0.0,), (0.0,))
    assert zeros == Moments.of_mean(9, 0.0, 0.0)
    assert power_sums.skewness(zeros, (0.0,), (0.0,)) is None
    two = power_sums.centred(2, (3.0,), (5.0,))
    assert two is not None
    assert power_sums.skewness(two, (0.0,), (9.0,)) is None


def test_a_skewness_that_third_powers_cannot_tell_is_not_given():
    below = np.arange(1.0, 101.0)
    columns = [below + 1e-6 * np.sin(below), below]
    found = centred(columns)
    assert found is not None
    assert power_sums.skewness(found, (0.0, 0.0), sums(columns, 3), (1.0,)) is None
    huge = Moments.of_mean(10, 0.0, 1e300)
    assert power_sums.skewness(huge, (0.0,), (float("inf"),)) is None
