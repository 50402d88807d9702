"""What a test reads from a figure."""

from __future__ import annotations

from typing import Any, NamedTuple

from plotly.graph_objects import Figure

from experiments_core.charts.canvas import SIDES


def texts(figure: Figure) -> list[str]:
    """All words of a figure that Plotly accepts, with plain spaces and a plain minus."""
    Figure(figure.to_dict())
    return [plain(one.text) for one in written(figure)]


class Written(NamedTuple):
    """One text of a figure, and which of its edges is at ``x``."""

    text: str
    x: Any
    edge: str


def written(figure: Figure) -> list[Written]:
    """Texts with something special, then the plain ones."""
    notes = [Written(n.text, n.x, n.xanchor) for n in figure.layout.annotations]
    edges = {side: edge for edge, side in SIDES.items()}
    plain_ones = [
        Written(text, x, edges[side])
        for trace in figure.data
        if trace.mode == "text"
        for text, x, side in zip(trace.text, trace.x, trace.textposition, strict=True)
    ]
    return notes + plain_ones


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u2212", "-")


def points(figure: Figure, symbol: str | None = None) -> list[float]:
    """Values of the markers with a symbol; None means round ones."""
    return [
        trace.x[0]
        for trace in figure.data
        if trace.mode == "markers" and trace.marker.symbol == symbol
    ]


def segments(figure: Figure, width: float) -> list[tuple[float, float]]:
    """Ends of the lines of one width."""
    return [
        (trace.x[0], trace.x[-1])
        for trace in figure.data
        if trace.mode == "lines" and trace.line.width == width
    ]
