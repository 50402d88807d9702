import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments_core.stats.estimate import Comparison, Interval, Undefined, Value
from experiments_core.stats.moments import Counts
from experiments_core.stats.score import constrained_rate, difference_statistic
from experiments_core.stats.stratified import (
    Stratum,
    compare_rates,
    difference_and_variance,
    heterogeneity,
    phase_weights,
    plain_total,
    rate_test,
    rate_test_against_margin,
    size_weighted_difference,
)

Phases = list[Stratum]
ALTERNATIVES = ("two-sided", "greater", "less")

# 50/50, then 20/80; the true lift is +5 % in both phases.
CHANGED_SPLIT = [(Counts(5000, 500), Counts(5000, 525)), (Counts(2000, 100), Counts(8000, 420))]


def arm(n: int) -> st.SearchStrategy[Counts]:
    extremes = st.sampled_from([0, min(n, 1), min(n, 2), max(0, n - 1), n])
    return (st.integers(0, n) | extremes).map(lambda x: Counts(n, x))


sizes = st.integers(1, 60) | st.integers(1, 10**5) | st.integers(1, 10**9)
arms = sizes.flatmap(arm)
pairs = st.tuples(arms, arms)
strata = st.lists(pairs, min_size=1, max_size=3)
alphas = st.sampled_from([0.05, 0.01, 0.1, 0.0125, 0.002, 1e-6, 0.3])


def numbers(result: Comparison) -> list[Value]:
    """Everything in a comparison that may be a number."""
    found: list[Value] = []
    for estimate in (result.difference, result.relative_lift):
        found += [estimate.value, estimate.ci_lower, estimate.ci_upper]
    return [*found, result.test.statistic, result.test.p_value]


def excludes_zero(interval: Interval) -> bool:
    below = not isinstance(interval.upper, Undefined) and interval.upper < 0
    above = not isinstance(interval.lower, Undefined) and interval.lower > 0
    return below or above


def contradictions(result: Comparison, alpha: float) -> int:
    """How many of the two intervals disagree with the p-value."""
    if isinstance(result.test.p_value, Undefined):
        return 0
    significant = result.test.p_value < alpha
    intervals = [result.difference.interval]
    if not isinstance(result.relative_lift.value, Undefined):
        intervals.append(result.relative_lift.interval)
    return sum(excludes_zero(interval) != significant for interval in intervals)


@pytest.mark.parametrize(
    ("control", "treatment", "level", "expected"),
    (
        # R package cicalc, its own recorded test output for Mee's interval of 56/70 - 48/80
        (Counts(80, 48), Counts(70, 56), 0.95, (0.0533, 0.3377)),
        # Newcombe 1998, Stat Med 17:873-890, gives 0.2775 for 0/10 - 0/20 by method 10, which
        # is the same number here: each limit is that of the arm that moves
        (Counts(20, 0), Counts(10, 0), 0.95, (-0.1611, 0.2775)),
    ),
)
def test_the_difference_interval_has_the_printed_limits(
    control: Counts, treatment: Counts, level: float, expected: tuple[float, float]
):
    found = compare_rates([(control, treatment)], 1 - level).difference
    assert (found.ci_lower, found.ci_upper) == pytest.approx(expected, abs=5e-5)


def test_the_lift_interval_has_the_limits_that_propcis_prints():
    # R package PropCIs, riskscoreci(7, 34, 1, 34): 1.220853 to 42.575718
    found = compare_rates([(Counts(34, 1), Counts(34, 7))]).relative_lift
    assert found.value == pytest.approx(6.0)
    limits = (found.ci_lower, found.ci_upper)
    assert limits == pytest.approx((0.220853, 41.575718), abs=5e-7)


def test_the_p_value_is_pearsons_chi_square_without_correction():
    table = [[1100, 1000], [8900, 9000]]
    expected = stats.chi2_contingency(table, correction=False)
    result = rate_test([(Counts(10_000, 1000), Counts(10_000, 1100))])
    assert result.statistic**2 == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue)
    assert result.method == "pooled_z"


