import numpy as np
import pytest

from experiments_core.stats.estimate import Undefined
from experiments_core.stats.shrinkage import exaggeration, programme_shrinkage, shrink

PAST = [0.03, -0.01, 0.05, 0.0, 0.04, -0.02, 0.01, 0.06]
NOISE = [0.02, 0.015, 0.02, 0.01, 0.03, 0.02, 0.015, 0.025]


def test_an_estimate_is_pulled_towards_0_by_its_share_of_noise():
    result = shrink(0.062, 0.02, PAST, NOISE)
    assert result.prior_variance == pytest.approx(0.00074, abs=5e-6)
    assert result.estimate == pytest.approx(0.0403, abs=5e-5)
    assert result.standard_error == pytest.approx(0.0161, abs=5e-5)
    assert result.estimate == pytest.approx(0.062 * result.shrinkage_factor)


def test_a_short_history_teaches_nothing():
    result = shrink(0.062, 0.02, PAST[:5], NOISE[:5])
    assert result.estimate == Undefined("past_too_short")


def test_a_history_of_noise_teaches_nothing():
    result = shrink(0.05, 0.02, [0.01, -0.01] * 4, [0.02] * 8)
    assert result.prior_variance == 0
    assert result.estimate == Undefined("no_signal_in_history")


def test_a_programme_shrinks_by_james_and_stein():
    assert programme_shrinkage([0.1, -0.1, 0.2, 0.0, 0.3], 0.1) == pytest.approx(
        1 - 0.03 / 0.15
    )
    assert programme_shrinkage([0.01] * 6, 0.1) == 0
    assert programme_shrinkage([0.1] * 4, 0.01) == Undefined("past_too_short")


@pytest.mark.parametrize(("power", "factor"), ((0.2, 2.26), (0.5, 1.41), (0.8, 1.12)))
def test_significant_estimates_are_too_large(power: float, factor: float):
    assert exaggeration(power) == pytest.approx(factor, abs=5e-3)


def test_the_exaggeration_is_what_a_simulation_finds():
    # 2.8016 is the true z at which a two-sided test at 0.05 has the power 0.8
    z = np.random.default_rng(3).normal(2.8016, 1, 400_000)
    significant = np.abs(z[np.abs(z) > 1.959964])
    assert exaggeration(0.8) == pytest.approx(significant.mean() / 2.8016, rel=3e-3)


@pytest.mark.parametrize("power", (0.05, 1.0))
def test_a_power_is_more_than_alpha_and_less_than_1(power: float):
    with pytest.raises(ValueError, match="power"):
        exaggeration(power)
