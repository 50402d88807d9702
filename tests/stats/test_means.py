import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments_core.stats.estimate import REASONS, Comparison, Interval, Undefined, Value
from experiments_core.stats.means import (
    compare_means,
    mean_interval,
    mean_test,
    mean_test_against_margin,
    phase_weights,
    student_test,
)
from experiments_core.stats.moments import Moments, merge
from tests.stats.simulation import bands_broken
from tests.stats.simulation import moments as sampled

# The table "sleep" of R (Student 1908): help page of t.test prints t = -1.8608,
# df = 17.776, p-value = 0.07939, interval -3.3654832 to 0.2054832 for group 1 - group 2.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)


def moments(values: list[float]) -> Moments:
    n = len(values)
    return Moments.of_mean(
        n, statistics.fmean(values), statistics.variance(values) if n > 1 else 0.0
    )


def summary(mean: float, deviation: float, n: int) -> Moments:
    return Moments.of_mean(n, mean, deviation**2)


arms = st.builds(
    summary,
    st.floats(-1e3, 1e3).map(lambda mean: round(mean, 6)),
    st.floats(1e-3, 1e3),
    st.integers(2, 10**6),
)
anything = st.builds(
    Moments.of_mean,
    st.integers(0, 4) | st.integers(0, 10**12),
    st.floats(),
    st.floats(0) | st.just(0.0) | st.just(math.nan),
    st.none() | st.floats(),
)


def numbers(result: Comparison) -> list[Value]:
    """Everything in a comparison that may be a number."""
    found: list[Value] = []
    for estimate in (result.difference, result.relative_lift):
        found += [estimate.value, estimate.ci_lower, estimate.ci_upper]
    return [*found, result.test.statistic, result.test.p_value]


def excludes(interval: Interval, null: float) -> bool:
    below = not isinstance(interval.upper, Undefined) and interval.upper < null
    above = not isinstance(interval.lower, Undefined) and interval.lower > null
    return below or above


def test_the_sleep_data_give_the_numbers_r_prints():
    result = compare_means([(moments(SLEEP[0]), moments(SLEEP[1]))])
    assert result.test.statistic == pytest.approx(1.8608, abs=5e-5)
    assert result.test.degrees_of_freedom == pytest.approx(17.776, abs=5e-4)
    assert result.test.p_value == pytest.approx(0.07939, abs=5e-6)
    assert result.difference.ci_lower == pytest.approx(-0.2054832, abs=5e-8)
    assert result.difference.ci_upper == pytest.approx(3.3654832, abs=5e-8)
    assert result.test.method == "welch_t"


def test_the_defaults_of_a_well_known_page_give_its_p_value():
    # Evan Miller's two-sample t-test page, default inputs: p = 0.0462
    result = mean_test([(summary(33.71, 11.841, 10), summary(58.175, 28.017, 8))])
    assert result.p_value == pytest.approx(0.0462, abs=5e-5)


@given(arms, arms, st.sampled_from(["two-sided", "greater", "less"]))
def test_the_test_agrees_with_scipy(control: Moments, treatment: Moments, alternative: str):
    result = mean_test([(control, treatment)], alternative)
    second = stats.ttest_ind_from_stats(
        treatment.mean, math.sqrt(treatment.variance), treatment.n,
        control.mean, math.sqrt(control.variance), control.n,
        equal_var=False, alternative=alternative,
    )  # fmt: skip
    assert result.statistic == pytest.approx(second.statistic, rel=1e-9)
    assert result.p_value == pytest.approx(max(second.pvalue, 5e-324), rel=1e-6, abs=1e-300)


@given(arms, arms)
def test_student_agrees_with_scipy(control: Moments, treatment: Moments):
    result = student_test(control, treatment)
    second = stats.ttest_ind_from_stats(
        treatment.mean, math.sqrt(treatment.variance), treatment.n,
        control.mean, math.sqrt(control.variance), control.n,
    )  # fmt: skip
    assert result.statistic == pytest.approx(second.statistic, rel=1e-9)


