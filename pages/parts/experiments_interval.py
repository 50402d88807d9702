"""The interval of one lift as a small picture for a table cell. Made of numbers only."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from statistics import median
from typing import Any

from experiments_core.charts.axis import Axis, common_axis, lift_tick
from experiments_core.charts.theme import Tokens, faded
from pages.parts.experiments_rows import Row

WIDTH, HEIGHT, EDGE = 190, 26, 12
PALE = 0.55
WIDEST = 2.0  # times the median reach: what lies beyond is cut, and drawn so


def axis_of(rows: Iterable[Row]) -> Axis:
    """One axis for all rows; the widest intervals of open tests may be cut."""
    decided: list[float] = []
    others: list[float] = []
    reaches: list[float] = []
    for row in rows:
        ends = [end for end in row.effect or () if isinstance(end, float)]
        (decided if _decided(row) else others).extend(ends)
        reaches += [max(map(abs, ends))] if ends else []
    usual = WIDEST * median(reaches) if reaches else 0.0
    near = [end for end in others if abs(end) <= usual]
    return common_axis(decided or near, near)


def caption(axis: Axis) -> str:
    """``Lift, −15 to +20 %`` for the head of the column."""
    low, high = lift_tick(axis.low), lift_tick(axis.high)
    return f"Lift, {low.rstrip('%').rstrip()} to {high}"


def picture(row: Row, axis: Axis, tokens: Tokens) -> str:
    """A data address with the drawing: zero line, bar, point."""
    parts = [_line(_x(0, axis), 1, HEIGHT - 1, tokens.muted)]
    if row.effect is not None:
        parts += _mark(row, row.effect, axis, tokens)
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"


def _decided(row: Row) -> bool:
    return row.summary is not None and row.summary.verdict in {"better", "worse"}


def _mark(row: Row, effect: tuple[float, Any, Any], axis: Axis, tokens: Tokens) -> list[str]:
    decided = _decided(row)
    colour = str(getattr(tokens, row.summary.verdict if decided and row.summary else "neutral"))
    bar = colour if decided else faded(colour, PALE, tokens.background)
    lift, low, high = effect
    left = _x(low if isinstance(low, float) else axis.low, axis)
    right = _x(high if isinstance(high, float) else axis.high, axis)
    point = _x(lift, axis)
    fill = colour if decided else tokens.background
    rim = tokens.background if decided else colour
    middle = HEIGHT / 2
    width = max(right - left, 1)
    return [
        f'<rect x="{left:.1f}" y="{middle - 3}" width="{width:.1f}" height="6" fill="{bar}"/>',
        *(_arrow(edge, way, bar) for edge, way in _cut(low, high, axis)),
        f'<circle cx="{point:.1f}" cy="{middle}" r="5.5" {_paint(fill, rim)}/>',
    ]


def _cut(low: Any, high: Any, axis: Axis) -> Iterable[tuple[float, int]]:
    """Edges at which the bar goes on, with the direction."""
    if not isinstance(low, float) or low < axis.low:
        yield _x(axis.low, axis), -1
    if not isinstance(high, float) or high > axis.high:
        yield _x(axis.high, axis), 1


def _arrow(x: float, way: int, colour: str) -> str:
    middle = HEIGHT / 2
    return (
        f'<polygon points="{x:.1f},{middle - 6} {x + 7 * way:.1f},{middle} '
        f'{x:.1f},{middle + 6}" fill="{colour}"/>'
    )


def _paint(fill: str, rim: str) -> str:
    return f'fill="{fill}" stroke="{rim}" stroke-width="1.8"'


def _line(x: float, top: float, bottom: float, colour: str) -> str:
    return (
        f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="{colour}" '
        'stroke-width="1.2"/>'
    )


def _x(value: float, axis: Axis) -> float:
    inside = min(max(value, axis.low), axis.high)
    share = (inside - axis.low) / (axis.high - axis.low)
    return EDGE + share * (WIDTH - 2 * EDGE)
