"""Intervals of a report, drawn as SVG on one axis."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

PANEL_WIDTH = 240
PANEL_HEIGHT = 30


@dataclass(frozen=True, slots=True)
class Axis:
    """The one axis of all intervals: its ends and its ticks with their words."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One interval on the axis.

    Attributes:
        point: The estimate.
        low: Lower end; None where the interval is open.
        high: Upper end; None where the interval is open.
        filled: Decided; a hollow point is undecided.
        limit: Where a guardrail's harm begins, if it has a limit.
        harm: On which side of the limit it lies: 1 above, -1 below.
    """

    point: float
    low: float | None
    high: float | None
    filled: bool
    limit: float | None = None
    harm: int = 1


def ticks(axis: Axis | None) -> str:
    """The words of the ticks; nothing without an axis."""
    if axis is None:
        return ""
    words = "".join(
        f'<text x="{_x(place, axis):.1f}" y="14">{escape(text)}</text>'
        for place, text in axis.ticks
    )
    return f'<svg viewBox="0 0 {PANEL_WIDTH} 20" aria-hidden="true">{words}</svg>'


def drawn(bar: Bar, tone: str, axis: Axis, told: str) -> str:
    """Grid, limit, interval and point; an end beyond the axis becomes a triangle."""
    middle = PANEL_HEIGHT / 2
    low = axis.low if bar.low is None else max(bar.low, axis.low)
    high = axis.high if bar.high is None else min(bar.high, axis.high)
    parts = [] if bar.limit is None else _limit(bar.limit, bar.harm, axis)
    for place, _ in axis.ticks:
        parts.append(_upright(place, axis, "zero" if abs(place) < 1e-12 else "grid"))
    state = "decided" if bar.filled else "open"
    if low < high:
        parts.append(
            f'<line class="span {state}" x1="{_x(low, axis):.1f}" x2="{_x(high, axis):.1f}" '
            f'y1="{middle}" y2="{middle}"/>'
        )
    if bar.low is None or bar.low < axis.low:
        parts.append(_triangle(_x(axis.low, axis), -6))
    if bar.high is None or bar.high > axis.high:
        parts.append(_triangle(_x(axis.high, axis), 6))
    if axis.low <= bar.point <= axis.high:
        parts.append(
            f'<circle class="{state}" cx="{_x(bar.point, axis):.1f}" cy="{middle}" r="5"/>'
        )
    return (
        f'<svg class="{tone}" viewBox="0 0 {PANEL_WIDTH} {PANEL_HEIGHT}" role="img" '
        f'aria-label="{escape(told)}">{"".join(parts)}</svg>'
    )


def _limit(limit: float, harm: int, axis: Axis) -> list[str]:
    """The harm's side in a tint, and the line where it begins."""
    start, end = (
        (max(limit, axis.low), axis.high) if harm > 0 else (axis.low, min(limit, axis.high))
    )
    if start >= end:
        return []
    x, width = _x(start, axis), _x(end, axis) - _x(start, axis)
    tint = f'<rect x="{x:.1f}" width="{width:.1f}" y="0" height="{PANEL_HEIGHT}"/>'
    return [tint, _upright(limit, axis, "limit")] if axis.low <= limit <= axis.high else [tint]


def _upright(place: float, axis: Axis, kind: str) -> str:
    x = _x(place, axis)
    return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{PANEL_HEIGHT}"/>'


def _triangle(x: float, reach: int) -> str:
    middle = PANEL_HEIGHT / 2
    tip, base = x, x - reach
    return (
        f'<path class="end" d="M{tip:.1f} {middle} L{base:.1f} {middle - 4} '
        f'L{base:.1f} {middle + 4} Z"/>'
    )


def _x(place: float, axis: Axis) -> float:
    margin = 12
    share = (place - axis.low) / (axis.high - axis.low)
    return margin + share * (PANEL_WIDTH - 2 * margin)
