from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.stats.estimate import Estimate, Undefined, Value
from experiments_core.stats.moments import Counts
from experiments_core.stats.proportions import clopper_pearson, jeffreys, rates_differ, wilson

Method = Callable[..., Estimate]
METHODS = [wilson, clopper_pearson, jeffreys]

counts = st.integers(1, 10**9).flatmap(
    lambda n: st.integers(0, n).map(lambda x: Counts(n, x)) | st.sampled_from([
        Counts(n, 0), Counts(n, min(n, 1)), Counts(n, n - 1), Counts(n, n),
    ])
)  # fmt: skip


def limits(estimate: Estimate) -> tuple[Value, Value]:
    return estimate.ci_lower, estimate.ci_upper


@pytest.mark.parametrize(
    ("n", "x", "lower", "upper"),
    (
        # Newcombe 1998, Stat Med 17:857-872, Table I, method 3
        (263, 81, 0.2553, 0.3662),
        (148, 15, 0.0624, 0.1605),
        (20, 0, 0.0000, 0.1611),
        (29, 1, 0.0061, 0.1718),
    ),
)
def test_wilson_gives_the_limits_newcombe_printed(n: int, x: int, lower: float, upper: float):
    assert limits(wilson(Counts(n, x))) == pytest.approx((lower, upper), abs=5e-5)


def test_wilson_keeps_its_digits_for_rare_events():
    # x = 1 of 10^12: to twelve digits the Poisson form of the same quadratic
    z = 1.959963984540054
    centre, reach = 1 + z * z / 2, z * (1 + z * z / 4) ** 0.5
    lower, upper = limits(wilson(Counts(10**12, 1)))
    assert lower == pytest.approx(1 / (centre + reach) * 1e-12, rel=1e-10)
    assert upper == pytest.approx((centre + reach) * 1e-12, rel=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_without_users_there_is_no_rate_and_no_interval(method: Method):
    result = method(Counts(0, 0))
    nobody = Undefined("no_users")
    assert (result.value, *limits(result)) == (nobody, nobody, nobody)


@pytest.mark.parametrize("method", METHODS)
def test_nobody_and_everybody_have_a_limit_that_is_exactly_0_or_1(method: Method):
    assert limits(method(Counts(40, 0)))[0] == 0.0
    assert limits(method(Counts(40, 40)))[1] == 1.0
    assert 0 < limits(method(Counts(40, 0)))[1] < 1
    assert 0 < limits(method(Counts(40, 40)))[0] < 1


@given(arm=counts, method=st.sampled_from(METHODS), level=st.floats(0.01, 0.9999))
def test_every_interval_is_inside_0_to_1_and_holds_its_rate(
    arm: Counts, method: Method, level: float
):
    result = method(arm, level)
    lower, upper = limits(result)
    assert 0 <= lower <= result.value <= upper <= 1
    assert result.value == arm.x / arm.n
    assert lower < upper


@given(arm=counts, method=st.sampled_from(METHODS))
def test_counting_the_misses_mirrors_the_interval(arm: Counts, method: Method):
    lower, upper = limits(method(arm))
    mirrored = limits(method(Counts(arm.n, arm.n - arm.x)))
    assert mirrored == pytest.approx((1 - upper, 1 - lower), abs=1e-12)


@given(arm=counts)
def test_a_higher_level_gives_a_wider_interval(arm: Counts):
    narrow, wide = limits(wilson(arm, 0.8)), limits(wilson(arm, 0.99))
    assert wide[0] <= narrow[0]
    assert narrow[1] <= wide[1]


def test_a_level_that_is_no_level_is_refused():
    with pytest.raises(ValueError, match="alpha"):
        wilson(Counts(10, 5), 1.0)


def test_all_arms_at_once_give_pearsons_chi_square():
    from scipy.stats import chi2_contingency  # noqa: PLC0415 - the second route

    arms = [Counts(1000, 100), Counts(2000, 260), Counts(500, 40)]
    table = [[arm.x for arm in arms], [arm.n - arm.x for arm in arms]]
    expected = chi2_contingency(table, correction=False)
    result = rates_differ(arms)
    assert result.statistic == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue)
    assert result.degrees_of_freedom == 2


@pytest.mark.parametrize(
    ("arms", "reason"),
    (
        ([Counts(10, 0), Counts(20, 0)], "no_variance"),
        ([Counts(10, 10), Counts(20, 20)], "no_variance"),
        ([Counts(10, 3), Counts(0, 0)], "no_users"),
    ),
)
def test_all_arms_at_once_may_have_no_answer(arms: list[Counts], reason: str):
    assert rates_differ(arms).p_value == Undefined(reason)
