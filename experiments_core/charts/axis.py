"""The one axis that several intervals share: round steps, nothing that decides is cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from experiments_core.charts import words
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.theme import AXIS_SIZE

STRETCH = 3.0  # others may widen the axis to this many times what must be seen
STEPS = (1.0, 2.0, 5.0, 10.0)
LEAST = 1e-12  # of a range; below it there is nothing to tell apart


@dataclass(frozen=True, slots=True)
class Axis:
    """A range with round ticks, in fractions or in the unit of a metric."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> tuple[float, ...]:
        """Multiples of the step inside the range."""
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return tuple(index * self.step for index in range(first, last + 1))

    def holds(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high


def common_axis(must: Iterable[float], may: Iterable[float] = (), *, ticks: int = 6) -> Axis:
    """An axis around zero that holds all of ``must`` and what is near enough of ``may``.

    Args:
        must: Ends of intervals that may not be cut.
        may: Further ends; those beyond ``STRETCH`` times the reach of ``must`` are cut.
        ticks: Most steps there may be.
    """
    needed = [0.0, *must]
    others = list(may)
    reach = max(map(abs, needed)) or min(map(abs, others), default=0.0)
    kept = needed + [end for end in others if abs(end) <= STRETCH * reach]
    low, high = min(kept), max(kept)
    if high - low < LEAST:
        low, high = -0.01, 0.01
    step = round_step((high - low) / ticks)
    axis = _whole_steps(low, high, step)
    while len(axis.ticks) > ticks + 1:
        step = round_step(step * 1.01)
        axis = _whole_steps(low, high, step)
    return axis


def _whole_steps(low: float, high: float, step: float) -> Axis:
    """The range widened to whole steps, at least one on each side of zero."""
    low = min(math.floor(low / step + 1e-9) * step, -step)
    high = max(math.ceil(high / step - 1e-9) * step, step)
    return Axis(low, high, step)


def round_step(raw: float) -> float:
    """The next larger 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in STEPS if step * power >= raw * (1 - 1e-9))


def lift_tick(value: float) -> str:
    """``+10 %``, ``0``, with the decimals that the step needs."""
    return _tick(value, "%")


def points_tick(value: float) -> str:
    """``+0.5``; the words under the axis name the unit."""
    return _tick(value, "")


def _tick(value: float, unit: str) -> str:
    if abs(value) < 1e-12:
        return "0"
    scaled = round(value * 100, 6)
    decimals = next(d for d in range(7) if abs(round(scaled, d) - scaled) < 1e-9)
    text = words.number(scaled, decimals, signed=True)
    return f"{text}{words.NARROW}{unit}" if unit else text


def draw_axis(
    canvas: Canvas,
    axis: Axis,
    *,
    spans: Sequence[tuple[float, float]],
    labels_at: float,
    tick: Callable[[float], str] = lift_tick,
    every: int = 1,
    inside: bool = False,
) -> None:
    """Grid, zero line and tick words.

    Args:
        canvas: The sheet.
        axis: Range and step.
        spans: Stretches of y (top, bottom) that carry grid and zero line, from the top down;
            those that touch are drawn as one.
        labels_at: y of the tick words' middle.
        tick: How a tick is written.
        every: Draw each tick or, on a narrow figure, every second one.
        inside: Keep the words of the outermost ticks within the axis.
    """
    tokens = canvas.tokens
    stretches = _joined(spans)
    for place in axis.ticks:
        if round(place / axis.step) % every:
            continue
        zero = abs(place) < 1e-12
        for top, bottom in stretches:
            colour = tokens.muted if zero else tokens.hair
            canvas.upright(place, top, bottom, colour=colour, width=1.2 if zero else 1)
        align = "center"
        if inside and place - axis.low < axis.step / 4:
            align = "left"
        elif inside and axis.high - place < axis.step / 4:
            align = "right"
        canvas.small(place, labels_at, tick(place), size=AXIS_SIZE, align=align, on_axis=True)


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for top, bottom in spans:
        if found and found[-1][1] == top:
            found[-1] = found[-1][0], bottom
        else:
            found.append((top, bottom))
    return found
