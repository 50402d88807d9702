"""The mark of one comparison: bar, point, wings, caps and triangles, clipped to the axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments_core.charts.axis import Axis
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.readings import Reading
from experiments_core.charts.theme import Tokens
from experiments_core.stats.estimate import Undefined, Value

BAR_WIDTH = 6.0
POINT_SIZE = 11.0


@dataclass(frozen=True, slots=True)
class Mark:
    """What is drawn for one comparison.

    Attributes:
        value: The point estimate.
        lower: Lower end of the bar; ``Undefined("unbounded")`` runs off the axis.
        upper: Upper end of the bar.
        reading: Tone and style.
        wings: Ends of the always-valid interval, if shown.
    """

    value: Value
    lower: Value
    upper: Value
    reading: Reading
    wings: tuple[Value, Value] | None = None

    @property
    def drawable(self) -> bool:
        """Whether there is anything to draw."""
        return self.reading.style != "none" and not isinstance(self.value, Undefined)

    @property
    def bar_ends(self) -> tuple[float, ...]:
        """Finite ends of the bar, and the point."""
        return _finite(self.value, self.lower, self.upper) if self.drawable else ()

    @property
    def wing_ends(self) -> tuple[float, ...]:
        """Finite ends of the wings."""
        return _finite(*self.wings) if self.drawable and self.wings else ()


def draw_mark(canvas: Canvas, mark: Mark, y: float, axis: Axis, *, scale: float = 1.0) -> None:
    """Draw one mark at height ``y``; ``scale`` thins it for a forest."""
    if not mark.drawable:
        return
    reading, tokens = mark.reading, canvas.tokens
    colour = reading.colour(tokens)
    if mark.wings is not None:
        _line(canvas, mark.wings, y, axis, {"colour": colour, "width": 1.2}, cap=10.0)
    look: dict[str, Any] = {"colour": reading.bar(tokens), "width": BAR_WIDTH * scale}
    if reading.style == "misleading":
        look = {"colour": colour, "width": 1.5, "dash": "2px,3px"}
    _line(canvas, (mark.lower, mark.upper), y, axis, look)
    if not isinstance(mark.value, Undefined) and axis.holds(mark.value):
        size = POINT_SIZE * (0.5 + scale / 2)
        canvas.dot(mark.value, y, **_point(reading, tokens, size))


def _line(
    canvas: Canvas,
    ends: tuple[Value, Value],
    y: float,
    axis: Axis,
    look: dict[str, Any],
    *,
    cap: float = 0.0,
) -> None:
    low, low_open = _end(ends[0], axis, axis.low)
    high, high_open = _end(ends[1], axis, axis.high)
    if low > axis.high or high < axis.low:
        return
    canvas.stroke([low, high], [y, y], **look)
    colour = look["colour"]
    for place, is_open, side in ((low, low_open, "left"), (high, high_open, "right")):
        if is_open:
            size = 7.0 if look["width"] < BAR_WIDTH / 2 else 11.0
            canvas.dot(place, y, symbol=f"triangle-{side}", size=size, color=colour)
        elif cap:
            rim = {"color": colour, "width": 1.2}
            canvas.dot(place, y, symbol="line-ns", size=cap, line=rim)


def _point(reading: Reading, tokens: Tokens, size: float) -> dict[str, Any]:
    colour = reading.colour(tokens)
    if reading.style == "filled":
        ring = {"color": tokens.background, "width": 2}
        return {"size": size + 2, "color": colour, "line": ring}
    if reading.style == "hollow":
        return {
            "size": size,
            "color": tokens.background,
            "line": {"color": colour, "width": 1.8},
        }
    return {"symbol": "x-thin", "size": size - 2, "line": {"color": colour, "width": 2}}


def _end(value: Value, axis: Axis, edge: float) -> tuple[float, bool]:
    """Where an end is drawn, and whether it runs off the axis there."""
    if isinstance(value, Undefined):
        return edge, True
    beyond = value > axis.high if edge == axis.high else value < axis.low
    return (edge, True) if beyond else (value, False)


def _finite(*values: Value) -> tuple[float, ...]:
    return tuple(value for value in values if not isinstance(value, Undefined))
