"""The cumulative effect over time: line, ribbon of the plan, always-valid band, phases."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from experiments_core.analysis.results import SeriesPoint
from experiments_core.charts import words
from experiments_core.charts.axis import lift_tick
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.series_scale import BOTTOM, PLOT, TOP, Scale, lift_axis
from experiments_core.charts.theme import AXIS_SIZE, Figure, Tokens, bold
from experiments_core.stats.estimate import Undefined

LOOK_ROOM, LOOK_ROOM_NARROW = 0.07, 0.2
"""Share of the days that the label of a look takes."""
LONE = 0.04
"""Share of the width that the ribbon of a day without neighbours takes."""
LEFT, RIGHT = 0.052, 0.858
NARROW_LEFT, NARROW_RIGHT = 0.13, 0.99


Course = dict[str, tuple[SeriesPoint, ...]]
"""Treatment -> its days, oldest first."""


@dataclass(frozen=True, slots=True)
class PhaseMark:
    """A new phase begins at the start of a day."""

    day: date
    label: str  # "phase 2"
    change: str = ""  # "split 50/50 → 20/80"


@dataclass(frozen=True, slots=True)
class LookMark:
    """A look was taken on a day."""

    day: date
    number: int


@dataclass(frozen=True, slots=True)
class NoteMark:
    """Somebody wrote down that something happened on a day, or until another."""

    day: date
    label: str  # "A", explained below the chart
    until: date | None = None


def cumulative(
    points: Sequence[SeriesPoint],
    tokens: Tokens,
    *,
    phases: Sequence[PhaseMark] = (),
    looks: Sequence[LookMark] = (),
    notes: Sequence[NoteMark] = (),
    confidence_level: float = 0.95,
    narrow: bool = False,
) -> Figure:
    """Draw the cumulative relative lift by day.

    Days without a lift leave a gap. The range is set by the later days, so early ribbons are
    cut rather than the late ones flattened.

    Args:
        points: Oldest first; at least one has a lift.
        tokens: Colours.
        phases: The first one may start before the first point.
        looks: Small triangles on the time axis.
        notes: Dotted lines with a letter; a range is shaded.
        confidence_level: Of the plan's interval, for its label.
        narrow: Without the column of labels at the right end.
    """
    scale = Scale(lift_axis(points), points[0].day, points[-1].day)
    canvas = Canvas(TOP + PLOT + BOTTOM, tokens)
    _frame(canvas, scale, narrow=narrow)
    for _, run in groupby(points, key=lambda point: isinstance(point.relative_lift, Undefined)):
        shown = [point for point in run if not isinstance(point.relative_lift, Undefined)]
        if shown:
            _ribbons(canvas, shown, scale)
    _phases(canvas, phases, scale, narrow=narrow)
    _notes(canvas, notes, scale)
    _looks(canvas, looks, scale, narrow=narrow)
    last = next(p for p in reversed(points) if not isinstance(p.relative_lift, Undefined))
    ring = {"color": tokens.background, "width": 2}
    canvas.dot(
        scale.x(last.day), scale.y(last.relative_lift), size=11, color=tokens.accent, line=ring
    )
    if not narrow:
        _labels(canvas, last, scale, confidence_level)
    domain = (NARROW_LEFT, NARROW_RIGHT) if narrow else (LEFT, RIGHT)
    return canvas.figure(domain=domain, span=scale.span)


def _frame(canvas: Canvas, scale: Scale, *, narrow: bool) -> None:
    tokens = canvas.tokens
    left, right = scale.span
    for place in scale.axis.ticks:
        y = scale.y(place)
        zero = abs(place) < 1e-12
        canvas.stroke(
            [left, right],
            [y, y],
            colour=tokens.neutral if zero else tokens.hair,
            width=1.2 if zero else 1,
        )
        edge = (NARROW_LEFT if narrow else LEFT) - 0.004
        canvas.small(edge, y, lift_tick(place), size=AXIS_SIZE, align="right")
    canvas.stroke([left, right], [TOP + PLOT, TOP + PLOT], colour=tokens.line, width=1)
    for place, label in scale.ticks(narrow=narrow):
        canvas.small(
            place, TOP + PLOT + 15, label, size=AXIS_SIZE, align="center", on_axis=True
        )


def _ribbons(canvas: Canvas, points: list[SeriesPoint], scale: Scale) -> None:
    tokens = canvas.tokens
    xs = [scale.x(point.day) for point in points]
    if len(points) == 1:  # a ribbon needs a width
        points, half = points * 2, (scale.span[1] - scale.span[0]) * LONE / 2
        xs = [xs[0] - half, xs[0] + half]
    for attribute, fill, dotted in (
        ("always_valid", tokens.ribbon_pale, True),
        ("relative_lift_ci", tokens.ribbon, False),
    ):
        sides = [
            [getattr(point, f"{attribute}_{side}") for point in points]
            for side in ("lower", "upper")
        ]
        if all(isinstance(value, Undefined) for side in sides for value in side):
            continue
        low, high = (
            [scale.y(edge if isinstance(value, Undefined) else value) for value in side]
            for side, edge in zip(sides, (scale.axis.low, scale.axis.high), strict=True)
        )
        canvas.trace(
            type="scatter",
            x=[*xs, *reversed(xs)],
            y=[*high, *reversed(low)],
            mode="none",
            fill="toself",
            fillcolor=fill,
        )
        if dotted:
            for edge in (low, high):
                canvas.stroke(xs, edge, colour=tokens.accent, width=1, dash="1px,3px")
    ys = [scale.y(point.relative_lift) for point in points]
    canvas.stroke(xs, ys, colour=tokens.accent, width=2.2)


def _phases(
    canvas: Canvas, phases: Sequence[PhaseMark], scale: Scale, *, narrow: bool
) -> None:  # fmt: skip
    """A line and a label each; of several that begin at one place the last one holds."""
    places = {max(scale.x(phase.day) - 0.5, scale.span[0]): phase for phase in phases}
    for x, phase in places.items():
        if x > scale.days:
            continue
        text = bold(phase.label) + (f": {phase.change}" if phase.change and not narrow else "")
        canvas.small(x, TOP / 2, text, size=AXIS_SIZE, colour=canvas.tokens.text, on_axis=True)
        if phase is not phases[0]:
            canvas.upright(x, TOP - 4, TOP + PLOT, colour=canvas.tokens.text, below=False)


def _notes(canvas: Canvas, notes: Sequence[NoteMark], scale: Scale) -> None:
    tokens = canvas.tokens
    for note in notes:
        low, high = scale.span
        x, end = scale.x(note.day), scale.x(note.until or note.day)
        if end < low or x > high:
            continue
        x, end = max(x, low), min(end, high)
        if end > x:
            canvas.box(x, end, TOP, TOP + PLOT, fill=tokens.tint_grey)
        canvas.upright(x, TOP, TOP + PLOT, colour=tokens.muted, dash="2px,3px", below=False)
        canvas.small(x, TOP + 9, bold(note.label), size=AXIS_SIZE, on_axis=True)


def _looks(canvas: Canvas, looks: Sequence[LookMark], scale: Scale, *, narrow: bool) -> None:
    """One triangle a day; those too near each other share the room of one label."""
    by_day: dict[date, list[int]] = defaultdict(list)
    for look in looks:
        by_day[look.day].append(look.number)
    room = scale.days * (LOOK_ROOM_NARROW if narrow else LOOK_ROOM)
    labelled = math.inf
    for day, numbers in sorted(by_day.items(), reverse=True):
        x = scale.x(day)
        if not scale.span[0] <= x <= scale.span[1]:
            continue
        canvas.dot(x, TOP + PLOT - 4, symbol="triangle-up", size=8, color=canvas.tokens.text)
        if labelled - x < room:
            continue
        labelled = x
        several = f"looks {numbers[0]}–{numbers[-1]}"
        label = several if len(numbers) > 1 else f"look {numbers[0]}"
        at_end = x > scale.days - room / 2
        canvas.small(
            x, TOP + PLOT - 19, label, size=AXIS_SIZE, on_axis=True,
            align="right" if at_end else "center",
        )  # fmt: skip


def _labels(canvas: Canvas, last: SeriesPoint, scale: Scale, level: float) -> None:
    tokens = canvas.tokens
    wanted = [
        (scale.y(last.relative_lift), bold(words.lift(last.relative_lift)), tokens.accent),
        (
            scale.y(last.relative_lift_ci_upper),
            f"{words.level(level)} interval",
            tokens.text,
        ),
    ]
    if not isinstance(last.always_valid_upper, Undefined):
        wanted.append((scale.y(last.always_valid_upper), "always-valid", tokens.muted))
    lowest = float(TOP + PLOT)
    for place, text, colour in wanted:
        y = min(place, lowest - 16)
        canvas.small(RIGHT + 0.012, y, text, colour=colour)
        lowest = y
