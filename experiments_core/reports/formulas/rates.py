"""Rates: intervals of one and of two, and the tests that belong to them.

Limits are found by bracketing, not by the closed forms that the product uses: the two routes
have to meet. Rates and lifts are fractions; an interval at ``alpha`` has the confidence level
1 - alpha.
"""

import math
from collections.abc import Callable

from scipy.optimize import brentq
from scipy.stats import norm

from experiments_core.reports.formulas.strata import (
    Limits,
    RateArm,
    RateStrata,
    weighted,
    weights,
)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Find where a function crosses 0 between two points, to the last digits."""
    return float(brentq(function, low, high, xtol=1e-300, rtol=1e-15, maxiter=1000))


def wilson(n: int, x: int, alpha: float) -> Limits:
    """Wilson's score interval of a rate (Wilson 1927)."""
    if n == 0:
        return None, None
    z = norm.isf(alpha / 2)
    rate = x / n
    centre = x + z * z / 2
    spread = z * math.sqrt(n * rate * (1 - rate) + z * z / 4)
    lower = 0.0 if x == 0 else (centre - spread) / (n + z * z)
    upper = 1.0 if x == n else (centre + spread) / (n + z * z)
    return lower, upper


def constrained_rate(control: RateArm, treatment: RateArm, delta: float) -> float:
    """Most likely rate of control if the true difference were delta (Mee 1984).

    The derivative of the log-likelihood, times p(1 - p)q(1 - q), is positive below the
    maximum and negative above it.
    """
    (n_c, x_c), (n_t, x_t) = control, treatment
    low, high = max(0.0, -delta), min(1.0, 1.0 - delta)

    def slope(p: float) -> float:
        q = p + delta
        own = (x_c * (1 - p) - (n_c - x_c) * p) * q * (1 - q)
        return own + (x_t * (1 - q) - (n_t - x_t) * q) * p * (1 - p)

    just_above = low * (1 + 2**-51) or 1e-200
    just_below = high - 2**-51
    if slope(just_above) <= 0:
        return low
    return high if slope(just_below) >= 0 else root(slope, just_above, just_below)


def standardised(gap: float, variance: float) -> float:
    """A gap in units of its noise; without noise any gap is infinitely large."""
    if variance > 0:
        return gap / math.sqrt(variance)
    return math.copysign(math.inf, gap) if gap else 0.0


def rate_z(strata: RateStrata, delta: float = 0.0) -> float:
    """Score statistic against a true difference of delta; at 0 the pooled z (or CMH) test."""
    top = variance = 0.0
    for w, (control, treatment) in zip(weights(strata), strata, strict=True):
        if not w:
            continue
        (n_c, x_c), (n_t, x_t) = control, treatment
        p = (
            (x_c + x_t) / (n_c + n_t)
            if delta == 0
            else constrained_rate(control, treatment, delta)
        )
        q = p + delta
        top += w * (x_t / n_t - x_c / n_c - delta)
        variance += w * w * (p * (1 - p) / n_c + q * (1 - q) / n_t)
    return standardised(top, variance)


def ratio_z(strata: RateStrata, ratio: float) -> float:
    """Score statistic against a true ratio of rates (Koopman 1984)."""
    top = variance = 0.0
    for w, ((n_c, x_c), (n_t, x_t)) in zip(weights(strata), strata, strict=True):
        if not w:
            continue
        a = (n_c + n_t) * ratio
        b = n_t * ratio + x_t + n_c + x_c * ratio
        c = x_c + x_t
        p = 2 * c / (b + math.sqrt(max(0.0, b * b - 4 * a * c)))
        q = min(1.0, ratio * p)
        top += w * (x_t / n_t - ratio * x_c / n_c)
        variance += w * w * (q * (1 - q) / n_t + ratio * ratio * p * (1 - p) / n_c)
    return standardised(top, variance)


def rate_difference_limits(strata: RateStrata, alpha: float) -> Limits:
    """Every difference that the score test at this level does not reject."""
    z = norm.isf(alpha / 2)
    d = weighted(strata, 1) - weighted(strata, 0)
    edge = 1 - 1e-12

    def lower(delta: float) -> float:
        return rate_z(strata, delta) - z

    def upper(delta: float) -> float:
        return rate_z(strata, delta) + z

    return (
        root(lower, -edge, d) if d > -edge and lower(-edge) > 0 else -1.0,
        root(upper, d, edge) if d < edge and upper(edge) < 0 else 1.0,
    )


def rate_lift_limits(strata: RateStrata, alpha: float) -> Limits:
    """Every lift that the score test of the ratio at this level does not reject."""
    z = norm.isf(alpha / 2)
    control, treatment = weighted(strata, 0), weighted(strata, 1)
    if control == 0 and treatment == 0:
        return None, None

    def lower(log_ratio: float) -> float:
        return ratio_z(strata, math.exp(log_ratio)) - z

    def upper(log_ratio: float) -> float:
        return ratio_z(strata, math.exp(log_ratio)) + z

    middle = math.log(treatment / control) if control and treatment else 0.0
    low, high = middle, middle
    while treatment and lower(low) < 0:
        low -= 1.0
    while lower(high) > 0:
        high += 1.0
    lowest = math.expm1(root(lower, low, high)) if treatment else -1.0
    low, high = middle, middle
    while upper(low) < 0:
        low -= 1.0
    while control and upper(high) > 0:
        high += 1.0
    return lowest, math.expm1(root(upper, low, high)) if control else None
