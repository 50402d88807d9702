import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.stats.adjust import adjust, compare_adjusted
from experiments_core.stats.contrasts import MeanPair
from experiments_core.stats.estimate import REASONS, Undefined
from experiments_core.stats.means import compare_means
from experiments_core.stats.moments import Moments
from tests.stats.simulation import TESTS, bands_broken, moments


def arms(
    seed: int, n: int = 200, effect: float = 0.0, **options: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(outcome, before) of control and of treatment."""
    draw = np.random.default_rng(seed)
    found = []
    for shift in (0.0, effect):
        before = draw.gamma(2.0, 5.0, n)
        noise = draw.normal(0, options.get("noise", 3.0), n)
        found.append(((0.8 * before + noise + 2) * (1 + shift), before))
    return found


def pair_of(found: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Moments, Moments]:
    return moments(*found[0]), moments(*found[1])


def test_the_adjusted_values_of_each_unit_lead_to_the_same_test():
    # second route: adjust every unit, then Welch on the columns
    found = arms(1, effect=0.05)
    outcome, before = (np.concatenate(columns) for columns in zip(*found, strict=True))
    theta = np.cov(outcome, before)[0, 1] / before.var(ddof=1)
    direct = compare_means([
        tuple(moments(y - theta * (x - before.mean())) for y, x in found)
    ])  # fmt: skip
    adjusted = adjust([pair_of(found)])
    result = compare_adjusted([pair_of(found)])
    assert adjusted.theta == pytest.approx(theta, rel=1e-12)
    assert result.difference.value == pytest.approx(direct.difference.value, rel=1e-12)
    assert result.difference.ci_lower == pytest.approx(direct.difference.ci_lower, rel=1e-9)
    assert result.test.p_value == pytest.approx(direct.test.p_value, rel=1e-9)


def test_both_means_share_noise_and_their_difference_does_not_change_by_it():
    pair = adjust([pair_of(arms(2, effect=0.1))]).pair
    assert isinstance(pair, MeanPair)
    assert pair.covariance > 0
    assert (
        pair.control_variance + pair.treatment_variance - 2 * pair.covariance
        == pytest.approx(pair.difference_variance, rel=1e-10)
    )


@given(st.integers(0, 10**6), st.floats(0.001, 0.2))
def test_p_and_both_intervals_agree_after_an_adjustment(seed: int, alpha: float):
    result = compare_adjusted([pair_of(arms(seed, n=40, effect=0.05))], alpha)
    rejected = result.test.p_value < alpha
    for estimate in (result.difference, result.relative_lift):
        assert (estimate.ci_lower > 0 or estimate.ci_upper < 0) == rejected


def test_swapping_the_arms_mirrors_an_adjustment():
    found = arms(5, effect=0.1)
    there = compare_adjusted([pair_of(found)])
    back = compare_adjusted([pair_of(found[::-1])])
    assert there.test.p_value == pytest.approx(back.test.p_value, rel=1e-12)
    assert there.difference.value == pytest.approx(-back.difference.value, rel=1e-12)
    upper, lower = there.relative_lift.ci_upper, back.relative_lift.ci_lower
    assert 1 + upper == pytest.approx(1 / (1 + lower), rel=1e-9)


def test_a_useful_covariate_shrinks_the_noise_by_its_squared_correlation():
    adjusted = adjust([pair_of(arms(3, n=5000))])
    assert adjusted.variance_reduction == pytest.approx(adjusted.correlation**2, abs=0.01)
    assert adjusted.balance.p_value > 0.001


def test_a_constant_covariate_leaves_the_raw_result():
    found = [(outcome, np.full(200, 3.0)) for outcome, _ in arms(4, effect=0.1)]
    adjusted = adjust([pair_of(found)])
    assert adjusted.theta == Undefined("constant_covariate")
    raw = compare_means([tuple(moments(outcome) for outcome, _ in found)])
    result = compare_adjusted([pair_of(found)])
    assert result.test.p_value == pytest.approx(raw.test.p_value)
    assert result.relative_lift.ci_lower == pytest.approx(raw.relative_lift.ci_lower)
    assert adjusted.variance_reduction == pytest.approx(0, abs=1e-12)


def test_a_covariate_that_the_treatment_moved_is_flagged():
    found = arms(6)
    moved = [found[0], (found[1][0], found[1][1] + 5)]
    assert compare_adjusted([pair_of(found)]).flags == ()
    assert compare_adjusted([pair_of(moved)]).flags == ("covariate_imbalance",)


def test_one_slope_serves_all_phases():
    # the level moves between the phases, the slope does not: no adjustment by the level
    first, second = arms(7), arms(8, n=600)
    second = [(outcome + 100, before + 50) for outcome, before in second]
    adjusted = adjust([pair_of(first), pair_of(second)])
    assert adjusted.theta == pytest.approx(0.8, abs=0.05)
    assert adjusted.pair.method == "stratified_t"
    parts = (adjust([pair_of(first)]), adjust([pair_of(second)]))
    between = sorted(part.pair.difference for part in parts)
    assert between[0] < adjusted.pair.difference < between[1]


def test_what_cannot_be_adjusted_has_a_reason():
    nobody = Moments(0, (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0)))
    some = moments([1, 2, 3], [1, 1, 2])
    assert compare_adjusted([(some, nobody)]).test.p_value == Undefined("no_users")
    assert adjust([(some, nobody)]).theta == Undefined("no_users")
    one = Moments(1, (3.0, 1.0), ((0.0, 0.0), (0.0, 0.0)))
    assert compare_adjusted([(one, one)]).test.p_value == Undefined("too_few_units")
    flat = moments([1, 1, 1], [1, 2, 3])
    assert compare_adjusted([(flat, flat)]).test.p_value == Undefined("no_variance")
    empty = moments([1, 2, 3], [0, 0, 0], [1, 2, 3], [1, 1, 1])
    assert compare_adjusted([(empty, empty)]).test.p_value == Undefined("zero_denominator")


@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=2),
    st.lists(st.floats(), min_size=8, max_size=8),
)
def test_any_moments_give_a_number_or_a_reason(sizes: list[int], numbers: list[float]):
    pair = tuple(
        Moments(n, tuple(numbers[i : i + 2]), (tuple(numbers[i + 2 : i + 4]),) * 2)
        for n, i in zip(sizes, (0, 4), strict=True)
    )
    result = compare_adjusted([pair])
    p_value = result.test.p_value
    if isinstance(p_value, Undefined):
        assert p_value.reason in REASONS
    else:
        assert 0 < p_value <= 1


def test_adjusted_means_keep_their_error_rate():
    seeds = iter(range(1000, 1000 + 2 * TESTS))
    assert bands_broken(lambda: compare_adjusted([pair_of(arms(next(seeds)))])) == []


def test_the_lift_of_adjusted_means_is_covered_because_their_covariance_is_kept():
    held = 0
    for seed in range(TESTS):
        lift = compare_adjusted([pair_of(arms(seed, n=100, effect=1.0))]).relative_lift
        held += lift.ci_lower <= 1.0 <= lift.ci_upper
    assert 926 <= held <= 971
