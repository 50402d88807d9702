import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep

from experiments_core.errors import InvalidInputError
from experiments_core.stats.duration import duration_days
from experiments_core.stats.estimate import REASONS, Undefined
from experiments_core.stats.mean_plan import (
    minimum_detectable_effect_means,
    power_means,
    sample_size_means,
)
from experiments_core.stats.rate_plan import (
    minimum_detectable_effect_rates,
    power_rates,
    sample_size_rates,
)

alternatives = st.sampled_from(["two-sided", "greater", "less"])
rates = st.floats(0.001, 0.999)
levels = st.floats(0.001, 0.2)
powers = st.floats(0.5, 0.99)
ratios = st.floats(0.05, 20)


@pytest.mark.parametrize(
    ("baseline", "target", "options", "control"),
    (
        # R, power.prop.test(p1 = .5, p2 = .75, power = .9, alternative = "one.sided"): 62.33551
        (0.5, 0.75, {"power": 0.9, "alternative": "greater"}, 63),
        # R, help page of power.prop.test on (0.9, 1): n = 74
        (0.9, 1.0, {}, 74),
        (0.02, 0.03, {}, 3826),
        (0.10, 0.11, {}, 14751),
        (0.10, 0.09, {}, 13495),
        (0.001, 0.0012, {}, 431213),
        # three arms, alpha/2 for each of two comparisons
        (0.10, 0.11, {"comparisons": 2}, 17864),
    ),
)
def test_sizes_for_rates_are_those_that_r_prints(
    baseline: float, target: float, options: dict[str, object], control: int
):
    size = sample_size_rates(
        baseline=baseline,
        minimum_detectable_effect=target - baseline,
        relative=False,
        **options,
    )
    assert (size.control, size.treatment, size.total) == (control, control, 2 * control)


def test_a_relative_effect_is_a_fraction_of_the_baseline():
    absolute = sample_size_rates(baseline=0.1, minimum_detectable_effect=0.01, relative=False)
    relative = sample_size_rates(baseline=0.1, minimum_detectable_effect=0.1, relative=True)
    assert relative.total == absolute.total
    means = [
        sample_size_means(
            baseline=20.0,
            minimum_detectable_effect=effect,
            relative=relative,
            standard_deviation=4,
        )
        for effect, relative in ((1.0, False), (0.05, True))
    ]
    assert means[0].total == means[1].total


def test_each_arm_is_rounded_up_on_its_own():
    size = sample_size_rates(
        baseline=0.05, minimum_detectable_effect=0.01, relative=False, allocation_ratio=0.25
    )
    assert (size.control, size.treatment, size.total) == (19963, 4991, 24954)


def test_power_for_rates_is_that_of_stata_and_r():
    # Stata, power twoproportions 0.1 0.2, n1(154) n2(308), quoted in statsmodels' tests:
    # 0.7995659211532175 with both tails
    given = {"baseline": 0.1, "effect": 0.1, "control": 154, "treatment": 308}
    assert power_rates(**given, both_tails=True) == pytest.approx(0.7995659211532175, rel=1e-12)
    assert power_rates(**given) == pytest.approx(0.7995658099152266, rel=1e-12)


@given(rates, rates, st.integers(20, 10**6), levels)
def test_power_for_rates_agrees_with_statsmodels(
    baseline: float, target: float, n: int, alpha: float
):
    assume(abs(target - baseline) > 1e-6)
    ours = power_rates(
        baseline=baseline, effect=target - baseline, control=n, treatment=n, alpha=alpha,
        both_tails=True,
    )  # fmt: skip
    second = power_proportions_2indep(
        target - baseline, baseline, n, ratio=1, alpha=alpha, return_results=False
    )
    assert ours == pytest.approx(min(1.0, float(second)), rel=1e-8, abs=1e-12)


