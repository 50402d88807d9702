"""Looking at a running test: critical values that stay honest however often one looks.

Without a planned maximum: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha,
Kennedy & Ramdas 2024, Annals of Statistics 52:2613-2640, built on Robbins' normal mixture
(Robbins 1970, Annals of Mathematical Statistics 41:1397-1409). It holds at all looks together.

With a planned maximum: spending functions (Lan & DeMets 1983, Biometrika 70:659-663; O'Brien &
Fleming 1979, Biometrics 35:549-556). Looks may come at any time. Each side spends half of
alpha; putting the two-sided alpha into the one-sided formula is another boundary.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache

from scipy.special import log_ndtr, ndtr, ndtri, ndtri_exp

from experiments_core.stats.random_walk import RandomWalk
from experiments_core.stats.roots import root

NO_DECISION_BEYOND = 8.0
"""A group-sequential bound above this means "no decision is possible yet"."""

SPENDINGS = ("obrien_fleming", "pocock", "power")

_Watched = tuple[RandomWalk, float, float]

_LARGEST_BOUND = 37.0  # its tail probability, 1e-299, is still a double
_SAME_LOOK = 1e-4  # looks closer than this share of the information are one look
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


def group_sequential_bounds(
    information: Sequence[float],
    alpha: float,
    spending: str = "obrien_fleming",
    *,
    final: bool = False,
) -> tuple[float, ...]:
    """Bounds on |z| at the looks taken so far: |z| > bound decides.

    Args:
        information: Units at each look / planned units, not falling. Above 1 (an overrun) all
            of alpha is spent and the true number of units correlates the looks.
        alpha: Two-sided error rate over all looks, a fraction.
        spending: ``obrien_fleming`` (4 (1 - Phi(z_{1-alpha/4} / sqrt t))), ``pocock``
            (alpha ln(1 + (e - 1) t)) or ``power`` (alpha t²).
        final: The last look was declared the last one, for a reason outside the data, before
            the planned units were reached: it spends what is left.

    Raises:
        ValueError: an argument is out of range.
    """
    _check_looks(information, alpha, spending)
    walk, log_spent = RandomWalk(), -math.inf
    bounds: list[float] = []
    for number, now in enumerate(information, start=1):
        if now - walk.information < _SAME_LOOK * now:
            bounds.append(bounds[-1])
            continue
        last = final and number == len(information)
        log_total = math.log(alpha) if last else _log_spent(min(1.0, now), alpha, spending)
        bounds.append(_bound(walk, now, log_total, log_spent))
        log_spent = log_total
        walk = walk.step(now, bounds[-1])
    return tuple(bounds)


def spent(fraction: float, alpha: float, spending: str = "obrien_fleming") -> float:
    """Alpha spent up to a fraction of the planned units, at most alpha."""
    return math.exp(_log_spent(min(1.0, fraction), alpha, spending))


def false_alarm_rate(information: Sequence[float], bounds: Sequence[float]) -> float:
    """Probability, without any effect, that |z| is beyond its bound at one of the looks.

    Args:
        information: Increasing, any scale.
        bounds: One per look; 1.96 at each look is what unguarded peeking does.
    """
    walk, crossed = RandomWalk(), 0.0
    for now, bound in zip(information, bounds, strict=True):
        crossed += walk.crossing(now, bound)
        walk = walk.step(now, bound)
    return crossed


def power_over_looks(
    information: Sequence[float], bounds: Sequence[float], drift: float
) -> float:
    """Probability to be beyond a bound at one of the looks if there is an effect.

    The paths without effect are weighted by their likelihood under the drift, so the same
    grid serves.

    Args:
        information: Increasing; 1 is the planned maximum.
        bounds: One per look.
        drift: Mean of z at information 1.
    """
    return _power(_walks(information, bounds), drift)


@cache
def inflation(looks: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """How many times the units of a fixed plan a group-sequential plan needs at most.

    Of equally spaced looks, the last one at the planned units, O'Brien-Fleming spending.

    Args:
        looks: At least 1, the last one included.
        alpha: Two-sided, of one comparison.
        power: Probability to see the effect at one of the looks.

    Raises:
        ValueError: an argument is out of range.
    """
    if looks < 1 or not alpha < power < 1:
        raise ValueError(f"needs a look and alpha < power < 1, got {looks}, {alpha}, {power}")
    if looks == 1:
        return 1.0
    times = [(k + 1) / looks for k in range(looks)]
    walks = _walks(times, group_sequential_bounds(times, alpha))
    fixed = -float(ndtri(alpha / 2) + ndtri(1 - power))

    def lacking(drift: float) -> float:
        return _power(walks, drift) - power

    drift = root(lacking, fixed * 0.9, fixed * 2, 1e-10)
    return (drift / fixed) ** 2


def _walks(information: Sequence[float], bounds: Sequence[float]) -> list[_Watched]:
    """The paths before each look, with its information and bound."""
    walk, found = RandomWalk(), []
    for now, bound in zip(information, bounds, strict=True):
        found.append((walk, now, bound))
        walk = walk.step(now, bound)
    return found


def _power(walks: Sequence[_Watched], drift: float) -> float:
    return sum(walk.crossing(now, bound, drift) for walk, now, bound in walks)


def _bound(walk: RandomWalk, now: float, log_total: float, log_spent: float) -> float:
    """Bound at which this look spends the difference of two cumulative amounts."""
    if log_total <= log_spent:
        return _LARGEST_BOUND
    log_share = log_total + math.log(-math.expm1(log_spent - log_total))
    if walk.information == 0:
        return min(_LARGEST_BOUND, -float(ndtri_exp(log_share - math.log(2))))

    def excess(bound: float) -> float:
        return math.log(max(walk.crossing(now, bound), 5e-324)) - log_share

    return _LARGEST_BOUND if excess(_LARGEST_BOUND) >= 0 else root(
        excess, 0.0, _LARGEST_BOUND, 1e-11
    )  # fmt: skip


def _log_spent(fraction: float, alpha: float, spending: str) -> float:
    """Logarithm of the alpha spent up to a fraction of the information."""
    if spending == "pocock":
        return math.log(alpha * math.log1p((math.e - 1) * fraction))
    if spending == "power":
        return math.log(alpha) + 2 * math.log(fraction)
    return math.log(4) + float(log_ndtr(ndtri(alpha / 4) / math.sqrt(fraction)))


def _check_looks(information: Sequence[float], alpha: float, spending: str) -> None:
    ordered = all(a <= b for a, b in itertools.pairwise(information))
    if not (ordered and all(0 < now < math.inf for now in information)):
        message = f"information is positive and does not fall from look to look: {information}"
        raise ValueError(message)
    if not 0 < alpha < 1 or spending not in SPENDINGS:
        message = f"needs 0 < alpha < 1 and one of {SPENDINGS}, got {alpha} and {spending!r}"
        raise ValueError(message)


def _information(n_total: int, alpha: float, tuned_to: int) -> float:
    """Units times the mixture variance ρ² that makes the sequence tightest at ``tuned_to``."""
    if not (0 < alpha < 1 and tuned_to >= 1 and n_total >= 1):
        message = f"no confidence sequence at n = {n_total}, alpha = {alpha}, N* = {tuned_to}"
        raise ValueError(message)
    doubled = -2 * math.log(alpha)
    return n_total * (doubled + math.log1p(doubled)) / tuned_to
