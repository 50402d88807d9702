"""Means and ratios adjusted by a covariate that was measured before exposure (CUPED).

One theta for both arms (and all phases), so the adjustment moves both means by known amounts
and cannot create an effect. Never use a covariate that the treatment could have moved.

Source: Deng, Xu, Kohavi & Walker 2013, WSDM, 123-132.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments_core.stats import contrasts
from experiments_core.stats.contrasts import MeanPair, Withheld
from experiments_core.stats.estimate import Comparison, TestResult, Undefined, Value, value
from experiments_core.stats.means import (
    LARGEST_VALUE,
    Strata,
    Weighting,
    defect,
    mean_pair,
    mean_test,
    phase_weights,
)
from experiments_core.stats.moments import Moments
from experiments_core.stats.ratios import linearised, with_denominator, without_covariate

IMBALANCE = 0.001
"""A covariate whose arms differ at this level was not measured before exposure."""
OUTCOME_ITSELF = 1e-12
"""A correlation this close to 1 (or -1) is that of the outcome with itself."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The adjusted means of both arms and what the adjustment did.

    Attributes:
        theta: Slope of the outcome on the covariate; ``constant_covariate`` where there is
            none, ``covariate_imbalance`` where the covariate is the outcome itself, and then
            the pair is the raw one.
        pair: Adjusted means with their noise and their covariance (both hold both covariate
            means); they do not reproduce the raw lift.
        balance: Test of the covariate itself between the arms.
        correlation: Of outcome and covariate.
        variance_reduction: Share of the squared standard error that is gone.
    """

    theta: Value
    pair: MeanPair | Withheld
    balance: TestResult
    correlation: Value
    variance_reduction: Value


def compare_adjusted(
    strata: Strata, alpha: float = 0.05, alternative: str = "two-sided"
) -> Comparison:
    """Difference, lift and test of the adjusted means, at one level.

    Args:
        strata: (control, treatment) moments per phase of the columns (Y, X) - of a ratio
            (Y, N, X), or (Y, N, X, D) where the covariate is the ratio of X and D.
        alpha: Level used here and now, a fraction.
        alternative: ``two-sided``, ``greater`` or ``less``.

    Returns:
        Values or reasons; flag ``covariate_imbalance`` where the covariate differs between the
        arms (p < 0.001).
    """
    return contrasts.compare(adjust(strata).pair, alpha, alternative)


def adjust(
    strata: Strata,
    *,
    theta: float | None = None,
    weighting: Weighting = "mantel_haenszel",
) -> Adjusted:
    """Adjust the means of both arms: Y - theta (X - mean of X over both arms).

    Args:
        strata: (control, treatment) moments per phase.
        theta: The slope, where it was estimated from more than these strata.
        weighting: Of phases.
    """
    phases = [_phase(control, treatment) for control, treatment in strata]
    known = [phase for phase in phases if isinstance(phase, _Phase)]
    if not known:
        missing = next((p for p in phases if isinstance(p, Undefined)), Undefined("no_users"))
        balance = TestResult(missing, missing, "welch_t")
        return Adjusted(missing, Withheld(missing.reason, missing), balance, missing, missing)
    own, correlation = _slope(known)
    slope = own if theta is None or isinstance(own, Undefined) else theta
    pair = _adjusted_pair(known, 0.0 if isinstance(slope, Undefined) else slope, weighting)
    raw = mean_pair([(p.control, p.treatment) for p in known], weighting=weighting)
    balance = mean_test([(_covariate(p.control), _covariate(p.treatment)) for p in known])
    reduction: Value = Undefined("no_variance")
    if isinstance(pair, MeanPair):
        if isinstance(raw, MeanPair):
            saved = 1 - pair.difference_variance / raw.difference_variance
            reduction = value(saved, "no_variance")
        if not isinstance(balance.p_value, Undefined) and balance.p_value < IMBALANCE:
            pair = replace(pair, flags=("covariate_imbalance",))
    return Adjusted(slope, pair, balance, correlation, reduction)


@dataclass(frozen=True, slots=True)
class AdjustedArm:
    """One arm by itself, at the level that the adjustment gives it.

    Attributes:
        phases: Per phase n, the adjusted mean, and n times the squared error of that mean.
        spread: Standard deviation of what the covariate leaves of one unit.
    """

    phases: tuple[Moments, ...]
    spread: float


def adjusted_arms(arms: Sequence[Sequence[Moments]]) -> tuple[AdjustedArm, ...] | None:
    """Every arm at Y - theta (X - mean of X over all arms), one theta; None without a slope.

    With two arms these are the means that :func:`adjust` compares.

    Args:
        arms: Moments per arm and phase, of the columns of :func:`compare_adjusted`.
    """
    phases = [_phase(*phase) for phase in zip(*arms, strict=True)]
    theta = _slope([phase for phase in phases if isinstance(phase, _Phase)])[0]
    if isinstance(theta, Undefined):
        return None
    return tuple(_arm(own, place, phases, theta) for place, own in enumerate(arms))


def _arm(
    own: Sequence[Moments], place: int, phases: Sequence[_Phase | Undefined], theta: float
) -> AdjustedArm:
    adjusted, rests = [], []
    for moments, phase in zip(own, phases, strict=True):
        if isinstance(phase, _Phase):
            adjusted.append(_adjusted_arm(phase, place, theta))
        line = phase.arms[place] if isinstance(phase, _Phase) else _alone(moments)
        if line.n:
            rests.append(_residual(line, theta))
        if not isinstance(phase, _Phase):
            adjusted.append(Moments.of_mean(line.n, line.mean, line.variance))
    spread = math.sqrt(max(0.0, sum(rests[1:], rests[0]).variance)) if rests else 0.0
    return AdjustedArm(tuple(adjusted), spread)


def _adjusted_arm(phase: _Phase, place: int, theta: float) -> Moments:
    """One arm of a phase: n, its adjusted mean, and n times the squared error of that mean."""
    own = phase.arms[place]
    centre = math.fsum(
        w * arm.means[1] for w, arm in zip(phase.shares, phase.arms, strict=True)
    )
    noise = _noise(own, theta * (1 - phase.shares[place])) + math.fsum(
        _noise_of_x(arm, theta * share)
        for i, (share, arm) in enumerate(zip(phase.shares, phase.arms, strict=True))
        if i != place
    )
    return Moments.of_mean(own.n, own.mean - theta * (own.means[1] - centre), own.n * noise)


@dataclass(frozen=True, slots=True)
class _Phase:
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


def _phase(*arms: Moments) -> _Phase | Undefined:
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
    if any(defect(_covariate(line)) == "non_finite_input" for line in known):
        return Undefined("non_finite_input")
    shares = tuple(size / math.fsum(sizes) for size in sizes)
    return _Phase(tuple(known[:-1]), known[-1], shares)


def _lines(moments: Moments) -> Moments | Undefined:
    """The columns (Y, X), linearised for a ratio."""
    return moments if len(moments.means) == 2 else linearised(with_denominator(moments))


def _alone(moments: Moments) -> Moments:
    """An arm with no other beside it; nobody where a ratio has no denominator."""
    line = _lines(moments) if moments.n else Undefined("no_users")
    if moments.n and isinstance(line, Undefined):
        line = _lines(without_covariate(moments))
    nobody = Moments(0, (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0)))
    return nobody if isinstance(line, Undefined) else line


def _slope(phases: Sequence[_Phase]) -> tuple[Value, Value]:
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


def _adjusted_pair(
    phases: Sequence[_Phase], theta: float, weighting: Weighting
) -> MeanPair | Withheld:
    """Welch's pair of the residuals Y - theta X, put back to the level of the outcome."""
    residuals = [(_residual(p.control, theta), _residual(p.treatment, theta)) for p in phases]
    pair = mean_pair(residuals, weighting=weighting)
    if isinstance(pair, Withheld):
        return pair
    control = treatment = control_variance = treatment_variance = covariance = 0.0
    for weight, phase in zip(phase_weights(residuals, weighting), phases, strict=True):
        if weight == 0:
            continue
        c, t, square = phase.control, phase.treatment, weight * weight
        shift = t.means[1] - c.means[1]
        of_control, of_treatment = (theta * share for share in phase.shares)
        control += weight * (c.mean + of_treatment * shift)
        treatment += weight * (t.mean - of_control * shift)
        control_variance += square * (_noise(c, of_treatment) + _noise_of_x(t, of_treatment))
        treatment_variance += square * (_noise(t, of_control) + _noise_of_x(c, of_control))
        covariance += square * (
            of_treatment * _shared(t, of_control) + of_control * _shared(c, of_treatment)
        )
    return replace(
        pair,
        control=control,
        treatment=treatment,
        control_variance=control_variance,
        treatment_variance=treatment_variance,
        covariance=covariance,
    )


def _residual(moments: Moments, theta: float) -> Moments:
    mean = moments.mean - theta * moments.means[1]
    variance = moments.n * _noise(moments, theta)
    return Moments.of_mean(moments.n, mean, variance, moments.skewness)


def _covariate(moments: Moments) -> Moments:
    return Moments.of_mean(moments.n, moments.means[1], moments.covariance[1][1])


def _noise(moments: Moments, slope: float) -> float:
    """Variance of the mean of Y - slope X."""
    (yy, xy), (_, xx) = moments.covariance
    return max(0.0, yy - 2 * slope * xy + slope * slope * xx) / moments.n


def _noise_of_x(moments: Moments, slope: float) -> float:
    """Variance of the mean of slope X."""
    return slope * slope * moments.covariance[1][1] / moments.n


def _shared(moments: Moments, slope: float) -> float:
    """Covariance of the means of X and of Y - slope X."""
    return (moments.covariance[0][1] - slope * moments.covariance[1][1]) / moments.n
