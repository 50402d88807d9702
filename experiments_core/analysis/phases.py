"""What stands beside a comparison over phases: each phase, the sizes' view, the plain total."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

from experiments_core.analysis import comparing
from experiments_core.analysis.groups import Pair
from experiments_core.analysis.hypothesis import Hypothesis
from experiments_core.analysis.results import PhaseResult
from experiments_core.domain.metric import Metric
from experiments_core.stats import stratified
from experiments_core.stats.estimate import Comparison, Undefined, Value
from experiments_core.stats.moments import Counts, Summary


class Beside(TypedDict, total=False):
    """Fields of a contrast that exist only when there are several phases."""

    by_phase: tuple[PhaseResult, ...]
    size_weighted: PhaseResult
    plain_total: PhaseResult
    heterogeneity_p_value: Value


def beside(one: Hypothesis, alpha: float) -> Beside:
    """Every phase by itself, and the two other totals; nothing for a single phase.

    Args:
        one: The comparison.
        alpha: Level of its intervals, used for all rows.
    """
    if len(one.strata) < 2 or one.withheld is not None:
        return {}
    metric = one.metric
    weights = comparing.phase_weights(metric, one.strata)
    rows = tuple(
        _row(f"phase {number}", metric, (pair,), alpha, weight)
        for number, (pair, weight) in enumerate(zip(one.strata, weights, strict=True), start=1)
    )
    effects = [comparing.difference_and_variance(metric, (pair,)) for pair in one.strata]
    return {
        "by_phase": rows,
        "size_weighted": _by_size(metric, one.strata, alpha),
        "plain_total": _plain(metric, one.strata, alpha),
        "heterogeneity_p_value": stratified.heterogeneity(effects).p_value,
    }


def level_of(summary: Summary) -> Value:
    """Rate or mean of one arm."""
    if summary.n == 0:
        return Undefined("no_users")
    return summary.x / summary.n if isinstance(summary, Counts) else summary.mean


def _row(
    label: str, metric: Metric, strata: Sequence[Pair], alpha: float, weight: float | None
) -> PhaseResult:
    found = comparing.compare(metric, strata, alpha)
    pair = strata[0]
    return _result(label, pair, (level_of(pair[0]), level_of(pair[1])), found, weight)


def _plain(metric: Metric, strata: Sequence[Pair], alpha: float) -> PhaseResult:
    """The total as if the split had never changed; misleading where it says something else."""
    pair = (
        comparing.total(metric, [control for control, _ in strata]),
        comparing.total(metric, [treatment for _, treatment in strata]),
    )
    found = comparing.compare(metric, (pair,), alpha)
    combined = comparing.compare(metric, strata, alpha)
    levels = (level_of(pair[0]), level_of(pair[1]))
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
    sizes = [c.n + t.n if c.n and t.n else 0 for c, t in strata]
    found = comparing.compare_by_size(metric, strata, alpha)
    pair = (
        comparing.total(metric, [control for control, _ in strata]),
        comparing.total(metric, [treatment for _, treatment in strata]),
    )
    levels = tuple(_mixed([one[side] for one in strata], sizes) for side in (0, 1))
    return _result("size-weighted", pair, (levels[0], levels[1]), found, None)


def _mixed(summaries: Sequence[Summary], sizes: Sequence[int]) -> Value:
    whole = sum(sizes)
    if not whole:
        return Undefined("no_users")
    parts = []
    for summary, size in zip(summaries, sizes, strict=True):
        level = level_of(summary) if size else 0.0
        parts.append(0.0 if isinstance(level, Undefined) else level * size / whole)
    return math.fsum(parts)


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
        difference=found.difference.value,
        difference_ci_lower=found.difference.ci_lower,
        difference_ci_upper=found.difference.ci_upper,
        relative_lift=found.relative_lift.value,
        relative_lift_ci_lower=found.relative_lift.ci_lower,
        relative_lift_ci_upper=found.relative_lift.ci_upper,
        p_value=found.test.p_value,
        weight=weight,
    )
