"""What a notebook carries of a reading: the study as plain values, and every number printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from experiments_core.analysis import comparing
from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.cells import UNCAPPED, WHOLE, Cells
from experiments_core.analysis.contrast import Contrast, PhaseResult
from experiments_core.analysis.design import Design
from experiments_core.analysis.groups import Groups, is_quantile, is_rate
from experiments_core.analysis.results import ArmResult, ExperimentResult, MetricResult
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.stats.moments import Counts, Located, Moments, Summary

WITHHELD = frozenset({"below_minimum", "column_missing", "no_unit_rows"})
NOBODY = Moments(0, (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0)))
ARM_FIELDS = (
    "n", "conversions", "value", "ci_lower", "ci_upper", "standard_deviation",
    "probability_best",
)  # fmt: skip
LIMITS = (
    "difference_ci_lower", "difference_ci_upper",
    "relative_lift_ci_lower", "relative_lift_ci_upper",
)  # fmt: skip
CONTRAST_FIELDS = (
    "difference", "relative_lift", *LIMITS, "statistic", "p_value", "p_value_adjusted",
    "confidence_level", "guardrail_p_value", "heterogeneity_p_value",
)  # fmt: skip
BAYES_FIELDS = (
    "probability_better", "expected_loss_if_treatment", "expected_loss_if_control", *LIMITS,
)  # fmt: skip
SEQUENTIAL_FIELDS = ("confidence_level", "p_value_always_valid", "p_value", *LIMITS)
PLAIN_FIELDS = (
    "control_value", "treatment_value", "difference", "relative_lift", *LIMITS, "p_value",
)  # fmt: skip
ADJUSTMENT_FIELDS = ("theta", "correlation", "variance_saved", "balance_p_value")
PHASE_FIELDS = (
    "control_n", "treatment_n", "control_value", "treatment_value", "difference",
    "relative_lift", *LIMITS, "p_value", "weight",
)  # fmt: skip


def study_of(
    result: ExperimentResult, cells: Cells, design: Design, prior: Prior | None = None
) -> dict[str, Any]:
    """The data slice as a plain dictionary; with a prior where the Bayesian view is told."""
    groups = Groups.of(cells, len(design.phases))
    if design.holdout not in design.arms:
        groups = groups.without(design.holdout)
    phases = range(1, groups.phases + 1)
    contrasts = list(_contrasts(result))
    return {
        "arms": list(design.arms),
        "reference": design.reference,
        "alpha": design.plan.alpha,
        "alternative": design.plan.alternative,
        "correction": design.plan.correction,
        "methods": list(design.methods),
        "split": [dict(phase.weights) for phase in design.phases[: groups.phases]],
        "units": {
            arm: [groups.units(arm, k) for k in phases]
            for arm in dict.fromkeys((*design.arms, *groups.arms))
        },
        "metrics": {metric.key: _metric(design, groups, metric) for metric in design.metrics},
        "tuned_to": {arm: design.tuned_to(arm) for arm in design.treatments},
        "decides_by_looks": any(
            contrast.sequential is not None and contrast.sequential.decides
            for _, _, contrast in contrasts
        ),
        "look_bounds": {
            f"{metric.key} / {arm.variant}": (
                contrast.sequential.bound
                if isinstance(contrast.sequential.bound, float)
                else None
            )
            for metric, arm, contrast in contrasts
            if contrast.sequential is not None
            and contrast.sequential.method == "group_sequential"
        },
        "withheld": [
            f"{metric.key} / {arm.variant}"
            for metric, arm, contrast in contrasts
            if contrast.verdict_reason in WITHHELD
        ],
        "visible": _visible(result, design),
        "prior": None if prior is None else asdict(prior),
        "sheets": [],
    }


def _metric(design: Design, groups: Groups, metric: Metric) -> dict[str, Any]:
    kind = _kind(groups, metric, design.arms)
    told: dict[str, Any] = {
        "kind": kind,
        "role": metric.role.value,
        "direction": metric.preferred_direction.value,
        "margin": metric.non_inferiority_margin,
        "margin_absolute": metric.non_inferiority_margin_absolute,
        "cells": {
            arm: [row_of(kind, summary) for summary in groups.of_arm(metric, arm)]
            for arm in design.arms
        },
    }
    if metric.covariates:
        told["covariate"] = metric.covariate_name
    if groups.cap(metric) is not None:
        told["uncapped"] = {
            arm: [row_of(kind, summary) for summary in groups.of_arm(metric, arm, UNCAPPED)]
            for arm in design.arms
        }
    whole = {arm: groups.of_arm(metric, arm, WHOLE) for arm in design.arms}
    if any(one.n for phases in whole.values() for one in phases):
        told["whole"] = {
            arm: row_of(kind, comparing.total(metric, phases)) for arm, phases in whole.items()
        }
    return told


def _kind(groups: Groups, metric: Metric, arms: Sequence[str]) -> str:
    if is_rate(metric):
        return "rate"
    if is_quantile(metric):
        return "quantile"
    ratio = metric.kind is MetricKind.RATIO
    pairs = [(one, one) for arm in arms for one in groups.of_arm(metric, arm)]
    if comparing.is_adjusted(metric, pairs):
        return "adjusted_ratio" if ratio else "adjusted"
    return "ratio" if ratio else "mean"


def printed(result: ExperimentResult) -> Iterator[tuple[str, float]]:
    """Every number of the results under its name; what does not exist is left out."""
    for metric in result.metrics:
        for arm in metric.arms:
            head = f"{metric.key} / {arm.variant}"
            yield from numbers_of(head, arm, ARM_FIELDS)
            if arm.contrast is not None:
                yield from _contrast(head, arm.contrast)
    for check in result.health:
        if check.check == "sample_ratio_mismatch" and isinstance(check.p_value, float):
            yield "sample ratio / p_value", check.p_value
    if result.progress is not None:
        name = "relative_minimum_detectable_effect"
        yield from numbers_of("progress", result.progress, (name,))


def _contrast(head: str, contrast: Contrast) -> Iterator[tuple[str, float]]:
    if contrast.verdict_reason in WITHHELD:
        return
    yield from numbers_of(head, contrast, CONTRAST_FIELDS)
    if contrast.sequential is not None:
        yield from numbers_of(f"{head} / sequential", contrast.sequential, SEQUENTIAL_FIELDS)
    if contrast.bayes is not None:
        yield from numbers_of(f"{head} / bayes", contrast.bayes, BAYES_FIELDS)
    for name in ("unadjusted", "uncapped"):
        beside = getattr(contrast, name)
        if beside is not None:
            yield from numbers_of(f"{head} / {name}", beside, PLAIN_FIELDS)
    if contrast.adjustment is not None:
        yield from numbers_of(f"{head} / adjustment", contrast.adjustment, ADJUSTMENT_FIELDS)
    extra = (contrast.plain_total, contrast.size_weighted)
    for row in (*contrast.by_phase, *(row for row in extra if row is not None)):
        yield from numbers_of(f"{head} / {row.label}", row, PHASE_FIELDS)


def numbers_of(
    head: str, holder: ArmResult | Contrast | PhaseResult | Any, fields: Sequence[str]
) -> Iterator[tuple[str, float]]:
    """The fields that are numbers, under their names."""
    for field in fields:
        value = getattr(holder, field)
        if isinstance(value, int | float):
            yield f"{head} / {field}", value


def _contrasts(result: ExperimentResult) -> Iterator[tuple[MetricResult, ArmResult, Contrast]]:
    for metric in result.metrics:
        for arm in metric.arms:
            if arm.contrast is not None:
                yield metric, arm, arm.contrast


def row_of(kind: str, summary: Summary) -> tuple[Any, ...]:
    """One arm of one phase as plain numbers."""
    if isinstance(summary, Counts):
        return summary.n, summary.x
    if isinstance(summary, Located):
        limits = summary.lower, summary.upper
        return summary.n, summary.value, *limits, summary.confidence_level
    if kind == "adjusted_ratio":
        known = summary if summary.n else NOBODY
        return known.n, known.means, known.covariance
    if kind not in {"ratio", "adjusted"}:
        return summary.n, summary.mean, summary.variance
    if summary.n == 0:
        return 0, 0.0, 0.0, 0.0, 0.0, 0.0
    (yy, yx), (_, xx) = summary.covariance
    return summary.n, *summary.means, yy, xx, yx


def _visible(result: ExperimentResult, design: Design) -> dict[str, Any] | None:
    first = next((metric for metric in result.metrics if metric.role == "primary"), None)
    if first is None:
        return None
    direction = {"greater": "increase", "less": "decrease"}.get(
        design.plan.alternative,
        "decrease" if first.preferred_direction == "decrease" else "increase",
    )
    if result.progress is None or not isinstance(
        result.progress.relative_minimum_detectable_effect, float
    ):
        return None
    return {
        "metric": first.key,
        "direction": direction,
        "power": design.plan.power,
        "comparisons": design.comparisons,
    }
