"""The lift on the scale of logarithms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from experiments_core.stats.contrasts import MeanPair
from experiments_core.stats.log_delta import log_ratio
from experiments_core.stats.means import mean_pair
from experiments_core.stats.moments import Moments


def pair(control: tuple[int, float, float], treatment: tuple[int, float, float]) -> MeanPair:
    found = mean_pair([(Moments.of_mean(*control), Moments.of_mean(*treatment))])
    assert isinstance(found, MeanPair)
    return found


def test_the_limits_are_those_of_welch_on_the_logarithmic_scale():
    # scipy's Welch test of samples with mean ln m and standard error s / (m sqrt n)
    control, treatment = (40, 20.0, 36.0), (25, 26.0, 81.0)
    found = log_ratio(pair(control, treatment), (40, 25))
    logs = [(math.log(m), math.sqrt(v) / m, n) for n, m, v in (treatment, control)]
    welch = stats.ttest_ind_from_stats(*(part for one in logs for part in one), equal_var=False)
    assert found.test().p_value == pytest.approx(welch.pvalue, rel=1e-12)
    shown = found.lift(0.95)
    half = stats.t.isf(0.025, found.degrees_of_freedom) * found.error
    assert shown.value == pytest.approx(0.3)
    assert shown.ci_lower == pytest.approx(1.3 * math.exp(-half) - 1)
    assert shown.ci_upper == pytest.approx(1.3 * math.exp(half) - 1)


def test_exchanging_the_arms_gives_the_reciprocal():
    control, treatment = (40, 20.0, 36.0), (25, 26.0, 81.0)
    there = log_ratio(pair(control, treatment), (40, 25)).lift(0.9)
    back = log_ratio(pair(treatment, control), (25, 40)).lift(0.9)
    assert 1 + back.ci_lower == pytest.approx(1 / (1 + there.ci_upper))
    assert 1 + back.ci_upper == pytest.approx(1 / (1 + there.ci_lower))


@pytest.mark.parametrize("control", (0.0, -3.0))
def test_there_is_no_logarithm_of_nothing(control: float):
    assert log_ratio(pair((9, control, 1.0), (9, 2.0, 1.0)), (9, 9)) is None
    assert log_ratio(pair((9, 2.0, 1.0), (9, control, 1.0)), (9, 9)) is None


def test_a_huge_noise_leaves_the_limit_open():
    found = log_ratio(pair((9, 1e-3, 1e6), (9, 1e-3, 1e6)), (9, 9)).lift(0.95)
    assert found.ci_lower == -1
    assert str(found.ci_upper) == "Undefined(reason='unbounded')"


def test_it_covers_a_true_lift_as_often_as_it_says():
    rng, runs, n = np.random.default_rng(5), 2000, 400
    arms = [rng.gamma(4, mean / 4, (runs, n)) for mean in (1.0, 1.2)]
    numbers = [zip(a.mean(axis=1).tolist(), a.var(axis=1, ddof=1).tolist(), strict=True)
               for a in arms]  # fmt: skip
    held = 0
    for (m_c, v_c), (m_t, v_t) in zip(*numbers, strict=True):
        shown = log_ratio(pair((n, m_c, v_c), (n, m_t, v_t)), (n, n)).lift(0.95)
        held += shown.ci_lower <= 0.2 <= shown.ci_upper
    low, high = stats.binom.ppf((0.0005, 0.9995), runs, 0.95)
    assert low <= held <= high
