"""The numbers behind each figure as rows of text, for the table that stands below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from experiments_core.analysis.contrast import Contrast, PhaseResult
from experiments_core.analysis.results import (
    ArmResult,
    ExperimentResult,
    MetricResult,
    SegmentResult,
    SeriesPoint,
)
from experiments_core.charts import words
from experiments_core.charts.days import DayCount
from experiments_core.charts.readings import read
from experiments_core.stats.estimate import Undefined, Value

TableRow = dict[str, object]
BLANK = ""


def scorecard_table(
    result: ExperimentResult, names: Mapping[str, str] | None = None
) -> list[TableRow]:
    """One row per metric and arm: every number of the scorecard, and the arms' intervals."""
    called = names or {}
    return [
        {
            "Metric": words.plain(metric.name),
            "Role": metric.role,
            "Variant": words.plain(called.get(arm.variant, arm.variant)),
            **_arm(metric, arm),
            **_contrast(result, metric, arm.contrast),
        }
        for metric in result.metrics
        for arm in metric.arms
    ]


def _arm(metric: MetricResult, arm: ArmResult) -> TableRow:
    return {
        "n": words.count(arm.n),
        "Conversions": BLANK if arm.conversions is None else words.count(arm.conversions),
        "Value": _or_reason(arm.value, words.value_of(metric, arm.value)),
        "Its interval": words.interval(
            arm.ci_lower, arm.ci_upper, lambda end: words.value_of(metric, end)
        ),
    }


def _contrast(
    result: ExperimentResult, metric: MetricResult, contrast: Contrast | None
) -> TableRow:
    columns = (
        "Difference", "Difference interval", "Lift", "Lift interval", "p", "Corrected p",
        "Level", "p against limit", "p with looks", "Lift with looks", "Methods", "Verdict",
    )  # fmt: skip
    if contrast is None:
        return dict.fromkeys(columns, BLANK)
    reading = read(result, metric, contrast)
    cells = (
        _or_reason(contrast.difference, words.difference_of(metric, contrast.difference)),
        words.difference_interval(
            metric, contrast.difference_ci_lower, contrast.difference_ci_upper
        ),
        _or_reason(contrast.relative_lift, words.lift(contrast.relative_lift)),
        words.lift_interval(
            contrast.relative_lift_ci_lower, contrast.relative_lift_ci_upper, column=True
        ),
        words.p(contrast.p_value),
        words.p(contrast.p_value_adjusted),
        words.level(contrast.confidence_level),
        BLANK if contrast.guardrail is None else words.p(contrast.guardrail_p_value),
        *_sequence(contrast),
        words.methods_of(contrast),
        f"{reading.mark} {reading.word}",
    )
    return dict(zip(columns, cells, strict=True))


def _sequence(contrast: Contrast) -> tuple[str, str]:
    found = contrast.sequential
    if found is None:
        return BLANK, BLANK
    ends = words.lift_interval(
        found.relative_lift_ci_lower, found.relative_lift_ci_upper, column=True
    )
    by_looks = found.method == "group_sequential"
    shown = words.p_of_look(found) if by_looks else words.p(found.p_value_always_valid)
    return shown, ends


def series_table(points: Sequence[SeriesPoint]) -> list[TableRow]:
    """One row per day."""
    return [
        {
            ("Day" if isinstance(point.day, date) else "Since the start"): words.end(
                point.day, year=True
            ),
            "Control n": words.count(point.control_n),
            "Treatment n": words.count(point.treatment_n),
            "Lift": _or_reason(point.relative_lift, words.lift(point.relative_lift)),
            "Interval": words.lift_interval(
                point.relative_lift_ci_lower, point.relative_lift_ci_upper, column=True
            ),
            "Always-valid": words.lift_interval(
                point.always_valid_lower, point.always_valid_upper, column=True
            ),
        }
        for point in points
    ]


def segments_table(
    segments: Sequence[SegmentResult], metric: MetricResult, treatment: str, reference: str
) -> list[TableRow]:
    """One row per segment value."""
    rows = []
    for segment in segments:
        arms = {arm.variant: arm for arm in segment.arms}
        control, arm = arms[reference], arms[treatment]
        contrast = arm.contrast
        rows.append(
            {
                "Segment": words.plain(segment.column),
                "Value": words.plain(segment.value),
                "Control n": words.count(control.n),
                "Control": words.value_of(metric, control.value),
                "Treatment n": words.count(arm.n),
                "Treatment": words.value_of(metric, arm.value),
                **_segment_effect(contrast),
            }
        )
    return rows


def _segment_effect(contrast: Contrast | None) -> TableRow:
    if contrast is None:
        return {
            "Lift": words.NONE,
            "Interval": words.NONE,
            "p": words.NONE,
            "Corrected p": BLANK,
        }
    return {
        "Lift": _or_reason(contrast.relative_lift, words.lift(contrast.relative_lift)),
        "Interval": words.lift_interval(
            contrast.relative_lift_ci_lower, contrast.relative_lift_ci_upper, column=True
        ),
        "p": words.p(contrast.p_value),
        "Corrected p": words.p(contrast.p_value_adjusted),
    }


def phases_table(metric: MetricResult, treatment: str, reference: str) -> list[TableRow]:
    """One row per phase, the combined row, the plain total and the size-weighted one."""
    arm, control = metric.arm(treatment), metric.arm(reference)
    contrast = arm.contrast
    if contrast is None:
        return []
    combined = PhaseResult(
        "combined", control.n, arm.n, control.value, arm.value, contrast.difference,
        contrast.difference_ci_lower, contrast.difference_ci_upper, contrast.relative_lift,
        contrast.relative_lift_ci_lower, contrast.relative_lift_ci_upper, contrast.p_value,
    )  # fmt: skip
    extra = [row for row in (contrast.plain_total, contrast.size_weighted) if row is not None]
    return [_phase(metric, row) for row in (*contrast.by_phase, combined, *extra)]


def _phase(metric: MetricResult, row: PhaseResult) -> TableRow:
    return {
        "Rows": f"{row.label} (misleading)" if row.misleading else row.label,
        "Control n": words.count(row.control_n),
        "Control": words.value_of(metric, row.control_value),
        "Treatment n": words.count(row.treatment_n),
        "Treatment": words.value_of(metric, row.treatment_value),
        "Weight": BLANK if row.weight is None else words.percent(row.weight),
        "Difference": words.difference_of(metric, row.difference),
        "Lift": _or_reason(row.relative_lift, words.lift(row.relative_lift)),
        "Interval": words.lift_interval(
            row.relative_lift_ci_lower, row.relative_lift_ci_upper, column=True
        ),
        "p": words.p(row.p_value),
    }


def power_table(points: Sequence[tuple[float, float]]) -> list[TableRow]:
    """True effect and power."""
    return [
        {"True lift": words.lift(effect), "Power": words.percent(power, 0)}
        for effect, power in points
    ]


def weeks_table(weeks: Sequence[tuple[int, Value]]) -> list[TableRow]:
    """Week and smallest visible lift."""
    return [
        {"Week": week, "Smallest visible lift": _or_reason(lift, words.lift(lift))}
        for week, lift in weeks
    ]


def days_table(days: Sequence[DayCount], arms: Sequence[str]) -> list[TableRow]:
    """Units per day and arm."""
    return [
        {
            "Day": words.day(day.day, year=True),
            **{
                words.plain(arm): words.count(number)
                for arm, number in zip(arms, day.units, strict=True)
            },
        }
        for day in days
    ]


def _or_reason(value: Value, text: str) -> str:
    return words.reason(value) if isinstance(value, Undefined) else text
