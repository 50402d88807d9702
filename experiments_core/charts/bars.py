"""Bars: old and new split, rows read and used, smallest visible lift by week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments_core.charts import words
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.theme import AXIS_SIZE, Figure, Tokens, bold, faded, safe
from experiments_core.domain.experiment import WHOLE_BP
from experiments_core.stats.estimate import Undefined, Value

NOW_STRENGTH = 0.45
SPLIT_ROW, SPLIT_BAR = 48, 30
GAP = 0.002  # of the width: 2 px between the parts of a bar
LEAST = 0.004  # of the width: 4 px, so that a few left-out rows can be seen


def split_bar(
    old: Mapping[str, int] | None,
    new: Mapping[str, int],
    tokens: Tokens,
    *,
    names: Mapping[str, str] | None = None,
    labels: tuple[str, str] = ("Now", "New people"),
    notes: tuple[str, str] = ("", ""),
    narrow: bool = False,
    alone: bool = False,
) -> Figure:
    """Draw the split as it is (pale) over the split to come (full).

    Args:
        old: Variant key -> basis points; None before there is a split.
        new: The same arms in the same order; need not add up to 10 000.
        tokens: Colours.
        names: Variant key -> name.
        labels: Of the two bars.
        notes: Second lines, such as "phase 1".
        narrow: Labels above the bars instead of beside them.
        alone: It has the whole width of the page, so longer names fit.
    """
    bars = [(new, labels[1], notes[1], 1.0)]
    if old is not None:
        bars.insert(0, (old, labels[0], notes[0], NOW_STRENGTH))
    row = SPLIT_ROW + 16 if narrow else SPLIT_ROW
    canvas = Canvas(row * len(bars), tokens)
    left = 0.0 if narrow else 0.13
    whole = max(WHOLE_BP, sum(new.values()), sum((old or {}).values()))
    for number, (weights, label, note, strength) in enumerate(bars):
        y = number * row
        top = y + (24 if narrow else 8)
        if narrow:
            tail = (
                f"  <span style='color:{tokens.muted}'>{safe(note, 30)}</span>" if note else ""
            )
            canvas.text(0, y + 12, bold(label) + tail, size=13.5)
        else:
            canvas.text(0.001, y + (16 if note else 23), bold(label), size=13.5)
            canvas.small(0.001, y + 33, safe(note, 20))
        room = 40 if narrow else 92 if alone else 66
        _parts(canvas, weights, names or {}, (left, top, whole, room), strength)
    return canvas.figure()


def _parts(
    canvas: Canvas,
    weights: Mapping[str, int],
    names: Mapping[str, str],
    place: tuple[float, float, int, int],
    strength: float,
) -> None:
    left, top, whole, letters = place
    tokens, start = canvas.tokens, left
    last = max(
        (number for number, weight in enumerate(weights.values()) if weight > 0), default=0
    )
    for position, (arm, weight) in enumerate(weights.items()):
        if weight <= 0:
            continue
        width = (1 - left) * weight / whole
        colour = faded(tokens.arm(position), strength, tokens.background)
        end = start + width
        canvas.box(
            start, max(end - GAP, start), top, top + SPLIT_BAR, fill=colour, on_axis=False
        )
        share = f"{number_of(weight)}{words.NARROW}%"
        room = int(width / (1 - left) * letters) - len(share) - 1
        name = f"{safe(names.get(arm, arm), room)} " if room > 1 else ""
        if room >= 0:
            at_end = position == last and position > 0
            canvas.text(
                end - 0.01 if at_end else start + 0.01,
                top + SPLIT_BAR / 2,
                bold(name + share),
                size=13,
                colour=readable(colour, tokens),
                align="right" if at_end else "left",
            )
        start = end


def number_of(weight_bp: int) -> str:
    """Basis points as per cent without trailing zeros: ``33.34``, ``50``."""
    return f"{weight_bp / 100:g}"


def readable(ground: str, tokens: Tokens) -> str:
    """Ink or background, whichever stands out more on ``ground``."""
    light = _luminance(ground)
    inks = (tokens.text, tokens.background)
    return max(inks, key=lambda ink: _contrast(light, _luminance(ink)))


def _contrast(first: float, second: float) -> float:
    high, low = max(first, second), min(first, second)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def rows_funnel(read: int, used: int, left_out: int, tokens: Tokens) -> Figure:
    """Draw rows read over rows used and rows left out; the counts add up in view."""
    canvas = Canvas(88, tokens)
    canvas.text(0.001, 9, f"{bold(words.count(read))} rows read", size=13.5)
    canvas.box(0, 1, 22, 37, fill=tokens.bar, on_axis=False)
    share = left_out / read if read else 0.0
    lost = max(share, LEAST) if left_out else 0.0
    kept = 1 - lost
    if used:
        canvas.box(
            0,
            max(kept - GAP, 0.0) if left_out else 1,
            41,
            56,
            fill=tokens.accent,
            on_axis=False,
        )
    if left_out:
        canvas.box(kept, 1, 41, 56, fill=tokens.warning, on_axis=False)
    canvas.text(0.001, 72, f"{bold(words.count(used))} used", size=13.5, colour=tokens.accent)
    per_cent = f" ({words.percent(share)})" if read else ""
    colour = tokens.warning_text if left_out else tokens.muted
    canvas.text(
        1,
        72,
        f"{bold(words.count(left_out))} left out{per_cent}",
        size=13.5,
        colour=colour,
        align="right",
    )
    return canvas.figure()


def mde_by_week(
    weeks: Sequence[tuple[int, Value]],
    tokens: Tokens,
    *,
    planned_week: int | None = None,
    caption: str = "weeks",
) -> Figure:
    """Draw the smallest visible lift after each week; the planned one in accent.

    Args:
        weeks: Week number and lift as a fraction, or why there is none.
        tokens: Colours.
        planned_week: The week the plan ends in.
        caption: Under the axis, such as "weeks at 4 200 users a day".
    """
    top, plot, bottom = 26, 150, 46
    canvas = Canvas(top + plot + bottom, tokens)
    sizes = [lift for _, lift in weeks if not isinstance(lift, Undefined)]
    tallest = max(sizes, default=1.0)
    canvas.rule(top + plot)
    for number, (week, lift) in enumerate(weeks):
        chosen = week == planned_week
        ink = tokens.accent if chosen else tokens.text
        canvas.small(number, top + plot + 13, str(week), align="center", on_axis=True)
        if isinstance(lift, Undefined):
            canvas.small(number, top + plot - 10, words.NONE, align="center", on_axis=True)
            continue
        y = top + plot * (1 - lift / tallest)
        fill = tokens.accent if chosen else tokens.bar
        canvas.box(number - 0.28, number + 0.28, y, top + plot, fill=fill)
        label = words.percent(lift)
        canvas.text(
            number,
            y - 11,
            bold(label) if chosen else label,
            size=12.5,
            colour=ink,
            align="center",
            on_axis=True,
        )
    canvas.small(0.5, top + plot + 34, caption, size=AXIS_SIZE, align="center")
    return canvas.figure(domain=(0.01, 0.99), span=(-0.5, max(len(weeks), 1) - 0.5))
