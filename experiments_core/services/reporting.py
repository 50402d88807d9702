"""A reading in the words and colours of the pages, ready to be laid out as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from experiments_core.analysis.results import Check, ExperimentResult, MetricResult, Progress
from experiments_core.charts import axis as axes
from experiments_core.charts import beside, tables, theme, words
from experiments_core.charts.rows import Group, Row, axis_of, scorecard_groups
from experiments_core.charts.verdicts import BADGES
from experiments_core.reports.html import CheckLine, Line, Report, Section, Table
from experiments_core.reports.html_intervals import Axis, Bar

LEVELS = {
    "fail": ("✕", "worse"),
    "warn": ("!", "warning"),
    "info": ("◆", "neutral"),
    "pass": ("✓", "muted"),
}
COLOURS = (
    "background", "surface", "text", "muted", "line", "hair", "better", "worse", "neutral",
    "warning", "warning_text", "harm", "tint_better", "tint_worse", "tint_warning", "tint_grey",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Occasion:
    """What surrounds a result: titles, names, the query, facts for the foot of the page."""

    title: str
    subtitle: str
    unit: str
    names: Mapping[str, str]
    sql: str
    facts: tuple[tuple[str, str], ...]


def compose(result: ExperimentResult, occasion: Occasion) -> Report:
    """Put a reading into the order of the page."""
    groups = scorecard_groups(result, names=occasion.names, unit=occasion.unit)
    axis = axis_of(groups) if groups else None
    return Report(
        title=occasion.title,
        subtitle=occasion.subtitle,
        badge=BADGES[result.verdict.code],
        verdict=result.verdict.text,
        reasons=result.verdict.reasons,
        recommendation=result.recommendation.text,
        checks=tuple(_check(check) for check in result.health),
        progress=_progress(result.progress, occasion.unit),
        axis=None if axis is None else _axis(axis),
        sections=tuple(_section(group, several=len(result.treatments) > 1) for group in groups),
        tables=tuple(_tables(result, occasion.names)),
        code=occasion.sql,
        facts=occasion.facts,
        light=_palette(theme.LIGHT),
        dark=_palette(theme.DARK),
    )


def _palette(tokens: theme.Tokens) -> dict[str, str]:
    colours = asdict(tokens)
    return {name: colours[name] for name in COLOURS}


def _check(check: Check) -> CheckLine:
    mark, tone = LEVELS[check.level]
    message = "" if check.level == "pass" else check.message
    return CheckLine(mark, check.label, check.short, message, tone)


def _progress(progress: Progress | None, unit: str) -> tuple[tuple[str, str], ...]:
    if progress is None:
        return ()
    found = [
        (f"{words.plain(unit, 20).capitalize()}s", _of(progress.units, progress.planned_units))
    ]
    if progress.days is not None:
        found.append(("Days", _of(progress.days, progress.planned_days)))
    reached = progress.relative_minimum_detectable_effect
    if isinstance(reached, float):
        asked = progress.planned_relative_minimum_detectable_effect
        tail = f", asked {words.percent(asked)}" if asked else ""
        found.append(("Smallest visible lift", words.percent(reached) + tail))
    return tuple(found)


def _of(number: int, planned: int | None) -> str:
    return words.count(number) + (f" of {words.count(planned)}" if planned else "")


def _axis(axis: axes.Axis) -> Axis:
    ticks = tuple((place, axes.lift_tick(place)) for place in axis.ticks)
    thinned = ticks if len(ticks) <= 5 else ticks[:: 2 - (0.0 in (p for p, _ in ticks[1::2]))]
    return Axis(axis.low, axis.high, thinned)


def _section(group: Group, *, several: bool) -> Section:
    return Section(
        group.title, group.rule, tuple(_line(row, several=several) for row in group.rows)
    )


def _line(row: Row, *, several: bool) -> Line:
    reading = row.mark.reading
    return Line(
        metric=words.plain(row.metric.name),
        about=row.about,
        variant=words.plain(row.name) if several else "",
        control=(row.control, row.control_n),
        treatment=(row.treatment, row.treatment_n),
        difference=(row.difference, row.difference_interval),
        lift=(row.lift, row.lift_interval),
        verdict=(f"{reading.mark} {reading.word}", reading.note),
        tone=reading.tone if reading.style != "crossed" else "muted",
        bar=_bar(row),
        sentence=row.sentence,
    )


def _bar(row: Row) -> Bar | None:
    mark = row.mark
    if not mark.drawable or not isinstance(mark.value, float):
        return None
    low, high = (end if isinstance(end, float) else None for end in (mark.lower, mark.upper))
    filled = mark.reading.style == "filled"
    if row.limit is None:
        return Bar(mark.value, low, high, filled)
    return Bar(mark.value, low, high, filled, row.limit.at, row.limit.side)


def _tables(result: ExperimentResult, names: Mapping[str, str]) -> list[Table]:
    found = []
    if result.phases > 1:
        for metric in result.metrics:
            if metric.role == "primary":
                found += _phases(result, metric, names)
    versions = beside.table(result, names)
    if versions:
        found.append(_table("With and without covariate and cap", versions))
    found.append(_table("Every number", tables.scorecard_table(result, names)))
    return found


def _phases(
    result: ExperimentResult, metric: MetricResult, names: Mapping[str, str]
) -> list[Table]:
    return [
        _table(
            f"{words.plain(metric.name)} by phase: {words.plain(names.get(arm, arm))}",
            tables.phases_table(metric, arm, result.reference),
        )
        for arm in result.treatments
    ]


def _table(title: str, rows: Sequence[Mapping[str, object]]) -> Table:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return Table(
        title, columns, tuple(tuple(str(row.get(name, "")) for name in columns) for row in rows)
    )
