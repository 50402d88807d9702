"""Rows of intervals under group headings: segments and phases share this drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from experiments_core.charts import words
from experiments_core.charts.axis import Axis, common_axis, draw_axis, lift_tick, points_tick
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.marks import Mark, draw_mark
from experiments_core.charts.theme import AXIS_SIZE, Figure, Tokens, bold, safe

HEAD, GROUP, ROW, FOOT = 29, 29, 34, 32
NARROW_LINE, NARROW_UNDER, NARROW_PANEL = 26, 18, 30
Columns = tuple[float, float, float, float]
COLUMNS = (0.001, 0.247, 0.333, 0.441)  # name; right edges of control, treatment, third
PANEL = (0.466, 0.758)
LIFT, VERDICT = 0.852, 0.874


@dataclass(frozen=True, slots=True)
class Measure:
    """What is drawn: its heading, and how a tick of its axis is written."""

    heading: str
    tick: Callable[[float], str]


LIFTS = Measure("Lift", lift_tick)
POINTS = Measure("Difference", points_tick)


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One interval with its words.

    Attributes:
        cells: Name, control, treatment, and a third column.
        mark: What is drawn.
        lift: Words of the estimate.
        note: Words beside the mark's symbol, a p mostly.
        under: Further words below the name on a narrow page.
        strong: Set in bold, such as a combined row.
        faint: Set in muted, such as a row that must not be used.
        heavy_rule: A heavy rule stands above.
    """

    cells: tuple[str, str, str, str]
    mark: Mark
    lift: str
    note: str
    under: str = ""
    sentence: str = ""
    strong: bool = False
    faint: bool = False
    heavy_rule: bool = False


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """Rows under a heading; without a title they stand alone."""

    rows: tuple[ForestRow, ...]
    title: str = ""
    note: str = ""


def draw_forest(
    groups: Sequence[ForestGroup],
    tokens: Tokens,
    *,
    headings: tuple[str, str, str, str, str],
    caption: str,
    narrow: bool = False,
    columns: Columns = COLUMNS,
    measure: Measure = LIFTS,
) -> Figure:
    """Draw the rows on one axis.

    Args:
        groups: Rows, grouped.
        tokens: Colours.
        headings: Of the four columns and of the last one.
        caption: What the axis shows, with the level of the intervals.
        narrow: Two lines per row.
        columns: Left edge of the names, right edges of the other three.
        measure: What the axis shows.
    """
    marks = [row.mark for group in groups for row in group.rows]
    decided = [end for mark in marks if mark.reading.style == "filled" for end in mark.bar_ends]
    ends = [end for mark in marks for end in mark.bar_ends]
    points = [mark.bar_ends[0] for mark in marks if mark.bar_ends]
    spreads = (mark.bar_ends for mark in marks if len(mark.bar_ends) > 1)
    narrowest = min(spreads, key=lambda found: max(found) - min(found), default=())
    axis = common_axis([*decided, *points, *narrowest], ends)
    under = NARROW_UNDER if any(row.under for group in groups for row in group.rows) else 0
    row_height = NARROW_LINE + under + NARROW_PANEL if narrow else ROW
    height = HEAD + FOOT + row_height * len(marks) + GROUP * sum(bool(g.title) for g in groups)
    canvas = Canvas(height, tokens)
    spans: list[tuple[float, float]] = []
    y = float(HEAD)
    canvas.rule(HEAD, colour=tokens.muted)
    if not narrow:
        _headings(canvas, headings, columns, measure.heading)
    for group in groups:
        if group.title:
            _group(canvas, group, y)
            spans.append((y, y + GROUP))
            y += GROUP
        for row in group.rows:
            spans.append(
                _narrow_row(canvas, row, y, axis, under)
                if narrow
                else _wide_row(canvas, row, y, axis, columns)
            )
            y += row_height
    draw_axis(
        canvas, axis, spans=spans, labels_at=HEAD / 2 - 1, inside=narrow,
        every=2 if narrow and len(axis.ticks) > 5 else 1, tick=measure.tick,
    )  # fmt: skip
    domain = (0.01, 0.99) if narrow else PANEL
    canvas.small(sum(domain) / 2, y + FOOT / 2, caption, size=AXIS_SIZE, align="center")
    return canvas.figure(domain=domain, span=(axis.low, axis.high))


