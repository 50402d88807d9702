"""The mark and the word of each verdict, the same wherever it is told."""

from __future__ import annotations

from typing import NamedTuple


class Badge(NamedTuple):
    """A verdict at a glance.

    Attributes:
        mark: A sign, so that nobody needs the colour.
        word: As it begins a line.
        tone: ``better``, ``worse``, ``warning`` or ``neutral``.
    """

    mark: str
    word: str
    tone: str


BADGES = {
    "no_data": Badge("–", "No data", "neutral"),
    "cannot_say": Badge("✕", "Cannot say", "worse"),
    "too_early": Badge("…", "Too early", "neutral"),
    "interim": Badge("…", "Interim", "neutral"),
    "mixed": Badge("!", "Mixed", "warning"),
    "better": Badge("▲", "Better", "better"),
    "worse": Badge("▼", "Worse", "worse"),
    "no_clear_difference": Badge("●", "No clear difference", "neutral"),
}


def in_line(code: str) -> str:
    """``▲ better``, for a cell of a table; a code that has no badge as it is."""
    badge = BADGES.get(code)
    return code if badge is None else f"{badge.mark} {badge.word.lower()}"
