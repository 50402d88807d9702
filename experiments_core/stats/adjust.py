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
from experiments_core.stats.ratios import linearised

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
        strata: (control, treatment) moments per phase of the columns (Y, X), or of
            (Y, N, Y before, N before) for a ratio.
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
        arms: Moments of the columns (Y, X), per arm and phase.
    """
    phases = [p for p in zip(*arms, strict=True) if all(arm.n for arm in p)]
    wholes = [sum(phase[1:], phase[0]) for phase in phases]
    theta = _slope_of(wholes)[0]
    if isinstance(theta, Undefined) or not phases:
        return None
    found = []
    for place in range(len(arms)):
        adjusted = []
        for k, own in enumerate(arms[place]):
            if not all(arm[k].n for arm in arms):
                adjusted.append(Moments.of_mean(own.n, own.mean, own.variance))
                continue
            others = [arm[k] for i, arm in enumerate(arms) if i != place]
            whole = own.n + sum(other.n for other in others)
            centre = math.fsum(m.n / whole * m.means[1] for m in (own, *others))
            own_slope = theta * (1 - own.n / whole)
            noise = _noise(own, own_slope) + math.fsum(
                _noise_of_x(other, theta * other.n / whole) for other in others
            )
            mean = own.mean - theta * (own.means[1] - centre)
            adjusted.append(Moments.of_mean(own.n, mean, own.n * noise))
        rests = [_residual(m, theta) for m in arms[place] if m.n]
        spread = math.sqrt(max(0.0, sum(rests[1:], rests[0]).variance)) if rests else 0.0
        found.append(AdjustedArm(tuple(adjusted), spread))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Phase:
    """One phase with the columns (Y, X), linearised for a ratio.

    Attributes:
        control: Moments of control.
        treatment: Moments of treatment.
        both: Moments of all units together.
        control_share: Of control in the covariate's pooled mean.
    """

    control: Moments
    treatment: Moments
    both: Moments
    control_share: float


def _phase(control: Moments, treatment: Moments) -> _Phase | Undefined:
    if min(control.n, treatment.n) == 0:
        return Undefined("no_users")
    both = control + treatment
    lines = [control, treatment, both]
    share = control.n / both.n
    if len(control.means) == 4:
        ratios = [linearised(moments) for moments in lines]
        lines = [ratio for ratio in ratios if isinstance(ratio, Moments)]
        if len(lines) < len(ratios):
            return Undefined("zero_denominator")
        share = control.n * control.means[3] / (both.n * both.means[3])
    if any(defect(_covariate(moments)) == "non_finite_input" for moments in lines):
        return Undefined("non_finite_input")
    return _Phase(lines[0], lines[1], lines[2], share)


def _slope(phases: Sequence[_Phase]) -> tuple[Value, Value]:
    """Theta and correlation from the spread inside the phases, both arms together."""
    return _slope_of([phase.both for phase in phases])


def _slope_of(wholes: Sequence[Moments]) -> tuple[Value, Value]:
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
        of_control, of_treatment = (
            theta * phase.control_share,
            theta * (1 - phase.control_share),
        )
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
