"""Units that came on each day, stacked by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

from experiments_core.analysis.results import SeriesPoint
from experiments_core.charts import words
from experiments_core.charts.axis import round_step
from experiments_core.charts.canvas import Canvas
from experiments_core.charts.theme import AXIS_SIZE, Figure, Tokens, bold, faded, safe

NAME = 12
"""Letters of a name beside the bars."""
EXPECTED_STRENGTH = 0.35
TOP, PLOT, BOTTOM = 34, 140, 28
LETTERS, NARROW_LETTERS = 110, 36  # of a label above the days, and right of them
AFTER = 14
SIDES, NARROW_SIDES = (0.055, 0.885), (0.12, 0.74)


@dataclass(frozen=True, slots=True)
class DayCount:
    """Units that came on one day, by arm in position order; expected ones are drawn pale."""

    day: date
    units: tuple[int, ...]
    expected: bool = False


def daily_units(course: Mapping[str, Sequence[SeriesPoint]]) -> list[DayCount]:
    """Units per day and arm, control first, from the cumulative counts of a course.

    A course by the time since the start has no days. Where readings count fewer units than
    before, none came.

    Args:
        course: Treatment -> its days, oldest first; a treatment may begin later.
    """
    by_day: dict[date, dict[str, SeriesPoint]] = {}
    for arm, points in course.items():
        for point in points:
            if isinstance(point.day, date):
                by_day.setdefault(point.day, {})[arm] = point
    sums = [0] * (len(course) + 1)
    days = []
    for day, points_of in sorted(by_day.items()):
        before = tuple(sums)
        sums[0] = max(point.control_n for point in points_of.values())
        for place, arm in enumerate(course, start=1):
            if arm in points_of:
                sums[place] = points_of[arm].treatment_n
        days.append(
            DayCount(day, tuple(max(0, n - m) for n, m in zip(sums, before, strict=True)))
        )
    return days


def units_by_day(
    days: Sequence[DayCount],
    arms: Sequence[str],
    tokens: Tokens,
    *,
    phases: Sequence[tuple[date, str]] = (),
    narrow: bool = False,
) -> Figure:
    """Draw stacked bars of units per arm and day, with a line where a phase begins.

    Args:
        days: Oldest first.
        arms: Names in position order.
        tokens: Colours.
        phases: First day and label of each phase.
        narrow: More room for the words at both sides.
    """
    sides = NARROW_SIDES if narrow else SIDES
    canvas = Canvas(TOP + PLOT + BOTTOM, tokens)
    tallest = max((sum(day.units) for day in days), default=0) or 1
    _grid(canvas, tallest, sides)
    every = -(-len(days) // (5 if narrow else 14))
    month = 0
    for number, day in enumerate(days):
        _stack(canvas, number, day, tallest)
        if number % every == 0:
            first, month = day.day.month != month, day.day.month
            label = words.day(day.day) if first else str(day.day.day)
            canvas.small(
                number, TOP + PLOT + 14, label, size=AXIS_SIZE, align="center", on_axis=True
            )
    if days:
        _arm_names(canvas, arms, days[-1], tallest, sides[1])
        letters = (NARROW_LETTERS if narrow else LETTERS) / len(days)
        _phase_lines(canvas, _shortened(phases, days, letters), days[0].day)
    return canvas.figure(domain=sides, span=(-0.6, len(days) - 0.4))


def _grid(canvas: Canvas, tallest: int, sides: tuple[float, float]) -> None:
    left, right = sides
    step = int(round_step(max(tallest / 3, 1)))
    for tick in range(0, tallest + 1, step):
        y = TOP + PLOT * (1 - tick / tallest)
        colour = canvas.tokens.hair if tick else canvas.tokens.line
        canvas.rule(y, colour=colour, left=left, right=right)
        canvas.small(left - 0.006, y, words.count(tick), size=AXIS_SIZE, align="right")


def _parts(day: DayCount, tallest: int) -> list[tuple[float, float]]:
    """Top and bottom of each arm's part, in pixels."""
    edges, base = [], 0
    for units in day.units:
        edges.append(
            (TOP + PLOT * (1 - (base + units) / tallest), TOP + PLOT * (1 - base / tallest))
        )
        base += units
    return edges


def _stack(canvas: Canvas, number: int, day: DayCount, tallest: int) -> None:
    strength = EXPECTED_STRENGTH if day.expected else 1.0
    for position, (top, bottom) in enumerate(_parts(day, tallest)):
        colour = faded(canvas.tokens.arm(position), strength, canvas.tokens.background)
        canvas.box(number - 0.36, number + 0.36, top, bottom, fill=colour)


def _arm_names(
    canvas: Canvas, arms: Sequence[str], last: DayCount, tallest: int, right: float
) -> None:
    names = _told_apart(arms)
    for position, (top, bottom) in enumerate(_parts(last, tallest)):
        canvas.small(
            right + 0.01, (top + bottom) / 2, bold(safe(names[position], NAME)),
            colour=canvas.tokens.arm(position),
        )  # fmt: skip


def _told_apart(arms: Sequence[str]) -> list[str]:
    """Names that are the same once they are cut lose what they have in common instead."""
    plain = [words.plain(arm) for arm in arms]
    alike = {one[: NAME - 1] for one in plain}
    if len(alike) == len(plain):
        return plain
    long = [one for one in plain if len(one) > NAME]
    letters = zip(*long, strict=False)
    shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, letters))
    if len(long) < 2:
        return plain
    return [f"…{one[shared:]}" if one in long and shared else one for one in plain]


def _shortened(
    phases: Sequence[tuple[date, str]], days: Sequence[DayCount], letters: float
) -> list[tuple[date, str]]:
    """Labels that end before the next one begins: whole, or “phase 2”, or none.

    Args:
        phases: First day and label of each.
        days: Of the figure.
        letters: That fit above one day.
    """
    last = days[-1].day + timedelta(days=1)
    ends = [*(begun for begun, _ in phases[1:]), last][: len(phases)]
    shown = []
    for (begun, label), end in zip(phases, ends, strict=True):
        room = (end - max(begun, days[0].day)).days * letters
        if end == last:
            room += AFTER
        short = " ".join(label.split(" ")[:2])
        fits = next((one for one in (label, short) if len(one) <= room), "")
        shown.append((begun, fits))
    return shown


def _phase_lines(canvas: Canvas, phases: Sequence[tuple[date, str]], first: date) -> None:
    """A line and a label each; of several that begin at one place the last one holds."""
    ink = canvas.tokens.text
    places = {max((begun - first).days - 0.5, -0.5): label for begun, label in phases}
    for number, (x, label) in enumerate(places.items()):
        canvas.small(
            x, TOP / 2 - 4, safe(label, 60), size=AXIS_SIZE, colour=ink, on_axis=True
        )  # fmt: skip
        if number:
            canvas.upright(x, TOP - 8, TOP + PLOT, colour=ink, below=False)
