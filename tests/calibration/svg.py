"""The smallest thing that draws: lines, bars, marks and text as SVG."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

INK, MUTED, RULE, BAND = "#1B2430", "#56616E", "#DDE1E5", "#E9EEF8"
ACCENT, BETTER, WORSE = "#2A4FA3", "#00574E", "#94200F"


class Picture:
    """Shapes on white paper, in pixels from the upper left corner."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._shapes = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                f'width="{width}" height="{height}" role="img" font-family="sans-serif" '
                f'font-size="12"><title>{escape(title)}</title>'
            ),
            f'<rect width="{width}" height="{height}" fill="#FFFFFF"/>',
        ]
        self.text(16, 24, title, size=15)

    def text(
        self, x: float, y: float, words: str, *, size: int = 12, color: str = INK,
        anchor: str = "start",
    ) -> None:  # fmt: skip
        self._shapes.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" '
            f'text-anchor="{anchor}">{escape(words)}</text>'
        )

    def bar(self, x: float, y: float, width: float, height: float, color: str) -> None:
        self._shapes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{color}"/>'
        )

    def line(self, points: list[tuple[float, float]], color: str, *, width: float = 1) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>'
        )

    def mark(self, x: float, y: float, shape: str, color: str) -> None:
        """``up``, ``down``, ``square`` or ``round``."""
        if shape == "round":
            self._shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>')
            return
        corners = {
            "up": ((-4, 4), (4, 4), (0, -4)),
            "down": ((-4, -4), (4, -4), (0, 4)),
            "square": ((-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)),
        }[shape]
        path = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
        self._shapes.append(f'<polygon points="{path}" fill="{color}"/>')

    def save(self, path: Path) -> None:
        path.write_text("\n".join([*self._shapes, "</svg>", ""]), encoding="utf-8")
