"""The Bayesian view in words and as a table: chances, losses, credible intervals."""

from __future__ import annotations

from collections.abc import Mapping

from experiments_core.analysis.results import ArmResult, MetricResult
from experiments_core.charts import words
from experiments_core.stats.estimate import Undefined, Value

ALMOST = 0.0005
"""Nearer to certainty than this a chance is told as a bound."""
SMALLEST_LOSS = 5e-6


def title(metric: MetricResult, treatment: str, names: Mapping[str, str]) -> str:
    """``B is better with a chance of 98.9 %; prior: Beta(1, 1) for each rate``."""
    found = metric.arm(treatment).contrast
    name = words.plain(names.get(treatment, treatment), 60)
    if found is None or found.bayes is None:
        return f"Nothing to say about {name}"
    told = found.bayes.probability_better
    if isinstance(told, Undefined):
        return f"No chance can be given for {name}: {words.reason(told)}"
    return f"{name} is better with a chance of {chance(told)}; prior: {found.bayes.prior}"


def threshold(metric: MetricResult) -> str:
    """What a chance has to exceed to say as much as the interval of the plan."""
    told = [arm.contrast.bayes for arm in metric.arms if arm.contrast and arm.contrast.bayes]
    return words.percent(told[0].threshold) if told else words.NONE


def rows(
    metric: MetricResult, reference: str, names: Mapping[str, str]
) -> list[dict[str, object]]:
    """One row per arm."""
    return [
        {
            "Variant": words.plain(names.get(arm.variant, arm.variant), 60),
            "Value": words.value_of(metric, arm.value),
            "Chance to be best": chance(arm.probability_best),
            **_against(metric, arm, words.plain(names.get(reference, reference), 40)),
        }
        for arm in metric.arms
    ]


def chance(value: Value | None) -> str:
    """A probability in per cent, never rounded to certainty."""
    if value is None or isinstance(value, Undefined):
        return words.NONE
    if value > 1 - ALMOST:
        return f"above {words.percent(0.999)}"
    return f"below {words.percent(0.001)}" if value < ALMOST else words.percent(value)


def _against(metric: MetricResult, arm: ArmResult, reference: str) -> dict[str, object]:
    names = (
        f"Chance to be better than {reference}", "Expected loss if shipped",
        "Expected loss if kept", "Credible difference", "Credible lift",
    )  # fmt: skip
    found = arm.contrast.bayes if arm.contrast else None
    if found is None:
        return dict.fromkeys(names, "")
    cells = (
        chance(found.probability_better),
        _loss(metric, found.expected_loss_if_treatment),
        _loss(metric, found.expected_loss_if_control),
        words.difference_interval(metric, found.difference_ci_lower, found.difference_ci_upper),
        words.lift_interval(
            found.relative_lift_ci_lower, found.relative_lift_ci_upper, column=True
        ),
    )
    return dict(zip(names, cells, strict=True))


def _loss(metric: MetricResult, value: Value) -> str:
    """In points of a rate (three digits, losses are small), else in the metric's unit."""
    if isinstance(value, Undefined):
        return words.NONE
    if words.is_rate(metric):
        small = f"<{words.NARROW}0.001"
        shown = small if value < SMALLEST_LOSS else f"{value * 100:.3f}"
        return f"{shown}{words.NARROW}pp"
    return words.amount(value, metric.unit)
