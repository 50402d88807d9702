"""The plain formulas behind every printed number, written out once more.

This text is printed, word for word, into each downloaded notebook, so it imports nothing of
Upshot. Roots are found by bracketing, not by the closed forms that the product uses: the two
routes have to meet.

Control comes before treatment. A stratum (a phase) is a pair ``(control, treatment)``; an arm
of a rate is ``(n, x)``, an arm of a mean ``(n, mean, variance)``. Rates and lifts are
fractions; an interval at ``alpha`` has the confidence level 1 - alpha.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from scipy.optimize import brentq
from scipy.stats import chi2, norm, t

RateArm = tuple[int, int]
MeanArm = tuple[int, float, float]
RateStrata = Sequence[tuple[RateArm, RateArm]]
MeanStrata = Sequence[tuple[MeanArm, MeanArm]]
Number = float | None  # None: the number does not exist
Limits = tuple[Number, Number]

SMALLEST = 5e-324  # the smallest positive number stands for every smaller p-value
LEAST_EXPECTED = 8


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Find where a function crosses 0 between two points, to the last digits."""
    return float(brentq(function, low, high, xtol=1e-300, rtol=1e-15, maxiter=1000))


# One arm


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


def mean_limits(n: int, mean: float, variance: float, alpha: float) -> Limits:
    """Interval of a mean by Student's t."""
    if n < 2:
        return None, None
    half = t.isf(alpha / 2, n - 1) * math.sqrt(variance / n)
    return mean - half, mean + half


# Weights of the phases: Mantel & Haenszel 1959. One phase has the weight 1.


