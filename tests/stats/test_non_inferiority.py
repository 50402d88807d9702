import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.means import mean_test_against_margin
from experiments_core.stats.moments import Moments
from experiments_core.stats.non_inferiority import Guardrail


def size(control: float, treatment: float, margin: float, **options: object) -> Value:
    power = options.pop("power", 0.8)
    told = {"alpha": 0.025, **options}
    return Guardrail(control=control, treatment=treatment, **told).size(margin, power)


@pytest.mark.parametrize(("margin", "expected"), ((0.01, 14_128), (0.005, 56_512)))
def test_half_the_margin_costs_four_times_the_units(margin: float, expected: int):
    assert math.ceil(size(0.1, 0.1, margin)) == expected


def test_a_gain_makes_it_cheap():
    # Chow, Shao & Wang 2008: 0.85 against 0.65, margin 0.1, one-sided 0.05, power 0.8: 25
    assert math.ceil(size(0.85, 0.65, 0.1, alpha=0.05, preferred_direction="decrease")) == 25


def test_a_harm_beyond_the_margin_cannot_be_shown_safe():
    assert size(0.1, 0.08, 0.02) == Undefined("not_reachable")
    assert size(0.1, 0.12, 0.01, preferred_direction="decrease") == Undefined("not_reachable")


def test_a_rate_is_a_fraction():
    assert size(0.1, 1.2, 0.1) == Undefined("target_outside_range")


@pytest.mark.parametrize("ratio", (1.0, 0.25, 3.0))
@pytest.mark.parametrize("power", (0.8, 0.95))
def test_a_mean_against_an_absolute_margin_is_a_one_sided_t_test(ratio: float, power: float):
    # without a true effect the room is the margin: statsmodels plans the same test
    found = Guardrail(standard_deviation=2.0).size(0.5, power, ratio)
    other = TTestIndPower().solve_power(
        effect_size=0.25, alpha=0.025, power=power, ratio=ratio, alternative="larger"
    )
    assert found == pytest.approx(other, rel=1e-6)


def test_r_plans_64_units_for_half_a_standard_deviation():
    # R: power.t.test(delta = 0.5, sd = 1, power = 0.8) gives n = 63.76576
    assert Guardrail(standard_deviation=1.0).size(0.5) == pytest.approx(63.76576, abs=1e-5)


def test_a_relative_margin_scales_the_noise_of_control():
    # t = (m_t - (1 - margin) m_c) / sqrt(v_t + (1 - margin)² v_c), by the normal distribution
    z = stats.norm.isf(0.025) + stats.norm.isf(0.2)
    for direction, times in (("increase", 0.95), ("decrease", 1.05)):
        rail = Guardrail(
            control=20, standard_deviation=60, relative=True, preferred_direction=direction
        )
        expected = z**2 * 60**2 * (1 + times**2) / (0.05 * 20) ** 2
        assert rail.size(0.05) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("direction", ("increase", "decrease"))
@pytest.mark.parametrize("relative", (True, False))
@pytest.mark.parametrize("spread", (None, 0.2))
def test_size_power_and_margin_are_one_function(
    spread: float | None, direction: str, *, relative: bool
):
    rail = Guardrail(
        control=0.3, treatment=0.31, standard_deviation=spread, relative=relative,
        preferred_direction=direction,
    )  # fmt: skip
    margin = 0.2 if relative else 0.06
    control = rail.size(margin, 0.9, 0.5)
    assert rail.power(margin, control, control / 2) == pytest.approx(0.9, abs=1e-9)
    assert rail.margin(control, control / 2, 0.9) == pytest.approx(margin, rel=1e-9)


def test_as_many_simulated_guardrails_are_shown_safe_as_planned():
    rail = Guardrail(control=20, standard_deviation=12, relative=True)
    control = math.ceil(rail.size(0.15, allocation_ratio=0.5))
    rng, runs = np.random.default_rng(1), 2000
    shape, scale = (20 / 12) ** 2, 12**2 / 20
    arms = [rng.gamma(shape, scale, (runs, n)) for n in (control, control // 2)]
    numbers = [
        zip(arm.mean(axis=1).tolist(), arm.var(axis=1, ddof=1).tolist(), strict=True)
        for arm in arms
    ]
    safe = 0
    for (mean_c, var_c), (mean_t, var_t) in zip(*numbers, strict=True):
        pair = (Moments.of_mean(control, mean_c, var_c),
                Moments.of_mean(control // 2, mean_t, var_t))  # fmt: skip
        test = mean_test_against_margin(
            [pair], margin=0.15, relative=True, preferred_direction="increase"
        )
        safe += test.p_value < 0.025
    low, high = stats.binom.ppf((0.0005, 0.9995), runs, 0.8)
    assert low <= safe <= high


def test_what_cannot_be_planned_has_its_reason():
    rail = Guardrail(control=0.0, standard_deviation=1.0, relative=True)
    assert rail.size(0.1) == Undefined("nonpositive_control")
    assert Guardrail(standard_deviation=0.0).size(0.1) == Undefined("no_variance")
    assert Guardrail(control=0.1).size(0.0) == Undefined("target_outside_range")
    assert Guardrail(control=0.1).power(0.01, 0, 10) == Undefined("no_users")
    tight = Guardrail(control=0.01, relative=True)
    assert tight.margin(20, 20) == Undefined("not_reachable")
    noisy = Guardrail(
        control=1.0, standard_deviation=9.0, relative=True, preferred_direction="decrease"
    )
    assert noisy.margin(4, 4) == Undefined("not_reachable")
