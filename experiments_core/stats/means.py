"""Means per variant: Welch's t test, its interval, Fieller's lift; the same over phases.

Every function takes centred moments. A comparison takes strata: pairs (control, treatment), one
pair for the plain case, several for the phases of a test whose split changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from experiments_core.stats import contrasts
from experiments_core.stats.contrasts import MeanPair, Withheld
from experiments_core.stats.estimate import (
    Comparison,
    Estimate,
    Interval,
    TestResult,
    Undefined,
    Value,
)
from experiments_core.stats.moments import Moments
from experiments_core.stats.stratified import HETEROGENEITY_ALPHA, heterogeneity

Strata = Sequence[tuple[Moments, Moments]]
Weighting = Literal["mantel_haenszel", "size"]
_Used = Sequence[tuple[float, Moments, Moments]]

LARGEST_VALUE = 1e150
"""Beyond this a variance no longer fits a double."""

SKEW_LIMIT = 0.053
"""|κ| above which the tails of the t test are visibly unequal: 1/sqrt(355), see _skewness."""


def mean_interval(moments: Moments, confidence_level: float = 0.95) -> Estimate:
    """Mean of one arm with Student's t interval.

    It describes one arm: overlapping arm intervals do not mean "no difference".
    """
    reason = defect(moments)
    point: Value = moments.mean if reason in {None, "too_few_units"} else Undefined(str(reason))
    if reason is None and not moments.variance > 0:
        reason = "no_variance"
    if reason is not None:
        missing = Undefined(reason)
        return Estimate(point, Interval(missing, missing, confidence_level, "t"))
    critical = contrasts.critical_value(moments.n - 1, (1 - confidence_level) / 2)
    reach = critical * math.sqrt(moments.variance / moments.n)
    interval = Interval(moments.mean - reach, moments.mean + reach, confidence_level, "t")
    return Estimate(moments.mean, interval)


def compare_means(
    strata: Strata,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    *,
    weighting: Weighting = "mantel_haenszel",
) -> Comparison:
    """Difference of means (Welch), lift (Fieller) and test at one level.

    Args:
        strata: (control, treatment) moments per phase.
        alpha: Level used here and now (alpha_local), a fraction.
        alternative: ``two-sided``, ``greater`` or ``less``.
        weighting: ``mantel_haenszel`` weighs a phase by n_t n_c / (n_t + n_c) and decides;
            ``size`` by its units, the average over the units as they came.

    Returns:
        Values or reasons: ``no_users``, ``non_finite_input``, ``too_few_units`` (n < 2),
        ``no_variance``; for the lift also ``nonpositive_control``, ``near_zero_control``.
        Flags: ``skewed`` where the skewness makes the tails unequal, ``heterogeneous_phases``
        where the phases disagree (p < 0.05).
    """
    return contrasts.compare(mean_pair(strata, weighting=weighting), alpha, alternative)


def mean_test(strata: Strata, alternative: str = "two-sided") -> TestResult:
    """Welch's t test of "no difference"; over phases ``stratified_t``."""
    return contrasts.no_difference(mean_pair(strata), alternative)


def mean_test_against_margin(
    strata: Strata,
    *,
    margin: float,
    relative: bool,
    preferred_direction: str,
    alpha: float = 0.05,
) -> TestResult:
    """One-sided non-inferiority test; see :func:`contrasts.against_margin`."""
    return contrasts.against_margin(
        mean_pair(strata),
        margin=margin,
        relative=relative,
        preferred_direction=preferred_direction,
        alpha=alpha,
    )


def student_test(
    control: Moments, treatment: Moments, alternative: str = "two-sided"
) -> TestResult:
    """Student's t test with one pooled variance, to reproduce other people's numbers.

    Wrong as soon as the smaller arm has the larger variance; Upshot decides by Welch's test.
    """
    reason = defect(control) or defect(treatment)
    freedom = control.n + treatment.n - 2
    pooled = 0.0
    if reason is None:
        squares = (control.n - 1) * control.variance + (treatment.n - 1) * treatment.variance
        pooled = squares / freedom
        reason = None if pooled > 0 else "no_variance"
    if reason is not None:
        return TestResult(Undefined(reason), Undefined(reason), "student_t", alternative)
    error = math.sqrt(pooled * (1 / control.n + 1 / treatment.n))
    statistic = (treatment.mean - control.mean) / error
    p_value = contrasts.t_p_value(statistic, freedom, alternative)
    return TestResult(statistic, p_value, "student_t", alternative, float(freedom))


