"""Cells and a design in, one reading of the experiment out. Sees no rows, no SQL, no clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from experiments_core import __version__
from experiments_core.analysis import (
    checks,
    comparing,
    decision,
    families,
    judging,
    on_request,
    planned,
)
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.design import Design, Quality
from experiments_core.analysis.groups import Groups, is_rate
from experiments_core.analysis.omnibus import over_all_arms
from experiments_core.analysis.results import (
    ArmResult,
    Contrast,
    ExperimentResult,
    MetricResult,
)
from experiments_core.analysis.sentences import Story
from experiments_core.analysis.stage import Stage, is_below_runtime, stage
from experiments_core.domain.metric import Metric, MetricRole, MomentNeed
from experiments_core.stats import standardised
from experiments_core.stats.estimate import Estimate, Interval, Undefined
from experiments_core.stats.moments import Counts, Moments, Summary

ENGINE_VERSION = __version__


def needs(metrics: Iterable[Metric]) -> tuple[MomentNeed, ...]:
    """What the one query has to fetch: the union of what the metrics declare."""
    return tuple(metric.needs for metric in metrics)


def analyze(
    cells: Cells, design: Design, quality: Quality | None = None, *, data_hash: str = ""
) -> ExperimentResult:
    """Judge an experiment.

    Args:
        cells: Keyed at least by arm, and by phase where the design has several.
        design: Arms, split, plan, and how far the calendar is.
        quality: What the import knows about rows that never became units.
        data_hash: Names the data; not computed from the moments, which depend on threads.
    """
    groups = Groups.of(cells, len(design.phases))
    if not groups.total(groups.arms):
        design = replace(design, metrics=())
    units = groups.total(design.arms)
    at = stage(design, units)
    metrics = _judged(design, groups, at)
    if at.deciding != "fixed" and not at.final and _has_decided(design, metrics):
        at = replace(at, final=True, reached=True)
        metrics = _judged(design, groups, at)
    health = checks.health(design, groups, at, metrics, quality or Quality())
    progress = planned.progress(design, groups, metrics, units)
    waits = checks.too_few(design, groups), checks.too_short(design)
    story = Story(design, at, metrics, health, progress, *waits)
    verdict, suggestion = decision.decide(story, groups.total(groups.arms))
    return ExperimentResult(
        final=at.final,
        verdict=verdict,
        recommendation=suggestion,
        health=health,
        phases=groups.phases,
        reference=design.reference,
        metrics=metrics,
        engine_version=ENGINE_VERSION,
        data_hash=data_hash,
        status=design.status,
        progress=progress,
    )


def _has_decided(design: Design, metrics: Sequence[MetricResult]) -> bool:
    """Whether a sequential plan is reached because its first primary metric is decided."""
    if design.plan.method == "fixed" or is_below_runtime(design):
        return False
    first = next((m for m in metrics if m.role == MetricRole.PRIMARY), None)
    arms = first.arms if first else ()
    return any(arm.contrast is not None and arm.contrast.significant for arm in arms)


def _judged(design: Design, groups: Groups, at: Stage) -> tuple[MetricResult, ...]:
    found = families.hypotheses(design, groups, at)
    contrasts = {
        (one.metric.key, one.treatment): judging.judge(design, groups, at, one, level)
        for one, level in zip(found, families.levels(design, found), strict=True)
    }
    return tuple(_metric(design, groups, metric, contrasts) for metric in design.metrics)


def _metric(
    design: Design,
    groups: Groups,
    metric: Metric,
    contrasts: dict[tuple[str, str], Contrast],
) -> MetricResult:
    return MetricResult(
        key=metric.key,
        name=metric.name,
        kind=metric.kind.value,
        role=metric.role.value,
        preferred_direction=metric.preferred_direction.value,
        unit=metric.unit,
        arms=on_request.with_arm_intervals(
            arm_results(design, groups, metric, contrasts),
            metric,
            groups,
            1 - design.plan.alpha,
            design.methods,
        ),
        non_inferiority_margin=metric.non_inferiority_margin,
        non_inferiority_margin_absolute=metric.non_inferiority_margin_absolute,
        relative_minimum_detectable_effect=metric.relative_minimum_detectable_effect,
        omnibus=over_all_arms(groups, metric, design.arms),
    )


def arm_results(
    design: Design,
    groups: Groups,
    metric: Metric,
    contrasts: dict[tuple[str, str], Contrast],
) -> tuple[ArmResult, ...]:
    """Every arm of one metric; over phases the values share one mix of phases."""
    by_arm = {arm: groups.of_arm(metric, arm) for arm in design.arms}
    seen = [phases for phases in by_arm.values() if any(summary.n for summary in phases)]
    sizes = [[phases[k].n for phases in seen] for k in range(groups.phases)]
    weights = standardised.common_weights(sizes) if seen else (0.0,) * groups.phases
    level = 1 - design.plan.alpha
    missing = None if groups.has(metric) else "column_missing"
    return tuple(
        _arm(arm, metric, by_arm[arm], _value(metric, by_arm[arm], weights, level, missing),
             contrasts.get((metric.key, arm)))
        for arm in design.arms
    )  # fmt: skip


def _value(
    metric: Metric,
    phases: Sequence[Summary],
    weights: Sequence[float],
    level: float,
    missing: str | None,
) -> Estimate:
    if missing is None and not any(summary.n for summary in phases):
        missing = "no_users"
    if missing is not None:
        nothing = Undefined(missing)
        return Estimate(nothing, Interval(nothing, nothing, level, "none"))
    if is_rate(metric):
        counts = cast("Sequence[Counts]", phases)
        return standardised.standardised_rate(counts, weights, level)
    return standardised.standardised_mean(cast("Sequence[Moments]", phases), weights, level)


def _arm(
    arm: str,
    metric: Metric,
    phases: Sequence[Summary],
    value: Estimate,
    contrast: Contrast | None,
) -> ArmResult:
    total = comparing.total(metric, phases)
    return ArmResult(
        variant=arm,
        n=total.n,
        conversions=total.x if isinstance(total, Counts) else None,
        value=value.value,
        ci_lower=value.ci_lower,
        ci_upper=value.ci_upper,
        standard_deviation=_spread(total),
        contrast=contrast,
    )


def _spread(total: Summary) -> float | None:
    """Standard deviation of one unit; None for a rate, or where it does not exist."""
    if isinstance(total, Counts) or total.n < 2:
        return None
    spread = math.sqrt(max(total.variance, 0.0))
    return spread if math.isfinite(spread) else None
