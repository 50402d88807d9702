"""What each figure says: its title, and the sentences for who cannot see it.

Titles state the finding; where there is none they say so. All of it is plain text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from experiments_core.analysis.results import (
    ExperimentResult,
    MetricResult,
    SegmentResult,
    SeriesPoint,
)
from experiments_core.charts import words
from experiments_core.charts.days import DayCount
from experiments_core.charts.readings import gate_closed, read
from experiments_core.charts.rows import scorecard_groups
from experiments_core.stats.estimate import Undefined, Value

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
APART = 0.05  # phases differ when chance explains them less often than this
MOST_NAMED = 3  # treatments or segments in a title
SETTLED = 0.5  # of the half-width of the last interval


def scorecard_title(result: ExperimentResult, names: Mapping[str, str] | None = None) -> str:
    """``Scorecard: Paid order better, Refund within 7 days not shown safe``."""
    return f"Scorecard: {_finding(result, names or {})}"


def _finding(result: ExperimentResult, names: Mapping[str, str]) -> str:
    if gate_closed(result):
        return "not usable until the cause is found"
    if not result.metrics:
        return "nothing to show yet"
    if not result.final:
        return "a look, not a result"
    told = [found for metric in result.metrics for found in _told(result, metric, names)]
    most = 3 if len(result.treatments) == 1 else 2
    if told:
        return ", ".join(told[:most])
    silent = all(
        read(result, metric, arm.contrast).style == "none"
        for metric in result.metrics
        for arm in metric.arms
        if arm.contrast
    )
    return "nothing can be said" if silent else "no clear difference in any metric"


def _told(
    result: ExperimentResult, metric: MetricResult, names: Mapping[str, str]
) -> list[str]:  # fmt: skip
    """``Paid order better in B and C``, one for each word that is worth a title."""
    worth = {"harmed", "not shown safe"} if metric.role == "guardrail" else {"better", "worse"}
    found: dict[str, list[str]] = {}
    for arm in metric.arms:
        word = read(result, metric, arm.contrast).word if arm.contrast else ""
        if word in worth:
            who = words.name(names.get(arm.variant, arm.variant), 30)
            found.setdefault(word, []).append(who)
    return [
        f"{words.plain(metric.name, 40)} {word}{_where(result, who)}"
        for word, who in found.items()
    ]


def _where(result: ExperimentResult, who: Sequence[str]) -> str:
    if len(result.treatments) == 1:
        return ""
    if len(who) == len(result.treatments):
        return " in every treatment"
    return (
        f" in {words.listed(who)}" if len(who) <= MOST_NAMED else f" in {len(who)} treatments"
    )


def scorecard_alt(result: ExperimentResult, names: Mapping[str, str] | None = None) -> str:
    """Every row in one sentence."""
    sentences = [scorecard_title(result, names) + "."]
    for group in scorecard_groups(result, names=names):
        for row in group.rows:
            reading = row.mark.reading
            effect = row.sentence or f"{row.lift} ({row.lift_interval})."
            sentences.append(
                f"{group.title}, {words.plain(row.metric.name, 60)}, "
                f"{words.plain(row.name, 40)}: {row.control} to {row.treatment}, {effect} "
                f"{reading.word.capitalize()}, {reading.note}."
            )
    return " ".join(sentences)


def series_title(points: Sequence[SeriesPoint]) -> str:
    """Whether the cumulative lift has settled, and where."""
    shown = [p for p in points if not isinstance(p.relative_lift, Undefined)]
    if not shown:
        return "No lift can be computed on any day"
    last = shown[-1]
    if len(shown) == 1:
        return f"One day of data: {words.lift(last.relative_lift)}"
    reach = _half_width(last) * SETTLED
    start = len(shown) - 1
    while start and abs(_number(shown[start - 1]) - _number(last)) <= reach:
        start -= 1
    near = words.percent(_number(last), 0, signed=True)
    if start == 0:
        return f"The lift has stayed near {near} from the first day"
    if start <= 0.7 * len(shown):
        since = _since(shown[start], points[0])
        return f"The lift settled near {near} {since} and has stayed there"
    return f"The lift is still moving; it stands at {words.lift(last.relative_lift)}"


def _since(point: SeriesPoint, first: SeriesPoint) -> str:
    if isinstance(point.day, date) and isinstance(first.day, date):
        return f"on day {(point.day - first.day).days + 1}"
    return f"at {words.end(point.day)} since the start"


def series_alt(points: Sequence[SeriesPoint]) -> str:
    """The title, then first and last day with their intervals."""
    told = [
        f"{words.end(point.day)}: {words.lift(point.relative_lift)} "
        f"({words.lift_interval(point.relative_lift_ci_lower, point.relative_lift_ci_upper)})"
        for point in (points[0], points[-1])
        if not isinstance(point.relative_lift, Undefined)
    ]
    return ". ".join((series_title(points), *told)) + "."


def days_title(days: Sequence[DayCount], units: str) -> str:
    """How many came a day, and on which day most."""
    sizes = [sum(day.units) for day in days]
    if not sizes:
        return f"No {words.plain(units, 20)} on any day"
    mean = words.count(sum(sizes) / len(sizes))
    most = max(days, key=lambda day: sum(day.units))
    head = f"About {mean} {words.plain(units, 20)} a day"
    if len(days) == 1:
        return head
    return f"{head}, most on {words.day(most.day)} ({words.count(max(sizes))})"


def segments_title(segments: Sequence[SegmentResult], treatment: str) -> str:
    """How many segments stand out after correction, and whether they really differ."""
    decided = [
        words.plain(segment.value, 40)
        for segment in segments
        for arm in segment.arms
        if arm.variant == treatment and arm.contrast and arm.contrast.significant
    ]
    total = words.count(len(segments))
    if not decided:
        return f"None of {total} segments stands out after correction"
    if len(decided) == len(segments) > 1:
        head = f"All {total} segments stand out"
    else:
        number = len(decided)
        how_many = NUMBERS[number] if number < len(NUMBERS) else words.count(number)
        verb = "stands" if number == 1 else "stand"
        rest = [f"{number - MOST_NAMED} more"] if number > MOST_NAMED else []
        named = words.listed([*decided[:MOST_NAMED], *rest])
        head = f"{how_many.capitalize()} of {total} segments {verb} out: {named}"
    p = segments[0].interaction_p_value
    if p is None or isinstance(p, Undefined) or p < 0.05:
        return head
    return f"{head}. That segments differ among themselves is not established"


def segments_alt(segments: Sequence[SegmentResult], treatment: str) -> str:
    """The title, then every segment."""
    told = [segments_title(segments, treatment) + "."]
    for segment in segments:
        contrast = next((a.contrast for a in segment.arms if a.variant == treatment), None)
        effect = words.lift(contrast.relative_lift) if contrast else words.NONE
        told.append(f"{words.plain(segment.value, 40)}: {effect}.")
    return " ".join(told)


def phases_title(metric: MetricResult, treatment: str, name: str) -> str:
    """Whether the phases agree, and whether the plain total would mislead."""
    contrast = metric.arm(treatment).contrast
    if contrast is None or not contrast.by_phase:
        return "There is only one phase"
    signs = {_sign(phase.relative_lift) for phase in contrast.by_phase}
    who = words.name(name, 40)
    if len(signs) > 1:
        chance = contrast.heterogeneity_p_value
        if isinstance(chance, float) and chance >= APART:
            return f"The phases differ no more than chance would make them ({words.p(chance)})"
        return "The phases point in different directions"
    leads = signs.pop()
    said = {1: "leads", -1: "trails", 0: "is level"}[leads]
    total = contrast.plain_total
    if total is not None and total.misleading:
        return f"Inside each phase {who} {said}. Only the plain total says otherwise"
    return f"{who} {said} in each phase"


def split_alt(
    old: Mapping[str, int] | None, new: Mapping[str, int], names: Mapping[str, str]
) -> str:
    """Both splits in words."""

    def shares(weights: Mapping[str, int]) -> str:
        return ", ".join(
            f"{words.plain(names.get(arm, arm), 40)} {words.percent(weight / 10_000, 2)}"
            for arm, weight in weights.items()
        )

    now = f"Now: {shares(old)}. " if old is not None else ""
    return f"{now}New people: {shares(new)}."


def rows_alt(read: int, used: int, left_out: int) -> str:
    """``59 037 rows read, 58 906 used, 131 left out``."""
    counts = (words.count(number) for number in (read, used, left_out))
    return "{} rows read, {} used, {} left out.".format(*counts)


def power_alt(
    planned: tuple[float, float] | None, points: Sequence[tuple[float, float]]
) -> str:
    """The marked point and the ends of the curve."""
    (low, at_low), (high, at_high) = points[0], points[-1]
    ends = (
        f"Power rises from {words.percent(at_low, 0)} at a true effect of {words.lift(low)} "
        f"to {words.percent(at_high, 0)} at {words.lift(high)}."
    )
    if planned is None:
        return ends
    return f"{words.percent(planned[1], 0)} power to see {words.lift(planned[0])}. {ends}"


def weeks_alt(weeks: Sequence[tuple[int, Value]]) -> str:
    """Each week's smallest visible lift."""
    return " ".join(
        f"Week {week}: {words.NONE if isinstance(lift, Undefined) else words.percent(lift)}."
        for week, lift in weeks
    )


def _number(point: SeriesPoint) -> float:
    return 0.0 if isinstance(point.relative_lift, Undefined) else point.relative_lift


def _half_width(point: SeriesPoint) -> float:
    low, high = point.relative_lift_ci_lower, point.relative_lift_ci_upper
    if isinstance(low, Undefined) or isinstance(high, Undefined):
        return abs(_number(point))
    return (high - low) / 2


def _sign(value: Value) -> int:
    if isinstance(value, Undefined):
        return 0
    return (value > 0) - (value < 0)
