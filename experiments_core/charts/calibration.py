"""Shuffled A/A as a picture: p-values that should be flat, false alarms beside their band."""

from __future__ import annotations

from experiments_core.analysis.calibration import Calibration, Held
from experiments_core.charts import words
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.robustness import METHODS
from experiments_core.charts.theme import AXIS_SIZE, Figure, Tokens
from experiments_core.stats import shuffles

LEFT, TOP, PLOT, BOTTOM = 0.06, 26, 150, 46
TableRow = dict[str, object]


def title(found: Calibration) -> str:
    """Say whether the planned method holds on these data, and which one does if not."""
    planned, sound = found.planned, found.sound
    alarms = planned.greater + planned.less
    share = words.percent(alarms / found.shuffles)
    promised = words.percent(found.alpha, 0)
    if planned.holds:
        return (
            f"The planned method holds: {share} false alarms in {words.count(found.shuffles)} "
            f"shuffles, {promised} promised."
        )
    lead = f"The planned method does not hold here: {_tails(found, planned)}."
    if sound is None:
        return f"{lead} Neither do the others; use a permutation test."
    return f"{lead} {name_of(sound)} does."


def name_of(one: Held) -> str:
    """A method with its covariate and cap, in words."""
    parts = [METHODS.get(one.method, one.method)]
    if one.adjusted is not None:
        parts.append("adjusted" if one.adjusted else "unadjusted")
    if one.cap is not None:
        parts.append(f"capped at {one.cap}")
    return ", ".join(parts)


def histogram(found: Calibration, tokens: Tokens) -> Figure:
    """Draw the planned method's p-values in twenty bins; flat inside the tint is sound."""
    counts = found.planned.histogram
    low, high = shuffles.band(found.shuffles, 1 / len(counts))
    tallest = max(*counts, high) * 1.05
    canvas = Canvas(TOP + PLOT + BOTTOM, tokens)

    def y(count: float) -> float:
        return TOP + PLOT * (1 - count / tallest)

    canvas.box(0, 1, y(high), y(low), fill=tokens.tint_grey)
    width = 1 / len(counts)
    for place, count in enumerate(counts):
        sound = low <= count <= high
        colour = tokens.neutral if sound else tokens.warning
        left = place * width
        canvas.box(left + 0.003, left + width - 0.003, y(count), y(0), fill=colour)
    canvas.stroke([0, 1], [y(0)] * 2, colour=tokens.line, width=1)
    even = found.shuffles / len(counts)
    canvas.stroke([0, 1], [y(even)] * 2, colour=tokens.muted, width=1, dash="3px,2px")
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        canvas.small(tick, y(0) + 12, f"{tick:g}", size=AXIS_SIZE, align="center", on_axis=True)
    canvas.small(LEFT - 0.012, y(even), words.count(even), size=AXIS_SIZE, align="right")
    canvas.small(0, 9, f"shuffles in each of {len(counts)} steps", size=AXIS_SIZE)
    canvas.small(
        (1 + LEFT) / 2, TOP + PLOT + 34, "p-value when nothing differs", size=AXIS_SIZE,
        align="center",
    )  # fmt: skip
    return canvas.figure(domain=(LEFT, 0.985), span=(0, 1))


def table(found: Calibration) -> list[TableRow]:
    """Every method: false alarms on each side beside the band, and the lifts it would find."""
    low, high = found.planned.side_band
    rows = []
    for one in found.methods:
        row: TableRow = {
            "Method": name_of(one) + (" (planned)" if one.planned else ""),
            "Called worse": _share(one.less, found.shuffles),
            "Called better": _share(one.greater, found.shuffles),
            "Promised": words.percent(found.alpha / 2),
            "99.9 % band": f"{_share(low, found.shuffles)} to {_share(high, found.shuffles)}",
            "Holds": "yes" if one.holds else "no",
        }
        row |= {
            f"Finds {words.lift(lift)}": words.percent(power, 0) for lift, power in one.power
        }
        rows.append(row)
    return rows


def bins(found: Calibration) -> list[TableRow]:
    """The histogram as rows."""
    counts = found.planned.histogram
    width = 1 / len(counts)
    return [
        {"p from": f"{i * width:.2f}", "to": f"{(i + 1) * width:.2f}", "Shuffles": count}
        for i, count in enumerate(counts)
    ]


def _tails(found: Calibration, one: Held) -> str:
    less, greater = _share(one.less, found.shuffles), _share(one.greater, found.shuffles)
    promised = words.percent(found.alpha / 2)
    return f"{less} called worse and {greater} better by chance, {promised} each promised"


def _share(count: int, whole: int) -> str:
    return words.percent(count / whole)
