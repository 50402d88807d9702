import math

import pytest

from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.non_inferiority import non_inferiority_size_rates


def size(control: float, treatment: float, margin: float, **options: object) -> Value:
    return non_inferiority_size_rates(
        control_rate=control, treatment_rate=treatment, margin=margin, **options
    )


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
