import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln

from experiments_core.stats.bayes import bayesian_difference, bayesian_rates
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Counts

arms = (st.integers(1, 200) | st.integers(1, 10**7)).flatmap(
    lambda n: st.integers(0, n).map(lambda x: Counts(n, x))
)


def finite_sum(control: Counts, treatment: Counts) -> float:
    """P(treatment > control) under uniform priors: a finite sum of beta functions."""
    a_t, b_t = treatment.x + 1, treatment.n - treatment.x + 1
    a_c, b_c = control.x + 1, control.n - control.x + 1
    i = np.arange(a_t)
    terms = betaln(a_c + i, b_c + b_t) - np.log(b_t + i)
    return float(np.sum(np.exp(terms - betaln(1 + i, b_t) - betaln(a_c, b_c))))


@pytest.mark.parametrize(
    ("control", "treatment"),
    (
        (Counts(10_000, 1000), Counts(10_000, 1100)),
        (Counts(29, 0), Counts(56, 5)),
        (Counts(5, 5), Counts(5, 5)),
        (Counts(100_000, 300), Counts(20, 1)),
    ),
)
def test_the_probability_is_the_finite_sum(control: Counts, treatment: Counts):
    result = bayesian_rates(control, treatment)
    expected = finite_sum(control, treatment)
    assert result.probability_treatment_better == pytest.approx(expected, abs=1e-9)


def test_the_losses_are_the_integrals():
    control, treatment = stats.beta(31, 71), stats.beta(41, 61)
    result = bayesian_rates(Counts(100, 30), Counts(100, 40))
    loss = quad(lambda x: treatment.cdf(x) * control.sf(x), 0, 1)[0]
    assert result.expected_loss_if_treatment == pytest.approx(loss, rel=1e-7)
    loss = quad(lambda x: control.cdf(x) * treatment.sf(x), 0, 1)[0]
    assert result.expected_loss_if_control == pytest.approx(loss, rel=1e-7)


@settings(max_examples=60, deadline=None)
@given(control=arms, treatment=arms, prior=st.sampled_from([1.0, 0.5, 3.0]))
def test_probability_losses_and_interval_fit_together(
    control: Counts, treatment: Counts, prior: float
):
    result = bayesian_rates(control, treatment, prior_alpha=prior, prior_beta=prior)
    mirrored = bayesian_rates(treatment, control, prior_alpha=prior, prior_beta=prior)
    p = result.probability_treatment_better
    assert 0 <= p <= 1
    assert p + mirrored.probability_treatment_better == pytest.approx(1, abs=1e-7)
    means = [(prior + a.x) / (2 * prior + a.n) for a in (control, treatment)]
    kept, shipped = result.expected_loss_if_control, result.expected_loss_if_treatment
    assert kept - shipped == pytest.approx(means[1] - means[0], rel=1e-6, abs=1e-9)
    lower, upper = result.difference.lower, result.difference.upper
    assert -1 <= lower < upper <= 1
    if abs(p - 0.975) > 1e-6:
        assert (lower > 0) is (p > 0.975)
    if abs(p - 0.025) > 1e-6:
        assert (upper < 0) is (p < 0.025)


def test_equal_arms_are_a_coin_toss():
    result = bayesian_rates(Counts(500, 50), Counts(500, 50))
    assert result.probability_treatment_better == pytest.approx(0.5, abs=1e-12)
    assert result.difference.lower == pytest.approx(-result.difference.upper, abs=1e-12)


def test_an_empty_arm_has_no_view():
    result = bayesian_rates(Counts(0, 0), Counts(5, 1))
    assert result.probability_treatment_better == Undefined("no_users")
    assert result.difference.lower == Undefined("no_users")


def test_a_prior_with_a_pole_is_refused():
    with pytest.raises(ValueError, match="prior"):
        bayesian_rates(Counts(5, 1), Counts(5, 2), prior_alpha=0.1)


@pytest.mark.parametrize("freedom", (3.0, 50.0, 39_618.0, math.inf))
def test_a_mean_difference_follows_students_t(freedom: float):
    around = stats.norm if math.isinf(freedom) else stats.t(freedom)
    result = bayesian_difference(0.3, 0.2, freedom)
    assert result.probability_treatment_better == pytest.approx(around.cdf(1.5))
    assert result.difference.lower == pytest.approx(0.3 - around.isf(0.025) * 0.2)
    loss = quad(lambda u: -(0.3 + 0.2 * u) * around.pdf(u), -np.inf, -1.5)[0]
    assert result.expected_loss_if_treatment == pytest.approx(loss, rel=1e-6)
    kept = result.expected_loss_if_control
    assert kept - result.expected_loss_if_treatment == pytest.approx(0.3)


def test_a_mean_difference_may_have_no_view():
    result = bayesian_difference(0.3, 0.0, 10)
    assert result.probability_treatment_better == Undefined("no_variance")
    heavy = bayesian_difference(0.3, 0.1, 1.0)
    assert heavy.expected_loss_if_treatment == Undefined("too_few_units")
    assert heavy.probability_treatment_better == pytest.approx(stats.t(1).cdf(3))
