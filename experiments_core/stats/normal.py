"""Tails of the normal distribution. Tails come from the tail, never from 1 - cdf."""

from __future__ import annotations

from scipy.special import ndtr, ndtri

from experiments_core.stats.contrasts import SMALLEST_P


def critical_value(tail: float) -> float:
    """Point beyond which the standard normal has the probability ``tail``."""
    return -float(ndtri(tail))


def p_value(z: float, alternative: str = "two-sided") -> float:
    """Tail probability of a z statistic, for the alternative named; never 0."""
    if alternative == "two-sided":
        return min(1.0, max(2 * float(ndtr(-abs(z))), SMALLEST_P))
    toward = -z if alternative == "greater" else z
    return max(float(ndtr(toward)), SMALLEST_P)
