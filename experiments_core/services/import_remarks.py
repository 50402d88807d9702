"""What to know about rows that are used: how they were read, and what looks odd in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from experiments_core.domain.source import ColumnMapping, Mapping, Role
from experiments_core.domain.text import grouped
from experiments_core.services.import_remarks_arms import few_units, merged_names
from experiments_core.services.import_report import Remark
from experiments_core.store.staged import Finding, Staged
from experiments_core.tabular.detection import Notice
from experiments_core.tabular.rates import PERCENT
from experiments_core.tabular.repeats import repeats_in_words
from experiments_core.tabular.text import shorten

EARLIEST_YEAR = 1995
FIRST_LINES = 5
WRITTEN_OUT = 1e15  # larger numbers are written with an exponent


@dataclass(frozen=True, slots=True)
class Context:
    """What the report needs besides the rows.

    Attributes:
        notices: Reading choices.
        blank_lines: First blank lines of the file, and how many there are.
        runs: When the experiment ran: start and end (None while it lasts), in order.
        completed: It was completed, so what comes after its end is late.
        now: The present moment.
    """

    notices: Sequence[Notice] = ()
    blank_lines: tuple[tuple[int, ...], int] = ((), 0)
    runs: tuple[tuple[datetime, datetime | None], ...] = ()
    completed: bool = False
    now: datetime | None = None


def warnings_of(staged: Staged, mapping: Mapping, context: Context) -> tuple[Remark, ...]:
    """Everything to know about rows that are used."""
    return (
        *about_reading(context),
        *merged_names(staged.merged),
        *few_units(staged.arms),
        *_about_units(staged, mapping),
        *_about_joins(staged),
        *_about_measures(staged, mapping),
        *_about_times(staged, context),
        *_about_columns(staged),
    )


def about_reading(context: Context) -> Iterator[Remark]:
    """How the file was read; blank lines are no rows, but they are there."""
    for one in context.notices:
        yield Remark(one.code, one.message, one.lines)
    lines, count = context.blank_lines
    if count:
        text = "1 blank line is" if count == 1 else f"{grouped(count)} blank lines are"
        yield Remark("EMPTY_ROWS_IGNORED", f"{text} no row of data.", lines[:5])


def _about_units(staged: Staged, mapping: Mapping) -> Iterator[Remark]:
    unit = mapping.first(Role.UNIT)
    if unit is None:
        yield Remark(
            "UNIT_NONE",
            "No column identifies a unit: each row counts as one, copies included.",
        )
    if staged.repeated and mapping.combines:
        text = (
            f"{grouped(staged.repeated)} units have several rows; {repeats_in_words(mapping)}."
        )
        yield Remark("UNIT_REPEATED", text)
    damaged = _finding(staged, "UNIT_ID_DAMAGED")
    if damaged is not None:
        shown = damaged.examples[0].value if damaged.examples else "1.2E+15"
        yield _remark(
            "UNIT_ID_DAMAGED",
            f"{grouped(damaged.rows)} identifiers look like {shorten(shown, 30)}: a "
            "spreadsheet has rounded them, and different units may have become one.",
            damaged,
        )


def _about_joins(staged: Staged) -> Iterator[Remark]:
    """What a join or an export has done to the rows as a whole."""
    for one in staged.findings:
        if one.code == "FILE_CUT_OFF":
            yield _remark(
                one.code,
                f"The file has {grouped(one.rows)} rows, which is as many as a spreadsheet "
                "holds: is the rest missing?",
                one,
            )
        elif one.code == "ROWS_MULTIPLIED" and one.facts["whole"]:
            times = one.facts["times"]
            yield _remark(
                one.code,
                f"Each of {grouped(one.rows)} units stands exactly {times} times with the same "
                "values: a join has probably multiplied the rows.",
                one,
            )
        elif one.code == "ROWS_MULTIPLIED":
            yield _remark(
                one.code,
                f"{grouped(one.rows)} units have several rows, and all of them say the same: "
                "a join has probably repeated the values. Added up they would count several "
                "times.",
                one,
            )


def _about_measures(staged: Staged, mapping: Mapping) -> Iterator[Remark]:
    columns = {column.position: column for column in mapping.columns}
    for position, (count, line) in staged.blanks.items():
        column = columns[position]
        cells = f"“{column.name}” is empty in {grouped(count)} row{'s' if count != 1 else ''}"
        found = _finding(staged, "BLANK", column.name)
        lines = (line,) if line and not found else None
        shown = replace(found, rows=count) if found else Finding("BLANK", count, column.name)
        if column.role is Role.COVARIATE:
            yield _remark("COVARIATE_MISSING", f"{cells}.", shown, lines)
        elif column.blank == "exclude":
            text = f"{cells}; they do not count in this metric."
            yield _remark("OUTCOME_BLANK", text, shown, lines)
    for column in mapping.columns:
        yield from _about_cells(column)
    for name in staged.currency:
        yield Remark("CURRENCY_STRIPPED", f"The currency sign was removed from “{name}”.")
    for extreme in staged.extremes:
        yield _remark(
            "EXTREME_VALUE",
            f"One value of “{extreme.column}”, {_plain(extreme.value)}, is {extreme.share:.0%} "
            "of the sum; the mean hangs on it.",
            _finding(staged, "EXTREME", extreme.column) or Finding("", 1, extreme.column),
        )


def _about_cells(column: ColumnMapping) -> Iterator[Remark]:
    """How the cells of one measure were taken, where that was an answer or a choice."""
    name = column.name
    if column.role is Role.OUTCOME and column.blank == "zero":
        yield Remark("OUTCOME_BLANK", f"An empty “{name}” counts as not converted.")
    if column.role is Role.OUTCOME and column.converted == "filled":
        text = f"A “{name}” that is filled counts as converted, an empty one not."
        yield Remark("OUTCOME_BLANK", text)
    if column.role is Role.OUTCOME and column.converted == "positive":
        yield Remark("OUTCOME_COUNTS", f"“{name}” above 0 counts as converted.")
    if column.role in {Role.VALUE, Role.COVARIATE} and column.rate == PERCENT:
        text = f"“{name}” is written in percent: 12.5 % counts as 0.125."
        yield Remark("PERCENT_READ", text, column=name)


def _odd_times(first: datetime, last: datetime, now: datetime | None) -> Iterator[Remark]:
    """Times that no test has: before there were any, or still to come."""
    if first.year < EARLIEST_YEAR:
        yield Remark(
            "TIME_ODD", f"The earliest time is {_day(first)}: is a missing time written as one?"
        )
    if now is not None and last > now + timedelta(days=1):
        yield Remark("TIME_ODD", f"The newest time is {_day(last)}, which is still to come.")


def _about_times(staged: Staged, context: Context) -> Iterator[Remark]:
    if staged.mixed_zones:
        yield Remark(
            "TIME_ZONE_MIXED",
            "Some times say their zone and some do not; those that do not are taken as UTC.",
        )
    if staged.no_time and staged.first_seen:
        rows = f"{grouped(staged.no_time)} row{' has' if staged.no_time == 1 else 's have'}"
        yield Remark("TIME_MISSING", f"{rows} no time.")
    if staged.first_seen:
        yield from _odd_times(*staged.first_seen, context.now)
    for one in staged.findings:
        if one.code != "OUTSIDE_RUN" or staged.first_seen is None:
            continue
        first, last = staged.first_seen
        rows = f"{grouped(one.rows)} row{' lies' if one.rows == 1 else 's lie'}"
        started, ended = context.runs[0][0], context.runs[-1][1]
        if one.facts["kind"] == "before":
            text = f"{rows} before the start on {_day(started)}; the first is {_day(first)}."
            yield _remark("OUTSIDE_RUN", text, one)
        elif one.facts["kind"] == "between":
            yield _remark("OUTSIDE_RUN", f"{rows} in times when the test was paused.", one)
        elif ended is not None:
            text = f"{rows} after the end on {_day(ended)}; the last is {_day(last)}."
            yield _remark("LATE_DATA" if context.completed else "OUTSIDE_RUN", text, one)


def _about_columns(staged: Staged) -> Iterator[Remark]:
    for name in staged.constant:
        text = f"“{name}” is constant: no adjustment is possible."
        yield Remark("COVARIATE_CONSTANT", text, column=name)
    for one in staged.findings:
        if one.code == "COVARIATE_IS_OUTCOME":
            yield _remark(
                one.code,
                f"“{one.column}” is the same as “{one.facts['measure']}”, so it was not known "
                "before the test; an adjustment by it would take the effect away.",
                replace(one, rows=0),
            )
    for name in staged.leaks:
        yield Remark(
            "SEGMENT_LEAKS_OUTCOME",
            f"Segment “{name}” is determined by the outcome; read no result by it.",
            column=name,
        )
    for name in staged.same_as_arm:
        yield Remark(
            "SEGMENT_IS_VARIANT",
            f"Segment “{name}” says the same as the variant; nothing can be compared in it.",
            column=name,
        )
    for name in staged.many_values:
        yield Remark(
            "SEGMENT_TOO_MANY_VALUES", f"Segment “{name}” has very many values.", column=name
        )


def _finding(staged: Staged, code: str, column: str = "") -> Finding | None:
    return next(
        (one for one in staged.findings if (one.code, one.column) == (code, column)), None
    )


def _remark(
    code: str, message: str, found: Finding, lines: tuple[int, ...] | None = None
) -> Remark:
    if lines is None:
        lines = tuple(one.line for one in found.examples[:FIRST_LINES] if one.line)
    return Remark(code, message, lines, found.rows, found.column, found.examples)


def _plain(value: float) -> str:
    written_out = grouped(value, ".2f").removesuffix(".00")
    return written_out if abs(value) < WRITTEN_OUT else f"{value:g}"


def _day(moment: datetime) -> str:
    return f"{moment:%-d %B %Y}"
