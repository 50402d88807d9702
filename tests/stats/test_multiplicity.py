from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.moments import Counts
from experiments_core.stats.multiplicity import (
    Family,
    benjamini_hochberg,
    benjamini_yekutieli,
    bonferroni,
    hochberg,
    holm,
)
from experiments_core.stats.stratified import compare_rates

Method = Callable[..., Family]
METHODS = {
    holm: "holm",
    hochberg: "simes-hochberg",
    bonferroni: "bonferroni",
    benjamini_hochberg: "fdr_bh",
    benjamini_yekutieli: "fdr_by",
}

# Neuhaus et al., 15 p-values in Benjamini & Hochberg 1995, JRSS B 57:289-300, section 3.2
NEUHAUS = (0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
           0.4262, 0.5719, 0.6528, 0.7590, 1.0000)  # fmt: skip

probabilities = st.floats(0, 1) | st.sampled_from([0.0125, 0.01, 0.05, 0.025, 0.05 / 3, 1.0])
families = st.lists(probabilities, min_size=1, max_size=12)


def test_the_published_family_is_rejected_as_published():
    assert benjamini_hochberg(NEUHAUS).rejections == 4
    assert bonferroni(NEUHAUS).rejections == 3


@given(p_values=families, method=st.sampled_from(list(METHODS)))
def test_adjusted_p_values_agree_with_statsmodels(p_values: list[float], method: Method):
    expected = multipletests(p_values, 0.05, METHODS[method])[1]
    assert method(p_values).adjusted == pytest.approx(tuple(expected), rel=1e-12, abs=1e-300)


@given(
    p_values=families,
    method=st.sampled_from(list(METHODS)),
    alpha=st.sampled_from([0.05, 0.1, 0.01, 0.2]),
)
def test_decision_level_and_adjusted_p_value_are_one_statement(
    p_values: list[float], method: Method, alpha: float
):
    family = method(p_values, alpha)
    for p, adjusted, level, rejected in zip(
        p_values, family.adjusted, family.alpha_local, family.rejected, strict=True
    ):
        assert (p < level) is rejected
        assert (adjusted < alpha) is rejected
        assert 0 < level <= alpha
        assert 0 <= adjusted <= 1


@given(p_values=families, method=st.sampled_from(list(METHODS)))
def test_the_order_of_the_hypotheses_does_not_matter(p_values: list[float], method: Method):
    forward, backward = method(p_values), method(p_values[::-1])
    assert forward.adjusted == backward.adjusted[::-1]
    assert forward.alpha_local == backward.alpha_local[::-1]


@pytest.mark.parametrize("method", METHODS)
def test_one_hypothesis_is_not_adjusted(method: Method):
    assert method([0.03]) == Family((0.03,), (0.05,), (True,))


@pytest.mark.parametrize("method", METHODS)
def test_a_family_may_be_empty(method: Method):
    assert method([]) == Family((), (), ())


@pytest.mark.parametrize("method", METHODS)
def test_a_hypothesis_without_a_p_value_stays_in_the_family(method: Method):
    missing = Undefined("no_users")
    values: list[Value] = [0.02, missing, 0.9]
    family = method(values)
    assert family.adjusted[1] == missing
    assert family.rejected[1] is False
    assert family.adjusted[0] == method([0.02, 1.0, 0.9]).adjusted[0]


def test_levels_of_a_family_of_four():
    p_values = [0.118, 0.0211, 0.0213, 0.00218]
    assert holm(p_values).alpha_local == pytest.approx((0.05 / 3, 0.05 / 3, 0.05 / 3, 0.0125))
    assert benjamini_hochberg(p_values).alpha_local == pytest.approx((0.0375,) * 4)


@pytest.mark.parametrize("method", METHODS)
def test_intervals_at_the_local_level_never_contradict_the_adjusted_p_value(method: Method):
    rng = np.random.default_rng(11)
    for _ in range(60):
        arms = [
            (Counts(2000, int(c)), Counts(2000, int(t)))
            for c, t in zip(
                rng.binomial(2000, 0.1, 4), rng.binomial(2000, [0.1, 0.12, 0.13, 0.11]),
                strict=True,
            )
        ]  # fmt: skip
        family = method([compare_rates([pair]).test.p_value for pair in arms])
        for pair, level, rejected in zip(
            arms, family.alpha_local, family.rejected, strict=True
        ):
            result = compare_rates([pair], level)
            for interval in (result.difference.interval, result.relative_lift.interval):
                assert (interval.lower > 0 or interval.upper < 0) is rejected
