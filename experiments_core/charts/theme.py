"""Colours and type: one set of tokens for light, one for dark.

The status colours keep their distance for colour-blind readers and every text colour its
contrast; ``tests/charts/test_theme.py`` measures both.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from experiments_core.charts.words import plain

Figure = go.Figure
"""What every chart returns; pages name it without importing the drawing library."""

SANS = '"Source Sans", "Source Sans 3", "Source Sans Pro", system-ui, sans-serif'
VALUE_SIZE = 15
SMALL_SIZE = 12.5
AXIS_SIZE = 12


@dataclass(frozen=True, slots=True)
class Tokens:
    """The palette of one colour scheme; hex unless a name says otherwise.

    Attributes:
        background: Page and chart ground; figures carry it, so that they stay readable when
            the system changes its scheme before the page is drawn again.
        text: Ink of words, header rules and phase lines.
        muted: Units, n, axes, zero line, notes.
        line: Rules; ``hair`` is the grid. Neither ever carries meaning alone.
        accent: First treatment, selected things, ribbons.
        better: Decided for the better; also "inside the limit".
        worse: Decided for the worse; also invalid.
        neutral: Undecided; the control arm.
        warning: Not shown to be safe, limit lines, left-out rows.
        warning_text: Warning words on a warning tint.
        bar: Bars that carry their number in ink.
        harm: Shading beyond a limit (rgba).
        ribbon: Band of the plan's interval (rgba); ``ribbon_pale`` the always-valid one.
        categorical: Third arm and beyond, always labelled at the line.
    """

    mode: str
    background: str
    surface: str
    text: str
    muted: str
    line: str
    hair: str
    accent: str
    better: str
    worse: str
    neutral: str
    warning: str
    warning_text: str
    bar: str
    tint_better: str
    tint_worse: str
    tint_warning: str
    tint_grey: str
    tint_accent: str
    harm: str
    ribbon: str
    ribbon_pale: str
    categorical: tuple[str, ...]

    def arm(self, position: int) -> str:
        """Colour of an arm by its place: control, first treatment, further ones."""
        if position == 0:
            return self.neutral
        return self.accent if position == 1 else self.categorical[(position - 1) % 10]


LIGHT = Tokens(
    mode="light",
    background="#FFFFFF",
    surface="#F5F6F8",
    text="#1B2430",
    muted="#56616E",
    line="#DDE1E5",
    hair="#E7EAED",
    accent="#2A4FA3",
    better="#00574E",
    worse="#94200F",
    neutral="#667281",
    warning="#9C6500",
    warning_text="#805200",
    bar="#AEB7C2",
    tint_better="#E2F0EC",
    tint_worse="#FBEAE4",
    tint_warning="#FBF1DC",
    tint_grey="#EFF1F2",
    tint_accent="#E9EEF8",
    harm="rgba(199,120,0,.10)",
    ribbon="rgba(42,79,163,.16)",
    ribbon_pale="rgba(42,79,163,.07)",
    categorical=(
        "#2A4FA3", "#9F9617", "#25664B", "#39313F", "#8588ED",
        "#4C2D0B", "#6F6C10", "#A58CA3", "#4C6973", "#938C76",
    ),
)  # fmt: skip

DARK = Tokens(
    mode="dark",
    background="#11161C",
    surface="#1A212A",
    text="#E6EAEE",
    muted="#9FABB8",
    line="#323C47",
    hair="#27303A",
    accent="#8FB1F5",
    better="#7CEBD6",
    worse="#E8704F",
    neutral="#8E99A6",
    warning="#F5D061",
    warning_text="#F5D061",
    bar="#55616E",
    tint_better="#12322F",
    tint_worse="#3B2119",
    tint_warning="#352A12",
    tint_grey="#232B35",
    tint_accent="#1C2A44",
    harm="rgba(229,181,74,.13)",
    ribbon="rgba(143,177,245,.22)",
    ribbon_pale="rgba(143,177,245,.09)",
    categorical=(
        "#8FB1F5", "#E2DC33", "#386C6C", "#9D89A2", "#595DBF",
        "#BF761B", "#F7E8C5", "#D18C87", "#DBE3EB", "#8D5640",
    ),
)  # fmt: skip


def tokens(mode: str | None = "light") -> Tokens:
    """The tokens of a colour scheme; light for anything but ``"dark"``."""
    return DARK if mode == "dark" else LIGHT


def safe(text: object, limit: int = 200) -> str:
    """A name from data for a figure: one line, cut, html-escaped (Plotly reads tags)."""
    return escape(plain(text, limit))


def bold(markup: str) -> str:
    """Bold, as Plotly writes it; ``markup`` is already safe."""
    return f"<b>{markup}</b>"


def faded(colour: str, strength: float, ground: str) -> str:
    """A colour laid over a ground at some strength (0 to 1), as one opaque hex.

    Opaque, because a translucent bar would show the grid and the zero line through it.
    """
    front, back = (_channels(one) for one in (colour, ground))
    mixed = (round(f * strength + b * (1 - strength)) for f, b in zip(front, back, strict=True))
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))
