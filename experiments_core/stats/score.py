"""Score statistics of two rates against any difference and any ratio, one table or several.

A cell is ``(weight, n_c, x_c, n_t, x_t)``: one phase, control before treatment, weights summing
to 1. The variance under a hypothesis uses the rates that are most likely under it, so at "no
difference" both statistics are the pooled z test, and the limits found by inverting them cannot
contradict it.

Sources: Mee 1984, Biometrics 40:1175-1176 (difference); Koopman 1984, Biometrics 40:513-517
(ratio); Miettinen & Nurminen 1985, Stat Med 4:213-226 (strata).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Cell = tuple[float, int, int, int, int]

_PRECISION = 1e-15
_MOST_STEPS = 80


def difference_statistic(cells: Sequence[Cell], delta: float) -> float:
    """Z of Σw(p_t - p_c) against a true difference of ``delta``; ±inf where nothing varies."""
    variance = 0.0
    for w, n_c, x_c, n_t, x_t in cells:
        variance += w * w * difference_variance(n_c, x_c, n_t, x_t, delta)
    return _standardise(weighted_difference(cells) - delta, variance)


def ratio_statistic(cells: Sequence[Cell], log_ratio: float) -> float:
    """Z of Σw p_t against a true ratio times Σw p_c; ``log_ratio`` is the ratio's logarithm."""
    if log_ratio > 0:
        exchanged = [(w, n_t, x_t, n_c, x_c) for w, n_c, x_c, n_t, x_t in cells]
        return -ratio_statistic(exchanged, -log_ratio)
    ratio, lift = math.exp(log_ratio), math.expm1(log_ratio)
    gap = weighted_difference(cells)
    variance = 0.0
    for w, n_c, x_c, n_t, x_t in cells:
        gap -= lift * w * x_c / n_c
        variance += w * w * _ratio_variance((n_c, x_c), (n_t, x_t), ratio, lift)
    return _standardise(gap, variance)


def weighted_difference(cells: Sequence[Cell]) -> float:
    """Σw(p_t - p_c), from whole numbers: rates that are equal differ by exactly 0."""
    return math.fsum(
        w * (x_t * n_c - x_c * n_t) / (n_t * n_c) for w, n_c, x_c, n_t, x_t in cells
    )


def difference_error(cells: Sequence[Cell], delta: float) -> float:
    """Standard error of the difference if the truth were ``delta``."""
    return math.sqrt(math.fsum(c[0] * c[0] * difference_variance(*c[1:], delta) for c in cells))


def difference_variance(n_c: float, x_c: float, n_t: float, x_t: float, delta: float) -> float:
    """Variance of p_t - p_c at the likeliest rates that differ by ``delta``.

    Outcomes and arms are exchanged so that the unknown rate is the smallest of the four: rare
    events and events that nearly always happen keep all their digits.
    """
    if 2 * (x_c + x_t) > n_c + n_t:
        x_c, x_t, delta = n_c - x_c, n_t - x_t, -delta
    if delta < 0:
        n_c, x_c, n_t, x_t, delta = n_t, x_t, n_c, x_c, -delta
    low = constrained_rate(n_c, x_c, n_t, x_t, delta)
    high = low + delta
    return low * (1 - low) / n_c + high * max(0.0, 1 - high) / n_t


def constrained_rate(n_l: float, x_l: float, n_h: float, x_h: float, delta: float) -> float:
    """Likeliest rate p of the lower arm if the higher arm's rate is p + ``delta``, delta >= 0.

    The root of x_l(p+δ) + x_h p - p(p+δ)[(n_l-x_l)/(1-p) + (n_h-x_h)/(1-p-δ)]. It lies
    between the rates that either arm alone would choose.
    """
    if delta == 0:
        return (x_l + x_h) / (n_l + n_h)
    top = 1 - delta
    alone = x_l / n_l, x_h / n_h - delta
    # The last bound keeps the start away from the pole at p = 1 - δ.
    last = top * ((x_l + x_h) / (x_l + n_h)) if x_l + x_h else 0.0
    low, high = max(0.0, min(alone)), min(top, max(alone), last)
    if high <= low:
        return max(0.0, high)
    if x_l == 0 and x_h <= delta * (n_l + (n_h - x_h) / top):
        return 0.0
    if x_h == n_h and x_l + x_h * top >= top * (n_l - x_l) / delta:
        return top
    return _newton((x_l, n_l - x_l), (x_h, n_h - x_h), delta, (low, high))


def _newton(
    lower: tuple[float, float],
    higher: tuple[float, float],
    delta: float,
    bracket: tuple[float, float],
) -> float:
    """The root for :func:`constrained_rate`; arms as (hits, misses).

    The function is concave in p, so Newton's method runs down to the root from any point on
    its right; the bracket holds for the start.
    """
    (hits_l, misses_l), (hits_h, misses_h) = lower, higher
    (low, high), top, total = bracket, 1 - delta, hits_l + hits_h
    p = _start(hits_l, total, misses_l + misses_h / top, delta)
    for _ in range(_MOST_STEPS):
        if not low < p < high:
            p = 0.5 * (low + high)
        u, v = 1 - p, top - p
        pull, slope = misses_l / u, misses_l / (u * u)
        if misses_h:
            pull, slope = pull + misses_h / v, slope + misses_h / (v * v)
        if hits_l:
            height = hits_l * delta + p * (total - (p + delta) * pull)
            fall = total - (2 * p + delta) * pull - p * (p + delta) * slope
        else:  # p = 0 is a root too: take it out
            height = hits_h - (p + delta) * pull
            fall = -pull - (p + delta) * slope
        low, high = (p, high) if height > 0 else (low, p)
        # Rising means left of the top of the arch: go to the middle instead.
        step = height / fall if fall < 0 else p - 0.5 * (low + high)
        p -= step
        if abs(step) <= _PRECISION * p:
            break
    return min(high, max(low, p))


def _start(x_l: float, total: float, misses: float, delta: float) -> float:
    """Upper bound of the constrained rate: the same equation with 1 - p taken as 1."""
    half = misses * delta - total
    spread = math.sqrt(half * half + 4 * misses * x_l * delta)
    if half < 0:
        return (spread - half) / (2 * misses)
    return 2 * x_l * delta / (half + spread) if half + spread > 0 else 0.0


def _ratio_variance(
    control: tuple[float, float], treatment: tuple[float, float], ratio: float, lift: float
) -> float:
    """Variance of p_t - r p_c at the likeliest rates with p_t = r p_c, for r = 1 + lift <= 1.

    Koopman's quadratic for p_c and the same quadratic for 1 - p_c share their discriminant,
    here in a form of positive terms only: no digits are lost near 0 or 1.
    """
    (n_c, x_c), (n_t, x_t) = control, treatment
    misses_c, misses_t, n = n_c - x_c, n_t - x_t, n_c + n_t
    half = misses_t + misses_c + lift * (n + misses_c)
    spread = math.sqrt(half * half - 4 * n * ratio * misses_c * lift)
    p_c = 2 * (x_c + x_t) / (n_t * ratio + x_t + n_c + x_c * ratio + spread)
    if half > 0:
        q_c = (half + spread) / (2 * n * ratio)
    else:
        q_c = -2 * misses_c * lift / (spread - half) if spread > half else 0.0
    q_t = ratio * q_c - lift
    return ratio * p_c * q_t / n_t + ratio * ratio * p_c * q_c / n_c


def _standardise(gap: float, variance: float) -> float:
    if variance > 0:
        return gap / math.sqrt(variance)
    return 0.0 if gap == 0 else math.copysign(math.inf, gap)
