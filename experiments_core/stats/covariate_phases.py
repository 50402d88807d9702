"""Outcome and covariate of each phase as two columns: their slope, and the noise it leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.stats.estimate import Undefined, Value, value
from experiments_core.stats.means import (
    LARGEST_VALUE,
    defect,
)
from experiments_core.stats.moments import Moments
from experiments_core.stats.ratios import linearised, with_denominator, without_covariate

OUTCOME_ITSELF = 1e-12
"""A correlation this close to 1 (or -1) is that of the outcome with itself."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase with the columns (Y, X), linearised for a ratio.

    Attributes:
        arms: Moments of each arm, control first.
        whole: Moments of all units together, linearised at their own ratios.
        shares: Of each arm in the covariate's pooled mean.
    """

    arms: tuple[Moments, ...]
    whole: Moments
    shares: tuple[float, ...]

    @property
    def control(self) -> Moments:
        """The first arm."""
        return self.arms[0]

    @property
    def treatment(self) -> Moments:
        """The second arm."""
        return self.arms[1]


def phase_of(*arms: Moments) -> Phase | Undefined:
    """Arms of one phase side by side, or why the phase has no slope."""
    if min(arm.n for arm in arms) == 0:
        return Undefined("no_users")
    sizes = [arm.n * (arm.means[3] if len(arm.means) == 4 else 1.0) for arm in arms]
    if not all(sizes):  # an arm without any denominator before: nothing to adjust by
        arms = tuple(without_covariate(arm) for arm in arms)
        sizes = [float(arm.n) for arm in arms]
    lines = [_lines(moments) for moments in (*arms, sum(arms[1:], arms[0]))]
    known = [line for line in lines if isinstance(line, Moments)]
    if len(known) < len(lines):
        return Undefined("zero_denominator")
    if any(defect(covariate_of(line)) == "non_finite_input" for line in known):
        return Undefined("non_finite_input")
    shares = tuple(size / math.fsum(sizes) for size in sizes)
    return Phase(tuple(known[:-1]), known[-1], shares)


def _lines(moments: Moments) -> Moments | Undefined:
    """The columns (Y, X), linearised for a ratio."""
    return moments if len(moments.means) == 2 else linearised(with_denominator(moments))


def alone(moments: Moments) -> Moments:
    """An arm with no other beside it; nobody where a ratio has no denominator."""
    line = _lines(moments) if moments.n else Undefined("no_users")
    if moments.n and isinstance(line, Undefined):
        line = _lines(without_covariate(moments))
    nobody = Moments(0, (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0)))
    return nobody if isinstance(line, Undefined) else line


def slope_of(phases: Sequence[Phase]) -> tuple[Value, Value]:
    """Theta and correlation from the spread inside the phases, both arms together."""
    wholes = [phase.whole for phase in phases]
    entries = [abs(one) for whole in wholes for row in whole.covariance for one in row]
    if not all(one <= LARGEST_VALUE**2 for one in entries):
        beyond = Undefined("non_finite_input")
        return beyond, beyond
    freedom = max(1, sum(whole.n - 1 for whole in wholes))
    yy, xy, xx = (
        math.fsum((whole.n - 1) / freedom * whole.covariance[i][j] for whole in wholes)
        for i, j in ((0, 0), (0, 1), (1, 1))
    )
    if not xx > 0:
        missing = Undefined("constant_covariate" if xx == 0 else "non_finite_input")
        return missing, missing
    if not yy > 0:
        return value(xy / xx), Undefined("no_variance")
    correlation = xy / math.sqrt(xx) / math.sqrt(yy)
    if abs(correlation) > 1 - OUTCOME_ITSELF:
        # the outcome under another name would explain away every effect
        missing = Undefined("covariate_imbalance")
        return missing, value(correlation)
    return value(xy / xx), value(correlation)


def rest_of(moments: Moments, theta: float) -> Moments:
    """Y - theta X of one arm."""
    mean = moments.mean - theta * moments.means[1]
    variance = moments.n * noise_of_rest(moments, theta)
    return Moments.of_mean(moments.n, mean, variance, moments.skewness)


def covariate_of(moments: Moments) -> Moments:
    """X of one arm."""
    return Moments.of_mean(moments.n, moments.means[1], moments.covariance[1][1])


def noise_of_rest(moments: Moments, slope: float) -> float:
    """Variance of the mean of Y - slope X."""
    (yy, xy), (_, xx) = moments.covariance
    return max(0.0, yy - 2 * slope * xy + slope * slope * xx) / moments.n


def noise_of_covariate(moments: Moments, slope: float) -> float:
    """Variance of the mean of slope X."""
    return slope * slope * moments.covariance[1][1] / moments.n


def shared_noise(moments: Moments, slope: float) -> float:
    """Covariance of the means of X and of Y - slope X."""
    return (moments.covariance[0][1] - slope * moments.covariance[1][1]) / moments.n