@given(arms, arms, st.floats(1e-12, 0.3), st.sampled_from(["two-sided", "greater", "less"]))
def test_p_and_both_intervals_say_the_same(
    control: Moments, treatment: Moments, alpha: float, alternative: str
):
    result = compare_means([(control, treatment)], alpha, alternative)
    p_value = result.test.p_value
    if abs(p_value / alpha - 1) < 1e-9:
        return
    assert excludes(result.difference.interval, 0) == (p_value < alpha)
    if not isinstance(result.relative_lift.value, Undefined):
        assert excludes(result.relative_lift.interval, 0) == (p_value < alpha)


def test_borderline_moments_never_contradict_their_test():
    # 5,000 pairs within a per mille of significance, at levels as looks and families give them
    draw = np.random.default_rng(7)
    for _ in range(5000):
        alpha = 10 ** draw.uniform(-6, math.log10(0.3))
        sizes, spreads = draw.integers(2, 5000, 2), draw.uniform(0.1, 30, 2)
        pair = [summary(10.0, spread, n) for n, spread in zip(sizes, spreads, strict=True)]
        error = math.sqrt(sum(arm.variance / arm.n for arm in pair))
        freedom = mean_test([(pair[0], pair[1])]).degrees_of_freedom
        critical = stats.t.isf(alpha / 2, freedom)
        shift = draw.choice([-1, 1]) * critical * error * (1 + draw.uniform(-1e-3, 1e-3))
        moved = summary(10.0 + shift, spreads[1], sizes[1])
        result = compare_means([(pair[0], moved)], alpha)
        rejected = result.test.p_value < alpha
        assert excludes(result.difference.interval, 0) == rejected
        if not isinstance(result.relative_lift.value, Undefined):
            assert excludes(result.relative_lift.interval, 0) == rejected


@given(arms, arms)
def test_at_its_own_p_value_an_interval_ends_at_zero(control: Moments, treatment: Moments):
    p_value = mean_test([(control, treatment)]).p_value
    if not 1e-12 < p_value < 0.9:
        return
    for factor, excluded in ((1 + 1e-6, True), (1 - 1e-6, False)):
        result = compare_means([(control, treatment)], p_value * factor)
        assert excludes(result.difference.interval, 0) == excluded
        if not isinstance(result.relative_lift.value, Undefined):
            assert excludes(result.relative_lift.interval, 0) == excluded


@given(arms, arms)
def test_swapping_the_arms_mirrors_everything(control: Moments, treatment: Moments):
    there = compare_means([(control, treatment)])
    back = compare_means([(treatment, control)])
    assert there.test.p_value == back.test.p_value
    assert there.difference.value == -back.difference.value
    assert there.difference.ci_lower == -back.difference.ci_upper
    lifts = (there.relative_lift, back.relative_lift)
    if any(isinstance(lift.value, Undefined) for lift in lifts):
        return
    assert 1 + lifts[0].ci_lower == pytest.approx(
        1 / (1 + lifts[1].ci_upper), rel=1e-9, abs=1e-9
    )
    assert 1 + lifts[0].ci_upper == pytest.approx(
        1 / (1 + lifts[1].ci_lower), rel=1e-9, abs=1e-9
    )


@given(arms, arms, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_units_of_measurement_do_not_matter(
    control: Moments, treatment: Moments, scale: float, shift: float
):
    def moved(arm: Moments, by: float) -> Moments:
        return Moments.of_mean(arm.n, scale * arm.mean + by, scale**2 * arm.variance)

    plain = compare_means([(control, treatment)])
    scaled = compare_means([(moved(control, 0), moved(treatment, 0))])
    assert scaled.test.p_value == pytest.approx(plain.test.p_value, rel=1e-6)
    shifted = compare_means([(moved(control, shift), moved(treatment, shift))])
    assert shifted.test.statistic == pytest.approx(plain.test.statistic, rel=1e-6, abs=1e-6)
    lift = plain.relative_lift.value
    if isinstance(lift, Undefined):
        assert scaled.relative_lift.value == lift
    else:
        assert scaled.relative_lift.value == pytest.approx(lift, rel=1e-9, abs=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30), st.data())
