"""What an import tells a person: rows read, used and left out, by rule, and what to know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from experiments_core.domain.source import REPEATS_OF, ColumnMapping, Mapping, Role
from experiments_core.domain.text import grouped
from experiments_core.services.reconciliation import Reconciliation
from experiments_core.store.staged import Broken, Effect, Example, Finding, Staged
from experiments_core.tabular.answers import Question
from experiments_core.tabular.detection import Notice
from experiments_core.tabular.lookalikes import foreign_letters
from experiments_core.tabular.rates import PERCENT
from experiments_core.tabular.rejects import RULES, Reject, summary, words
from experiments_core.tabular.text import lines_text, listed, shorten, visible

TINY = 0.001
FEW_UNITS = 10
MANY_ARMS = 10
MOST_NAMED = 5
EARLIEST_YEAR = 1995
FIRST_LINES = 5
WRITTEN_OUT = 1e15  # larger numbers are written with an exponent


FILE_RULES = {
    "max": "the highest value of each outcome counts",
    "sum": "converted at least once counts, numbers are added up",
    "mean": "converted at least once counts, of numbers the mean",
    "first": "the first row counts",
    "last": "the last row counts",
}
COLUMN_RULES = {
    "sum": "the sum", "mean": "the mean", "max": "the highest value", "min": "the lowest value",
    "first": "the first value", "last": "the last value", "count": "the number of filled rows",
    "rows": "every row (for a quantile; else their sum)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleCount:
    """Rows that one rule keeps out.

    Attributes:
        rule: Code.
        rows: How many.
        lines: Physical lines of the first ones; the header is line 1.
        message: In words, with the first case.
        blocking: A person has to choose to leave them out.
    """

    rule: str
    rows: int
    lines: tuple[int, ...]
    message: str
    blocking: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know that keeps no row out.

    Attributes:
        code: Stable code (``VARIANT_MERGED`` …).
        message: One or two sentences.
        lines: Physical lines of the first cases, where known.
        rows: Rows (or units) that show it, 0 where it is about the file or a whole column.
        column: Header of the column that it is about.
        examples: The first 100 rows that show it.
    """

    code: str
    message: str
    lines: tuple[int, ...] = ()
    rows: int = 0
    column: str = ""
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What reading every row has shown. ``rows_read = rows_used + rows_left_out``, always.

    Attributes:
        units: Units that will be analysed (rows used, unless several rows were made one).
        arms: Units per variant; visitors per variant in a file of totals.
        by_rule: Rows left out, by rule.
        warnings: What else to know.
        preview: Column names, and the first rows as typed values.
        rejects_total: Rows left out.
        first_rejects: The first 100 of them.
        questions: What is still open; nothing can be committed before they are answered.
        crossed_units: Units seen in two variants.
        effects: What the first measure would be under each choice that is still free.
        difference: To the data that the experiment has; None when it has none.
    """

    rows_read: int
    rows_used: int
    rows_left_out: int
    units: int
    arms: dict[str, int]
    by_rule: tuple[RuleCount, ...] = ()
    warnings: tuple[Remark, ...] = ()
    preview: tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]] = ((), ())
    rejects_total: int = 0
    first_rejects: tuple[Reject, ...] = ()
    questions: tuple[Question, ...] = ()
    crossed_units: int = 0
    effects: tuple[Effect, ...] = ()
    difference: Reconciliation | None = None

    def __post_init__(self) -> None:
        if self.rows_read != self.rows_used + self.rows_left_out:
            raise RuntimeError(
                f"{self.rows_read} rows read, but {self.rows_used} used and "
                f"{self.rows_left_out} left out"
            )

    @property
    def blocking(self) -> tuple[RuleCount, ...]:
        """Rules that a person has to decide on."""
        return tuple(rule for rule in self.by_rule if rule.blocking)

    def to_document(self) -> dict[str, Any]:
        """Write what the workspace keeps of the report; typed rows are not in it."""
        return {
            "rows_read": self.rows_read,
            "rows_used": self.rows_used,
            "rows_left_out": self.rows_left_out,
            "units": self.units,
            "arms": self.arms,
            "crossed_units": self.crossed_units,
            "by_rule": [
                {"rule": one.rule, "rows": one.rows, "lines": list(one.lines),
                 "message": one.message, "blocking": one.blocking}
                for one in self.by_rule
            ],
            "warnings": [
                {"code": one.code, "message": one.message, "lines": list(one.lines),
                 "rows": one.rows, "column": one.column,
                 "examples": [[e.line, e.unit, e.value] for e in one.examples]}
                for one in self.warnings
            ],
            "questions": [question.code for question in self.questions],
            "difference": self.difference.to_document() if self.difference else None,
        }  # fmt: skip


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


def by_rule(broken: Iterable[Broken]) -> tuple[RuleCount, ...]:
    """Say what each rule keeps out."""
    return tuple(
        RuleCount(one.rule, one.rows, one.lines, _sentence(one), RULES[one.rule].blocking)
        for one in broken
    )


def warnings_of(staged: Staged, mapping: Mapping, context: Context) -> tuple[Remark, ...]:
    """Everything to know about rows that are used."""
    return (
        *(Remark(one.code, one.message, one.lines) for one in context.notices),
        *blank_line_warning(context),
        *_about_arms(staged),
        *_about_units(staged, mapping),
        *_about_joins(staged),
        *_about_measures(staged, mapping),
        *_about_times(staged, context),
        *_about_columns(staged),
    )


def blank_line_warning(context: Context) -> Iterator[Remark]:
    """Blank lines are no rows; say that they are there."""
    lines, count = context.blank_lines
    if count:
        text = "1 blank line is" if count == 1 else f"{grouped(count)} blank lines are"
        yield Remark("EMPTY_ROWS_IGNORED", f"{text} no row of data.", lines[:5])


def few_units(arms: dict[str, int]) -> Iterator[Remark]:
    """Arms that are too small for a test, or far smaller than the others."""
    total = sum(arms.values())
    tiny = [arm for arm, count in arms.items() if count < max(2, TINY * total)]
    if len(tiny) > MOST_NAMED:
        yield Remark(
            "VARIANT_TINY",
            f"{grouped(len(tiny))} variants have hardly any units: {listed(tiny)}. Is this the "
            "column of the variant?",
        )
    for arm, count in arms.items():
        if arm in tiny and len(tiny) > MOST_NAMED:
            continue
        units = f"{grouped(count)} unit{'s' if count != 1 else ''}"
        only = f"Variant “{shorten(arm)}” has only {units}"
        if count < max(2, TINY * total):
            yield Remark("VARIANT_TINY", f"{only}; is the name misspelt?")
        elif count < FEW_UNITS:
            yield Remark("FEW_UNITS", f"{only}: too few for the usual tests.")
    if len(arms) > MANY_ARMS:
        yield Remark(
            "MANY_VARIANTS", f"The file has {len(arms)} variants: {listed(list(arms))}."
        )


def repeats_in_words(mapping: Mapping) -> str:
    """What counts of several rows of one unit: the file's rule, then those of columns."""
    told = [
        f"of “{column.name}” {COLUMN_RULES[column.repeats]} counts"
        for column in mapping.columns
        if column.repeats and column.role in REPEATS_OF
    ]
    if mapping.repeats in FILE_RULES and not all(c.repeats for c in mapping.measures):
        told.insert(0, FILE_RULES[mapping.repeats])
    return "; ".join(told)


