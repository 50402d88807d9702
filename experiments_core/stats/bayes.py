"""The Bayesian view: shown on demand beside the verdict, never instead of it.

Rates have independent Beta posteriors, means a flat prior. Looking every day is not harmless
here either: without any effect, a probability above 0.95 turns up at one of 14 daily looks in
about a fifth of all tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, stdtr, stdtrit

from experiments_core.stats.beta import (
    Beta,
    difference_quantile,
    grid,
    log_ratio_quantile,
    probability_below,
)
from experiments_core.stats.contrasts import tail_probability
from experiments_core.stats.estimate import Interval, Undefined, Value
from experiments_core.stats.moments import Counts


@dataclass(frozen=True, slots=True)
class BayesianView:
    """What a believer in the prior knows after the data.

    Attributes:
        probability_treatment_better: P(treatment > control); held against 1 - alpha/2.
        expected_loss_if_treatment: Mean of max(0, control - treatment) in the metric's unit:
            the price of shipping.
        expected_loss_if_control: Mean of max(0, treatment - control): the price of keeping.
        difference: Equal-tailed credible interval of treatment - control.
    """

    probability_treatment_better: Value
    expected_loss_if_treatment: Value
    expected_loss_if_control: Value
    difference: Interval


def bayesian_rates(
    control: Counts,
    treatment: Counts,
    *,
    prior_alpha: float = 1.0,
    prior_beta: float = 1.0,
    alpha: float = 0.05,
) -> BayesianView:
    """Two rates with independent Beta priors, integrated numerically without any simulation.

    P(better) = ∫ f_t F_c; loss of shipping = ∫ F_t (1 - F_c), of keeping = ∫ F_c (1 - F_t).

    Args:
        control: Counts of control.
        treatment: Counts of treatment.
        prior_alpha: First parameter of both priors, at least 1/2.
        prior_beta: Second parameter of both priors, at least 1/2.
        alpha: The credible interval holds 1 - alpha.

    Returns:
        Fractions; everything ``no_users`` if an arm is empty.
    """
    if min(prior_alpha, prior_beta) < 0.5:
        raise ValueError(f"a prior needs both numbers >= 0.5, got {prior_alpha}, {prior_beta}")
    tail = tail_probability(alpha, "two-sided")
    if not control.n or not treatment.n:
        missing = Undefined("no_users")
        no_limits = Interval(missing, missing, 1 - alpha, "credible")
        return BayesianView(missing, missing, missing, no_limits)
    c, t = (Beta(prior_alpha + a.x, prior_beta + a.n - a.x) for a in (control, treatment))
    rates, widths = grid(np.concatenate([c.angles(), t.angles()]))
    jacobian = 2 * np.sqrt(rates * (1 - rates)) * widths
    return BayesianView(
        probability_treatment_better=max(0.0, 1 - probability_below(c, t, 0.0)),
        expected_loss_if_treatment=float(np.sum(jacobian * t.below(rates) * c.above(rates))),
        expected_loss_if_control=float(np.sum(jacobian * c.below(rates) * t.above(rates))),
        difference=Interval(
            difference_quantile(c, t, tail, -1),
            difference_quantile(c, t, tail, 1),
            1 - alpha,
            "credible",
        ),
    )


def bayesian_difference(
    difference: float, standard_error: float, degrees_of_freedom: float, *, alpha: float = 0.05
) -> BayesianView:
    """A mean difference with a flat prior: Student's t around the estimate.

    Args:
        difference: Treatment - control in the metric's unit.
        standard_error: Of the difference, > 0.
        degrees_of_freedom: Of the t distribution, inf for the normal.
        alpha: The credible interval holds 1 - alpha.

    Returns:
        Losses are ``too_few_units`` at one degree of freedom or less: t has no mean there.
    """
    tail = tail_probability(alpha, "two-sided")
    if not standard_error > 0 or not math.isfinite(difference) or not degrees_of_freedom > 0:
        missing = Undefined("no_variance")
        no_limits = Interval(missing, missing, 1 - alpha, "credible")
        return BayesianView(missing, missing, missing, no_limits)
    t = difference / standard_error
    reach = -float(stdtrit(degrees_of_freedom, tail)) * standard_error
    losses = [_t_loss(sign * t, degrees_of_freedom) for sign in (1, -1)]
    scaled: list[Value] = [
        loss if isinstance(loss, Undefined) else standard_error * loss for loss in losses
    ]
    return BayesianView(
        probability_treatment_better=float(stdtr(degrees_of_freedom, t)),
        expected_loss_if_treatment=scaled[0],
        expected_loss_if_control=scaled[1],
        difference=Interval(difference - reach, difference + reach, 1 - alpha, "credible"),
    )


def credible_lift_rates(
    control: Counts,
    treatment: Counts,
    *,
    prior_alpha: float = 1.0,
    prior_beta: float = 1.0,
    alpha: float = 0.05,
) -> Interval:
    """Equal-tailed credible interval of treatment/control - 1, by quadrature.

    Args:
        control: Counts of control.
        treatment: Counts of treatment.
        prior_alpha: First parameter of both Beta priors, at least 1/2.
        prior_beta: Second parameter of both priors, at least 1/2.
        alpha: The interval holds 1 - alpha.

    Returns:
        Fractions; ``no_users`` if an arm is empty.
    """
    tail = tail_probability(alpha, "two-sided")
    if not control.n or not treatment.n:
        missing = Undefined("no_users")
        return Interval(missing, missing, 1 - alpha, "credible")
    c, t = (Beta(prior_alpha + a.x, prior_beta + a.n - a.x) for a in (control, treatment))
    lower, upper = (math.expm1(log_ratio_quantile(c, t, tail, side)) for side in (-1, 1))
    return Interval(lower, upper, 1 - alpha, "credible")


def bayesian_lift_with_prior(
    lift: float,
    standard_error: float,
    *,
    prior_deviation: float,
    alpha: float = 0.05,
) -> BayesianView:
    """A lift with a normal prior around 0, such as one's own history gives: normal posterior.

    Args:
        lift: Estimate, a fraction.
        standard_error: Of the lift, > 0.
        prior_deviation: Standard deviation of true lifts, > 0.
        alpha: The credible interval holds 1 - alpha.

    Returns:
        Losses and interval are of the lift.
    """
    if not prior_deviation > 0:
        raise ValueError(f"a prior needs a standard deviation above 0, got {prior_deviation}")
    noise, prior = standard_error**2, prior_deviation**2
    weight = prior / (prior + noise) if noise < math.inf else 0.0
    spread = math.sqrt(weight) * standard_error
    return bayesian_difference(weight * lift, spread, math.inf, alpha=alpha)


def _t_loss(t: float, freedom: float) -> Value:
    """Mean of max(0, -T) for T = t + Student's t."""
    if freedom <= 1:
        return Undefined("too_few_units")
    if math.isinf(freedom):
        density = math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
        return max(0.0, density - t * float(stdtr(freedom, -t)))
    logarithm = -betaln(0.5, freedom / 2) - 0.5 * math.log(freedom)
    logarithm -= (freedom + 1) / 2 * math.log1p(t * t / freedom)
    density = math.exp(logarithm) * (freedom + t * t) / (freedom - 1)
    return max(0.0, density - t * float(stdtr(freedom, -t)))
