from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.stats.estimate import Estimate, Undefined
from experiments_core.stats.moments import Counts
from experiments_core.stats.rate_alternatives import (
    agresti_caffo,
    boschloo,
    log_delta_lift,
    miettinen_nurminen,
    newcombe,
)
from experiments_core.stats.stratified import compare_rates

Method = Callable[..., Estimate]
DIFFERENCES = (newcombe, agresti_caffo, miettinen_nurminen)
arms = st.integers(1, 10**6).flatmap(
    lambda n: st.integers(0, n).map(lambda x: Counts(n, x))
)  # fmt: skip


def test_newcombes_interval_is_the_one_he_printed():
    # Newcombe 1998, Stat Med 17:873-890, Table II, example (a), method 10: 56/70 - 48/80
    result = newcombe(Counts(80, 48), Counts(70, 56))
    assert (result.ci_lower, result.ci_upper) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_miettinen_and_nurminens_interval_is_the_one_r_prints():
    # R metalite.ae::rate_compare_sum(105, 101, 10, 20), printed in Merck/metalite.ae issue 210
    result = miettinen_nurminen(Counts(105, 10), Counts(101, 20))
    assert (result.ci_lower, result.ci_upper) == pytest.approx((0.006405, 0.202917), abs=5e-7)


def test_the_logarithmic_interval_is_katzs():
    # Fagerland, Lydersen & Laake 2015, SMMR 24:224-254, as quoted in statsmodels' tests:
    # ratio 0.91 to 54 for 7/34 against 1/34
    result = log_delta_lift(Counts(34, 1), Counts(34, 7))
    assert result.ci_lower == pytest.approx(-0.09, abs=5e-3)
    assert result.ci_upper == pytest.approx(53, abs=0.5)


@given(control=arms, treatment=arms, method=st.sampled_from(DIFFERENCES))
def test_intervals_of_the_difference_stay_in_range(
    control: Counts, treatment: Counts, method: Method
):
    result = method(control, treatment)
    assert -1 <= result.ci_lower < result.ci_upper <= 1
    assert -1 <= result.value <= 1


@given(control=arms, treatment=arms)
def test_miettinen_and_nurminen_are_a_little_wider_than_mee(control: Counts, treatment: Counts):
    wide = miettinen_nurminen(control, treatment)
    narrow = compare_rates([(control, treatment)]).difference
    slack = 1e-12 * (wide.ci_upper - wide.ci_lower)
    assert wide.ci_lower <= narrow.ci_lower + slack
    assert narrow.ci_upper - slack <= wide.ci_upper


@pytest.mark.parametrize("method", (*DIFFERENCES, log_delta_lift))
def test_an_empty_arm_has_no_interval(method: Method):
    result = method(Counts(0, 0), Counts(5, 1))
    assert {result.value, result.ci_lower, result.ci_upper} == {Undefined("no_users")}


@pytest.mark.parametrize(
    ("control", "treatment", "value", "reason"),
    (
        (Counts(50, 0), Counts(50, 3), Undefined("zero_control"), "zero_control"),
        (Counts(50, 3), Counts(50, 0), -1.0, "no_variance"),
        (Counts(50, 50), Counts(50, 50), 0.0, "no_variance"),
    ),
)
def test_a_logarithm_needs_rates_between_0_and_1(
    control: Counts, treatment: Counts, value: object, reason: str
):
    result = log_delta_lift(control, treatment)
    assert result.value == value
    assert result.ci_lower == result.ci_upper == Undefined(reason)


def test_boschloos_test_is_less_severe_than_fishers():
    from scipy.stats import fisher_exact  # noqa: PLC0415 - the second route

    exact = fisher_exact([[7, 1], [27, 33]]).pvalue
    result = boschloo(Counts(34, 1), Counts(34, 7))
    assert result.p_value < exact
    assert result.p_value == pytest.approx(0.0385, abs=2e-3)


def test_boschloos_test_needs_something_to_vary():
    assert boschloo(Counts(5, 0), Counts(5, 0)).p_value == Undefined("no_variance")
    assert boschloo(Counts(0, 0), Counts(5, 0)).p_value == Undefined("no_users")