def test_a_merge_of_disjoint_parts_is_the_whole(values: list[float], data: st.DataObject):
    cut = data.draw(st.integers(1, len(values) - 1))
    together = merge([moments(values[:cut]), moments(values[cut:])])
    whole = moments(values)
    assert together.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-9)
    assert together.variance == pytest.approx(whole.variance, rel=1e-9, abs=1e-6)


@given(st.lists(st.tuples(anything, anything), min_size=1, max_size=3), st.floats(1e-300, 0.4))
def test_whatever_comes_in_a_number_or_a_reason_comes_out(
    strata: list[tuple[Moments, Moments]], alpha: float
):
    for alternative in ("two-sided", "greater", "less"):
        result = compare_means(strata, alpha, alternative)
        for number in numbers(result):
            if isinstance(number, Undefined):
                assert number.reason in REASONS
            else:
                assert math.isfinite(number)
        assert result.test.p_value != 0
    for arm in (arm for pair in strata for arm in pair):
        for number in (mean_interval(arm).value, mean_interval(arm).ci_lower):
            assert isinstance(number, Undefined) or math.isfinite(number)


@pytest.mark.parametrize(
    ("control", "treatment", "reason", "difference"),
    (
        (Moments.of_mean(0, 0, 0), summary(1, 1, 9), "no_users", Undefined("no_users")),
        (Moments.of_mean(1, 3.0, 0), Moments.of_mean(1, 5.0, 0), "too_few_units", 2.0),
        (summary(1, 0, 50), summary(1.5, 0, 50), "no_variance", 0.5),
        (
            summary(math.inf, 1, 5),
            summary(1, 1, 5),
            "non_finite_input",
            Undefined("non_finite_input"),
        ),
        (
            summary(1, 1, 5),
            summary(1e308, 1, 5),
            "non_finite_input",
            Undefined("non_finite_input"),
        ),
    ),
)
def test_what_cannot_be_said_has_a_reason(
    control: Moments, treatment: Moments, reason: str, difference: Value
):
    result = compare_means([(control, treatment)])
    assert result.difference.value == difference
    assert result.difference.ci_lower == Undefined(reason)
    assert result.relative_lift.value == Undefined(reason)
    assert result.test.p_value == Undefined(reason)


def test_one_constant_arm_is_no_obstacle():
    result = compare_means([(summary(1, 0, 50), summary(1.5, 1, 50))])
    assert result.test.p_value < 0.01
    assert result.test.degrees_of_freedom == pytest.approx(49)


def test_a_control_near_zero_keeps_the_verdict_and_withholds_the_percentage():
    result = compare_means([(summary(0.02, 1, 400), summary(0.32, 1, 400))])
    assert result.test.p_value == pytest.approx(2.468e-5, rel=1e-3)
    assert result.relative_lift.value == Undefined("near_zero_control")
    below = compare_means([(summary(-10, 1, 400), summary(-5, 1, 400))])
    assert below.relative_lift.value == Undefined("nonpositive_control")


def test_a_small_lift_of_a_large_mean_keeps_its_digits():
    result = compare_means([(summary(1e9, 1.0, 1000), summary(1e9 + 1, 1.0, 1000))])
    reach = result.difference.ci_upper - result.difference.value
    assert result.relative_lift.ci_upper == pytest.approx((1 + reach) / 1e9, rel=1e-6)
    assert result.relative_lift.ci_lower == pytest.approx((1 - reach) / 1e9, rel=1e-6)


def test_a_declared_direction_shows_one_limit_at_the_same_level():
    pair = [(summary(33.71, 11.841, 10), summary(58.175, 28.017, 8))]
    result = compare_means(pair, 0.05, "greater")
    assert result.difference.ci_lower == pytest.approx(5.053173495633896, rel=1e-12)
    assert result.difference.ci_upper == Undefined("unbounded")
    assert result.relative_lift.ci_upper == Undefined("unbounded")
    assert result.difference.interval.confidence_level == pytest.approx(0.9)
    other = compare_means(pair, 0.05, "less")
    assert other.test.p_value == pytest.approx(1 - result.test.p_value)
    assert other.difference.ci_lower == Undefined("unbounded")


