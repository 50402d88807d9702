import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments_core.stats import contrasts
from experiments_core.stats.contrasts import MeanPair
from experiments_core.stats.estimate import Comparison, Undefined
from experiments_core.stats.means import compare_means
from experiments_core.stats.moments import Located, Moments
from experiments_core.stats.quantiles import (
    _lopsided,
    limiting_shares,
    quantile_pair,
)
from tests.stats.simulation import bands_broken, moments

Rows = list[np.ndarray]


def arm(units: Rows, share: float) -> Located:
    """The three steps, on rows in memory."""
    rows = np.concatenate(units)
    point = float(np.quantile(rows, share))
    below = moments([(unit <= point).sum() for unit in units], [unit.size for unit in units])
    shares = limiting_shares(share, below)
    known = None if isinstance(shares, Undefined) else np.quantile(rows, shares).tolist()
    low, high = known or (None, None)
    return Located(len(units), rows.size, point, low, high)


def users(draw: np.random.Generator, n: int, scale: float = 1.0) -> Rows:
    """Page loads of users whose pages are alike."""
    own = draw.normal(0, 0.5, n)
    loads = draw.integers(1, 8, n)
    return [scale * np.exp(draw.normal(mu, 0.4, k)) for mu, k in zip(own, loads, strict=True)]


def compared(control: Rows, treatment: Rows, share: float = 0.9) -> Comparison:
    return both(arm(control, share), arm(treatment, share))


def both(control: Located, treatment: Located, alpha: float = 0.05) -> Comparison:
    """As the engine takes it."""
    return contrasts.compare(quantile_pair([(control, treatment)]), alpha, "two-sided")


def test_one_row_per_unit_has_the_textbook_error_of_a_share():
    draw = np.random.default_rng(1)
    values = draw.normal(size=4000)
    point = np.quantile(values, 0.75)
    below = moments((values <= point).astype(float), np.ones(4000))
    low, high = limiting_shares(0.75, below)
    expected = 1.959963984540054 * math.sqrt(0.75 * 0.25 / 3999)
    assert (0.75 - low, high - 0.75) == pytest.approx((expected, expected), rel=1e-9)


def test_rows_of_one_user_do_not_count_as_independent():
    draw = np.random.default_rng(2)
    units = [np.full(20, draw.normal()) for _ in range(300)]  # each user's rows are the same
    rows = np.concatenate(units)
    point = np.quantile(rows, 0.5)
    below = moments([(unit <= point).sum() for unit in units], [20] * 300)
    low, high = limiting_shares(0.5, below)
    naive = 1.96 * math.sqrt(0.25 / rows.size)
    assert (high - low) / 2 == pytest.approx(naive * math.sqrt(20), rel=0.01)


def test_the_statistic_is_a_plain_z():
    draw = np.random.default_rng(3)
    result = compared(users(draw, 400), users(draw, 400, 1.2))
    assert result.test.method == "quantile_z"
    assert result.test.degrees_of_freedom is None
    z = result.test.statistic
    assert result.test.p_value == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)
    error = result.difference.value / z
    reach = result.difference.ci_upper - result.difference.value
    assert reach == pytest.approx(1.959963984540054 * error, rel=1e-12)


@given(
    st.tuples(st.floats(1, 100), st.floats(0, 10), st.floats(0, 10)),
    st.tuples(st.floats(1, 100), st.floats(0, 10), st.floats(0, 10)),
    st.floats(1e-6, 0.3),
)
def test_p_and_both_intervals_agree_for_quantiles(
    control: tuple[float, ...], treatment: tuple[float, ...], alpha: float
):
    made = [
        Located(100, 100, point, point - low, point + high)
        for point, low, high in (control, treatment)
    ]
    result = both(made[0], made[1], alpha)
    back = both(made[1], made[0], alpha)
    assert result.test.p_value == back.test.p_value
    if isinstance(result.test.p_value, Undefined):
        assert result.test.p_value.reason == "no_variance"
        return
    if abs(result.test.p_value / alpha - 1) < 1e-9:
        return
    for estimate in (result.difference, result.relative_lift):
        if not isinstance(estimate.value, Undefined):
            beyond = estimate.ci_lower > 0 or estimate.ci_upper < 0
            assert beyond == (result.test.p_value < alpha)


