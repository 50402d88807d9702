"""Two rates with Beta posteriors, integrated by quadrature instead of simulated.

The scale is asin(sqrt(rate)), on which the densities are bounded; Gauss-Legendre panels lie
between quantiles of the distributions themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc, betainccinv, betaincinv, betaln, xlog1py, xlogy

from experiments_core.stats.roots import outside, root

Array = NDArray[np.float64]

TAILS = np.array([1e-18, 1e-12, 1e-8, 1e-4, 0.02, 0.2, 0.5])
_NODES = 24


@dataclass(frozen=True, slots=True)
class Beta:
    """The posterior of a rate.

    Attributes:
        a: Conversions, with those of the prior.
        b: The other units, with those of the prior.
    """

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Of the rate, a fraction."""
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> float:
        """Of the rate."""
        return self.mean * (1 - self.mean) / (self.a + self.b + 1)

    def rates(self) -> Array:
        """Rates that cut the distribution into pieces."""
        ends = betaincinv(self.a, self.b, TAILS), betainccinv(self.a, self.b, TAILS[:-1])
        return np.asarray(np.concatenate(ends), dtype=np.float64)

    def angles(self) -> Array:
        """The same on the scale asin(sqrt(rate))."""
        return np.asarray(np.arcsin(np.sqrt(self.rates())), dtype=np.float64)

    def density(self, rates: Array) -> Array:
        """Of the angle asin(sqrt(rate)), at these rates: bounded even for a, b = 1/2."""
        logarithm = xlogy(self.a - 0.5, rates) + xlog1py(self.b - 0.5, -rates)
        return np.asarray(2 * np.exp(logarithm - betaln(self.a, self.b)), dtype=np.float64)

    def below(self, rates: Array) -> Array:
        """Probability that the rate is at most each of these."""
        return np.asarray(betainc(self.a, self.b, np.clip(rates, 0.0, 1.0)), dtype=np.float64)

    def above(self, rates: Array) -> Array:
        """Probability that the rate is larger; digits are kept where it is small."""
        return np.asarray(betaincc(self.a, self.b, np.clip(rates, 0.0, 1.0)), dtype=np.float64)


def log_ratio_quantile(control: Beta, treatment: Beta, tail: float, side: int) -> float:
    """Logarithm of the ratio of the rates below (side -1) or above (1) which the tail lies."""
    spreads = (math.sqrt(one.variance) / one.mean for one in (control, treatment))
    return _quantile(
        lambda log_ratio: _probability_ratio_below(control, treatment, math.exp(log_ratio)),
        math.log(treatment.mean / control.mean),
        math.hypot(*spreads),
        tail,
        side,
        furthest=600.0,
    )


def _probability_ratio_below(control: Beta, treatment: Beta, ratio: float) -> float:
    """P(treatment <= ratio * control), integrated over control."""
    bends = treatment.rates() / ratio
    rates, widths = grid(_cut(control.angles(), bends))
    weights = control.density(rates) * widths
    return float(np.sum(weights * treatment.below(rates * ratio)) / np.sum(weights))


def probability_below(control: Beta, treatment: Beta, difference: float) -> float:
    """P(treatment - control <= difference), integrated over the narrower of the two."""
    narrow = control if control.variance < treatment.variance else treatment
    bends = treatment.rates() - difference
    if narrow is treatment:
        bends = control.rates() + difference
    rates, widths = grid(_cut(narrow.angles(), bends))
    weights = narrow.density(rates) * widths
    if narrow is control:
        beyond = treatment.below(rates + difference)
    else:
        beyond = control.above(rates - difference)
    return float(np.sum(weights * beyond) / np.sum(weights))


def difference_quantile(control: Beta, treatment: Beta, tail: float, side: int) -> float:
    """Difference of the rates below (side -1) or above (1) which the tail lies."""
    return _quantile(
        lambda difference: probability_below(control, treatment, difference),
        treatment.mean - control.mean,
        math.sqrt(control.variance + treatment.variance),
        tail,
        side,
        furthest=1.0,
    )


def _quantile(
    below: Callable[[float], float],
    middle: float,
    spread: float,
    tail: float,
    side: int,
    *,
    furthest: float,
) -> float:
    def beyond(point: float) -> float:
        share = below(point)
        return tail - (share if side < 0 else 1 - share)

    step = side * 2 * spread
    inside, far = outside(beyond, middle, step, side * furthest)
    return root(beyond, inside, far, 1e-12 * abs(step))


def _cut(angles: Array, bends: Array) -> Array:
    """The same pieces, cut also where the other distribution, as it was moved, bends."""
    inside = np.arcsin(np.sqrt(np.clip(bends, 0.0, 1.0)))
    within = (inside > angles.min()) & (inside < angles.max())
    return np.concatenate([angles, inside[within]])


def grid(angles: Array) -> tuple[Array, Array]:
    """Rates and weights of Gauss-Legendre panels between the angles."""
    points, widths = panels(angles)
    return np.sin(points) ** 2, widths


def panels(edges: Array) -> tuple[Array, Array]:
    """Points and weights of Gauss-Legendre panels between the edges, in any order."""
    edges = np.unique(edges)
    nodes, weights = _gauss()
    half = np.diff(edges)[:, None] / 2
    points = edges[:-1, None] + half * (1 + nodes)
    return points.ravel(), (half * weights).ravel()


@cache
def _gauss() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights
