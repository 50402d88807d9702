"""Looking at a running test: critical values that stay honest however often one looks.

Without a planned maximum: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha,
Kennedy & Ramdas 2024, Annals of Statistics 52:2613-2640, built on Robbins' normal mixture
(Robbins 1970, Annals of Mathematical Statistics 41:1397-1409). It holds at all looks together.
"""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri_exp

_LOG_SMALLEST_P = math.log(5e-324)


def z_of_two_sided_p(p_value: float) -> float:
    """The |z| whose two-sided p-value is given, so that t statistics can be judged as z.

    Args:
        p_value: In [0, 1]; 0 is read as the smallest positive number.
    """
    log_p = math.log(p_value) if p_value > 0 else _LOG_SMALLEST_P
    return max(0.0, -float(ndtri_exp(log_p - math.log(2))))


def two_sided_p_of_z(z: float) -> float:
    """Two-sided p-value of a standard normal statistic."""
    return 2 * float(ndtr(-abs(z)))


def always_valid_critical_value(n_total: int, alpha: float, tuned_to: int) -> float:
    """Bound c_n on |z| of the confidence sequence: |z| > c_n decides, at any look.

    Args:
        n_total: Units of both arms so far, >= 1.
        alpha: Error rate over all looks, a fraction.
        tuned_to: Units of both arms at which the sequence is tightest; fixed before the first
            look.
    """
    u = _information(n_total, alpha, tuned_to)
    return math.sqrt(2 * (u + 1) / u * (math.log1p(u) / 2 - math.log(alpha)))


def always_valid_alpha(n_total: int, alpha: float, tuned_to: int) -> float:
    """Level at which test and intervals are taken at this look: 2 (1 - Phi(c_n))."""
    return two_sided_p_of_z(always_valid_critical_value(n_total, alpha, tuned_to))


def always_valid_p_value(z: float, n_total: int, alpha: float, tuned_to: int) -> float:
    """p-value of the confidence sequence: at most alpha exactly when |z| >= c_n.

    Args:
        z: The statistic of this look (of a t test: the z of equal p).
        n_total: Units of both arms so far, >= 1.
        alpha: Error rate of the plan; part of the tuning.
        tuned_to: As in :func:`always_valid_critical_value`.
    """
    u = _information(n_total, alpha, tuned_to)
    return math.exp(min(0.0, math.log1p(u) / 2 - u * z * z / (2 * (u + 1))))


def _information(n_total: int, alpha: float, tuned_to: int) -> float:
    """Units times the mixture variance ρ² that makes the sequence tightest at ``tuned_to``."""
    if not (0 < alpha < 1 and tuned_to >= 1 and n_total >= 1):
        message = f"no confidence sequence at n = {n_total}, alpha = {alpha}, N* = {tuned_to}"
        raise ValueError(message)
    doubled = -2 * math.log(alpha)
    return n_total * (doubled + math.log1p(doubled)) / tuned_to
