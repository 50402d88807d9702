"""The pictures of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.calibration import studies, svg
from tests.calibration.bands import Band, Figure, around
from tests.calibration.comparisons import Compared
from tests.calibration.peeking import GROUP, LOOKS, NAIVE, SEQUENCE
from tests.calibration.study import ALPHA, LEVEL, TAIL, Outcome
from tests.calibration.svg import Picture

Outcomes = Mapping[str, Outcome]
Marks = Sequence[tuple[str, str, str, str]]
"""Label of a figure, shape, colour, words for the legend."""

_LEFT, _RIGHT, _WIDTH, _ROW = 470, 830, 850, 22
_BINS = 20


def draw(outcomes: Outcomes, folder: Path) -> list[str]:
    """Draw every picture; file names."""
    folder.mkdir(parents=True, exist_ok=True)
    errors: Marks = (
        ("false loss", "down", svg.WORSE, "false losses"),
        ("false win", "up", svg.BETTER, "false wins"),
    )
    coverage: Marks = (
        ("difference held", "round", svg.ACCENT, "difference"),
        ("lift held", "square", svg.INK, "lift"),
    )
    pictures = {
        "calibration-false-positives.svg": _rows(
            "False positives per tail, no effect (bar: 99.9 % band)",
            studies.SOUND_NULL, outcomes, errors, TAIL),
        "calibration-coverage.svg": _rows(
            "Coverage of 95 % intervals, true lift +10 % (bar: 99.9 % band)",
            studies.SOUND_REAL, outcomes, coverage, LEVEL),
        "calibration-peeking.svg": _peeking(outcomes),
        "calibration-p-values.svg": _p_values(outcomes),
    }  # fmt: skip
    for name, picture in pictures.items():
        picture.save(folder / name)
    return list(pictures)


def _rows(
    title: str, rows: Sequence[Compared], outcomes: Outcomes, marks: Marks, nominal: float
) -> Picture:
    """One row per design: a band, and the figures on it."""
    found = [{f.label: f for f in row.figures(outcomes[row.name])} for row in rows]
    scale = _Scale([figures[label] for figures in found for label, *_ in marks])
    bottom = 60 + _ROW * len(rows)
    picture = Picture(_WIDTH, bottom + 40, title)
    for place, (_, shape, color, words) in enumerate(marks):
        picture.mark(_LEFT + 10 + 120 * place, 40, shape, color)
        picture.text(_LEFT + 20 + 120 * place, 44, words, color=svg.MUTED)
    for number, (row, figures) in enumerate(zip(rows, found, strict=True)):
        y = 60 + _ROW * (number + 0.5)
        picture.text(16, y + 4, f"{row.metric}, {row.design}: {row.method}", size=11)
        band = figures[marks[0][0]].band
        picture.bar(scale(band.low), y - 8, scale(band.high) - scale(band.low), 16, svg.BAND)
    scale.draw(picture, bottom, nominal)
    for number, figures in enumerate(found):
        y = 60 + _ROW * (number + 0.5)
        for (label, shape, color, _), offset in zip(marks, (-3, 3), strict=True):
            picture.mark(scale(figures[label].share), y + offset, shape, color)
    return picture


class _Scale:
    """Shares to pixels, wide enough for every figure and band."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        self._low = min(min(f.share, f.band.low) for f in figures)
        self._high = max(max(f.share, f.band.high) for f in figures)

    def __call__(self, share: float) -> float:
        return _LEFT + (share - self._low) / (self._high - self._low) * (_RIGHT - _LEFT)

    def draw(self, picture: Picture, bottom: float, nominal: float) -> None:
        """Lines down to ``bottom``, the nominal value in ink."""
        step = 0.0025 if self._high - self._low < 0.02 else 0.01
        first = math.ceil(self._low / step - 1e-9)
        last = math.floor(self._high / step + 1e-9)
        for tick in (step * number for number in range(first, last + 1)):
            x = self(tick)
            picture.line([(x, 52), (x, bottom)], svg.RULE)
            picture.text(x, bottom + 16, f"{100 * tick:g}", color=svg.MUTED, anchor="middle")
        picture.line([(self(nominal), 52), (self(nominal), bottom)], svg.INK)
        picture.text(_RIGHT, bottom + 32, "per cent", color=svg.MUTED, anchor="end")


