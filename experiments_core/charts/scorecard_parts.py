"""What the wide and the narrow scorecard share: limits, axis words, sparklines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments_core.analysis.results import ExperimentResult
from experiments_core.charts.axis import Axis
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.rows import Row
from experiments_core.charts.theme import AXIS_SIZE, SMALL_SIZE, Tokens, bold, safe

Sparklines = Mapping[tuple[str, str], Sequence[float]]


def axis_words(result: ExperimentResult, names: Mapping[str, str], show: str) -> str:
    """What the axis shows."""
    control = safe(names.get(result.reference, result.reference), 30)
    if len(result.treatments) > 1:
        who = f"against {control}"
    else:
        treatment = result.treatments[0]
        who = f"of {safe(names.get(treatment, treatment), 30)} over {control}"
    return f"relative lift {who}" if show == "lift" else f"difference {who} in points"


def metric_line(row: Row, tokens: Tokens, *, letters: int) -> str:
    """Name of a metric above its treatments, and behind it what it is."""
    look = f"font-size:{SMALL_SIZE}px;color:{tokens.muted}"
    name = bold(safe(row.metric.name, letters))
    return f"{name}\u2003<span style='{look}'>{safe(row.about, letters)}</span>"


def draw_limit(canvas: Canvas, row: Row, top: float, bottom: float, axis: Axis) -> None:
    """The dashed limit of a guardrail, the tint beyond it and its words."""
    limit = row.limit
    if limit is None or not axis.low < limit.at < axis.high:
        return
    tokens = canvas.tokens
    edge = axis.high if limit.side > 0 else axis.low
    canvas.box(min(limit.at, edge), max(limit.at, edge), top, bottom, fill=tokens.harm)
    canvas.upright(
        limit.at, top, bottom, colour=tokens.warning, width=1.5, dash="3px,2px", below=False
    )  # fmt: skip
    canvas.small(
        limit.at, top + 9, limit.label, size=AXIS_SIZE, colour=tokens.warning_text,
        align="left" if limit.side > 0 else "right", on_axis=True, shift=5 * limit.side,
    )  # fmt: skip


def draw_sparklines(
    canvas: Canvas,
    sparks: list[tuple[float, Sequence[float]]],
    *,
    domain: tuple[float, float],
    row: float,
) -> dict[str, Any]:
    """Draw cumulative lifts without axis or colour, each on a pair of axes of its own.

    Args:
        canvas: The sheet.
        sparks: Top of the row and its points, oldest first.
        domain: Where they stand, in fractions of the width.
        row: Height of a row.

    Returns:
        The layout of their axes.
    """
    layout: dict[str, Any] = {}
    for number, (y, points) in enumerate(sparks, start=2):
        low, high = min(0.0, *points), max(0.0, *points)
        room = (high - low) * 0.05 or 0.01
        span = (1 - (y + row - 9) / canvas.height, 1 - (y + 9) / canvas.height)
        fixed = {"visible": False, "fixedrange": True, "zeroline": False, "showgrid": False}
        layout[f"xaxis{number}"] = {
            **fixed, "domain": domain, "anchor": f"y{number}", "range": (0, len(points) - 1),
        }  # fmt: skip
        layout[f"yaxis{number}"] = {
            **fixed, "domain": span, "anchor": f"x{number}", "range": (low - room, high + room),
        }  # fmt: skip
        _sparkline(canvas, number, points)
    return layout


def _sparkline(canvas: Canvas, number: int, points: Sequence[float]) -> None:
    tokens, last = canvas.tokens, len(points) - 1
    shared = {
        "type": "scatter", "xaxis": f"x{number}", "yaxis": f"y{number}", "cliponaxis": False,
    }  # fmt: skip
    zero = {"color": tokens.line, "width": 1}
    canvas.trace(**shared, x=[0, last], y=[0, 0], mode="lines", line=zero)
    line = {"color": tokens.neutral, "width": 1.5}
    canvas.trace(**shared, x=list(range(last + 1)), y=list(points), mode="lines", line=line)
    point = {"color": tokens.text, "size": 5}
    canvas.trace(**shared, x=[last], y=[points[last]], mode="markers", marker=point)
