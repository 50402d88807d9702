"""Means: Student's interval of one, Welch's test and Fieller's interval of two."""

import math

from scipy.stats import t

from experiments_core.reports.formulas.strata import Limits, MeanStrata, weights


def mean_limits(n: int, mean: float, variance: float, alpha: float) -> Limits:
    """Interval of a mean by Student's t."""
    if n < 2:
        return None, None
    half = t.isf(alpha / 2, n - 1) * math.sqrt(variance / n)
    return mean - half, mean + half


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