@pytest.mark.parametrize(("alpha", "alternative"), ((0, "two-sided"), (0.5, "less"), (1, "x")))
def test_a_level_that_leaves_no_interval_is_refused(alpha: float, alternative: str):
    with pytest.raises(ValueError, match=r"alpha|alternative"):
        compare_means([(summary(1, 1, 9), summary(1, 1, 9))], alpha, alternative)


def test_identical_phases_change_nothing_but_the_degrees_of_freedom():
    control, treatment = summary(10, 3, 500), summary(10.5, 4, 900)
    twice = compare_means([(control, treatment)] * 2)
    assert twice.difference.value == pytest.approx(0.5)
    assert twice.test.method == "stratified_t"
    assert twice.difference.interval.method == "stratified_t"
    once = mean_test([(control, treatment)]).statistic
    assert twice.test.statistic == pytest.approx(once * math.sqrt(2))


def test_a_changed_split_no_longer_turns_a_lift_into_a_loss():
    # the mean falls from 10 to 5 while the split moves from 50/50 to 20/80; true lift +5 %
    strata = [
        (summary(10, 3, 5000), summary(10.5, 3, 5000)),
        (summary(5, 3, 2000), summary(5.25, 3, 8000)),
    ]
    assert compare_means(strata).relative_lift.value == pytest.approx(0.05)
    plain = compare_means([(merge([c for c, _ in strata]), merge([t for _, t in strata]))])
    assert plain.difference.ci_upper < 0
    by_size = compare_means(strata, weighting="size")
    assert by_size.difference.value == pytest.approx(0.375)


def test_phases_that_disagree_are_flagged():
    calm, up, down = summary(10, 3, 900), summary(11, 3, 900), summary(9, 3, 900)
    assert compare_means([(calm, up), (calm, up)]).flags == ()
    assert compare_means([(calm, up), (calm, down)]).flags == ("heterogeneous_phases",)


def test_a_phase_without_both_arms_has_no_weight():
    full = (summary(10, 3, 100), summary(11, 3, 50))
    half = (summary(10, 3, 100), Moments.of_mean(0, math.nan, math.nan))
    lone = (summary(10, 3, 100), Moments.of_mean(1, 99.0, 0))
    assert phase_weights([full, half, lone]) == (1, 0, 0)
    assert phase_weights([half]) == (0,)
    assert compare_means([full, half, lone]) == compare_means([full])
    assert compare_means([half]).test.p_value == Undefined("no_users")
    assert compare_means([lone, lone]).test.p_value == Undefined("too_few_units")


def test_a_changed_split_keeps_the_error_rate_of_a_mean():
    # the mean falls from 10 to 5 while the split moves from 50/50 to 20/80: no effect at all
    draw = np.random.default_rng(20240615)

    def one_test() -> Comparison:
        return compare_means([
            (sampled(draw.gamma(2.0, 5.0, 300)), sampled(draw.gamma(2.0, 5.0, 300))),
            (sampled(draw.gamma(2.0, 2.5, 150)), sampled(draw.gamma(2.0, 2.5, 600))),
        ])  # fmt: skip

    assert bands_broken(one_test) == []


def test_lopsided_skewed_arms_are_flagged_and_equal_ones_are_not():
    def skewed(n: int) -> Moments:
        return Moments.of_mean(n, 5.0, 225.0, skewness=21.0)

    assert compare_means([(skewed(2_000), skewed(2_000))]).flags == ()
    assert compare_means([(skewed(18_000), skewed(2_000))]).flags == ("skewed",)
    unknown = Moments.of_mean(2_000, 5.0, 225.0)
    assert compare_means([(skewed(18_000), unknown)]).flags == ()


def test_the_interval_of_one_arm_is_students():
    arm = moments(SLEEP[1])
    second = stats.t.interval(0.95, 9, loc=arm.mean, scale=math.sqrt(arm.variance / 10))
    assert (mean_interval(arm).ci_lower, mean_interval(arm).ci_upper) == pytest.approx(second)
    assert mean_interval(Moments.of_mean(1, 3.0, 0)).value == 3.0
    assert mean_interval(Moments.of_mean(1, 3.0, 0)).ci_lower == Undefined("too_few_units")
    assert mean_interval(summary(3, 0, 5)).ci_upper == Undefined("no_variance")
    assert mean_interval(Moments.of_mean(0, 0, 0)).value == Undefined("no_users")