def _peeking(outcomes: Outcomes) -> Picture:
    """Share of tests without any effect that had found something by each look."""
    study = studies.PEEKED[0]
    picture = Picture(_WIDTH, 330, "Ever found something, no effect at all, 100 looks (rate)")
    left, right, top, bottom, most = 60, 560, 50, 290, 0.4

    def at(look: int, share: float) -> tuple[float, float]:
        return left + look / LOOKS * (right - left), bottom - share / most * (bottom - top)

    for share in (0.0, 0.1, 0.2, 0.3, 0.4):
        picture.line([at(0, share), at(LOOKS, share)], svg.RULE)
        picture.text(
            left - 8, at(0, share)[1] + 4, f"{100 * share:.0f} %", color=svg.MUTED, anchor="end"
        )
    for look in (1, 25, 50, 75, 100):
        picture.text(at(look, 0)[0], bottom + 18, str(look), color=svg.MUTED, anchor="middle")
    picture.line([at(0, ALPHA), at(LOOKS, ALPHA)], svg.MUTED)
    colors = {NAIVE: svg.WORSE, GROUP: svg.ACCENT, SEQUENCE: svg.BETTER}
    for method, color in colors.items():
        curve = study.curve(outcomes[study.name], method)
        points = [at(look, share) for look, share in enumerate(curve, start=1)]
        picture.line(points, color, width=2)
        picture.text(
            right + 8, points[-1][1] + 4, f"{100 * curve[-1]:.1f} % {method}", color=color
        )
    x, y = at(LOOKS // 4, ALPHA)
    picture.text(x, y - 6, "5 % promised", color=svg.MUTED)
    return picture


def _p_values(outcomes: Outcomes) -> Picture:
    """Histograms of p-values without any effect, and of one method that does not hold."""
    shown = [
        *(
            study
            for study in studies.SOUND_NULL
            if study.continuous and "9,000" not in study.design
        ),
        studies.FAILING[0],
    ]
    across, width, height = 3, 265, 140
    down = -(-len(shown) // across)
    picture = Picture(
        _WIDTH,
        60 + down * height,
        "p-values without any effect: 5 % per bar, lines: 99.9 % band of a bar",
    )
    for number, study in enumerate(shown):
        corner = 16 + number % across * (width + 10), 50 + number // across * height
        _histogram(picture, corner, study, outcomes[study.name])
    return picture


def _histogram(
    picture: Picture, corner: tuple[float, float], study: Compared, outcome: Outcome
) -> None:
    (x, y), width, height = corner, 220.0, 70.0
    heights, _ = np.histogram(outcome.p_values, _BINS, (0, 1))
    band: Band = around(1 / _BINS, outcome.runs)
    most = 0.12
    picture.text(x, y, study.metric, size=11)
    picture.text(x, y + 14, study.method, size=11, color=svg.MUTED)
    base = y + 22 + height
    low, high = (band.low / most * height, band.high / most * height)
    for place, count in enumerate(heights.tolist()):
        tall = min(1.0, count / outcome.runs / most) * height
        color = svg.WORSE if study.part == "fails" else svg.ACCENT
        picture.bar(x + place * width / _BINS + 1, base - tall, width / _BINS - 2, tall, color)
    for limit in (low, high):
        picture.line([(x, base - limit), (x + width, base - limit)], svg.INK)
    picture.text(x, base + 14, "0", size=10, color=svg.MUTED)
    picture.text(x + width, base + 14, "1", size=10, color=svg.MUTED, anchor="end")