def _headings(
    canvas: Canvas,
    headings: tuple[str, str, str, str, str],
    columns: Columns,
    measure: str,
) -> None:
    y = HEAD / 2 - 1
    for place, (x, heading) in enumerate(zip(columns, headings[:4], strict=True)):
        canvas.small(
            x, y, safe(heading, 14 if place else 40), align="right" if place else "left"
        )
    canvas.small(LIFT, y, measure, align="right")
    canvas.small(VERDICT, y, headings[4])


def _group(canvas: Canvas, group: ForestGroup, y: float) -> None:
    canvas.small(COLUMNS[0], y + GROUP / 2 + 1, bold(safe(group.title, 40)))
    canvas.small(1, y + GROUP / 2 + 1, group.note, align="right")
    canvas.rule(y + GROUP, colour=canvas.tokens.hair)


def _wide_row(
    canvas: Canvas, row: ForestRow, y: float, axis: Axis, columns: Columns
) -> tuple[float, float]:  # fmt: skip
    middle = y + ROW / 2
    if row.heavy_rule:
        canvas.rule(y, colour=canvas.tokens.muted, width=1.5)
    ink = canvas.tokens.muted if row.faint else canvas.tokens.text
    for place, (x, cell) in enumerate(zip(columns, row.cells, strict=True)):
        heavy = row.strong and place == 0
        text = safe(cell, 24 if place else 34)
        canvas.text(
            x, middle, bold(text) if heavy else text, size=13.5, colour=ink,
            align="right" if place else "left",
        )  # fmt: skip
    reading = row.mark.reading
    decided = reading.style == "filled"
    colour = reading.colour(canvas.tokens)
    canvas.text(
        LIFT, middle, bold(row.lift) if decided or row.strong else row.lift, size=13.5,
        colour=colour if decided else ink, align="right",
    )  # fmt: skip
    symbol = "" if row.faint else reading.mark
    canvas.text(VERDICT, middle, symbol, size=12, colour=colour)
    canvas.small(VERDICT, middle, row.note, shift=15 if symbol else 0, colour=colour)
    if row.sentence:
        canvas.small(
            sum(PANEL) / 2,
            middle,
            safe(row.sentence, 70),
            align="center",
            ground=canvas.tokens.background,
        )
    else:
        draw_mark(canvas, row.mark, middle, axis, scale=0.85)
    return y, y + ROW


def _narrow_row(
    canvas: Canvas, row: ForestRow, y: float, axis: Axis, under: int
) -> tuple[float, float]:  # fmt: skip
    line, top = y + NARROW_LINE / 2 + 3, y + NARROW_LINE + under
    if row.heavy_rule:
        canvas.rule(y, colour=canvas.tokens.muted, width=1.5)
    ink = canvas.tokens.muted if row.faint else canvas.tokens.text
    name = safe(row.cells[0], 32)
    canvas.text(0, line, bold(name) if row.strong else name, size=13.5, colour=ink)
    reading = row.mark.reading
    colour = reading.colour(canvas.tokens)
    symbol = "" if row.faint else f"{reading.mark}{words.NARROW}"
    tail = f"<span style='color:{colour}'>{symbol}{row.note}</span>"
    canvas.text(1, line, f"{row.lift}   {tail}", size=13, colour=ink, align="right")
    if row.under:
        canvas.small(0, line + under, safe(row.under, 50))
    if row.sentence:
        canvas.small(0, top + NARROW_PANEL / 2, safe(row.sentence, 60))
        return top, top
    draw_mark(canvas, row.mark, top + NARROW_PANEL / 2, axis, scale=0.85)
    return top, top + NARROW_PANEL
