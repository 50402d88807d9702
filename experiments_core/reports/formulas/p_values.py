"""From statistics to p-values: one comparison, the split, phases, looks, families."""

import math
from collections.abc import Mapping, Sequence

from scipy.stats import chi2, norm, t

from experiments_core.reports.formulas.strata import Number

SMALLEST = 5e-324  # the smallest positive number stands for every smaller p-value
LEAST_EXPECTED = 8


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


def hochberg(p_values: Sequence[float], alpha: float) -> tuple[list[float], list[float]]:
    """Holm's factors from the largest p down (Hochberg 1988)."""
    m = len(p_values)
    adjusted = stepped_up(p_values, [m - i for i in range(m)])
    rejected = sum(p < alpha for p in adjusted)
    left = max(1, m - rejected)
    return adjusted, [alpha / (m - rejected + 1 if p < alpha else left) for p in adjusted]


def bonferroni(p_values: Sequence[float], alpha: float) -> tuple[list[float], list[float]]:
    """Every one at its share of alpha."""
    m = len(p_values)
    return [min(1.0, m * p) for p in p_values], [alpha / m] * m


def benjamini_hochberg(
    p_values: Sequence[float], alpha: float, price: float = 1.0
) -> tuple[list[float], list[float]]:
    """Adjusted p-values and false-coverage levels (Benjamini & Yekutieli 2005)."""
    m = len(p_values)
    adjusted = stepped_up(p_values, [price * m / (i + 1) for i in range(m)])
    found = sum(p < alpha for p in adjusted)
    return adjusted, [max(1, found) * alpha / m / price] * m


def benjamini_yekutieli(
    p_values: Sequence[float], alpha: float
) -> tuple[list[float], list[float]]:
    """The same for any dependence, at the price of the sum of 1/i (2001)."""
    return benjamini_hochberg(p_values, alpha, sum(1 / (i + 1) for i in range(len(p_values))))


def stepped_up(p_values: Sequence[float], factors: Sequence[float]) -> list[float]:
    """Smallest factor times p over the p-values that are as large or larger, at most 1."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, lowest = [0.0] * len(p_values), 1.0
    for i, factor in zip(reversed(order), reversed(factors), strict=True):
        lowest = min(lowest, factor * p_values[i])
        adjusted[i] = lowest
    return adjusted


CORRECTIONS = {
    "holm": holm, "hochberg": hochberg, "bonferroni": bonferroni, "bh": benjamini_hochberg,
    "by": benjamini_yekutieli,
}  # fmt: skip
