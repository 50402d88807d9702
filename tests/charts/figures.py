"""What a test reads from a figure."""

from __future__ import annotations

from plotly.graph_objects import Figure


def texts(figure: Figure) -> list[str]:
    """All words of a figure that Plotly accepts, with plain spaces and a plain minus."""
    Figure(figure.to_dict())
    return [plain(note.text) for note in figure.layout.annotations]


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
