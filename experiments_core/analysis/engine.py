"""Cells and a design in, one reading of the experiment out. Sees no rows, no SQL, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from experiments_core import __version__
from experiments_core.analysis import (
    checks,
    counts_only,
    decision,
    families,
    held_out,
    judging,
    on_request,
    planned,
)
from experiments_core.analysis.arms import arm_results
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design, Quality
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.omnibus import over_all_arms
from experiments_core.analysis.results import ExperimentResult, MetricResult
from experiments_core.analysis.sentences import Story
from experiments_core.analysis.stage import Stage, is_below_runtime, stage
from experiments_core.domain.metric import Metric, MetricKind, MetricRole

ENGINE_VERSION = __version__


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
    if design.basis == "counts_only":
        cells = counts_only.spread(cells, design)
    everyone = Groups.of(cells, len(design.phases))
    against_holdout = design.reference == design.holdout
    groups = everyone if against_holdout else everyone.without(design.holdout)
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
    result = ExperimentResult(
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
        holdout=held_out.block(everyone, design, at),
    )
    return (
        counts_only.without_rates(result, design) if design.basis == "counts_only" else result
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
    rule = getattr(metric, "cap", None)
    return MetricResult(
        version=metric.version,
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
        q=metric.needs.q,
        denominator=metric.columns[1] if metric.kind is MetricKind.RATIO else None,
        covariate=metric.covariate_name,
        cap=groups.cap(metric),
        cap_rule=None if rule is None else str(rule),
    )
