"""Of several arms: the probability of each to be the best, by quadrature."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, ndtr, ndtri, stdtr, stdtrit

from experiments_core.stats.beta import TAILS, Array, Beta, grid, panels
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.moments import Counts


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
    posteriors = [Beta(prior_alpha + a.x, prior_beta + a.n - a.x) for a in arms]
    rates, widths = grid(np.concatenate([one.angles() for one in posteriors]))
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
    tails = np.concatenate([TAILS, 1 - TAILS[:-1]])
    tails = tails[(tails > 0) & (tails < 1)]
    edges = [mean + error * _t_quantiles(freedom, tails) for mean, error, freedom in arms]
    points, widths = panels(np.concatenate(edges))
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