def weights(strata: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[float]:
    """Share of each phase: n_c n_t / (n_c + n_t), scaled to the sum 1.

    A phase without one arm has weight 0; with several phases of means, so has a phase with a
    single unit in an arm.
    """
    least = 2 if len(strata) > 1 and len(strata[0][0]) == 3 else 1
    raw = [c[0] * q[0] / (c[0] + q[0]) if min(c[0], q[0]) >= least else 0.0 for c, q in strata]
    return [w / sum(raw) for w in raw]


def weighted(strata: RateStrata | MeanStrata, side: int) -> float:
    """Rate or mean of one side (0 control, 1 treatment), phases weighted alike."""
    return sum(
        w * (pair[side][1] / pair[side][0] if len(pair[side]) == 2 else pair[side][1])
        for w, pair in zip(weights(strata), strata, strict=True)
        if w
    )


# Two rates


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


# Two means


def mean_parts(strata: MeanStrata) -> tuple[float, float, float, float, float]:
    """Weighted means, their variances and Welch's degrees of freedom over all arms."""
    control = treatment = v_control = v_treatment = below = 0.0
    for w, ((n_c, m_c, s_c), (n_t, m_t, s_t)) in zip(weights(strata), strata, strict=True):
        if not w:
            continue
        control += w * m_c
        treatment += w * m_t
        v_control += w * w * s_c / n_c
        v_treatment += w * w * s_t / n_t
        below += (w * w * s_c / n_c) ** 2 / (n_c - 1) + (w * w * s_t / n_t) ** 2 / (n_t - 1)
    freedom = (v_control + v_treatment) ** 2 / below if below > 0 else math.inf
    return control, treatment, v_control, v_treatment, freedom


def mean_t(strata: MeanStrata) -> tuple[float, float]:
    """Welch's t and its degrees of freedom (Welch 1947)."""
    control, treatment, v_control, v_treatment, freedom = mean_parts(strata)
    return (treatment - control) / math.sqrt(v_control + v_treatment), freedom


def mean_difference_limits(strata: MeanStrata, alpha: float) -> Limits:
    """Interval of the difference of means by the same t."""
    control, treatment, v_control, v_treatment, freedom = mean_parts(strata)
    half = t.isf(alpha / 2, freedom) * math.sqrt(v_control + v_treatment)
    return treatment - control - half, treatment - control + half


def mean_lift_limits(strata: MeanStrata, alpha: float) -> Limits:
    """Interval of the lift of a mean (Fieller 1954); none if control may be 0."""
    control, treatment, v_control, v_treatment, freedom = mean_parts(strata)
    crit = t.isf(alpha / 2, freedom)
    a = control**2 - crit**2 * v_control
    if control <= 0 or a <= 0:
        return None, None
    b = treatment * control
    spread = crit * math.sqrt(
        treatment**2 * v_control + control**2 * v_treatment - crit**2 * v_control * v_treatment
    )
    return (b - spread) / a - 1, (b + spread) / a - 1


# Tests


def p_value(statistic: float, freedom: float, alternative: str) -> float:
    """Tail of the normal (freedom = infinity) or t distribution; never printed as 0."""

    def above(x: float) -> float:
        return float(norm.sf(x) if math.isinf(freedom) else t.sf(x, freedom))

    tails = {
        "two-sided": 2 * above(abs(statistic)),
        "greater": above(statistic),
        "less": above(-statistic),
    }
    return max(tails[alternative], SMALLEST)


def sample_ratio_p_value(
    phases: Sequence[tuple[Mapping[str, int], Mapping[str, float]]],
) -> Number:
    """Chi-square of the counts against the planned weights, summed over the phases.

    A phase with fewer than 8 expected units in an arm is left out.
    """
    chi_square, freedom = 0.0, 0
    for observed, planned in phases:
        arms = [arm for arm, weight in planned.items() if weight > 0]
        total, whole = sum(observed.get(a, 0) for a in arms), sum(planned[a] for a in arms)
        if len(arms) < 2 or total * min(planned[a] for a in arms) / whole < LEAST_EXPECTED:
            continue
        for arm in arms:
            expected = total * planned[arm] / whole
            chi_square += (observed.get(arm, 0) - expected) ** 2 / expected
        freedom += len(arms) - 1
    return max(float(chi2.sf(chi_square, freedom)), SMALLEST) if freedom else None


def heterogeneity_p_value(effects: Sequence[tuple[float, float]]) -> Number:
    """Cochran's Q over (difference, variance) of each phase: do the phases differ?"""
    used = [(d, v) for d, v in effects if v > 0]
    if len(used) < 2:
        return None
    centre = sum(d / v for d, v in used) / sum(1 / v for _, v in used)
    q = sum((d - centre) ** 2 / v for d, v in used)
    return max(float(chi2.sf(q, len(used) - 1)), SMALLEST)


def always_valid_bound(n_total: int, alpha: float, tuned_to: int) -> float:
    """How large |z| must be at n units to hold at any look (Waudby-Smith et al. 2024)."""
    u = information(n_total, alpha, tuned_to)
    return math.sqrt(2 * (u + 1) / u * math.log(math.sqrt(u + 1) / alpha))


def always_valid_p_value(z: float, n_total: int, alpha: float, tuned_to: int) -> float:
    """The p-value of the same sequence."""
    u = information(n_total, alpha, tuned_to)
    return min(1.0, math.exp(math.log(u + 1) / 2 - u * z * z / (2 * (u + 1))))


def information(n_total: int, alpha: float, tuned_to: int) -> float:
    """Units in multiples of what the sequence is tuned to."""
    return n_total * (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / tuned_to


def holm(p_values: Sequence[float], alpha: float) -> tuple[list[float], list[float]]:
    """Adjusted p-values and the level at which each interval agrees with them (Holm 1979)."""
    m = len(p_values)
    order = sorted(range(m), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * m, 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (m - rank) * p_values[i]))
        adjusted[i] = highest
    rejected = sum(p < alpha for p in adjusted)
    return adjusted, [
        alpha / (m - rejected + 1) if p < alpha else alpha / (m - rejected) for p in adjusted
    ]


def benjamini_hochberg(
    p_values: Sequence[float], alpha: float
) -> tuple[list[float], list[float]]:
    """Adjusted p-values and false-coverage levels (Benjamini & Yekutieli 2005)."""
    m = len(p_values)
    order = sorted(range(m), key=lambda i: p_values[i], reverse=True)
    adjusted, lowest = [0.0] * m, 1.0
    for rank, i in enumerate(order):
        lowest = min(lowest, m / (m - rank) * p_values[i])
        adjusted[i] = lowest
    found = sum(p < alpha for p in adjusted)
    return adjusted, [max(1, found) * alpha / m] * m
