"""Runs on a calendar: what ended how, what still runs, where the split changed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from experiments_core.charts import words
from experiments_core.charts.bars import readable
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.theme import AXIS_SIZE, Figure, Tokens, bold, faded, safe

HEAD, ROW, BAR, FOOT = 30, 34, 18, 8
LEFT, NARROW_LEFT = 0.178, 0.36
SCALE_DAYS = 84
SHORT_DAYS = 62
NARROW_DAYS = 56
LABEL, NARROW_LABEL = 0.045, 0.11
"""Room that a word above the calendar takes, a fraction of its width."""

OUTCOMES = {
    "won": ("W", "better"),
    "lost": ("L", "worse"),
    "inconclusive": ("I", "neutral"),
    "undecided": ("?", "warning"),
    "invalid": ("!", "worse"),
    "paused": ("II", "neutral"),
    "running": ("", "accent"),
    "stopped": ("", "neutral"),
}
KEY = (
    "Filled: finished. Pale: running, the dotted line runs to the planned end. W won, L lost, "
    "I inconclusive, ? to decide, ! invalid, II paused. A gap in a bar marks a change of split."
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one experiment.

    Attributes:
        name: Of the experiment.
        start: First day.
        end: Last day; None while it runs or is paused.
        planned_end: Where the dotted line goes, while it runs.
        changes: Days on which the split changed.
        outcome: A key of ``OUTCOMES``.
    """

    name: str
    start: date
    end: date | None
    outcome: str
    planned_end: date | None = None
    changes: tuple[date, ...] = ()


def timeline(
    runs: Sequence[Run], tokens: Tokens, *, today: date, narrow: bool = False,
    whole: bool = False,
) -> Figure:  # fmt: skip
    """Draw one bar per run, in the order given.

    Args:
        runs: What is shown; runs that ended before the range are clipped at its edge.
        tokens: Colours.
        today: Where the ink line stands.
        narrow: For a narrow page; the last eight weeks only.
        whole: All of the time on a narrow page too; where every run has ended, only theirs.
    """
    canvas = Canvas(HEAD + ROW * len(runs) + FOOT, tokens)
    ended = [run.end for run in runs if run.end is not None]
    if whole and runs and len(ended) == len(runs):
        first, last = _past(min(run.start for run in runs), max(ended))
    else:
        first, last = _range(runs, today, narrow=narrow and not whole)
    now, extent = (today - first).days + 0.5, (last - first).days + 1
    left = _left(runs, narrow=narrow)
    _calendar(canvas, first, last, now, bottom=HEAD + ROW * len(runs), narrow=narrow)
    for number, run in enumerate(runs):
        y = HEAD + ROW * number
        canvas.small(
            0.001,
            y + ROW / 2,
            safe(run.name, 20 if narrow else 30),
            size=13.5,
            colour=tokens.text,
        )
        canvas.rule(y + ROW, colour=tokens.hair, left=left)
        _run(canvas, run, y, first, now)
    return canvas.figure(domain=(left, 1), span=(0, extent))


def _left(runs: Sequence[Run], *, narrow: bool) -> float:
    """Where the calendar begins, a fraction of the width: right of the names."""
    longest = max((len(run.name) for run in runs), default=0)
    return min(NARROW_LEFT, 0.06 + 0.02 * longest) if narrow else LEFT


def _calendar(
    canvas: Canvas, first: date, last: date, now: float, *, bottom: float, narrow: bool
) -> None:
    """Months and today; a month whose name would touch another word stays without it."""
    tokens, extent = canvas.tokens, (last - first).days + 1
    room = extent * (NARROW_LABEL if narrow else LABEL)
    for day, label in _marked_days(first, last, narrow=narrow):
        x = (day - first).days
        canvas.upright(x, HEAD - 4, bottom, colour=tokens.hair)
        if not now - 2 * room < x < now + room and x + room < extent:
            canvas.small(x, HEAD / 2 - 2, label, size=AXIS_SIZE, on_axis=True)
    if now > extent:
        return
    canvas.upright(now, HEAD - 4, bottom, colour=tokens.text, below=False)
    canvas.small(
        now, HEAD / 2 - 2, bold("today"), size=AXIS_SIZE, colour=tokens.text,
        align="right" if now + room > extent else "center", on_axis=True,
        ground=tokens.background,
    )  # fmt: skip


def _marked_days(first: date, last: date, *, narrow: bool) -> Iterator[tuple[date, str]]:
    """Firsts of months; days in a calendar too short to have two of them."""
    if (last - first).days > SHORT_DAYS:
        month = (date(first.year, first.month, 1) + timedelta(days=32)).replace(day=1)
        while month <= last:
            yield month, words.month(month)
            month = (month + timedelta(days=32)).replace(day=1)
        return
    step = timedelta(days=max(1, round((last - first).days / (3 if narrow else 8))))
    day = first + timedelta(days=1)
    while day <= last:
        yield day, words.day(day)
        day += step


def _past(start: date, end: date) -> tuple[date, date]:
    """The calendar of what is over: a little more than its own time."""
    edge = timedelta(days=max(1, (end - start).days // 20))
    return start - timedelta(days=1), end + edge


def _range(runs: Sequence[Run], today: date, *, narrow: bool) -> tuple[date, date]:
    ends = [run.planned_end for run in runs if run.planned_end and run.end is None]
    last = max([today + timedelta(days=7), *ends])
    last = min(last, today + timedelta(days=14 if narrow else 60))
    if narrow:
        return today - timedelta(days=NARROW_DAYS), last
    first = min([run.start for run in runs], default=today - timedelta(days=SCALE_DAYS))
    first = max(first, today - timedelta(days=365))
    return min(first, today - timedelta(days=28)) - timedelta(days=2), last


def _run(canvas: Canvas, run: Run, y: float, first: date, now: float) -> None:
    tokens = canvas.tokens
    letter, tone = OUTCOMES[run.outcome]
    colour = str(getattr(tokens, tone))
    top, bottom = y + (ROW - BAR) / 2, y + (ROW + BAR) / 2
    start = max((run.start - first).days, 0)
    end = now if run.end is None else (run.end - first).days + 1
    if end <= 0:
        return
    finished = run.end is not None
    fill = colour if finished else faded(colour, 0.2, tokens.background)
    canvas.box(start, end, top, bottom, fill=fill, edge="" if finished else colour)
    gaps = [x for x in ((change - first).days for change in run.changes) if start < x < end]
    for x in gaps:
        canvas.upright(x, top - 1, bottom + 1, colour=tokens.background, width=2.5, below=False)
    if not finished and run.planned_end is not None:
        planned = (run.planned_end - first).days + 1
        if planned > now:
            middle = (top + bottom) / 2
            canvas.stroke(
                [now, planned], [middle, middle], colour=colour, width=1.5, dash="1px,3px"
            )
            canvas.dot(
                planned, middle, symbol="line-ns", size=8, line={"color": colour, "width": 1.2}
            )
    if letter:
        ink = readable(fill, tokens) if finished else colour
        edges = [start, *gaps, end]
        a, b = max(itertools.pairwise(edges), key=lambda piece: piece[1] - piece[0])
        canvas.text(
            (a + b) / 2,
            (top + bottom) / 2,
            bold(letter),
            size=12,
            colour=ink,
            align="center",
            on_axis=True,
        )
