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

NAME, NARROW_NAME = 15, 12
"""Letters of a name beside the bars."""
EXPECTED_STRENGTH = 0.35
TOP, PLOT, BOTTOM = 34, 140, 28
LETTERS, NARROW_LETTERS = 110, 36  # of a label above the days, and right of them
AFTER = 14
SIDES, NARROW_SIDES = (0.055, 0.885), (0.12, 0.74)
LINE = 14  # pixels that a name beside the bars takes
FEWEST = 7  # days for which there is room, so that a single bar is no wall


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
        names = _told_apart(arms, NARROW_NAME if narrow else NAME)
        _arm_names(canvas, names, days[-1], tallest, sides[1])
        letters = (NARROW_LETTERS if narrow else LETTERS) / max(len(days), FEWEST)
        _phase_lines(canvas, _shortened(phases, days, letters), days[0].day)
    return canvas.figure(domain=sides, span=(-0.6, max(len(days), FEWEST) - 0.4))


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
    canvas: Canvas, names: Sequence[str], last: DayCount, tallest: int, right: float
) -> None:
    """A name beside each part; of more arms than there is room for, control and a count."""
    middles = [(top + bottom) / 2 for top, bottom in _parts(last, tallest)]
    x = right + 0.01
    if len(names) * LINE > PLOT:
        rest = f"{len(names) - 1} others"
        canvas.small(x, middles[0], bold(safe(names[0])), colour=canvas.tokens.arm(0))
        canvas.small(x, min(middles[-1], middles[0] - LINE), rest)
        return
    for position, y in enumerate(_spread(middles)):
        canvas.small(x, y, bold(safe(names[position])), colour=canvas.tokens.arm(position))


def _spread(middles: Sequence[float]) -> list[float]:
    """Places of the names, from the bottom up: at their parts, but a line apart."""
    places: list[float] = []
    for middle in middles:
        places.append(min(middle, places[-1] - LINE) if places else middle)
    if places[-1] >= TOP:
        return places
    places[-1] = TOP
    for position in range(len(places) - 2, -1, -1):
        places[position] = max(places[position], places[position + 1] + LINE)
    return places


def _told_apart(arms: Sequence[str], letters: int) -> list[str]:
    """Names cut to ``letters``; where that makes them alike, what they have in common goes."""
    whole = [words.plain(arm) for arm in arms]
    long = [one for one in whole if len(one) > letters]
    shared = 0
    if len({one[: letters - 1] for one in whole}) < len(whole) and len(long) > 1:
        columns = zip(*long, strict=False)
        shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    told = [f"…{one[shared:]}" if shared and one in long else one for one in whole]
    return [words.plain(one, letters) for one in told]


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
