"""Where days and lifts lie on the sheet of a course."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from experiments_core.analysis.results import End, SeriesPoint
from experiments_core.charts import words
from experiments_core.charts.axis import Axis, common_axis, round_step
from experiments_core.stats.estimate import Undefined, Value

TOP, PLOT, BOTTOM = 34, 258, 34


class Scale:
    """Days and lifts to places on the sheet.

    Args:
        axis: Of the lifts.
        first: The first day (or time).
        last: The last one.
    """

    def __init__(self, axis: Axis, first: End, last: End) -> None:
        self.axis = axis
        self.first = first
        self.days = _apart(first, last)
        side = 0.4 if isinstance(first, date) else 0.01 * self.days
        self.span = (-side, self.days + 0.15 if isinstance(first, date) else self.days + side)

    def x(self, day: End) -> float:
        """Days (or whatever the data count time in) since the first one."""
        return _apart(self.first, day)

    def ticks(self, *, narrow: bool) -> list[tuple[float, str]]:
        """Places on the time axis, with what is written under them."""
        most = 5 if narrow else 14
        if not isinstance(self.first, date):
            step = round_step(max(self.days, 1e-9) / most)
            low = math.ceil(self.first / step - 1e-9)
            count = int((self.first + self.days) / step + 1e-9) - low + 1
            shown = (step * (low + k) for k in range(count))
            return [(place - self.first, f"{place:g}") for place in shown]
        days = round(self.days)
        labels = []
        for number in _shown_days(days, most):
            day = date.fromordinal(self.first.toordinal() + number)
            outer = number in {0, days} or day.day == 1
            whole = outer and not (narrow and number == days)
            labels.append((float(number), words.day(day) if whole else str(day.day)))
        return labels

    def y(self, value: Value) -> float:
        """Pixels from the top, kept inside the plot."""
        if isinstance(value, Undefined):
            return TOP + PLOT
        share = (self.axis.high - value) / (self.axis.high - self.axis.low)
        return TOP + PLOT * min(1.0, max(0.0, share))


def lift_axis(points: Sequence[SeriesPoint]) -> Axis:
    """The axis that holds the later half of the course, and the rest where it fits."""
    later = points[len(points) // 2 :]
    must = [end for point in later for end in _ends(point)]
    must += [point.relative_lift for point in later if isinstance(point.relative_lift, float)]
    return common_axis(must, [end for point in points for end in _ends(point)], ticks=8)


def _ends(point: SeriesPoint) -> list[float]:
    ends = (
        point.relative_lift_ci_lower,
        point.relative_lift_ci_upper,
        point.always_valid_lower,
        point.always_valid_upper,
    )
    return [end for end in ends if not isinstance(end, Undefined)]


def _apart(first: End, last: End) -> float:
    """From one end to another, in days or in whatever the data count time in."""
    if isinstance(first, date) and isinstance(last, date):
        return float((last - first).days)
    if isinstance(first, date) or isinstance(last, date):
        return 0.0
    return last - first


def _shown_days(days: int, most: int) -> list[int]:
    step = max(1, -(-days // most))
    step = next((even for even in (1, 2, 3, 7, 14, 28) if even >= step), step)
    shown = list(range(0, days + 1, step))
    if shown[-1] != days and days - shown[-1] > step / 2:
        shown.append(days)
    return shown
