"""How are the cells of a column read? Blanks, counts, times, marks of numbers, rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from experiments_core.domain.source import MEASURED, ColumnMapping, Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.columns import ColumnSeen, Kind
from experiments_core.tabular.detection import Detection
from experiments_core.tabular.found import Found
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import listed, shorten
from experiments_core.tabular.times import DAYS_BEFORE_1970, EXCEL_1904, formats_of, read

DOUBTFUL = frozenset({
    Role.VALUE, Role.COVARIATE, Role.RATE, Role.VISITORS, Role.CONVERSIONS, Role.COUNT,
    Role.MEAN, Role.VARIANCE, Role.DEVIATION,
})  # fmt: skip


def cells(seen: Detection, mapping: Mapping, found: Found | None) -> Iterator[Question]:
    """What the cells of each column leave open, column by column."""
    for column in mapping.columns:
        shown = seen.columns[column.position]
        is_when = column.role is Role.OUTCOME and shown.kind is Kind.TIME
        if column.role in MEASURED and not column.blank and not is_when:
            yield from _blank(column, shown, found)
        if column.role is Role.OUTCOME and not column.converted:
            if shown.kind is Kind.TIME:
                yield _happened(column, shown)
            elif (shown.high or 0) > 1:
                yield _counts(seen, column, shown)
        doubtful = shown.number is not None and shown.number.doubtful
        if column.role in DOUBTFUL and doubtful and not column.decimal:
            yield _number(column, shown)
        if column.role is Role.RATE and not column.rate:
            yield _rate(mapping, column, shown)
        elapsed = mapping.kept_as is Shape.TOTALS and shown.time is None
        if column.role is Role.TIME and not column.time_format and not elapsed:
            yield _time(seen, column, shown)


def _blank(column: ColumnMapping, shown: ColumnSeen, found: Found | None) -> Iterator[Question]:
    sample = (shown.blanks, shown.blank_line)
    count, line = found.blanks.get(column.position, (0, 0)) if found else sample
    if not count:
        return
    where = f", the first on line {line}" if line else ""
    nothing = "0 (did not happen)" if column.role is Role.OUTCOME else "0"
    yield Question(
        "OUTCOME_BLANK",
        f"columns[{column.position}].blank",
        f"“{column.name}” is empty in {grouped(count)} row{'s' if count != 1 else ''}{where}. "
        "What does empty mean?",
        (
            Choice("exclude", "Unknown: leave these rows out of this metric"),
            Choice("zero", f"Zero: count them as {nothing}"),
        ),
        "exclude",
    )


def _happened(column: ColumnMapping, shown: ColumnSeen) -> Question:
    return Question(
        "OUTCOME_TIMES",
        f"columns[{column.position}].converted",
        f"“{column.name}” holds times, such as {shown.examples[0]}, and is empty in "
        f"{grouped(shown.blanks)} row{'' if shown.blanks == 1 else 's'}. Does a time mean that "
        "the unit converted?",
        (Choice("filled", "Yes: converted where there is a time, not where it is empty"),),
    )


def _counts(seen: Detection, column: ColumnMapping, shown: ColumnSeen) -> Question:
    rows = (row for row in seen.rows if row.line == shown.high_line)
    cells = (shorten(row.cells[column.position].strip(), 40) for row in rows)
    highest = next(cells, f"{shown.high:g}")
    return Question(
        "OUTCOME_COUNTS",
        f"columns[{column.position}].converted",
        f"“{column.name}” holds values above 1, such as {highest}"
        + (f" on line {shown.high_line}" if shown.high_line else "")
        + ". Does any number above 0 count as converted? (For the mean number per unit, use "
        "the column as a value instead.)",
        (Choice("positive", "Yes: converted when at least 1"),),
    )


def _number(column: ColumnMapping, shown: ColumnSeen) -> Question:
    example = next((cell for cell in shown.examples if "," in cell or "." in cell), "1,234")
    return Question(
        "NUMBER_FORMAT",
        f"columns[{column.position}].decimal",
        f"“{column.name}” holds numbers such as {example}. Which mark is the decimal mark?",
        (Choice(".", "The point: 1,234.5"), Choice(",", "The comma: 1.234,5")),
    )


def _rate(mapping: Mapping, column: ColumnMapping, shown: ColumnSeen) -> Question:
    seen = mapping.first(Role.VISITORS)
    of = f" of “{seen.name}”" if seen is not None else ""
    example = shown.examples[0] if shown.examples else "0.05"
    return Question(
        "RATE_UNIT",
        f"columns[{column.position}].rate",
        f"“{column.name}” is a rate{of}, such as {example}. Is it a percentage or a fraction?",
        (
            Choice("fraction", f"A fraction: 1 is everybody, {example} is meant as it stands"),
            Choice("percent", f"A percentage: 100 is everybody, {example} is {example} %"),
        ),
    )


def _time(seen: Detection, column: ColumnMapping, shown: ColumnSeen) -> Question:
    field = f"columns[{column.position}].time_format"
    time = shown.time
    if time is not None and time.format in DAYS_BEFORE_1970:
        example = shown.examples[0]
        return Question(
            "SPREADSHEET_DATES",
            field,
            f"“{column.name}” holds numbers such as {example}, as a spreadsheet keeps dates. "
            "Which date is it? (If it is none, do not use the column as time.)",
            tuple(Choice(name, _date_of(example, name)) for name in DAYS_BEFORE_1970),
            time.format,
        )
    if time is not None and time.rival:
        names_of = {"%d": "day first", "%m": "month first"}
        return Question(
            "DAY_MONTH_AMBIGUOUS",
            field,
            f"“{column.name}” holds dates such as {listed(shown.examples)}. Which comes first, "
            "day or month?",
            tuple(Choice(name, names_of[name[:2]]) for name in (time.format, time.rival)),
        )
    line, value = _odd_time(seen.rows, column.position)
    told = f"writes times in several ways; line {line} reads “{value}”, and no cell is guessed"
    if not line:
        told = f"holds no times that can be read, such as “{next(iter(shown.examples), '')}”"
    return Question(
        "TIME_FORMAT",
        f"columns[{column.position}].role",
        f"“{column.name}” {told}: leave the column out, or export it again in one format, such "
        "as 2026-05-19 14:30:00.",
        (Choice("ignore", "Leave the times out"),),
    )


def _date_of(example: str, time_format: str) -> str:
    moment = datetime.fromtimestamp(read(example, time_format) or 0, UTC)
    told = "counted from 1900, the usual way"
    if time_format == EXCEL_1904:
        told = "counted from 1904, as old workbooks of Macs do"
    return f"{moment:%-d %B %Y %H:%M}: {told}"


def _odd_time(rows: Sequence[Row], position: int) -> tuple[int, str]:
    """The first cell that cannot be read like the first one."""
    first: tuple[str, ...] | None = None
    for row in rows:
        cell = row.cells[position].strip()
        formats = formats_of(cell, numbers=True)
        if cell and first is None:
            first = formats
        elif cell and formats != first:
            return row.line, shorten(cell)
    return 0, ""
