import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.stats.estimate import Undefined
from experiments_core.stats.holdout import counts_without_exposures, holdout_uplift
from experiments_core.stats.moments import Counts
from experiments_core.stats.stratified import compare_rates


def test_extra_conversions_are_the_difference_times_the_exposed():
    result = holdout_uplift(Counts(5000, 500), Counts(95_000, 9975))
    assert result.comparison == compare_rates([(Counts(5000, 500), Counts(95_000, 9975))])
    extra = result.extra_conversions
    found = (extra.value, extra.ci_lower, extra.ci_upper)
    assert found == pytest.approx((475, -364, 1259), abs=0.5)
    assert result.effective_n == 4750


def test_without_a_holdout_there_is_no_uplift():
    result = holdout_uplift(Counts(0, 0), Counts(10, 1))
    assert result.extra_conversions.value == Undefined("no_users")
    assert result.effective_n == 0
    assert holdout_uplift(Counts(0, 0), Counts(0, 0)).effective_n == 0


def test_conversions_alone_give_a_test_and_a_lift():
    result = counts_without_exposures(142, 187)
    assert result.test.statistic == pytest.approx(2.481, abs=5e-4)
    assert result.test.p_value == pytest.approx(0.0131, abs=5e-5)
    lift = result.relative_lift
    found = (lift.value, lift.ci_lower, lift.ci_upper)
    assert found == pytest.approx((0.317, 0.059, 0.637), abs=5e-4)


@given(
    control=st.integers(0, 10**6),
    treatment=st.integers(0, 10**6),
    share=st.floats(0.05, 0.95),
    alpha=st.sampled_from([0.05, 0.01]),
)
def test_the_lift_excludes_0_exactly_when_the_test_rejects(
    control: int, treatment: int, share: float, alpha: float
):
    result = counts_without_exposures(control, treatment, treatment_share=share, alpha=alpha)
    if control + treatment == 0:
        assert result.test.p_value == Undefined("no_variance")
        assert result.relative_lift.value == Undefined("no_variance")
        return
    lower, upper = result.relative_lift.ci_lower, result.relative_lift.ci_upper
    below = not isinstance(upper, Undefined) and upper < 0
    assert (lower > 0 or below) is (result.test.p_value < alpha)


def test_a_control_without_conversions_leaves_the_lower_limit():
    lift = counts_without_exposures(0, 12).relative_lift
    assert lift.value == Undefined("zero_control")
    assert lift.ci_lower > 0
    assert lift.ci_upper == Undefined("unbounded")


@pytest.mark.parametrize("share", (0.0, 1.0, -1.0))
def test_a_planned_share_lies_between_0_and_1(share: float):
    with pytest.raises(ValueError, match="treatment_share"):
        counts_without_exposures(1, 2, treatment_share=share)