@given(rates, st.floats(-0.9, 3.0), levels, powers, ratios)
def test_the_size_has_the_power_it_was_planned_for(
    baseline: float, lift: float, alpha: float, power: float, ratio: float
):
    target = baseline * (1 + lift)
    assume(target < 1 and abs(lift) > 1e-3)
    size = sample_size_rates(
        baseline=baseline, minimum_detectable_effect=lift, relative=True, alpha=alpha,
        power=power, allocation_ratio=ratio,
    )  # fmt: skip
    reached = power_rates(
        baseline=baseline, effect=lift, relative=True, alpha=alpha,
        control=size.exact_control, treatment=size.exact_control * ratio,
    ) if size.exact_control * min(1, ratio) >= 1 else power  # fmt: skip
    assert reached == pytest.approx(power, rel=1e-9)


@given(rates, st.integers(10, 10**7), levels, powers, ratios, alternatives)
def test_the_detectable_effect_is_seen_with_the_planned_power(
    baseline: float, n: int, alpha: float, power: float, ratio: float, alternative: str
):
    arms = {"control": n, "treatment": max(1, round(n * ratio))}
    found = minimum_detectable_effect_rates(
        baseline=baseline, alpha=alpha, power=power, alternative=alternative, **arms
    )
    if isinstance(found.difference, Undefined):
        assert found.difference.reason == "not_reachable"
        return
    assert (found.difference < 0) == (alternative == "less")
    reached = power_rates(
        baseline=baseline, effect=found.difference, alpha=alpha, alternative=alternative, **arms
    )
    assert reached == pytest.approx(power, rel=1e-7)


def test_up_and_down_differ_for_a_rate():
    up = minimum_detectable_effect_rates(baseline=0.1, control=10_000, treatment=10_000)
    down = minimum_detectable_effect_rates(
        baseline=0.1, control=10_000, treatment=10_000, direction="decrease"
    )
    assert up.difference == pytest.approx(0.01220, abs=5e-6)
    assert down.difference == pytest.approx(-0.01157, abs=5e-6)
    assert up.relative_lift == pytest.approx(up.difference / 0.1)


def test_power_for_means_is_that_of_r():
    # R, pwr.t2n.test(d = .1, n1 = 20, n2 = 30, alternative = "greater") and
    # pwr.2p.test(h = .01, n = 80), quoted in statsmodels' tests
    greater = power_means(
        effect=0.1, standard_deviation=1, control=20, treatment=30, alternative="greater"
    )
    assert greater == pytest.approx(0.09623589080917805, rel=1e-10)
    normal = power_means(
        effect=0.01, standard_deviation=1, control=80, treatment=80, distribution="normal"
    )
    assert normal == pytest.approx(0.05045832927039234, rel=1e-10)


@given(st.floats(0.02, 1.5), levels, powers, st.floats(0.2, 5))
def test_sizes_for_means_agree_with_statsmodels(
    effect: float, alpha: float, power: float, ratio: float
):
    size = sample_size_means(
        minimum_detectable_effect=effect, standard_deviation=1.0, alpha=alpha, power=power,
        allocation_ratio=ratio,
    )  # fmt: skip
    control = size.exact_control
    second = float(TTestIndPower().power(effect, control, alpha, ratio))
    if math.isnan(second):  # scipy's noncentral t far in the tail
        second = float(TTestIndPower().power(effect, control, alpha / 2, ratio, None, "larger"))
    if control > 2 * max(1.0, 1 / ratio):
        assert second == pytest.approx(power, rel=1e-6)
    else:
        assert second >= power
    normal = sample_size_means(
        minimum_detectable_effect=effect, standard_deviation=1.0, alpha=alpha, power=power,
        allocation_ratio=ratio, distribution="normal",
    )  # fmt: skip
    reached = NormalIndPower().power(effect, normal.exact_control, alpha, ratio)
    assert power <= reached * (1 + 1e-12) <= power + alpha / 2


def test_unequal_spreads_are_planned_for_welchs_test():
    # Satterthwaite's degrees of freedom, noncentral t of scipy.stats as the second route
    size = sample_size_means(
        minimum_detectable_effect=4.0, standard_deviation=3.0, treatment_standard_deviation=9.0,
    )  # fmt: skip
    n = size.exact_control
    shares = (9 / n, 81 / n)
    freedom = sum(shares) ** 2 / sum(share**2 / (n - 1) for share in shares)
    shift = 4 / math.sqrt(sum(shares))
    reached = stats.nct.sf(stats.t.isf(0.025, freedom), freedom, shift)
    assert reached == pytest.approx(0.8, abs=1e-5)
    mirrored = sample_size_means(
        minimum_detectable_effect=-4.0, standard_deviation=9.0, treatment_standard_deviation=3.0
    )
    assert mirrored.total == size.total