def test_phases_give_the_cochran_mantel_haenszel_statistic():
    from statsmodels.stats.contingency_tables import StratifiedTable  # noqa: PLC0415 - slow

    tables = [[[t.x, t.n - t.x], [c.x, c.n - c.x]] for c, t in CHANGED_SPLIT]
    textbook = StratifiedTable(tables).test_null_odds(correction=False)
    result = compare_rates(CHANGED_SPLIT)
    assert result.test.statistic**2 == pytest.approx(textbook.statistic, rel=2e-4)
    assert result.test.method == "stratified_score"
    assert result.relative_lift.value == pytest.approx(0.05)
    assert StratifiedTable(tables).riskratio_pooled - 1 == pytest.approx(0.05)


def test_phases_do_not_see_the_false_loss_of_the_plain_totals():
    totals = compare_rates([plain_total(CHANGED_SPLIT)])
    assert totals.test.p_value < 0.01
    assert totals.relative_lift.value == pytest.approx(-0.1519, abs=1e-4)
    assert compare_rates(CHANGED_SPLIT).test.p_value == pytest.approx(0.3478, abs=1e-4)


def test_equal_tables_in_each_phase_give_the_weighted_difference():
    assert phase_weights(CHANGED_SPLIT) == pytest.approx((0.6098, 0.3902), abs=5e-5)


def test_a_phase_without_one_arm_is_left_out():
    first = (Counts(1000, 100), Counts(1000, 120))
    with_empty = compare_rates([first, (Counts(0, 0), Counts(700, 70))])
    assert with_empty == compare_rates([first])
    assert with_empty.test.method == "pooled_z"


@settings(max_examples=300)
@given(phases=strata, alpha=alphas, alternative=st.sampled_from(ALTERNATIVES))
@example(phases=[(Counts(1, 0), Counts(1, 1))], alpha=0.05, alternative="two-sided")
@example(phases=[(Counts(20, 0), Counts(20, 20))], alpha=0.05, alternative="two-sided")
@example(phases=[(Counts(20, 20), Counts(10, 0))], alpha=0.05, alternative="less")
def test_every_number_is_finite_or_has_a_reason_and_intervals_hold_their_estimate(
    phases: Phases, alpha: float, alternative: str
):
    result = compare_rates(phases, alpha, alternative)
    for number in numbers(result):
        assert isinstance(number, Undefined) or math.isfinite(number)
    for estimate in (result.difference, result.relative_lift):
        if isinstance(estimate.value, Undefined):
            continue
        slack = 1e-14 * max(1e-9, abs(estimate.value))
        if not isinstance(estimate.ci_lower, Undefined):
            assert estimate.ci_lower <= estimate.value + slack
        if not isinstance(estimate.ci_upper, Undefined):
            assert estimate.value - slack <= estimate.ci_upper
    assert contradictions(result, alpha) == 0


@settings(max_examples=200)
@given(phases=strata, alpha=alphas)
def test_exchanging_the_arms_mirrors_everything(phases: Phases, alpha: float):
    result = compare_rates(phases, alpha)
    mirrored = compare_rates([(t, c) for c, t in phases], alpha)
    assert (
        mirrored.test.p_value == result.test.p_value
        or mirrored.test.p_value == pytest.approx(result.test.p_value, rel=1e-9)
    )
    assert mirrored.difference.value == pytest.approx(-result.difference.value, rel=1e-9)
    limits = (-result.difference.ci_upper, -result.difference.ci_lower)
    width = result.difference.ci_upper - result.difference.ci_lower
    found = (mirrored.difference.ci_lower, mirrored.difference.ci_upper)
    assert found == pytest.approx(limits, abs=1e-9 * width)
    lower, upper = result.relative_lift.ci_lower, mirrored.relative_lift.ci_upper
    if not isinstance(lower, Undefined) and not isinstance(upper, Undefined) and lower > -0.999:
        assert 1 + upper == pytest.approx(1 / (1 + lower), rel=1e-9)


