"""Segments as a forest, phases beside their combined row and the total that misleads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments_core.analysis.contrast import Contrast, PhaseResult
from experiments_core.analysis.results import ArmResult, MetricResult, SegmentResult
from experiments_core.charts import words
from experiments_core.charts.forest import ForestGroup, ForestRow, draw_forest
from experiments_core.charts.marks import Mark
from experiments_core.charts.readings import (
    BY_VERDICT,
    INTERIM,
    MISLEADING,
    Reading,
    shown_interval,
)
from experiments_core.charts.theme import Figure, Tokens, safe
from experiments_core.stats.estimate import Undefined

Cut = tuple[SegmentResult, ...]
"""One metric in every value of one column."""


def segment_forest(
    segments: Sequence[SegmentResult],
    metric: MetricResult,
    tokens: Tokens,
    *,
    treatment: str,
    reference: str,
    names: Mapping[str, str] | None = None,
    final: bool = True,
    unit: str = "user",
    narrow: bool = False,
) -> Figure:
    """Draw one metric in every segment value.

    Args:
        segments: In the order they are shown; columns are grouped.
        metric: The metric, for its unit.
        tokens: Colours.
        treatment: Key of the arm that is compared.
        reference: Key of the control.
        names: Variant key -> name.
        final: Whether the look is final; else nothing is decided.
        unit: What was randomised.
        narrow: Two lines per row.
    """
    called = names or {}
    columns: dict[str, list[SegmentResult]] = {}
    for segment in segments:
        columns.setdefault(segment.column, []).append(segment)
    groups = [
        ForestGroup(
            rows=tuple(
                _segment(one, metric, treatment, reference, final=final) for one in values
            ),
            title=words.plain(column.replace("_", " ")).capitalize(),
            note=_interaction(values[0]),
        )
        for column, values in columns.items()
    ]
    levels = [one.arms[-1].contrast for one in segments if one.arms[-1].contrast]
    level = words.level(levels[0].confidence_level) if levels else ""
    return draw_forest(
        groups,
        tokens,
        headings=(
            "Segment",
            called.get(reference, reference),
            called.get(treatment, treatment),
            f"{unit.capitalize()}s",
            "Corrected p",
        ),
        caption=f"relative lift in {safe(metric.name, 40)}, {level} intervals "
        f"(corrected for {words.plural(len(segments), 'segment')})",
        narrow=narrow,
    )


def phase_plot(
    metric: MetricResult,
    tokens: Tokens,
    *,
    treatment: str,
    reference: str,
    names: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    final: bool = True,
    narrow: bool = False,
) -> Figure:
    """Draw each phase, the combined row, and the plain total as what it is.

    Args:
        metric: A metric whose treatment arm has ``by_phase``.
        tokens: Colours.
        treatment: Key of the arm that is compared.
        reference: Key of the control.
        names: Variant key -> name.
        labels: Phase label -> words with dates and split ("Phase 1 · 6–11 May · 50/50").
        final: Whether the look is final.
        narrow: Two lines per row.
    """
    called, said = names or {}, labels or {}
    arm, control = metric.arm(treatment), metric.arm(reference)
    contrast = arm.contrast
    if contrast is None:
        raise ValueError(f"{treatment} is not compared with {reference}")
    rows = [
        _phase_row(metric, phase, said.get(phase.label, phase.label.capitalize()))
        for phase in contrast.by_phase
    ]
    rows.append(_combined(metric, control, arm, contrast, final=final))
    if contrast.plain_total is not None:
        rows.append(_phase_row(metric, contrast.plain_total, "Plain total (do not use)"))
    return draw_forest(
        [ForestGroup(tuple(rows))],
        tokens,
        headings=(
            metric.name,
            called.get(reference, reference),
            called.get(treatment, treatment),
            "Units",
            "Verdict",
        ),
        caption=f"relative lift, {words.level(contrast.confidence_level)} intervals",
        narrow=narrow,
    )


def _segment(
    segment: SegmentResult, metric: MetricResult, treatment: str, reference: str, *, final: bool
) -> ForestRow:  # fmt: skip
    arms = {arm.variant: arm for arm in segment.arms}
    control, arm = arms[reference], arms[treatment]
    contrast = arm.contrast
    cells = (
        segment.value,
        words.value_of(metric, control.value),
        words.value_of(metric, arm.value),
        words.count(control.n + arm.n),
    )
    if contrast is None:
        none = Undefined("below_minimum")
        empty = Mark(none, none, none, BY_VERDICT["cannot_say"])
        return ForestRow(cells, empty, words.NONE, "", sentence=words.reason(none))
    reading = _reading(contrast, final=final)
    return ForestRow(
        cells,
        Mark(*shown_interval(contrast, "lift", final=final), reading),
        words.lift(contrast.relative_lift),
        words.p(contrast.p_value_adjusted),
        sentence=_missing(contrast),
    )


def _reading(contrast: Contrast, *, final: bool) -> Reading:
    if contrast.verdict == "cannot_say" or final:
        return BY_VERDICT[contrast.verdict]
    return INTERIM


def _missing(one: Contrast | PhaseResult) -> str:
    if isinstance(one.relative_lift, Undefined):
        return words.reason(one.relative_lift)
    return ""


def _interaction(segment: SegmentResult) -> str:
    p = segment.interaction_p_value
    if p is None or isinstance(p, Undefined):
        return ""
    return f"do the segments differ? {words.p(p)}"


def _phase_row(metric: MetricResult, phase: PhaseResult, label: str) -> ForestRow:
    reading = MISLEADING if phase.misleading else BY_VERDICT["no_clear_difference"]
    return ForestRow(
        (
            label,
            words.value_of(metric, phase.control_value),
            words.value_of(metric, phase.treatment_value),
            f"{words.count(phase.control_n)} : {words.count(phase.treatment_n)}",
        ),
        Mark(
            phase.relative_lift,
            phase.relative_lift_ci_lower,
            phase.relative_lift_ci_upper,
            reading,
        ),
        words.lift(phase.relative_lift),
        "misleading" if phase.misleading else words.p(phase.p_value),
        sentence=_missing(phase),
        faint=phase.misleading,
    )


def _combined(
    metric: MetricResult, control: ArmResult, arm: ArmResult, contrast: Contrast, *, final: bool
) -> ForestRow:
    return ForestRow(
        (
            "Combined over phases",
            words.value_of(metric, control.value),
            words.value_of(metric, arm.value),
            words.count(control.n + arm.n),
        ),
        Mark(*shown_interval(contrast, "lift", final=final), _reading(contrast, final=final)),
        words.lift(contrast.relative_lift),
        words.p(contrast.p_value),
        sentence=_missing(contrast),
        strong=True,
        heavy_rule=True,
    )
