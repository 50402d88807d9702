"""The Bayesian view: shown on demand beside the verdict, never instead of it.

Rates have independent Beta posteriors, means a flat prior. Looking every day is not harmless
here either: without any effect, a probability above 0.95 turns up at one of 14 daily looks in
about a fifth of all tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import (
    betainc,
    betaincc,
    betainccinv,
    betaincinv,
    betaln,
    ndtr,
    ndtri,
    stdtr,
    stdtrit,
    xlog1py,
    xlogy,
)  # fmt: skip

from experiments_core.stats.contrasts import tail_probability
from experiments_core.stats.estimate import Interval, Undefined, Value
from experiments_core.stats.moments import Counts
from experiments_core.stats.roots import outside, root

Array = NDArray[np.float64]

_TAILS = np.array([1e-18, 1e-12, 1e-8, 1e-4, 0.02, 0.2, 0.5])
_NODES = 24


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


@dataclass(frozen=True, slots=True)
class _Beta:
    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> float:
        return self.mean * (1 - self.mean) / (self.a + self.b + 1)

    def angles(self) -> Array:
        """Points that cut the distribution into pieces, on the scale asin(sqrt(rate))."""
        ends = betaincinv(self.a, self.b, _TAILS), betainccinv(self.a, self.b, _TAILS[:-1])
        return np.asarray(np.arcsin(np.sqrt(np.concatenate(ends))), dtype=np.float64)

    def density(self, rates: Array) -> Array:
        """Of the angle asin(sqrt(rate)), at these rates: bounded even for a, b = 1/2."""
        logarithm = xlogy(self.a - 0.5, rates) + xlog1py(self.b - 0.5, -rates)
        return np.asarray(2 * np.exp(logarithm - betaln(self.a, self.b)), dtype=np.float64)

    def below(self, rates: Array) -> Array:
        return np.asarray(betainc(self.a, self.b, np.clip(rates, 0.0, 1.0)), dtype=np.float64)

    def above(self, rates: Array) -> Array:
        return np.asarray(betaincc(self.a, self.b, np.clip(rates, 0.0, 1.0)), dtype=np.float64)


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
    c, t = (_Beta(prior_alpha + a.x, prior_beta + a.n - a.x) for a in (control, treatment))
    rates, widths = _grid(np.concatenate([c.angles(), t.angles()]))
    jacobian = 2 * np.sqrt(rates * (1 - rates)) * widths
    return BayesianView(
        probability_treatment_better=max(0.0, 1 - _probability_below(c, t, 0.0)),
        expected_loss_if_treatment=float(np.sum(jacobian * t.below(rates) * c.above(rates))),
        expected_loss_if_control=float(np.sum(jacobian * c.below(rates) * t.above(rates))),
        difference=Interval(
            _quantile(c, t, tail, -1), _quantile(c, t, tail, 1), 1 - alpha, "credible"
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
    c, t = (_Beta(prior_alpha + a.x, prior_beta + a.n - a.x) for a in (control, treatment))
    lower, upper = (math.expm1(_log_ratio(c, t, tail, side)) for side in (-1, 1))
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


def probabilities_best_rates(
    arms: Sequence[Counts],
    *,
    prior_alpha: float = 1.0,
    prior_beta: float = 1.0,
    highest: bool = True,
) -> tuple[Value, ...]:
    """Probability of each arm to have the highest (or lowest) rate: ∫ f_i Π F_j.

    Args:
        arms: Counts, any number of arms.
        prior_alpha: First parameter of every Beta prior, at least 1/2.
        prior_beta: Second parameter, at least 1/2.
        highest: Best is highest; else lowest.

    Returns:
        One probability per arm, their sum is 1; all ``no_users`` if an arm is empty.
    """
    if any(not arm.n for arm in arms):
        return (Undefined("no_users"),) * len(arms)
    posteriors = [_Beta(prior_alpha + a.x, prior_beta + a.n - a.x) for a in arms]
    rates, widths = _grid(np.concatenate([one.angles() for one in posteriors]))
    beyond = [one.below(rates) if highest else one.above(rates) for one in posteriors]
    densities = [one.density(rates) for one in posteriors]
    return _shares(densities, beyond, widths)


def probabilities_best_means(
    arms: Sequence[tuple[float, float, float]], *, highest: bool = True
) -> tuple[Value, ...]:
    """Probability of each arm to have the highest (or lowest) mean, with flat priors.

    Args:
        arms: (mean, standard error > 0, degrees of freedom) of each arm.
        highest: Best is highest; else lowest.

    Returns:
        One probability per arm, their sum is 1; all ``no_variance`` if one has no noise.
    """
    if any(not error > 0 or not freedom > 0 for _, error, freedom in arms):
        return (Undefined("no_variance"),) * len(arms)
    tails = np.concatenate([_TAILS, 1 - _TAILS[:-1]])
    tails = tails[(tails > 0) & (tails < 1)]
    edges = np.unique(
        np.concatenate([
            mean + error * _t_quantiles(freedom, tails) for mean, error, freedom in arms
        ])
    )  # fmt: skip
    nodes, weights = _gauss()
    half = np.diff(edges)[:, None] / 2
    points = (edges[:-1, None] + half * (1 + nodes)).ravel()
    widths = (half * weights).ravel()
    standard = [((points - mean) / error, freedom) for mean, error, freedom in arms]
    side = 1 if highest else -1
    beyond = [_t_below(freedom, side * z) for z, freedom in standard]
    densities = [
        _t_density(freedom, z) / error
        for (z, freedom), (_, error, _) in zip(standard, arms, strict=True)
    ]
    return _shares(densities, beyond, widths)


def _shares(
    densities: Sequence[Array], beyond: Sequence[Array], widths: Array
) -> tuple[Value, ...]:
    """∫ f_i Π_j F_j over all other arms, scaled to the sum 1."""
    found = []
    for i, density in enumerate(densities):
        others = [one for j, one in enumerate(beyond) if j != i]
        found.append(float(np.sum(density * np.prod(others, axis=0) * widths)))
    return tuple(one / math.fsum(found) for one in found)


def _t_quantiles(freedom: float, tails: Array) -> Array:
    found = ndtri(tails) if math.isinf(freedom) else stdtrit(freedom, tails)
    return np.asarray(found, dtype=np.float64)


def _t_below(freedom: float, z: Array) -> Array:
    return np.asarray(ndtr(z) if math.isinf(freedom) else stdtr(freedom, z), dtype=np.float64)


def _t_density(freedom: float, z: Array) -> Array:
    if math.isinf(freedom):
        return np.asarray(np.exp(-z * z / 2) / math.sqrt(2 * math.pi), dtype=np.float64)
    scale = -betaln(0.5, freedom / 2) - 0.5 * math.log(freedom)
    return np.asarray(
        np.exp(scale - (freedom + 1) / 2 * np.log1p(z * z / freedom)), dtype=np.float64
    )


def _log_ratio(control: _Beta, treatment: _Beta, tail: float, side: int) -> float:
    """Logarithm of the ratio of the rates below (or above) which the tail lies."""
    middle = math.log(treatment.mean / control.mean)
    step = (
        side
        * 2
        * math.hypot(*(math.sqrt(one.variance) / one.mean for one in (control, treatment)))
    )

    def beyond(log_ratio: float) -> float:
        below = _probability_ratio_below(control, treatment, math.exp(log_ratio))
        return tail - (below if side < 0 else 1 - below)

    inside, far = outside(beyond, middle, step, side * 600.0)
    return root(beyond, inside, far, 1e-12 * abs(step))


def _probability_ratio_below(control: _Beta, treatment: _Beta, ratio: float) -> float:
    """P(treatment <= ratio * control), integrated over control."""
    rates, widths = _grid(control.angles())
    weights = control.density(rates) * widths
    return float(np.sum(weights * treatment.below(rates * ratio)) / np.sum(weights))


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


def _probability_below(control: _Beta, treatment: _Beta, difference: float) -> float:
    """P(treatment - control <= difference), integrated over the narrower of the two."""
    narrow = control if control.variance < treatment.variance else treatment
    rates, widths = _grid(narrow.angles())
    weights = narrow.density(rates) * widths
    if narrow is control:
        beyond = treatment.below(rates + difference)
    else:
        beyond = control.above(rates - difference)
    return float(np.sum(weights * beyond) / np.sum(weights))


def _quantile(control: _Beta, treatment: _Beta, tail: float, side: int) -> float:
    mean = treatment.mean - control.mean
    step = side * 2 * math.sqrt(control.variance + treatment.variance)

    def beyond(difference: float) -> float:
        below = _probability_below(control, treatment, difference)
        return tail - (below if side < 0 else 1 - below)

    inside, far = outside(beyond, mean, step, float(side))
    return root(beyond, inside, far, 1e-12 * abs(step))


def _grid(angles: Array) -> tuple[Array, Array]:
    """Rates and weights of Gauss-Legendre panels between the angles."""
    edges = np.unique(angles)
    nodes, weights = _gauss()
    half = np.diff(edges)[:, None] / 2
    points = edges[:-1, None] + half * (1 + nodes)
    return np.sin(points.ravel()) ** 2, (half * weights).ravel()


@cache
def _gauss() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights
