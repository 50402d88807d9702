import math

import pytest

from experiments_core.stats import size_conventions as conventions
from experiments_core.stats.size_conventions import Design, quantiles

# Users per arm at power 0.8, two-sided 0.05: R's power.prop.test (pooled), pwr::pwr.2p.test
# (arcsine) and the remaining formulas computed from their definitions. Two of them round to
# the nearest user.
EXPECTED = {
    (0.10, 0.11): {
        "pooled": 14751,
        "unpooled": 14749,
        "arcsine": 14745,
        "baseline_variance": 14313,
        "linear_lift": 15611,
        "continuity_corrected": 14951,
        "rule_of_16": 14400,
    },
    (0.20, 0.25): {
        "pooled": 1094,
        "unpooled": 1091,
        "arcsine": 1092,
        "baseline_variance": 1030,
        "continuity_corrected": 1134,
        "rule_of_16": 1024,
    },
    (0.02, 0.03): {
        "pooled": 3826,
        "unpooled": 3823,
        "arcsine": 3789,
        "baseline_variance": 3292,
        "continuity_corrected": 4023,
        "rule_of_16": 3136,
    },
}


@pytest.mark.parametrize("rates", list(EXPECTED))
def test_each_convention_gives_the_number_its_users_know(rates: tuple[float, float]):
    z_alpha, z_power = quantiles(0.05, 0.8, "two-sided")
    design = Design(rates[0], rates[1], z_alpha, z_power)
    for name, users in EXPECTED[rates].items():
        exact = getattr(conventions, name)(design)
        nearest = name in {"baseline_variance", "linear_lift"}
        assert (round(exact) if nearest else math.ceil(exact - 1e-6)) == users, name


def test_a_one_sided_test_uses_the_whole_alpha_on_one_side():
    z_alpha, z_power = quantiles(0.05, 0.9, "greater")
    size = conventions.pooled(Design(0.5, 0.75, z_alpha, z_power))
    assert size == pytest.approx(62.33550803709635, rel=1e-12)


def test_a_mean_uses_its_own_spread_in_place_of_a_rate():
    z_alpha, z_power = quantiles(0.05, 0.8, "two-sided")
    design = Design(0.0, 5.0, z_alpha, z_power, standard_deviation=10.0)
    assert conventions.unpooled(design) == pytest.approx(62.79103787479271, rel=1e-12)
    assert conventions.rule_of_16(design) == pytest.approx(64.0)


def test_an_unequal_split_counts_control_units():
    z_alpha, z_power = quantiles(0.05, 0.8, "two-sided")
    design = Design(0.05, 0.06, z_alpha, z_power, ratio=0.25)
    assert math.ceil(conventions.pooled(design)) == 19963


@pytest.mark.parametrize(
    ("control", "treatment", "users"), ((0.1, 0.09, 14313), (0.9, 1.0, 157))
)
def test_the_web_page_reads_every_effect_as_an_increase(
    control: float, treatment: float, users: int
):
    design = Design(control, treatment, *quantiles(0.05, 0.8, "two-sided"))
    assert round(conventions.baseline_variance(design)) == users
