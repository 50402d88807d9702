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
from experiments_core.stats.covariate_phases import (
    Phase,
    alone,
    covariate_of,
    noise_of_covariate,
    noise_of_rest,
    phase_of,
    rest_of,
    shared_noise,
    slope_of,
)
from experiments_core.stats.estimate import Comparison, TestResult, Undefined, Value, value
from experiments_core.stats.means import (
    Strata,
    Weighting,
    mean_pair,
    mean_test,
    phase_weights,
)
from experiments_core.stats.moments import Moments

IMBALANCE = 0.001
"""A covariate whose arms differ at this level was not measured before exposure."""


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
    phases = [phase_of(control, treatment) for control, treatment in strata]
    known = [phase for phase in phases if isinstance(phase, Phase)]
    if not known:
        missing = next((p for p in phases if isinstance(p, Undefined)), Undefined("no_users"))
        balance = TestResult(missing, missing, "welch_t")
        return Adjusted(missing, Withheld(missing.reason, missing), balance, missing, missing)
    own, correlation = slope_of(known)
    slope = own if theta is None or isinstance(own, Undefined) else theta
    pair = _adjusted_pair(known, 0.0 if isinstance(slope, Undefined) else slope, weighting)
    raw = mean_pair([(p.control, p.treatment) for p in known], weighting=weighting)
    balance = mean_test([(covariate_of(p.control), covariate_of(p.treatment)) for p in known])
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
    phases = [phase_of(*phase) for phase in zip(*arms, strict=True)]
    theta = slope_of([phase for phase in phases if isinstance(phase, Phase)])[0]
    if isinstance(theta, Undefined):
        return None
    return tuple(_arm(own, place, phases, theta) for place, own in enumerate(arms))


def _arm(
    own: Sequence[Moments], place: int, phases: Sequence[Phase | Undefined], theta: float
) -> AdjustedArm:
    adjusted, rests = [], []
    for moments, phase in zip(own, phases, strict=True):
        if isinstance(phase, Phase):
            adjusted.append(_adjusted_arm(phase, place, theta))
        line = phase.arms[place] if isinstance(phase, Phase) else alone(moments)
        if line.n:
            rests.append(rest_of(line, theta))
        if not isinstance(phase, Phase):
            adjusted.append(Moments.of_mean(line.n, line.mean, line.variance))
    spread = math.sqrt(max(0.0, sum(rests[1:], rests[0]).variance)) if rests else 0.0
    return AdjustedArm(tuple(adjusted), spread)


def _adjusted_arm(phase: Phase, place: int, theta: float) -> Moments:
    """One arm of a phase: n, its adjusted mean, and n times the squared error of that mean."""
    own = phase.arms[place]
    centre = math.fsum(
        w * arm.means[1] for w, arm in zip(phase.shares, phase.arms, strict=True)
    )
    noise = noise_of_rest(own, theta * (1 - phase.shares[place])) + math.fsum(
        noise_of_covariate(arm, theta * share)
        for i, (share, arm) in enumerate(zip(phase.shares, phase.arms, strict=True))
        if i != place
    )
    return Moments.of_mean(own.n, own.mean - theta * (own.means[1] - centre), own.n * noise)


def _adjusted_pair(
    phases: Sequence[Phase], theta: float, weighting: Weighting
) -> MeanPair | Withheld:
    """Welch's pair of the residuals Y - theta X, put back to the level of the outcome."""
    residuals = [(rest_of(p.control, theta), rest_of(p.treatment, theta)) for p in phases]
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
        control_variance += square * (
            noise_of_rest(c, of_treatment) + noise_of_covariate(t, of_treatment)
        )
        treatment_variance += square * (
            noise_of_rest(t, of_control) + noise_of_covariate(c, of_control)
        )
        covariance += square * (
            of_treatment * shared_noise(t, of_control)
            + of_control * shared_noise(c, of_treatment)
        )
    return replace(
        pair,
        control=control,
        treatment=treatment,
        control_variance=control_variance,
        treatment_variance=treatment_variance,
        covariance=covariance,
    )