def phase_weights(
    strata: Strata, weighting: Weighting = "mantel_haenszel"
) -> tuple[float, ...]:
    """Share of each phase in the combined means, summing to 1.

    A phase without one arm has weight 0. Where several phases are combined, so has a phase
    with a single unit in an arm, whose noise nobody can know. All zero if no phase is left.
    """
    least = 2 if len(strata) > 1 else 1
    raw = [_weight(c.n, t.n, weighting) if min(c.n, t.n) >= least else 0.0 for c, t in strata]
    total = sum(raw)
    return tuple(weight / total if total > 0 else 0.0 for weight in raw)


def mean_pair(
    strata: Strata, *, weighting: Weighting = "mantel_haenszel"
) -> MeanPair | Withheld:
    """The weighted means of both arms with their noise, or why there is none.

    Mean Σw m, squared error Σw² s²/n, degrees of freedom (Σw²v)² / Σ[(w²v)²/(n-1)] over all
    cells (Satterthwaite 1946). One phase is exactly Welch's test.
    """
    weights = phase_weights(strata, weighting)
    used = [(w, c, t) for w, (c, t) in zip(weights, strata, strict=True) if w > 0]
    method = "stratified_t" if len(used) > 1 else "welch_t"
    defects = {defect(m) for _, c, t in used for m in (c, t)} - {None}
    if not used:
        return _nothing_to_compare(strata, method)
    if "non_finite_input" in defects:
        return Withheld("non_finite_input", Undefined("non_finite_input"), method)
    control = math.fsum(w * c.mean for w, c, _ in used)
    treatment = math.fsum(w * t.mean for w, _, t in used)
    if defects:
        return Withheld("too_few_units", treatment - control, method)
    controls = [(w * w * c.variance / c.n, c.n) for w, c, _ in used]
    treatments = [(w * w * t.variance / t.n, t.n) for w, _, t in used]
    control_variance = math.fsum(v for v, _ in controls)
    treatment_variance = math.fsum(v for v, _ in treatments)
    total = control_variance + treatment_variance
    if not total > LARGEST_VALUE**-2:
        return Withheld("no_variance", treatment - control, method)
    shares = [(v / total) ** 2 / (n - 1) for v, n in (*controls, *treatments)]
    return MeanPair(
        control=control,
        treatment=treatment,
        control_variance=control_variance,
        treatment_variance=treatment_variance,
        difference_variance=total,
        degrees_of_freedom=1 / math.fsum(shares),
        method=method,
        skewness=_skewness(used, total),
        flags=_flags(used, total),
    )


def defect(moments: Moments) -> str | None:
    """Reason why the mean of these units has no noise that can be estimated, if so."""
    if moments.n == 0:
        return "no_users"
    finite = abs(moments.mean) <= LARGEST_VALUE and 0 <= moments.variance <= LARGEST_VALUE**2
    if not finite:
        return "non_finite_input"
    return "too_few_units" if moments.n < 2 else None


def _weight(control_n: int, treatment_n: int, weighting: Weighting) -> float:
    both = control_n + treatment_n
    return float(both) if weighting == "size" else control_n * treatment_n / both


def _nothing_to_compare(strata: Strata, method: str) -> Withheld:
    """No phase has two usable arms."""
    together = any(min(c.n, t.n) > 0 for c, t in strata)
    reason = "too_few_units" if together else "no_users"
    return Withheld(reason, Undefined(reason), method)


def _flags(used: _Used, total: float) -> tuple[str, ...]:
    differ = _heterogeneity([(control, treatment) for _, control, treatment in used])
    mixed = not isinstance(differ.p_value, Undefined) and differ.p_value < HETEROGENEITY_ALPHA
    tilted = abs(_skewness(used, total) or 0.0) > SKEW_LIMIT
    flags = {"skewed": tilted, "heterogeneous_phases": mixed}
    return tuple(flag for flag, is_up in flags.items() if is_up)


def _heterogeneity(usable: Strata) -> TestResult:
    return heterogeneity(
        [(t.mean - c.mean, t.variance / t.n + c.variance / c.n) for c, t in usable]
    )


def _skewness(used: _Used, total: float) -> float | None:
    """Skewness κ of the difference of means; None where an arm's is not known.

    κ = Σ ± w³ γ s³/n² / SE³; each tail of the test is off by about 0.085 κ. The limit
    :data:`SKEW_LIMIT` carries the rule n >= 355 γ² (Kohavi, Deng, Longbotham & Xu 2014, KDD)
    over to a difference.
    """
    error = math.sqrt(total)
    kappa = 0.0
    for weight, control, treatment in used:
        for moments, sign in ((treatment, 1), (control, -1)):
            if moments.skewness is None:
                return None
            own = weight * math.sqrt(moments.variance / moments.n) / error
            kappa += sign * moments.skewness * own**3 / math.sqrt(moments.n)
    return kappa
