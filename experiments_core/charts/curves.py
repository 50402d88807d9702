"""Curves: power by true effect, and how the values of an arm are spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from experiments_core.charts import words
from experiments_core.charts.axis import lift_tick, round_step
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.theme import AXIS_SIZE, Figure, Tokens, bold

TOP, PLOT, BOTTOM = 14, 190, 46
NEAR = 0.03  # of the axis
LEFT = 0.13


def power_curve(
    points: Sequence[tuple[float, float]],
    tokens: Tokens,
    *,
    planned: tuple[float, float] | None = None,
    caption: str = "true lift",
    tick: Callable[[float], str] = lift_tick,
) -> Figure:
    """Draw power by the size of the true effect, with the plan as the one marked point.

    Args:
        points: Effect and power (fractions), by rising effect.
        tokens: Colours.
        planned: Effect and power of the plan.
        caption: Under the axis.
        tick: How an effect is written.
    """
    canvas = Canvas(TOP + PLOT + BOTTOM, tokens)
    low, high = points[0][0], points[-1][0]
    for power in (0.25, 0.5, 0.8, 1.0):
        canvas.stroke([low, high], [_y(power)] * 2, colour=tokens.hair, width=1)
        canvas.small(
            LEFT - 0.012, _y(power), words.percent(power, 0), size=AXIS_SIZE, align="right"
        )
    canvas.stroke([low, high], [_y(0)] * 2, colour=tokens.line, width=1)
    canvas.small(LEFT - 0.012, _y(0), "0", size=AXIS_SIZE, align="right")
    _ticks(canvas, low, high, tick)
    if planned is not None:
        _plan(canvas, planned, (low, high), tick)
    canvas.stroke(
        [effect for effect, _ in points],
        [_y(power) for _, power in points],
        colour=tokens.accent,
        width=2.2,
    )
    if planned is not None:
        canvas.dot(
            planned[0],
            _y(planned[1]),
            size=11,
            color=tokens.accent,
            line={"color": tokens.background, "width": 2},
        )
    canvas.small((1 + LEFT) / 2, TOP + PLOT + 36, caption, size=AXIS_SIZE, align="center")
    return canvas.figure(domain=(LEFT, 0.985), span=(low, high))


def _ticks(canvas: Canvas, low: float, high: float, tick: Callable[[float], str]) -> None:
    """Round effects under the axis, with those that all but reach its ends."""
    step, slack = round_step((high - low) / 4), (high - low) * NEAR
    for number in range(round(low / step), round(high / step) + 1):
        place = number * step
        if low - slack <= place <= high + slack:
            canvas.small(
                min(max(place, low), high), _y(0) + 14, tick(place), size=AXIS_SIZE,
                align="right" if place > high - slack else "center", on_axis=True,
            )  # fmt: skip


def _y(power: float) -> float:
    return TOP + PLOT * (1 - power)


def _plan(
    canvas: Canvas,
    planned: tuple[float, float],
    span: tuple[float, float],
    tick: Callable[[float], str],
) -> None:
    effect, power = planned
    low, high = span
    muted = canvas.tokens.muted
    canvas.stroke(
        [low, effect, effect],
        [_y(power), _y(power), _y(0)],
        colour=muted,
        width=1.2,
        dash="2px,3px",
    )
    left = effect - low > (high - low) * 0.6
    align, shift = ("right", -12) if left else ("left", 12)
    for line, text in (
        (16, bold("your plan")),
        (33, f"{words.percent(power, 0)} to see {tick(float(f'{effect:.2g}'))}"),
    ):
        canvas.text(
            effect, _y(power) + line, text, size=13, align=align, on_axis=True, shift=shift
        )