def test_a_textbook_size_for_means():
    # Evan Miller's and other pages: difference 5, sd 10, alpha 0.05, power 0.8
    assert sample_size_means(minimum_detectable_effect=5, standard_deviation=10).control == 64
    normal = sample_size_means(
        minimum_detectable_effect=5, standard_deviation=10, distribution="normal"
    )
    assert normal.control == 63


def test_the_effect_seen_on_a_mean_grows_with_its_spread_if_told_so():
    given = {"standard_deviation": 14.1, "baseline": 5.24, "control": 2000, "treatment": 2000}
    plain = minimum_detectable_effect_means(**given)
    assert plain.relative_lift == pytest.approx(0.23839199219653054, rel=1e-12)
    growing = minimum_detectable_effect_means(**given, spread_grows=True)
    assert growing.relative_lift == pytest.approx(0.27286125956875834, rel=1e-12)
    z = 1.959963984540054 + 0.8416212335729143
    noise = (14.1 / 5.24) ** 2 / 2000
    down = minimum_detectable_effect_means(**given, spread_grows=True, direction="decrease")
    lift = down.relative_lift
    assert lift == pytest.approx(-z * math.sqrt(noise * (1 + (1 + lift) ** 2)), rel=1e-12)
    few = {**given, "control": 20, "treatment": 20}
    assert minimum_detectable_effect_means(**few, spread_grows=True).relative_lift == Undefined(
        "not_reachable"
    )


def test_a_mean_without_a_baseline_has_no_relative_effect():
    given = {"standard_deviation": 1.0, "control": 200, "treatment": 200}
    assert minimum_detectable_effect_means(**given).relative_lift is None
    negative = minimum_detectable_effect_means(**given, baseline=-3.0)
    assert negative.difference > 0
    assert negative.relative_lift == Undefined("nonpositive_control")


@pytest.mark.parametrize(
    ("baseline", "effect", "alternative", "reason"),
    (
        (0.1, 0.0, "two-sided", "effect_zero"),
        (0.9, 0.2, "two-sided", "target_outside_range"),
        (0.1, -0.2, "two-sided", "target_outside_range"),
        (0.0, 0.1, "two-sided", "target_outside_range"),
        (12.0, 0.1, "two-sided", "target_outside_range"),
        (0.1, -0.01, "greater", "not_reachable"),
        (0.1, 0.01, "less", "not_reachable"),
        (0.1, 1e-12, "two-sided", "not_reachable"),
        (0.1, 1e-16, "two-sided", "not_reachable"),
        (0.1, math.nan, "two-sided", "non_finite_input"),
    ),
)
def test_a_plan_that_does_not_exist_has_a_reason(
    baseline: float, effect: float, alternative: str, reason: str
):
    size = sample_size_rates(
        baseline=baseline, minimum_detectable_effect=effect, relative=False,
        alternative=alternative,
    )  # fmt: skip
    expected = Undefined(reason)
    assert (size.control, size.treatment, size.total) == (expected, expected, expected)
    assert size.exact_control == expected


@pytest.mark.parametrize(
    ("options", "reason"),
    (
        ({"minimum_detectable_effect": 0.0}, "effect_zero"),
        ({"standard_deviation": 0.0}, "no_variance"),
        ({"baseline": 0.0, "relative": True}, "nonpositive_control"),
        ({"alternative": "less"}, "not_reachable"),
        ({"minimum_detectable_effect": 1e-12}, "not_reachable"),
        ({"minimum_detectable_effect": math.inf}, "non_finite_input"),
    ),
)
def test_a_plan_for_means_that_does_not_exist_has_a_reason(
    options: dict[str, object], reason: str
):
    asked = {"minimum_detectable_effect": 0.1, "standard_deviation": 1.0, **options}
    assert sample_size_means(**asked).total == Undefined(reason)


