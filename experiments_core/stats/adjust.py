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
from experiments_core.stats.means import Strata, defect, mean_pair, mean_test, phase_weights
from experiments_core.stats.moments import Moments
from experiments_core.stats.ratios import linearised

IMBALANCE = 0.001
"""A covariate whose arms differ at this level was not measured before exposure."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The adjusted means of both arms and what the adjustment did.

    Attributes:
        theta: Slope of the outcome on the covariate; ``constant_covariate`` where there is
            none, and then the pair is the raw one.
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


def adjust(strata: Strata) -> Adjusted:
    """Adjust the means of both arms: Y - theta (X - mean of X over both arms)."""
    phases = [_phase(control, treatment) for control, treatment in strata]
    known = [phase for phase in phases if isinstance(phase, _Phase)]
    if not known:
        missing = next((p for p in phases if isinstance(p, Undefined)), Undefined("no_users"))
        balance = TestResult(missing, missing, "welch_t")
        return Adjusted(missing, Withheld(missing.reason, missing), balance, missing, missing)
    theta, correlation = _slope(known)
    pair = _adjusted_pair(known, 0.0 if isinstance(theta, Undefined) else theta)
    raw = mean_pair([(phase.control, phase.treatment) for phase in known])
    balance = mean_test([(_covariate(p.control), _covariate(p.treatment)) for p in known])
    reduction: Value = Undefined("no_variance")
    if isinstance(pair, MeanPair):
        if isinstance(raw, MeanPair):
            reduction = 1 - pair.difference_variance / raw.difference_variance
        if not isinstance(balance.p_value, Undefined) and balance.p_value < IMBALANCE:
            pair = replace(pair, flags=("covariate_imbalance",))
    return Adjusted(theta, pair, balance, correlation, reduction)


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
    yy, xy, xx = (
        math.fsum((phase.both.n - 1) * phase.both.covariance[i][j] for phase in phases)
        for i, j in ((0, 0), (0, 1), (1, 1))
    )
    if not xx > 0:
        missing = Undefined("constant_covariate" if xx == 0 else "non_finite_input")
        return missing, missing
    if not yy > 0:
        return value(xy / xx), Undefined("no_variance")
    return value(xy / xx), value(xy / math.sqrt(xx) / math.sqrt(yy))


def _adjusted_pair(phases: Sequence[_Phase], theta: float) -> MeanPair | Withheld:
    """Welch's pair of the residuals Y - theta X, put back to the level of the outcome."""
    residuals = [(_residual(p.control, theta), _residual(p.treatment, theta)) for p in phases]
    pair = mean_pair(residuals)
    if isinstance(pair, Withheld):
        return pair
    control = treatment = control_variance = treatment_variance = covariance = 0.0
    for weight, phase in zip(phase_weights(residuals), phases, strict=True):
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
    return Moments.of_mean(moments.n, mean, moments.n * _noise(moments, theta))


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
