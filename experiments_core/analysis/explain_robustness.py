"""How each analysis of a robustness sheet came about, and how its holding was counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import cast

from experiments_core.analysis import comparing, formulas, words
from experiments_core.analysis.design import Design
from experiments_core.analysis.explain import Explanation, combined, inputs
from experiments_core.analysis.explain_step import Step, number
from experiments_core.analysis.groups import Pair, is_rate
from experiments_core.analysis.other_methods import student_pair, zero_one
from experiments_core.analysis.robustness import CROSSOVERS, Robustness, Variation
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean
from experiments_core.stats import proportions
from experiments_core.stats.contrasts import MeanPair
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Counts, Moments
from experiments_core.stats.normal import critical_value

NEWCOMBE = """\
l, u = Wilson limits of each rate,  d = p_t − p_c  (Newcombe 1998, method 10)
difference: d − √((p_t − l_t)² + (u_c − p_c)²)  to  d + √((u_t − p_t)² + (p_c − l_c)²)"""
AGRESTI_CAFFO = """\
p̃ = (x + 1) / (n + 2) in each version  (Agresti & Caffo 2000)
difference: p̃_t − p̃_c ± z √(Σ p̃ (1 − p̃) / (n + 2))"""
MIETTINEN_NURMINEN = """\
difference: every δ with |p_t − p_c − δ| ≤ z √(V(δ) N / (N − 1)),  N = n_c + n_t
V(δ) from the rates that fit best under δ  (Miettinen & Nurminen 1985)"""
KATZ = """\
r = p_t / p_c,  SE of ln r = √((1 − p_t) / x_t + (1 − p_c) / x_c)  (Katz et al. 1978)
lift: r exp(± z SE) − 1"""
LOG_MEANS = """\
r = m_t / m_c,  SE of ln r = √(v_t / m_t² + v_c / m_c²),  v = s² / n  (delta method)
lift: r exp(± t_crit SE) − 1"""
STUDENT = """\
s² = ((n_c − 1) s²_c + (n_t − 1) s²_t) / (n_c + n_t − 2)  (Student 1908)
t = d / √(s² (1/n_c + 1/n_t)) with n_c + n_t − 2 degrees of freedom
difference: d ± t_crit √(s² (1/n_c + 1/n_t))"""
ZERO_ONE = """\
every unit counts 1 or 0: m = x / n, s² = p (1 − p) n / (n − 1)
"""
BY_SIZE = """\
w = units of the phase / all units, in place of n_c n_t / (n_c + n_t)
d = Σ w d_k,  SE² = Σ w² SE_k² over the phases"""
OTHERS = {
    "newcombe": NEWCOMBE, "agresti_caffo": AGRESTI_CAFFO,
    "miettinen_nurminen": MIETTINEN_NURMINEN, "student_t": STUDENT, "size_weighted": BY_SIZE,
}  # fmt: skip
COUNTED = """\
an analysis says “better” or “worse” where its interval of the difference leaves out 0
(of the lift, where it has no other); it holds where it says what the planned one says"""


def explain_variation(found: Robustness, one: Variation, design: Design) -> Explanation:
    """Write one analysis of a sheet out, and how many of them say the same.

    Args:
        found: The sheet.
        one: One of its analyses.
        design: As for the whole experiment.
    """
    metric = found.definition
    strata = one.strata if one.adjusted else _raw(metric, one.strata)
    control, other = (
        words.plain(design.named(a), 40) for a in (design.reference, found.variant)
    )
    lines = [f"{words.plain(metric.name, 60)}: {other} (t) against {control} (c)"]
    if one.cap is not None:
        lines.append(f"larger values count as the cap: {one.cap}")
    crossed = CROSSOVERS[one.setting.crossovers]
    lines += [f"days: {one.setting.days}; units in both versions: {crossed}"]
    lines += [*inputs(metric, strata), *_between(metric, strata, one, found)]
    lines += _found(one, found.confidence_level)
    return Explanation(
        metric.key, found.variant, _formula(metric, strata, one), "\n".join(lines), (),
        steps=(_counted(found),),
    )  # fmt: skip


def _raw(metric: Metric, strata: tuple[Pair, ...]) -> tuple[Pair, ...]:
    if not comparing.is_adjusted(metric, strata):
        return strata
    return comparing.unadjusted(metric, strata)


def _formula(metric: Metric, strata: tuple[Pair, ...], one: Variation) -> str:
    if one.method == "t_of_zero_one":
        several = len(strata) > 1
        return ZERO_ONE + (formulas.MEAN_PHASES if several else formulas.MEAN)
    if one.method == "log_delta":
        return KATZ if is_rate(metric) else LOG_MEANS
    told = OTHERS.get(one.method) or formulas.formula_of(metric, strata)
    capped = one.cap is not None and isinstance(metric, Mean)
    return f"{formulas.CAPPED}\n{told}" if capped else told


def _between(
    metric: Metric, strata: tuple[Pair, ...], one: Variation, found: Robustness
) -> Iterator[str]:
    """The steps of the method between its inputs and what came out."""
    alpha = 1 - found.confidence_level
    z = critical_value(alpha / 2)
    if one.method in {"newcombe", "agresti_caffo", "miettinen_nurminen", "log_delta"} and (
        is_rate(metric)
    ):
        yield f"z = {z:.6g}"
        yield from _of_rates(cast("tuple[Counts, Counts]", strata[0]), one.method, alpha)
    elif one.method == "t_of_zero_one":
        for name, arm in _arms(strata):
            told = zero_one(cast("Counts", arm))
            yield f"m_{name} = {told.mean:.6g}, s²_{name} = {told.variance:.6g}"
    elif one.method == "student_t":
        pair = student_pair(*cast("tuple[Moments, Moments]", strata[0]))
        yield f"√(s² (1/n_c + 1/n_t)) = {pair.standard_error:.6g}"
        yield f"f = {pair.degrees_of_freedom:.6g}"
    elif one.method == "log_delta":
        yield from _of_means(metric, strata)
    elif one.method == "size_weighted":
        sizes = [control.n + treatment.n for control, treatment in strata]
        yield "w = " + ", ".join(f"{size / sum(sizes):.4f}" for size in sizes)
    else:
        yield from combined(metric, strata)


def _of_rates(pair: tuple[Counts, Counts], method: str, alpha: float) -> Iterator[str]:
    for name, arm in zip("ct", pair, strict=True):
        if method == "newcombe":
            limits = proportions.wilson(arm, 1 - alpha)
            yield f"l_{name} = {number(limits.ci_lower)}, u_{name} = {number(limits.ci_upper)}"
        elif method == "agresti_caffo":
            yield f"p̃_{name} = {arm.x + 1} / {arm.n + 2} = {(arm.x + 1) / (arm.n + 2):.6g}"
    if method == "log_delta" and all(arm.x for arm in pair):
        square = math.fsum((arm.n - arm.x) / (arm.n * arm.x) for arm in pair)
        yield f"SE of ln r = {math.sqrt(square):.6g}"
    if method == "miettinen_nurminen":
        both = sum(arm.n for arm in pair)
        yield f"N / (N − 1) = {both} / {both - 1}"


def _of_means(metric: Metric, strata: tuple[Pair, ...]) -> Iterator[str]:
    pair = comparing.pair_of(metric, strata)
    if isinstance(pair, MeanPair):
        parts = pair.treatment_variance, pair.control_variance
        square = parts[0] / pair.treatment**2 + parts[1] / pair.control**2
        yield f"m_c = {pair.control:.6g}, m_t = {pair.treatment:.6g}"
        yield f"SE of ln r = {math.sqrt(square):.6g}"


def _arms(strata: tuple[Pair, ...]) -> Iterator[tuple[str, object]]:
    return (named for pair in strata for named in zip("ct", pair, strict=True))


def _found(one: Variation, level: float) -> Iterator[str]:
    at = words.level(level)
    for name, value, low, high in (
        ("d", one.difference, one.difference_ci_lower, one.difference_ci_upper),
        ("lift", one.relative_lift, one.relative_lift_ci_lower, one.relative_lift_ci_upper),
    ):
        ends = f", at {at}: {number(low)} to {number(high)}"
        bare = isinstance(low, Undefined) and isinstance(high, Undefined)
        yield f"{name} = {number(value)}{'' if bare else ends}"
    if one.p_value is not None:
        yield f"p-value = {number(one.p_value)}"
    yield f"says: {one.verdict.replace('_', ' ')}"


def _counted(found: Robustness) -> Step:
    said = Counter(one.verdict.replace("_", " ") for one in found.variations)
    lines = [
        f"all intervals at {words.level(found.confidence_level)}",
        *(f"{verdict}: {count}" for verdict, count in said.most_common()),
        (
            f"planned: {found.planned.verdict.replace('_', ' ')}, so it holds in {found.holds} "
            f"of {len(found.variations)}"
        ),
    ]
    return Step("In how many analyses the answer holds", COUNTED, "\n".join(lines))