def test_too_few_units_show_nothing():
    few = minimum_detectable_effect_rates(
        baseline=0.01, control=50, treatment=50, direction="decrease"
    )
    assert few.difference == Undefined("not_reachable")
    assert few.relative_lift == Undefined("not_reachable")
    nobody = minimum_detectable_effect_rates(baseline=0.01, control=0, treatment=50)
    assert nobody.difference == Undefined("no_users")
    one = minimum_detectable_effect_means(standard_deviation=1, control=1, treatment=9)
    assert one.difference == Undefined("too_few_units")
    assert power_means(effect=1, standard_deviation=1, control=0, treatment=9) == Undefined(
        "no_users"
    )
    against = minimum_detectable_effect_rates(
        baseline=0.1, control=10**4, treatment=10**4, alternative="less", direction="increase"
    )
    assert against.difference == Undefined("not_reachable")


@pytest.mark.parametrize(
    ("options", "fields"),
    (
        ({"alpha": 5}, {"alpha", "power"}),
        ({"power": 1.0}, {"power"}),
        ({"power": 0.01}, {"power"}),
        ({"alternative": "larger", "comparisons": 0}, {"alternative", "comparisons"}),
        ({"allocation_ratio": 0.0}, {"allocation_ratio"}),
        ({"standard_deviation": -1.0}, {"standard_deviation"}),
        ({"relative": True}, {"baseline"}),
    ),
)
def test_a_broken_rule_names_its_field(options: dict[str, object], fields: set[str]):
    asked = {"minimum_detectable_effect": 0.1, "standard_deviation": 1.0, **options}
    with pytest.raises(InvalidInputError) as refused:
        sample_size_means(**asked)
    assert {problem.field for problem in refused.value.details} == fields


def test_a_direction_is_up_or_down():
    with pytest.raises(InvalidInputError, match="sideways"):
        minimum_detectable_effect_rates(
            baseline=0.1, control=99, treatment=99, direction="sideways"
        )


anything = st.floats(allow_nan=False, allow_infinity=False)


@given(anything, anything, levels, powers, st.floats(1e-6, 1e6), alternatives)
def test_any_finite_question_has_a_number_or_a_reason(
    baseline: float, effect: float, alpha: float, power: float, ratio: float, alternative: str
):
    shared = {
        "minimum_detectable_effect": effect, "alpha": alpha, "power": power,
        "alternative": alternative, "allocation_ratio": ratio, "baseline": baseline,
    }  # fmt: skip
    answers = [
        sample_size_rates(**shared, relative=False).total,
        sample_size_rates(**shared, relative=True).exact_control,
        sample_size_means(
            **shared, relative=True, standard_deviation=min(abs(baseline), 1e150)
        ).total,
        power_means(effect=effect, standard_deviation=1, control=9, treatment=9, alpha=alpha),
        power_rates(baseline=baseline, effect=effect, control=9, treatment=9, alpha=alpha),
    ]
    for answer in answers:
        if isinstance(answer, Undefined):
            assert answer.reason in REASONS
        else:
            assert math.isfinite(answer)


def test_the_far_tail_of_the_noncentral_t_is_nothing_and_not_nan():
    # scipy's noncentral t is nan here
    for n, effect in ((25, 8.0), (80, 2.0), (500_000, 0.05)):
        reached = power_means(effect=effect, standard_deviation=1, control=n, treatment=n)
        assert reached == pytest.approx(1.0)
        wrong = power_means(
            effect=-effect, standard_deviation=1, control=n, treatment=n, alternative="greater"
        )
        assert wrong == pytest.approx(0.0, abs=1e-12)


def test_days_are_whole_and_weeks_are_full():
    duration = duration_days(29_502, 4_000, 0.5, conversion_window_days=3)
    assert (duration.days, duration.weeks_rounded_days) == (15, 21)
    assert duration.days_until_result == 24
    assert duration_days(7 * 300, 3_000, 0.1).weeks_rounded_days == 7
    nobody = Undefined("not_reachable")
    assert duration_days(100, 0.0).days == nobody
    assert duration_days(Undefined("effect_zero"), 10.0).days == Undefined("effect_zero")
