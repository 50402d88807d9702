"""Two rates against each other, in one phase or several: test, difference and lift agree.

A comparison takes strata: a sequence of (control, treatment) counts. One pair is the plain
case: pooled z test, Mee's interval of the difference, Koopman's interval of the lift. Several
pairs are the phases of a test whose split changed: the same statistics, phases weighted by
n_t n_c / (n_t + n_c).

Sources: Mee 1984, Biometrics 40:1175-1176; Koopman 1984, Biometrics 40:513-517; Mantel &
Haenszel 1959, JNCI 22:719-748; Cochran 1954, Biometrics 10:417-451; Miettinen & Nurminen 1985,
Stat Med 4:213-226.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import chdtrc

from experiments_core.stats import contrasts, score
from experiments_core.stats.contrasts import SMALLEST_P, harmful_direction, tail_probability
from experiments_core.stats.estimate import (
    Comparison,
    Estimate,
    Interval,
    TestResult,
    Undefined,
    Value,
)
from experiments_core.stats.moments import Counts
from experiments_core.stats.normal import p_value
from experiments_core.stats.score_intervals import ScoreIntervals

Stratum = tuple[Counts, Counts]
Strata = Sequence[Stratum]

SMALL_COUNTS = 5
"""Smallest expected cell below which the approximation is called rough."""
SMALL_COUNTS_UNEQUAL = 20
"""The same where the smaller arm holds under :data:`LOPSIDED` of the units."""
LOPSIDED = 0.2
HETEROGENEITY_ALPHA = 0.05
SMALLEST_VARIANCE = 1e-285
"""Of one effect among several, in a unit near 1; less is no noise, and its inverse must fit."""


def compare_rates(
    strata: Strata, alpha: float = 0.05, alternative: str = "two-sided"
) -> Comparison:
    """Difference (Mee), lift (Koopman) and pooled z test of two rates at one level.

    ``p < alpha`` holds exactly when the interval of the difference excludes 0, and exactly
    when that of the lift does, wherever there is a lift.

    Args:
        strata: (control, treatment) counts per phase.
        alpha: Level used here and now (alpha_local), a fraction. A one-sided alternative
            spends it on one side: intervals at level 1 - 2 alpha, the limit that does not
            matter ``unbounded``.
        alternative: ``two-sided``, ``greater`` or ``less`` (treatment against control).

    Returns:
        Fractions. ``no_users`` if no phase has both arms; no p-value (``no_variance``) if
        nobody or everybody has the outcome; no lift (``zero_control``) at a control rate of 0.
        Flags ``small_counts`` and ``heterogeneous_phases``.
    """
    tail = tail_probability(alpha, alternative)
    used = _used(strata)
    test = _test(used, alternative)
    if not used.cells:
        missing = Undefined("no_users")
        nothing = Estimate(missing, Interval(missing, missing, 1 - 2 * tail, "score"))
        return Comparison(nothing, nothing, test)
    intervals = ScoreIntervals(used.cells, test, alpha, tail)
    return Comparison(
        difference=Estimate(used.difference, intervals.difference()),
        relative_lift=Estimate(used.lift, intervals.relative_lift()),
        test=test,
        flags=_flags(used),
    )


def lift_of(strata: Strata) -> Value:
    """The lift of :func:`compare_rates` without its interval."""
    used = _used(strata)
    return used.lift if used.cells else Undefined("no_users")


def rate_test(strata: Strata, alternative: str = "two-sided") -> TestResult:
    """Pooled z test of "no difference"; over phases ``stratified_score``.

    z² of one phase is Pearson's chi-square without correction; over phases it is the
    Cochran-Mantel-Haenszel test but for factors (n - 1)/n.
    """
    return _test(_used(strata), alternative)


def rate_test_against_margin(
    strata: Strata, *, margin: float, relative: bool, preferred_direction: str
) -> TestResult:
    """One-sided non-inferiority test: the treatment is not worse by the margin.

    Reject at alpha/2 exactly when the two-sided interval at level 1 - alpha lies on the good
    side of the margin.

    Args:
        strata: (control, treatment) counts per phase.
        margin: Largest harm accepted, > 0: a share of the control rate, or a difference.
        relative: Which of the two.
        preferred_direction: ``increase`` or ``decrease``: which change is good.

    Returns:
        ``zero_control`` where a relative margin meets a control rate of 0: only an absolute
        margin can be judged there.

    Source: Farrington & Manning 1990, Stat Med 9:1447-1454.
    """
    harm = harmful_direction(preferred_direction)
    alternative = "greater" if harm < 0 else "less"
    bound = harm * margin
    if not 0 < margin < (1 if harm < 0 or not relative else math.inf):
        message = f"a margin is a positive fraction, got {margin}"
        raise ValueError(message)
    used = _used(strata)
    reason = None if used.cells else "no_users"
    if reason is None and relative and used.control == 0:
        reason = "zero_control"
    z = math.nan
    if reason is None:
        if relative:
            z = score.ratio_statistic(used.cells, math.log1p(bound))
        else:
            z = score.difference_statistic(used.cells, bound)
        reason = None if math.isfinite(z) else "no_variance"
    if reason is not None:
        return TestResult(Undefined(reason), Undefined(reason), "score", alternative)
    return TestResult(z, p_value(z, alternative), "score", alternative)


def phase_weights(strata: Strata) -> tuple[float, ...]:
    """Mantel-Haenszel share of each phase; 0 for a phase without one arm (left out)."""
    raw = [c.n * t.n / (c.n + t.n) if c.n and t.n else 0.0 for c, t in strata]
    total = math.fsum(raw)
    return tuple(weight / total if total > 0 else 0.0 for weight in raw)


def plain_total(strata: Strata) -> Stratum:
    """Both arms added over the phases: misleading once the split has changed."""
    nobody = Counts(0, 0)
    return sum((c for c, _ in strata), nobody), sum((t for _, t in strata), nobody)


def difference_and_variance(stratum: Stratum) -> tuple[float, float]:
    """Difference of two rates and its unpooled variance, both arms with units."""
    (n_c, p_c), (n_t, p_t) = ((arm.n, arm.x / arm.n) for arm in stratum)
    return p_t - p_c, p_t * (1 - p_t) / n_t + p_c * (1 - p_c) / n_c


def heterogeneity(estimates: Sequence[tuple[float, float]]) -> TestResult:
    """Cochran's Q: do the effects of phases or segments differ by more than noise?

    Q = Σ(d - d̄)²/V around the inverse-variance mean, chi-square with one degree of freedom
    less than there are effects.

    Q does not depend on the unit of measurement: it is taken in a unit near 1, where nothing
    overflows.

    Args:
        estimates: (difference, variance) each; those with variance 0 are left out.

    Returns:
        ``too_few_units`` unless two effects with a variance remain.

    Source: Cochran 1954, Biometrics 10:101-129.
    """
    noisy = [(d, v) for d, v in estimates if v > 0]
    unit = max((abs(d) + math.sqrt(v) for d, v in noisy), default=1.0)
    scaled = [(d / unit, v / unit / unit) for d, v in noisy]
    used = [(d, v) for d, v in scaled if v > SMALLEST_VARIANCE]
    if len(used) < 2:
        missing = Undefined("too_few_units")
        return TestResult(missing, missing, "cochran_q")
    mean = math.fsum(d / v for d, v in used) / math.fsum(1 / v for _, v in used)
    q = math.fsum((d - mean) ** 2 / v for d, v in used)
    freedom = len(used) - 1
    p = max(float(chdtrc(freedom, q)), SMALLEST_P)
    return TestResult(q, p, "cochran_q", degrees_of_freedom=float(freedom))


def size_weighted_difference(strata: Strata, alpha: float = 0.05) -> Comparison:
    """Phases weighted by their units: the average over the users as they came.

    On request beside :func:`compare_rates`, which decides. Unpooled variances, normal critical
    value, Fieller's interval for the lift.
    """
    shares = _shares([c.n + t.n if c.n and t.n else 0 for c, t in strata])
    used = [(w, c, t) for w, (c, t) in zip(shares, strata, strict=True) if w > 0]
    rates = [math.fsum(w * pair[i].x / pair[i].n for w, *pair in used) for i in (0, 1)]
    noise = [
        math.fsum(
            w * w * arm.x * (arm.n - arm.x) / arm.n**3 for w, *p in used for arm in (p[i],)
        )
        for i in (0, 1)
    ]
    pair: contrasts.MeanPair | contrasts.Withheld
    if not used or not sum(noise) > 0:
        reason = "no_variance" if used else "no_users"
        point: Value = rates[1] - rates[0] if used else Undefined(reason)
        pair = contrasts.Withheld(reason, point, "size_weighted_z")
    else:
        pair = contrasts.MeanPair(
            control=rates[0],
            treatment=rates[1],
            control_variance=noise[0],
            treatment_variance=noise[1],
            difference_variance=sum(noise),
            degrees_of_freedom=math.inf,
            method="size_weighted_z",
        )
    result = contrasts.compare(pair, alpha, "two-sided")
    return replace(result, test=replace(result.test, degrees_of_freedom=None))


@dataclass(frozen=True, slots=True)
class _Used:
    """The phases that have both arms, ready for the score statistics."""

    strata: tuple[Stratum, ...]
    cells: tuple[score.Cell, ...]
    control: float
    treatment: float
    difference: float

    @property
    def method(self) -> str:
        return "stratified_score" if len(self.cells) > 1 else "pooled_z"

    @property
    def lift(self) -> Value:
        if self.control == 0:
            return Undefined("zero_control")
        return self.difference / self.control if self.treatment else -1.0


def _used(strata: Strata) -> _Used:
    pairs = zip(phase_weights(strata), strata, strict=True)
    kept = [(weight, pair) for weight, pair in pairs if weight > 0]
    cells = tuple((w, c.n, c.x, t.n, t.x) for w, (c, t) in kept)
    return _Used(
        strata=tuple(pair for _, pair in kept),
        cells=cells,
        control=math.fsum(w * x / n for w, n, x, _, _ in cells),
        treatment=math.fsum(w * x / n for w, _, _, n, x in cells),
        difference=score.weighted_difference(cells),
    )


def _test(used: _Used, alternative: str) -> TestResult:
    reason = None if used.cells else "no_users"
    if all(c.x + t.x in {0, c.n + t.n} for c, t in used.strata):
        reason = reason or "no_variance"
    if reason is not None:
        return TestResult(Undefined(reason), Undefined(reason), used.method, alternative)
    z = score.difference_statistic(used.cells, 0.0)
    return TestResult(z, p_value(z, alternative), used.method, alternative)


def _flags(used: _Used) -> tuple[str, ...]:
    flags = ["small_counts"] if _is_small(used.strata) else []
    if len(used.cells) > 1:
        p = heterogeneity([difference_and_variance(pair) for pair in used.strata]).p_value
        if not isinstance(p, Undefined) and p < HETEROGENEITY_ALPHA:
            flags.append("heterogeneous_phases")
    return tuple(flags)


def _is_small(strata: Strata) -> bool:
    """Whether the smallest expected cell, added over the phases, is too small."""
    cells = [0.0] * 4
    for pair in strata:
        rate = sum(arm.x for arm in pair) / sum(arm.n for arm in pair)
        for i, arm in enumerate(pair):
            cells[2 * i] += arm.n * rate
            cells[2 * i + 1] += arm.n * (1 - rate)
    sizes = [sum(arm.n for arm in arms) for arms in zip(*strata, strict=True)]
    lopsided = min(sizes) < LOPSIDED * sum(sizes)
    return min(cells) < (SMALL_COUNTS_UNEQUAL if lopsided else SMALL_COUNTS)


def _shares(sizes: Sequence[int]) -> list[float]:
    total = sum(sizes)
    return [size / total if total else 0.0 for size in sizes]
