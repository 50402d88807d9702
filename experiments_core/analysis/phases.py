"""What stands beside a comparison over phases: each phase, the sizes' view, the plain total."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

from experiments_core.analysis import comparing
from experiments_core.analysis.cells import WHOLE
from experiments_core.analysis.contrast import PhaseResult
from experiments_core.analysis.design import Design
from experiments_core.analysis.effects import effect
from experiments_core.analysis.groups import Groups, Pair, is_quantile
from experiments_core.analysis.hypothesis import Hypothesis
from experiments_core.domain.metric import Metric
from experiments_core.stats import stratified
from experiments_core.stats.estimate import Comparison, Undefined, Value


class Beside(TypedDict, total=False):
    """Fields of a contrast that exist only when there are several phases."""

    by_phase: tuple[PhaseResult, ...]
    size_weighted: PhaseResult
    plain_total: PhaseResult
    heterogeneity_p_value: Value


def beside(groups: Groups, design: Design, one: Hypothesis, alpha: float) -> Beside:
    """Every phase by itself, and the two other totals; nothing for a single phase.

    Args:
        groups: The cells.
        design: Who is compared with whom.
        one: The comparison.
        alpha: Level of its intervals, used for all rows.
    """
    if len(one.strata) < 2 or one.withheld is not None:
        return {}
    metric = one.metric
    weights = comparing.phase_weights(metric, one.strata)
    rows = tuple(
        _row(f"phase {number}", one, pair, alpha, weight)
        for number, (pair, weight) in enumerate(zip(one.strata, weights, strict=True), start=1)
    )
    effects = [
        comparing.difference_and_variance(metric, (pair,), pooled=one.strata)
        for pair in one.strata
    ]
    found: Beside = {
        "by_phase": rows,
        "size_weighted": _by_size(metric, one.strata, alpha),
        "heterogeneity_p_value": stratified.heterogeneity(effects).p_value,
    }
    total = _total(groups, design, one)
    if total is not None:
        found["plain_total"] = _plain(metric, one.strata, total, alpha)
    return found


def _total(groups: Groups, design: Design, one: Hypothesis) -> Pair | None:
    """Both arms over all phases; None where nobody asked for the quantile of all rows."""
    strata = one.strata
    if is_quantile(one.metric):
        strata = groups.strata(one.metric, design.reference, one.treatment, WHOLE)
    control, treatment = (
        comparing.total(one.metric, [pair[side] for pair in strata]) for side in (0, 1)
    )
    return (control, treatment) if (control.n and treatment.n) or strata is one.strata else None


def _row(
    label: str, one: Hypothesis, pair: Pair, alpha: float, weight: float | None
) -> PhaseResult:
    found = comparing.compare(one.metric, (pair,), alpha, pooled=one.strata)
    control, treatment = (comparing.level_of(one.metric, arm) for arm in pair)
    return _result(label, pair, (control, treatment), found, weight)


def _plain(metric: Metric, strata: Sequence[Pair], pair: Pair, alpha: float) -> PhaseResult:
    """The total as if the split had never changed; misleading where it says something else."""
    found = comparing.compare(metric, (pair,), alpha)
    combined = comparing.compare(metric, strata, alpha)
    levels = (comparing.level_of(metric, pair[0]), comparing.level_of(metric, pair[1]))
    row = _result("plain total", pair, levels, found, None)
    return replace(row, misleading=_contradicts(found, combined, alpha))


def _contradicts(plain: Comparison, combined: Comparison, alpha: float) -> bool:
    signs = [_sign(found.difference.value) for found in (plain, combined)]
    decided = [_is_below(found.test.p_value, alpha) for found in (plain, combined)]
    return signs[0] * signs[1] < 0 or decided[0] != decided[1]


def _sign(value: Value) -> int:
    if isinstance(value, Undefined) or value == 0:
        return 0
    return 1 if value > 0 else -1


def _is_below(p: Value, alpha: float) -> bool:
    return not isinstance(p, Undefined) and p < alpha


def _by_size(metric: Metric, strata: Sequence[Pair], alpha: float) -> PhaseResult:
    found = comparing.compare_by_size(metric, strata, alpha)
    pair = (
        comparing.total(metric, [control for control, _ in strata]),
        comparing.total(metric, [treatment for _, treatment in strata]),
    )
    return _result("size-weighted", pair, _mixed(metric, strata), found, None)


def _mixed(metric: Metric, strata: Sequence[Pair]) -> tuple[Value, Value]:
    """Levels of both arms over the phases in which both have one."""
    known: list[tuple[int, float, float]] = []
    missing = Undefined("no_users")
    for c, t in strata:
        control, treatment = comparing.level_of(metric, c), comparing.level_of(metric, t)
        if isinstance(control, Undefined):
            missing = control
        elif isinstance(treatment, Undefined):
            missing = treatment
        else:
            known.append((c.n + t.n, control, treatment))
    if not known:
        return missing, missing
    whole = sum(size for size, _, _ in known)
    return (
        math.fsum(size / whole * control for size, control, _ in known),
        math.fsum(size / whole * treatment for size, _, treatment in known),
    )


def _result(
    label: str,
    pair: Pair,
    levels: tuple[Value, Value],
    found: Comparison,
    weight: float | None,
) -> PhaseResult:
    return PhaseResult(
        label=label,
        control_n=pair[0].n,
        treatment_n=pair[1].n,
        control_value=levels[0],
        treatment_value=levels[1],
        **effect(found),
        p_value=found.test.p_value,
        weight=weight,
    )