def _sentence(broken: Broken) -> str:
    text = summary(broken.rule, broken.rows)
    value = broken.values[0] if broken.values else ""
    if RULES[broken.rule].blocking and broken.lines:
        column = f", {broken.column}" if broken.column else ""
        reason = words(broken.rule, broken.column, value)
        return f"{text}. Line {broken.lines[0]}{column}: {reason}."
    if broken.rule.startswith("UNIT_") and any(broken.values):
        return f"{text} ({listed(broken.values)}{' …' if broken.rows > 5 else ''})."
    where = f" ({lines_text(broken.lines, broken.rows)})" if broken.lines else ""
    return f"{text}{where}."


def _about_arms(staged: Staged) -> Iterator[Remark]:
    hidden = {text for text in staged.merged if visible(text) != text.strip(" ")}
    if hidden:
        names = listed(sorted({staged.merged[text] for text in hidden}))
        yield Remark(
            "VARIANT_INVISIBLE_CHARS",
            "Invisible characters were removed, or accents joined to their letters, in names "
            f"of variants: {names}.",
        )
    spelled = {text: arm for text, arm in staged.merged.items() if text not in hidden}
    alike = {
        text for text in spelled if foreign_letters(text) != foreign_letters(spelled[text])
    }
    plain = {text: arm for text, arm in spelled.items() if text not in alike}
    if plain:
        yield Remark(
            "VARIANT_MERGED", f"Spellings of one variant were merged: {_pairs(plain)}."
        )
    for text in sorted(alike):
        letters = foreign_letters(text) or foreign_letters(spelled[text])
        yield Remark(
            "VARIANT_MERGED",
            f"“{shorten(text)}” and “{shorten(spelled[text])}” look the same but hold letters "
            f"of different alphabets ({letters}); they were merged.",
        )
    yield from few_units(staged.arms)


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
        yield from _about_reading(column)
    for name in staged.currency:
        yield Remark("CURRENCY_STRIPPED", f"The currency sign was removed from “{name}”.")
    for extreme in staged.extremes:
        yield _remark(
            "EXTREME_VALUE",
            f"One value of “{extreme.column}”, {_plain(extreme.value)}, is {extreme.share:.0%} "
            "of the sum; the mean hangs on it.",
            _finding(staged, "EXTREME", extreme.column) or Finding("", 1, extreme.column),
        )


def _about_reading(column: ColumnMapping) -> Iterator[Remark]:
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


def _pairs(merged: dict[str, str]) -> str:
    return ", ".join(f"“{shorten(t)}” → “{shorten(a)}”" for t, a in merged.items())


def _plain(value: float) -> str:
    written_out = grouped(value, ".2f").removesuffix(".00")
    return written_out if abs(value) < WRITTEN_OUT else f"{value:g}"


def _day(moment: datetime) -> str:
    return f"{moment:%-d %B %Y}"
