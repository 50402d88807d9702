"""Several hypotheses at once: adjusted p-values, and the level at which each interval agrees.

The level ``alpha_local`` makes "p < alpha_local", "adjusted p < alpha" and "the interval at
level 1 - alpha_local excludes 0" one statement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from experiments_core.stats.estimate import Undefined, Value


@dataclass(frozen=True, slots=True)
class Family:
    """Hypotheses that were judged together, in the order they came.

    Attributes:
        adjusted: Adjusted p-values, to be compared with the family's alpha.
        alpha_local: Level of each hypothesis' own test and intervals.
        rejected: The decision.
    """

    adjusted: tuple[Value, ...]
    alpha_local: tuple[float, ...]
    rejected: tuple[bool, ...]

    @property
    def rejections(self) -> int:
        """How many are rejected."""
        return sum(self.rejected)


def holm(p_values: Sequence[Value], alpha: float = 0.05) -> Family:
    """Holm's step-down method: no false win in the family but with probability alpha.

    Level of a rejected hypothesis alpha/(m - R + 1), of the others alpha/(m - R), for R
    rejections among m.

    Args:
        p_values: One per planned hypothesis. One that cannot be computed stays in the family,
            because it was planned, and is never rejected.
        alpha: Of the family, a fraction.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70.
    """
    m = len(p_values)
    return _family(p_values, alpha, [m - i for i in range(m)], _step_level(m), steps="down")


def hochberg(p_values: Sequence[Value], alpha: float = 0.05) -> Family:
    """Hochberg's step-up method: Holm's levels from the largest p down; needs independence.

    Source: Hochberg 1988, Biometrika 75:800-802.
    """
    m = len(p_values)
    return _family(p_values, alpha, [m - i for i in range(m)], _step_level(m), steps="up")


def bonferroni(p_values: Sequence[Value], alpha: float = 0.05) -> Family:
    """Every hypothesis at alpha/m; the intervals hold together with probability 1 - alpha."""
    m = len(p_values)
    return _family(p_values, alpha, [m] * m, lambda _: (m, m), steps="down")


def benjamini_hochberg(p_values: Sequence[Value], alpha: float = 0.05) -> Family:
    """Share of false discoveries at most alpha; intervals at max(1, R) alpha/m.

    Sources: Benjamini & Hochberg 1995, JRSS B 57:289-300; Benjamini & Yekutieli 2005, JASA
    100:71-81 (the intervals).
    """
    return _discoveries(p_values, alpha, 1.0)


def benjamini_yekutieli(p_values: Sequence[Value], alpha: float = 0.05) -> Family:
    """As :func:`benjamini_hochberg`, for any dependence: m grows by Σ 1/i.

    Source: Benjamini & Yekutieli 2001, Annals of Statistics 29:1165-1188.
    """
    harmonic = math.fsum(1 / (i + 1) for i in range(len(p_values)))
    return _discoveries(p_values, alpha, harmonic)


def _discoveries(p_values: Sequence[Value], alpha: float, price: float) -> Family:
    m = len(p_values) * price
    factors = [m / (i + 1) for i in range(len(p_values))]

    def divisors(rejections: int) -> tuple[float, float]:
        divisor = m / max(1, rejections)
        return divisor, divisor

    return _family(p_values, alpha, factors, divisors, steps="up")


def _step_level(m: int) -> Callable[[int], tuple[float, float]]:
    return lambda rejections: (m - rejections + 1, max(1, m - rejections))


def _ordered(p_values: Sequence[Value]) -> list[float]:
    return sorted(1.0 if isinstance(p, Undefined) else p for p in p_values)


def _first(ordered: Sequence[float], factors: Sequence[float], alpha: float) -> int:
    """Rejections of a step-down method: up to the first p that is too large."""
    for i, (p, factor) in enumerate(zip(ordered, factors, strict=True)):
        if not p < alpha / factor:
            return i
    return len(ordered)


def _last(ordered: Sequence[float], factors: Sequence[float], alpha: float) -> int:
    """Rejections of a step-up method: up to the last p that is small enough."""
    small = [i for i, p in enumerate(ordered) if p < alpha / factors[i]]
    return small[-1] + 1 if small else 0


def _family(
    p_values: Sequence[Value],
    alpha: float,
    factors: Sequence[float],
    divisors: Callable[[int], tuple[float, float]],
    *,
    steps: Literal["down", "up"],
) -> Family:
    """Decide from the smallest p on (``down``) or from the largest (``up``).

    Args:
        p_values: In any order, which the family keeps.
        alpha: Of the family.
        factors: What the p-values are multiplied by, the smallest p first.
        divisors: Number of rejections -> what alpha is divided by for the level of a rejected
            hypothesis, and of another.
        steps: Way of the method.
    """
    find, monotone = (
        (_first, _running_maximum) if steps == "down" else (_last, _running_minimum)
    )
    rejections = find(_ordered(p_values), factors, alpha)
    of_rejected, of_others = divisors(rejections)
    known = [i for i, p in enumerate(p_values) if not isinstance(p, Undefined)]
    order = sorted(range(len(p_values)), key=lambda i: (_number(p_values[i]), i not in known))
    raised = monotone([_number(p_values[i]) * f for i, f in zip(order, factors, strict=True)])
    adjusted: list[Value] = list(p_values)
    rejected = [False] * len(p_values)
    for rank, (i, p) in enumerate(zip(order, raised, strict=True)):
        rejected[i] = rank < rejections
        if i in known:
            adjusted[i] = _agree(min(1.0, p), alpha, is_rejected=rejected[i])
    levels = tuple(alpha / (of_rejected if r else of_others) for r in rejected)
    return Family(tuple(adjusted), levels, tuple(rejected))


def _agree(p: float, alpha: float, *, is_rejected: bool) -> float:
    """Move an adjusted p-value by the rounding error that would contradict the decision."""
    return min(p, math.nextafter(alpha, 0.0)) if is_rejected else max(p, alpha)


def _number(p: Value) -> float:
    return 1.0 if isinstance(p, Undefined) else p


def _running_maximum(numbers: list[float]) -> list[float]:
    return list(accumulate(numbers, max))


def _running_minimum(numbers: list[float]) -> list[float]:
    return list(accumulate(reversed(numbers), min))[::-1]