@settings(max_examples=200)
@given(pair=pairs, alpha=alphas)
def test_one_phase_cut_in_two_of_the_same_split_says_nearly_the_same(
    pair: Stratum, alpha: float
):
    control, treatment = pair
    halves = [(Counts(2 * control.n, 2 * control.x), Counts(2 * treatment.n, 2 * treatment.x))]
    whole = compare_rates(halves, alpha)
    cut = compare_rates([pair, pair], alpha)
    assert cut.difference.value == pytest.approx(whole.difference.value, rel=1e-9, abs=1e-15)
    if not isinstance(whole.test.statistic, Undefined):
        assert cut.test.statistic == pytest.approx(whole.test.statistic, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_one_verdict_on_thousands_of_borderline_tables(alternative: str):
    rng = np.random.default_rng(20240611)
    wrong = checked = 0
    while checked < 2000:
        n_c = int(rng.integers(3, rng.choice([60, 2000, 10**6])))
        n_t = max(2, int(n_c * rng.choice([1, rng.uniform(0.05, 1), rng.uniform(1, 20)])))
        x_c = int(rng.integers(0, rng.choice([n_c, min(n_c, 60)]) + 1))
        alpha = float(rng.choice([0.05, 0.0125, 0.1, 0.002, 2e-5]))
        edge = _borderline(Counts(n_c, x_c), n_t, alpha, alternative)
        for x_t in range(max(0, edge - 1), min(n_t, edge + 1) + 1):
            result = compare_rates([(Counts(n_c, x_c), Counts(n_t, x_t))], alpha, alternative)
            wrong += contradictions(result, alpha)
            checked += 1
    assert wrong == 0


def _borderline(control: Counts, n_t: int, alpha: float, alternative: str) -> int:
    """Conversions of treatment where the verdict turns, found by bisection."""
    up = alternative != "less"
    start = round(n_t * control.x / control.n)
    inside, far = start, n_t if up else 0
    while abs(far - inside) > 1:
        middle = (inside + far) // 2
        p = rate_test([(control, Counts(n_t, middle))], alternative).p_value
        if isinstance(p, Undefined) or p >= alpha:
            inside = middle
        else:
            far = middle
    return far


@settings(max_examples=300)
@given(pair=pairs, alpha=alphas)
def test_the_limits_are_where_the_score_test_turns(pair: Stratum, alpha: float):
    control, treatment = pair
    found = compare_rates([pair], alpha).difference
    cells = [(1.0, control.n, control.x, treatment.n, treatment.x)]
    width = found.ci_upper - found.ci_lower
    critical = stats.norm.isf(alpha / 2)
    for limit, side in ((found.ci_lower, 1), (found.ci_upper, -1)):
        if abs(limit) < 1:
            assert side * difference_statistic(cells, limit) == pytest.approx(
                critical, rel=1e-6
            )
            outside = limit - side * 1e-3 * width
            if abs(outside) < 1:
                assert side * difference_statistic(cells, outside) > critical


@settings(max_examples=500)
@given(pair=pairs, delta=st.floats(1e-12, 0.999))
def test_the_constrained_rate_is_where_the_likelihood_is_flat(pair: Stratum, delta: float):
    low, high = pair
    p = constrained_rate(low.n, low.x, high.n, high.x, delta)
    assert 0 <= p <= 1 - delta

    def slope(q: float) -> float:
        if q <= 0 or q >= 1 - delta:
            return math.inf if q <= 0 else -math.inf
        own = low.x / q - (low.n - low.x) / (1 - q)
        return own + high.x / (q + delta) - (high.n - high.x) / (1 - q - delta)

    slack = 1e-9 * min(p, 1 - delta - p) + 1e-15
    if 1e-9 < p < 1 - delta - 1e-9:
        assert slope(p - slack) > 0 > slope(p + slack)


@pytest.mark.parametrize("scale", (1, 10**3, 10**6))
def test_rare_events_keep_their_digits(scale: int):
    # 18 and 9 conversions among ever more users: the limits go over into those of two Poisson
    # counts, so limit times n hardly moves (the closed cubic loses every digit here)
    n = 25_000 * scale
    found = compare_rates([(Counts(n, 9), Counts(n, 18))])
    limits = (found.difference.ci_lower * n, found.difference.ci_upper * n)
    assert limits == pytest.approx((-1.2737, 20.4002), rel=3e-3)
    lift = (found.relative_lift.ci_lower, found.relative_lift.ci_upper)
    assert lift == pytest.approx((-0.083382, 3.363867), rel=3e-3)


def test_one_sided_tests_show_only_the_limit_that_matters():
    pair = (Counts(10_000, 1000), Counts(10_000, 1100))
    both = compare_rates([pair], 0.1)
    greater = compare_rates([pair], 0.05, "greater")
    assert greater.difference.ci_lower == both.difference.ci_lower
    assert greater.difference.ci_upper == Undefined("unbounded")
    assert greater.relative_lift.ci_lower == both.relative_lift.ci_lower
    assert greater.relative_lift.ci_upper == Undefined("unbounded")
    assert greater.difference.interval.confidence_level == pytest.approx(0.9)
    assert greater.test.p_value == pytest.approx(both.test.p_value / 2)
    less = compare_rates([pair], 0.05, "less")
    assert less.difference.ci_upper == both.difference.ci_upper
    assert less.test.p_value == pytest.approx(1 - both.test.p_value / 2)


def test_an_unknown_alternative_is_refused():
    with pytest.raises(ValueError, match="alternative"):
        compare_rates(CHANGED_SPLIT, 0.05, "larger")


def test_a_tail_probability_far_out_is_tiny_and_never_0():
    far = rate_test([(Counts(10**6, 10), Counts(10**6, 900_000))])
    assert 0 < far.p_value < 1e-300
    near = rate_test([(Counts(10_000, 1000), Counts(10_000, 1700))])
    assert near.p_value == pytest.approx(2 * stats.norm.sf(near.statistic), rel=1e-12)
    assert near.p_value < 1e-40


def test_nobody_converts_leaves_the_difference_interval_and_nothing_else():
    result = compare_rates([(Counts(20, 0), Counts(20, 0))])
    assert result.test.p_value == Undefined("no_variance")
    assert result.relative_lift.value == Undefined("zero_control")
    assert result.relative_lift.ci_lower == Undefined("zero_control")
    assert result.relative_lift.ci_upper == Undefined("zero_control")
    limits = (result.difference.ci_lower, result.difference.ci_upper)
    assert limits == pytest.approx((-0.161125, 0.161125), abs=1e-6)


def test_everybody_converts_has_a_lift_but_no_test():
    result = compare_rates([(Counts(20, 20), Counts(20, 20))])
    assert result.test.p_value == Undefined("no_variance")
    assert result.relative_lift.value == 0
    assert result.relative_lift.ci_lower < 0 < result.relative_lift.ci_upper


def test_a_control_of_zero_leaves_the_lower_limit_of_the_lift():
    result = compare_rates([(Counts(29, 0), Counts(56, 5))])
    assert result.relative_lift.value == Undefined("zero_control")
    assert result.relative_lift.ci_lower == pytest.approx(-0.2743, abs=5e-5)
    assert result.relative_lift.ci_upper == Undefined("unbounded")
    sure = compare_rates([(Counts(2900, 0), Counts(5600, 500))])
    assert sure.relative_lift.ci_lower > 0


def test_a_treatment_of_zero_is_a_lift_of_minus_one():
    result = compare_rates([(Counts(56, 5), Counts(29, 0))]).relative_lift
    assert (result.value, result.ci_lower) == (-1.0, -1.0)
    assert result.ci_upper > 0


def test_an_empty_arm_leaves_nothing_to_compare():
    result = compare_rates([(Counts(0, 0), Counts(40, 3))])
    assert set(numbers(result)) == {Undefined("no_users")}
    assert compare_rates([]).test.p_value == Undefined("no_users")


@pytest.mark.parametrize(
    ("control", "treatment", "flagged"),
    (
        (Counts(100, 5), Counts(100, 5), False),
        (Counts(100, 4), Counts(100, 5), True),
        (Counts(100, 96), Counts(100, 95), True),
        (Counts(9000, 450), Counts(1000, 50), False),
        (Counts(9000, 150), Counts(1000, 16), True),  # under 20 expected in a 10 % arm
        (Counts(7000, 150), Counts(3000, 16), False),
    ),
)
def test_few_expected_conversions_are_flagged(
    control: Counts, treatment: Counts, *, flagged: bool
):
    assert ("small_counts" in compare_rates([(control, treatment)]).flags) is flagged


def test_phases_that_disagree_are_flagged():
    opposite = [(Counts(2000, 200), Counts(2000, 300)), (Counts(2000, 300), Counts(2000, 200))]
    assert compare_rates(opposite).flags == ("heterogeneous_phases",)
    assert compare_rates(CHANGED_SPLIT).flags == ()


def test_heterogeneity_is_cochrans_q():
    result = heterogeneity([difference_and_variance(pair) for pair in CHANGED_SPLIT])
    (d1, v1), (d2, v2) = (difference_and_variance(pair) for pair in CHANGED_SPLIT)
    assert result.statistic == pytest.approx((d1 - d2) ** 2 / (v1 + v2))
    assert result.degrees_of_freedom == 1
    assert result.p_value == pytest.approx(stats.chi2.sf(result.statistic, 1))


def test_heterogeneity_needs_two_effects_with_noise():
    assert heterogeneity([(0.1, 0.01), (0.2, 0.0)]).p_value == Undefined("too_few_units")


def test_size_weighting_averages_over_the_users_as_they_came():
    result = size_weighted_difference(CHANGED_SPLIT)
    assert result.difference.value == pytest.approx(0.00375)
    assert result.test.statistic == pytest.approx(0.918, abs=5e-4)
    assert result.test.p_value == pytest.approx(0.359, abs=5e-4)
    assert result.test.degrees_of_freedom is None
    assert contradictions(result, 0.05) == 0


@pytest.mark.parametrize(
    ("phases", "reason"),
    (
        ([(Counts(0, 0), Counts(5, 1))], "no_users"),
        ([(Counts(5, 0), Counts(5, 0))], "no_variance"),
    ),
)
def test_size_weighting_may_have_no_answer(phases: Phases, reason: str):
    assert size_weighted_difference(phases).test.p_value == Undefined(reason)


def test_an_absolute_margin_is_farrington_and_mannings_test():
    result = rate_test_against_margin(
        [(Counts(10_000, 1000), Counts(10_000, 940))],
        margin=0.01,
        relative=False,
        preferred_direction="increase",
    )
    assert result.statistic == pytest.approx(0.955, abs=5e-4)
    assert result.p_value == pytest.approx(0.170, abs=5e-4)
    assert result.alternative == "greater"


@settings(max_examples=200)
@given(
    phases=strata,
    margin=st.floats(0.001, 0.9),
    relative=st.booleans(),
    direction=st.sampled_from(["increase", "decrease"]),
)
def test_the_margin_test_and_the_interval_on_the_screen_agree(
    phases: Phases, margin: float, *, relative: bool, direction: str
):
    result = compare_rates(phases, 0.05)
    test = rate_test_against_margin(
        phases, margin=margin, relative=relative, preferred_direction=direction
    )
    estimate = result.relative_lift if relative else result.difference
    if isinstance(test.p_value, Undefined):
        assert test.p_value.reason in {"no_variance", "zero_control"}
        return
    limit = estimate.ci_lower if direction == "increase" else -estimate.ci_upper
    if abs(limit + margin) > 1e-9:
        assert (test.p_value < 0.025) is (limit > -margin)


def test_a_relative_margin_needs_a_control_rate():
    result = rate_test_against_margin(
        [(Counts(50, 0), Counts(50, 3))],
        margin=0.05,
        relative=True,
        preferred_direction="increase",
    )
    assert result.p_value == Undefined("zero_control")


@pytest.mark.parametrize("margin", (0.0, -0.1, 1.0, math.nan))
def test_a_margin_is_a_positive_fraction(margin: float):
    with pytest.raises(ValueError, match="margin"):
        rate_test_against_margin(
            CHANGED_SPLIT, margin=margin, relative=True, preferred_direction="increase"
        )
