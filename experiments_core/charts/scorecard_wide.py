"""The scorecard on a wide page: a ruled table whose panel holds the intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments_core.analysis.results import ExperimentResult
from experiments_core.charts import words
from experiments_core.charts.axis import Axis, draw_axis, lift_tick, points_tick
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.marks import draw_mark
from experiments_core.charts.rows import Group, Row, axis_of
from experiments_core.charts.scorecard_parts import (
    Sparklines,
    axis_words,
    draw_limit,
    draw_sparklines,
    metric_line,
)
from experiments_core.charts.theme import AXIS_SIZE, Figure, Tokens, bold, safe

HEAD, GROUP, METRIC, ROW, FOOT = 29, 33, 30, 54, 34

NAME, CONTROL, TREATMENT, DIFFERENCE = 0.001, 0.283, 0.363, 0.463
PANEL = (0.491, 0.73)
LIFT, VERDICT, SPARK = 0.826, 0.845, (0.957, 0.997)


def draw_wide(
    result: ExperimentResult,
    groups: tuple[Group, ...],
    tokens: Tokens,
    *,
    show: str,
    names: Mapping[str, str],
    sparklines: Sparklines | None = None,
) -> Figure:
    """Draw rows of 54 px: name, arms, difference, panel, lift, verdict, course."""
    several = len(result.treatments) > 1
    canvas = Canvas(_height(groups, several=several), tokens)
    axis = axis_of(groups)
    treatment = "Treatment" if several else names[result.treatments[0]]
    _heading(canvas, names[result.reference], treatment, sparklines)
    y = float(HEAD)
    sparks: list[tuple[float, Sequence[float]]] = []
    spans: list[tuple[float, float]] = []
    for group in groups:
        _group_line(canvas, group, y)
        spans.append((y, y + GROUP))
        y += GROUP
        for metric_rows in _by_metric(group.rows, several=several):
            if several:
                _metric_line(canvas, metric_rows[0], y)
                spans.append((y, y + METRIC))
                y += METRIC
            for row in metric_rows:
                _row(canvas, row, y, axis, show, several=several)
                spans.extend(_axis_span(row, y))
                points = (sparklines or {}).get((row.metric.key, row.variant), ())
                if len(points) > 1:
                    sparks.append((y, points))
                y += ROW
    tick = lift_tick if show == "lift" else points_tick
    draw_axis(canvas, axis, spans=spans, labels_at=HEAD / 2 - 1, tick=tick)
    canvas.small(
        (PANEL[0] + PANEL[1]) / 2, y + FOOT / 2, axis_words(result, names, show),
        size=AXIS_SIZE, align="center",
    )  # fmt: skip
    axes = draw_sparklines(canvas, sparks, domain=SPARK, row=ROW)
    return canvas.figure(domain=PANEL, span=(axis.low, axis.high), **axes)


def _height(groups: tuple[Group, ...], *, several: bool) -> float:
    rows = sum(len(group.rows) for group in groups)
    metrics = sum(len({row.metric.key for row in group.rows}) for group in groups)
    return HEAD + len(groups) * GROUP + rows * ROW + several * metrics * METRIC + FOOT


def _by_metric(rows: tuple[Row, ...], *, several: bool) -> list[list[Row]]:
    if not several:
        return [[row] for row in rows]
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.metric.key, []).append(row)
    return list(found.values())


def _heading(
    canvas: Canvas, control: str, treatment: str, sparklines: Sparklines | None
) -> None:
    y = HEAD / 2 - 1
    canvas.small(NAME, y, "Metric")
    canvas.small(CONTROL, y, safe(control, 14), align="right")
    canvas.small(TREATMENT, y, safe(treatment, 13), align="right")
    canvas.small(DIFFERENCE, y, "Difference", align="right")
    canvas.small(LIFT, y, "Lift", align="right")
    canvas.small(VERDICT, y, "Verdict")
    if sparklines:
        canvas.small(1, y, "Over time", align="right")
    canvas.rule(HEAD, colour=canvas.tokens.muted)


def _group_line(canvas: Canvas, group: Group, y: float) -> None:
    title = bold(group.title)
    canvas.small(NAME, y + GROUP / 2 + 2, title)
    canvas.small(NAME, y + GROUP / 2 + 2, group.rule, shift=len(group.title) * 6.6 + 22)
    canvas.rule(y + GROUP)


def _metric_line(canvas: Canvas, row: Row, y: float) -> None:
    canvas.text(NAME, y + METRIC / 2, metric_line(row, canvas.tokens, letters=60))


def _axis_span(row: Row, y: float) -> list[tuple[float, float]]:
    """Grid and zero line stop around a sentence in the panel."""
    if not row.sentence:
        return [(y, y + ROW)]
    return [(y, y + ROW / 2 - 11), (y + ROW / 2 + 11, y + ROW)]


def _row(
    canvas: Canvas, row: Row, y: float, axis: Axis, show: str, *, several: bool
) -> None:  # fmt: skip
    upper, lower = y + ROW / 2 - 9, y + ROW / 2 + 10
    name = row.name if several else row.metric.name
    title = safe(name, 31)
    canvas.text(NAME, y + ROW / 2 if several else upper, title if several else bold(title))
    if not several:
        canvas.small(NAME, lower, safe(row.about, 42))
    for x, value, below in (
        (CONTROL, row.control, row.control_n),
        (TREATMENT, row.treatment, row.treatment_n),
    ):
        canvas.text(x, upper, value, align="right")
        canvas.small(x, lower, below, align="right")
    _effects(canvas, row, upper, lower, show)
    _verdict(canvas, row, upper, lower)
    _panel(canvas, row, y, axis)
    canvas.rule(y + ROW, colour=canvas.tokens.hair)


def _effects(canvas: Canvas, row: Row, upper: float, lower: float, show: str) -> None:
    decided = row.mark.reading.style == "filled" and row.metric.role != "guardrail"
    colour = row.mark.reading.colour(canvas.tokens) if decided else canvas.tokens.text
    for x, kind, value, ends in (
        (DIFFERENCE, "difference", row.difference, row.difference_interval),
        (LIFT, "lift", row.lift, row.lift_interval),
    ):
        chosen = kind == show and value != words.NONE
        canvas.text(
            x, upper, bold(value) if chosen else value,
            colour=colour if chosen else "", align="right",
        )  # fmt: skip
        canvas.small(x, lower, "" if ends == words.NONE else ends, align="right")


def _verdict(canvas: Canvas, row: Row, upper: float, lower: float) -> None:
    reading = row.mark.reading
    colour = reading.colour(canvas.tokens)
    canvas.text(VERDICT, upper, reading.mark, colour=colour, size=13)
    canvas.text(VERDICT, upper, reading.word, size=14, colour=colour, shift=17)
    canvas.small(VERDICT, lower, reading.note)


def _panel(canvas: Canvas, row: Row, y: float, axis: Axis) -> None:
    middle = y + ROW / 2
    if row.sentence:
        canvas.small(
            sum(PANEL) / 2, middle, safe(row.sentence, 60), align="center",
            ground=canvas.tokens.background,
        )  # fmt: skip
        return
    draw_limit(canvas, row, y, y + ROW, axis)
    draw_mark(canvas, row.mark, middle, axis)