def test_limits_outside_the_data_leave_the_points():
    draw = np.random.default_rng(4)
    few = [users(draw, 12) for _ in range(2)]
    result = compared(few[0], few[1], 0.99)
    assert isinstance(result.difference.value, float)
    assert result.difference.ci_lower == Undefined("too_few_units")
    assert result.test.p_value == Undefined("too_few_units")
    assert result.relative_lift.value == Undefined("too_few_units")


def test_an_arm_without_units_has_no_shares():
    nobody = Moments(0, (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0)))
    assert limiting_shares(0.5, nobody) == Undefined("no_users")
    assert limiting_shares(0.5, moments([1.0], [2.0])) == Undefined("too_few_units")
    assert limiting_shares(0.5, moments([0, 0], [0, 0])) == Undefined("zero_denominator")
    assert both(Located(0), Located(0)).test.p_value == Undefined("no_users")


def test_quantiles_of_clustered_rows_keep_their_error_rate():
    draw = np.random.default_rng(20240613)
    assert bands_broken(lambda: compared(users(draw, 300), users(draw, 300))) == []


def test_one_cap_from_both_arms_keeps_the_error_rate_of_a_mean():
    # outliers are set to a point of both arms together, never dropped, then Welch as usual
    draw = np.random.default_rng(20240614)

    def capped() -> Comparison:
        sides = draw.lognormal(1, 1.5, (2, 400))
        cap = np.quantile(sides, 0.99)
        return compare_means([tuple(moments(np.minimum(side, cap)) for side in sides)])

    assert bands_broken(capped) == []


def group(n: int, *, design_effect: float = 1.0) -> Located:
    """The p90 of n rows that carry as much as n / design_effect independent ones."""
    error = math.sqrt(0.09 * design_effect / n)
    return Located(n, n, 9.0, 8.5, 9.5, share=0.9, share_error=error)


@pytest.mark.parametrize(
    ("control", "treatment", "flags"),
    (
        (group(9000), group(1000), ("small_counts",)),
        (group(1000), group(9000), ("small_counts",)),
        (group(8000), group(2000), ("small_counts",)),
        (group(1000), group(1000), ()),
        (group(1200), group(800), ()),
        (group(24000), group(6000), ()),
        (group(72000), group(8000), ()),
        (group(72000), group(8000, design_effect=2), ("small_counts",)),
    ),
)
def test_a_short_tail_in_the_small_arm_of_a_lopsided_split_is_flagged(
    control: Located, treatment: Located, flags: tuple[str, ...]
):
    pair = quantile_pair([(control, treatment)])
    assert isinstance(pair, MeanPair)
    assert pair.flags == flags


def test_a_split_is_lopsided_by_the_skewness_that_its_arms_leave():
    """Skewness of x̄ - ȳ for equal third moments: (n⁻² - m⁻²) / (1/n + 1/m)^1.5, times √n."""
    rng = np.random.default_rng(5)
    n, m = 20, 80
    draws = rng.exponential(size=(200_000, n + m))
    found = stats.skew(draws[:, :n].mean(axis=1) - draws[:, n:].mean(axis=1))
    assert found == pytest.approx(2 * math.sqrt(_lopsided(n / (n + m)) / n), abs=0.03)
    assert _lopsided(0.5) == 0
    assert _lopsided(1e-6) == pytest.approx(1, abs=1e-5)


def test_the_tails_of_phases_add_up():
    short, long = (group(9000), group(1000)), (group(63000), group(7000))
    for strata, flags in (([short, short], ("small_counts",)), ([short, long], ())):
        pair = quantile_pair(strata)
        assert isinstance(pair, MeanPair)
        assert pair.flags == flags