@given(
    arms,
    arms,
    st.floats(0.001, 0.9),
    st.sampled_from(["relative", "absolute"]),
    st.sampled_from(["increase", "decrease"]),
)
def test_the_margin_test_and_the_interval_on_the_screen_agree(
    control: Moments, treatment: Moments, margin: float, kind: str, direction: str
):
    pair = [(control, treatment)]
    relative = kind == "relative"
    result = mean_test_against_margin(
        pair, margin=margin, relative=relative, preferred_direction=direction
    )
    shown = compare_means(pair, 0.05)
    estimate = shown.relative_lift if relative else shown.difference
    if isinstance(estimate.value, Undefined):
        assert result.p_value == estimate.value
        return
    if abs(result.p_value / 0.025 - 1) < 1e-6:
        return
    safe = (
        estimate.ci_lower > -margin if direction == "increase" else estimate.ci_upper < margin
    )
    assert safe == (result.p_value < 0.025)


def test_a_margin_needs_a_direction_and_noise():
    pair = [(summary(1, 1, 9), summary(1, 1, 9))]
    with pytest.raises(ValueError, match="neutral"):
        mean_test_against_margin(pair, margin=0.1, relative=True, preferred_direction="neutral")
    certain = [(summary(1, 1, 9), summary(1, 0, 9))]
    for relative in (True, False):
        whole = mean_test_against_margin(
            certain, margin=1.0, relative=relative, preferred_direction="increase"
        )
        assert (whole.p_value == Undefined("no_variance")) == relative
    flat = [(summary(1, 0, 9), summary(1, 0, 9))]
    result = mean_test_against_margin(
        flat, margin=0.1, relative=True, preferred_direction="increase"
    )
    assert result.p_value == Undefined("no_variance")


@pytest.mark.parametrize("effect", (0.0, 0.1))
def test_error_rates_and_coverage_stay_in_the_binomial_bands(effect: float):
    # 1,000 tests of skewed revenue, 99.9 % bands: 29..74 rejections, 10..43 per side,
    # 926..971 intervals that hold the truth
    seed = 20240611
    draw = np.random.default_rng(seed)
    below = above = held = lift_held = 0
    for _ in range(1000):
        sides = draw.gamma(0.5, 10.0, 600), draw.gamma(0.5, 10.0 * (1 + effect), 600)
        control, treatment = (
            Moments.of_mean(x.size, float(x.mean()), float(x.var(ddof=1))) for x in sides
        )
        result = compare_means([(control, treatment)])
        rejected = result.test.p_value < 0.05
        below += rejected and result.difference.value < 0
        above += rejected and result.difference.value > 0
        held += result.difference.ci_lower <= 5 * effect <= result.difference.ci_upper
        lift_held += result.relative_lift.ci_lower <= effect <= result.relative_lift.ci_upper
    assert 926 <= held <= 971, seed
    assert 926 <= lift_held <= 971, seed
    if effect == 0:
        assert 10 <= below <= 43, seed
        assert 10 <= above <= 43, seed
        assert 29 <= below + above <= 74, seed


@pytest.mark.parametrize("size", (1e-6, 1e-120, 1e-164, 1e-280))
@pytest.mark.parametrize("effect", (0.0, 1.0, 5.0))
def test_a_lift_keeps_its_interval_however_small_the_noise_is(size: float, effect: float):
    control, treatment = (
        Moments.of_mean(100, 1e140 * (1 + shift), (1e140 * size) ** 2)
        for shift in (0.0, effect * size / 10)
    )
    found = compare_means([(control, treatment)])
    low, high = found.relative_lift.ci_lower, found.relative_lift.ci_upper
    lift = found.relative_lift.value
    assert low <= lift <= high
    if lift == 0:  # also where the effect is below the digits of the mean
        reach = stats.t.isf(0.025, 198) * size * (2 / 100) ** 0.5
        assert (low, high) == (pytest.approx(-reach, rel=1e-3), pytest.approx(reach, rel=1e-3))
    assert (found.test.p_value < 0.05) == (low > 0 or high < 0)
