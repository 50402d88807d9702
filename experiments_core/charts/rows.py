"""A result as rows of a scorecard: every word and number, before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.results import ArmResult, ExperimentResult, MetricResult
from experiments_core.charts import words
from experiments_core.charts.axis import Axis, common_axis
from experiments_core.charts.marks import Mark
from experiments_core.charts.readings import read, shown_interval, wings
from experiments_core.stats.estimate import Undefined, Value

GROUPS = (("primary", "Primary"), ("guardrail", "Guardrails"), ("secondary", "Secondary"))

BEYOND = 1.05
"""How much farther than a limit the axis goes, so that the shading has room."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a guardrail's harm begins on the axis, and on which side it lies."""

    at: float
    side: int  # 1: harm is to the right, -1: to the left
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One treatment of one metric, in words and as a mark."""

    metric: MetricResult
    variant: str
    name: str
    about: str
    control: str
    control_n: str
    treatment: str
    treatment_n: str
    difference: str
    difference_interval: str
    lift: str
    lift_interval: str
    mark: Mark
    limit: Limit | None
    sentence: str  # instead of a mark


@dataclass(frozen=True, slots=True)
class Group:
    """Primary, guardrail or secondary metrics with the rule they are under."""

    role: str
    title: str
    rule: str
    rows: tuple[Row, ...]


def scorecard_groups(
    result: ExperimentResult,
    *,
    show: str = "lift",
    names: Mapping[str, str] | None = None,
    unit: str = "user",
) -> tuple[Group, ...]:
    """Every row of the scorecard.

    Args:
        result: The reading of the experiment.
        show: ``lift`` or ``difference``: what stands on the axis.
        names: Variant key -> name; the key where it is missing.
        unit: What was randomised, for "share of users".
    """
    called = names or {}
    groups = []
    for role, title in GROUPS:
        metrics = [metric for metric in result.metrics if metric.role == role]
        rows = tuple(
            _row(result, metric, arm, show, called.get(arm.variant, arm.variant), unit)
            for metric in metrics
            for arm in metric.arms
            if arm.contrast is not None
        )
        if rows:
            groups.append(Group(role, title, _rule(role, metrics), rows))
    return tuple(groups)


def axis_of(groups: tuple[Group, ...]) -> Axis:
    """The one axis: no bar of a primary metric is cut."""
    rows = [(group.role, row) for group in groups for row in group.rows]
    must = [end for role, row in rows if role == "primary" for end in row.mark.bar_ends]
    may = [end for _, row in rows for end in (*row.mark.bar_ends, *row.mark.wing_ends)]
    may += [row.limit.at * BEYOND for _, row in rows if row.limit and row.mark.drawable]
    return common_axis(must, may)


def _row(  # noqa: PLR0917  private, called once
    result: ExperimentResult,
    metric: MetricResult,
    arm: ArmResult,
    show: str,
    name: str,
    unit: str,
) -> Row:
    control = metric.arm(result.reference)
    contrast = arm.contrast
    if contrast is None:
        raise ValueError(f"{arm.variant} is the control and has no row of its own")
    value, lower, upper = shown_interval(contrast, show, final=result.final)
    reading = read(result, metric, contrast)
    on_axis = show == "lift" or words.is_rate(metric)
    mark = Mark(
        value if on_axis else Undefined("no_data"),
        lower,
        upper,
        reading,
        wings(result, contrast, show),
    )
    no_lift = isinstance(contrast.relative_lift, Undefined)
    _, *difference_ends = shown_interval(contrast, "difference", final=result.final)
    _, *lift_ends = shown_interval(contrast, "lift", final=result.final)
    return Row(
        metric=metric,
        variant=arm.variant,
        name=name,
        about=words.describe(metric, unit),
        control=words.value_of(metric, control.value),
        control_n=words.n_of(control),
        treatment=words.value_of(metric, arm.value),
        treatment_n=words.n_of(arm),
        difference=words.difference_of(metric, contrast.difference),
        difference_interval=words.difference_interval(metric, *difference_ends),
        lift=words.lift(contrast.relative_lift),
        lift_interval="" if no_lift else words.lift_interval(*lift_ends, column=True),
        mark=mark,
        limit=_limit(metric, control, show) if mark.drawable and on_axis else None,
        sentence=_sentence(metric, contrast, mark, on_axis=on_axis),
    )


def _sentence(metric: MetricResult, contrast: Contrast, mark: Mark, *, on_axis: bool) -> str:
    if mark.drawable:
        return ""
    if not on_axis:
        return f"In {metric.unit or 'its own unit'}: see the difference."
    for value in (mark.value, contrast.p_value, contrast.difference):
        if isinstance(value, Undefined):
            return words.reason(value)
    return words.reason(contrast.verdict_reason or "below_minimum")


def _limit(metric: MetricResult, control: ArmResult, show: str) -> Limit | None:
    relative = metric.non_inferiority_margin
    absolute = metric.non_inferiority_margin_absolute
    if relative is None and absolute is None:
        return None
    side = 1 if metric.preferred_direction == "decrease" else -1
    base: Value = control.value
    if (show == "lift") == (relative is not None):
        size = relative if relative is not None else absolute
    elif isinstance(base, Undefined) or base <= 0:
        return None
    else:
        size = absolute / base if absolute is not None else (relative or 0) * base
    if size is None:
        return None
    if relative is not None:
        text = words.percent(side * relative, 0 if relative >= 0.02 else 1, signed=True)
    else:
        text = words.difference_of(metric, side * (absolute or 0))
    return Limit(side * size, side, f"limit {text}")


def _rule(role: str, metrics: list[MetricResult]) -> str:
    if role == "guardrail":
        return "shaded: beyond the harm you said you would accept"
    contrasts = [arm.contrast for metric in metrics for arm in metric.arms if arm.contrast]
    corrected = any(one.p_value != one.p_value_adjusted for one in contrasts)
    return f"corrected over {len(contrasts)} comparisons" if corrected else ""
