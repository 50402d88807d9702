"""The scorecard on a phone: three lines per metric on one axis."""

from __future__ import annotations

from collections.abc import Mapping

from experiments_core.analysis.results import ExperimentResult
from experiments_core.charts import words
from experiments_core.charts.axis import Axis, draw_axis, lift_tick, points_tick
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.marks import draw_mark
from experiments_core.charts.rows import Group, Row, axis_of
from experiments_core.charts.scorecard_parts import axis_words, draw_limit, metric_line
from experiments_core.charts.theme import Figure, Tokens, bold, safe

HEAD, GROUP, METRIC, NAME, VALUES, PANEL, GAP, FOOT = 34, 44, 26, 29, 29, 50, 22, 30
ROW = NAME + VALUES + PANEL + GAP


def draw_narrow(
    result: ExperimentResult,
    groups: tuple[Group, ...],
    tokens: Tokens,
    *,
    show: str,
    names: Mapping[str, str],
) -> Figure:
    """Draw name and verdict, values and effect, panel, one below the other.

    With several treatments each metric has a line of its own above them.
    """
    several = len(result.treatments) > 1
    rows = sum(len(group.rows) for group in groups)
    metrics = several * len(result.metrics)
    height = HEAD + len(groups) * GROUP + metrics * METRIC + rows * ROW + FOOT
    canvas = Canvas(height, tokens)
    axis = axis_of(groups)
    canvas.rule(HEAD, colour=tokens.muted)
    y = float(HEAD)
    spans: list[tuple[float, float]] = []
    for group in groups:
        _group_line(canvas, group, y)
        y += GROUP
        above = ""
        for row in group.rows:
            if several and row.metric.key != above:
                canvas.text(0, y + METRIC / 2 + 6, metric_line(row, tokens, letters=34))
                above = row.metric.key
                y += METRIC
            _row(canvas, row, y, axis, show, several=several)
            if not row.sentence:
                spans.append((y + NAME + VALUES, y + NAME + VALUES + PANEL))
            y += ROW
    draw_axis(
        canvas, axis, spans=spans, labels_at=HEAD / 2,
        tick=lift_tick if show == "lift" else points_tick,
        every=2 if len(axis.ticks) > 5 else 1, inside=True,
    )  # fmt: skip
    canvas.small(0.5, y + FOOT / 2, axis_words(result, names, show), align="center")
    return canvas.figure(domain=(0.01, 0.99), span=(axis.low, axis.high))


def _group_line(canvas: Canvas, group: Group, y: float) -> None:
    rule = "shaded: beyond your limit" if group.role == "guardrail" else group.rule
    canvas.small(0, y + GROUP / 2 + 4, bold(group.title))
    canvas.small(0, y + GROUP / 2 + 4, rule, shift=len(group.title) * 6.6 + 16)
    canvas.rule(y + GROUP)


def _row(
    canvas: Canvas, row: Row, y: float, axis: Axis, show: str, *, several: bool
) -> None:  # fmt: skip
    reading = row.mark.reading
    colour = reading.colour(canvas.tokens)
    line = y + NAME / 2 + 6
    canvas.text(0, line, safe(row.name, 30) if several else bold(safe(row.metric.name, 30)))
    canvas.text(1, line, f"{reading.mark}  {reading.word}", colour=colour, align="right")
    line = y + NAME + VALUES / 2 + 4
    arms = f"{row.control} → {row.treatment}"
    canvas.text(0, line, arms, size=13)
    canvas.small(0, line, reading.note, size=12, shift=len(arms) * 6.1 + 10)
    _effect(canvas, row, line, show)
    top = y + NAME + VALUES
    if row.sentence:
        canvas.small(0, top + 20, safe(row.sentence, 60))
    else:
        draw_limit(canvas, row, top, top + PANEL, axis)
        draw_mark(canvas, row.mark, top + PANEL / 2, axis)
    canvas.rule(y + ROW - GAP / 2, colour=canvas.tokens.hair)


def _effect(canvas: Canvas, row: Row, line: float, show: str) -> None:
    chosen = (row.lift, row.lift_interval)
    if show == "difference" or row.lift == words.NONE:
        chosen = (row.difference, row.difference_interval)
    value, ends = chosen
    tail = "" if ends == words.NONE else f"  ({ends})"
    markup = f"{bold(value)}<span style='color:{canvas.tokens.muted}'>{tail}</span>"
    canvas.text(1, line, markup, size=13, align="right")
