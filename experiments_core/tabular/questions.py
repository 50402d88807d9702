"""What a file cannot say by itself. Nothing is stored while a question is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from experiments_core.domain.source import ColumnMapping, Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.tabular import names, roles
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.columns import ColumnSeen, Kind
from experiments_core.tabular.courses import PARTS, RUNNING, Readings
from experiments_core.tabular.shape import UNKNOWN_HEADER, Detection, open_asks, spellings
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import listed, shorten
from experiments_core.tabular.times import DAYS_BEFORE_1970, EXCEL_1904, formats_of, read

MOST_OFFERED = 200
DOUBTFUL = frozenset({
    Role.VALUE, Role.COVARIATE, Role.RATE, Role.VISITORS, Role.CONVERSIONS, Role.COUNT,
    Role.MEAN, Role.VARIANCE, Role.DEVIATION,
})  # fmt: skip
MEASURES = frozenset({Role.OUTCOME, Role.VALUE, Role.CONVERSIONS, Role.RATE})


@dataclass(frozen=True, slots=True)
class Found:
    """What reading every row has shown, where the sample could not.

    Attributes:
        arms: Arms, by rows.
        blanks: Position of a column -> blank cells and the line of the first.
        repeated: Units with several rows in one arm, after exact copies were left out.
        contradicted: Position of a column that nearly always says the same as the variant ->
            rows in which it does not, by (arm, value).
        readings: Of totals and moments: what several rows of one arm look like.
    """

    arms: dict[str, int]
    blanks: dict[int, tuple[int, int]]
    repeated: int = 0
    contradicted: dict[int, dict[tuple[str, str], int]] = field(default_factory=dict)
    readings: Readings | None = None


def open_questions(
    seen: Detection, mapping: Mapping, found: Found | None = None, *, ask_finished: bool = True
) -> tuple[Question, ...]:
    """List what nobody has answered yet.

    Args:
        seen: What the sample shows.
        mapping: What has been said so far.
        found: What all rows show, once they have been read.
        ask_finished: Ask whether the test is over (not when an experiment knows).
    """
    waiting = open_asks(seen.asks, mapping.dialect)
    if waiting:
        return waiting[:1]  # the rows mean nothing before it is answered
    questions = [
        *_layout(seen, mapping),
        *_variant(seen, mapping, found),
        *_experiments(seen, mapping),
        *_unit(seen, mapping),
        *_measures(seen, mapping),
        *_events(seen, mapping),
        *_visitors(seen, mapping),
        *_moments(seen, mapping),
        *_columns(seen, mapping, found),
        *_repeats(mapping, found),
        *_readings(mapping, found),
        *_contradictions(mapping, found),
    ]
    if ask_finished and mapping.finished is None:
        questions.append(_finished())
    return tuple(questions)


def _layout(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    if mapping.dialect.header_line == UNKNOWN_HEADER:
        first = ", ".join(shorten(cell, 20) for cell in seen.rows[0].cells[:4])
        yield Question(
            "HEADER",
            "dialect.header_line",
            f"Line 1 looks like data, not like a header ({first} …). What is it?",
            (Choice("0", "Data: the file has no header"), Choice("1", "The header")),
            "0",
        )
    doubled = [name for name in dict.fromkeys(c.name for c in mapping.columns)
               if sum(c.name == name for c in mapping.columns) > 1]  # fmt: skip
    for name in doubled:
        yield from _doubled(mapping, name)


def _doubled(mapping: Mapping, name: str) -> Iterator[Question]:
    same = [column for column in mapping.columns if column.name == name]
    used = [column for column in same if column.role is not Role.IGNORE]
    outcomes = [c for c in mapping.columns if c.role in {Role.OUTCOME, Role.CONVERSIONS}]
    if len(used) == 1 or (not used and (outcomes or not names.is_outcome(name))):
        return
    places = " and ".join(str(column.position + 1) for column in same)
    line = max(1, mapping.dialect.header_line)
    role = Role.CONVERSIONS if mapping.shape is Shape.TOTALS else Role.OUTCOME
    yield Question(
        "DUPLICATE_COLUMN",
        f"role.{role}",
        f"Line {line} names two columns “{name}” (columns {places}). Which one is the outcome?",
        tuple(Choice(str(c.position), f"Column {c.position + 1}") for c in same),
    )


def _variant(seen: Detection, mapping: Mapping, found: Found | None) -> Iterator[Question]:
    columns = mapping.named(Role.VARIANT)
    if not columns:
        candidates = [column for _, column in roles.variant_candidates(seen.columns)]
        yield Question(
            "VARIANT_COLUMN",
            "role.variant",
            "Which column says the variant of each row?",
            tuple(Choice(str(c.position), f"{c.name} ({_few(c)})") for c in candidates),
            roles.likely_variant(seen.columns),
        )
    elif not mapping.control:
        arms = list(found.arms if found else spellings(seen.rows, columns[0].position))
        yield Question(
            "CONTROL",
            "control",
            f"Which value of “{columns[0].name}” is control?",
            tuple(Choice(arm, arm) for arm in arms),
            roles.likely_control(arms),
        )


def _experiments(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """One file, several experiments: which of them is meant."""
    column = next(iter(mapping.named(Role.EXPERIMENT)), None)
    if column is None or mapping.experiment:
        return
    known = list(spellings(seen.rows, column.position))[:MOST_OFFERED]
    yield Question(
        "EXPERIMENT",
        "experiment",
        f"Column “{column.name}” tells experiments apart ({listed(known)}). Which is read?",
        (
            *(Choice(one, one) for one in known),
            Choice("*", "All of them: each becomes an experiment of its own"),
            Choice("-", "They are one experiment"),
        ),
        free=True,
    )


def _unit(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """Two columns may say who was randomised."""
    unit = next(iter(mapping.named(Role.UNIT)), None)
    remembered = any(notice.code == "SOURCE_REMEMBERED" for notice in seen.notices)
    if mapping.shape not in {Shape.UNIT, Shape.EVENTS} or remembered:
        return
    if unit is None and mapping.shape is Shape.UNIT:
        yield from _repeated_unit(seen, mapping)
        return
    candidates = roles.unit_candidates(seen.columns)
    if unit is not None and (unit.reason == "chosen" or len(candidates) < 2):
        return
    free = candidates or [c for c in seen.columns if c.distinct > 2]
    yield Question(
        "UNIT_COLUMN",
        f"role.{Role.UNIT}",
        "Which column identifies the unit that was randomised?",
        tuple(
            Choice(str(c.position), f"{c.name} ({grouped(c.distinct)} different)") for c in free
        ),
        str(unit.position) if unit is not None else "",
    )


def _repeated_unit(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """A name says: identifier; but few values stand in many rows."""
    for column in mapping.columns:
        shown = seen.columns[column.position]
        free = column.role in {Role.IGNORE, Role.SEGMENT} and column.reason != "chosen"
        if not free or not names.is_unit(column.name) or shown.distinct < 2:
            continue
        yield Question(
            "UNIT_COLUMN",
            f"columns[{column.position}].role",
            f"“{column.name}” sounds like an identifier and has {grouped(shown.distinct)} "
            f"different values in {grouped(shown.filled)} rows. Was each of them given a "
            "variant, or each row?",
            (
                Choice(
                    Role.UNIT.value,
                    f"Each “{shorten(column.name, 40)}”: its rows belong together",
                ),
                Choice(column.role.value, "Each row is one unit"),
            ),
        )


def _events(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """What an event log leaves open: which event counts, which is the exposure, how long."""
    event = next(iter(mapping.named(Role.EVENT)), None)
    if mapping.shape is not Shape.EVENTS:
        return
    if event is None:
        texts = [c for c in seen.columns if c.kind is Kind.TEXT and 1 < len(c.values) < 100]
        choices = tuple(Choice(str(c.position), f"{c.name} ({_few(c)})") for c in texts)
        yield Question(
            "EVENT_COLUMN", f"role.{Role.EVENT}", "Which column says what happened?", choices
        )
        return
    unit = next(iter(mapping.named(Role.UNIT)), None)
    kinds = list(spellings(seen.rows, event.position))
    likely = [kind for kind in kinds if names.is_exposure(kind)]
    if not mapping.exposure_event:
        yield Question(
            "EXPOSURE_EVENT",
            "exposure_event",
            f"Which event of “{event.name}” says that a unit met its arm? The first counts.",
            (
                *(Choice(kind, kind) for kind in kinds),
                Choice("any", "Any: the first row of a unit"),
            ),
            likely[0] if likely else "any",
            free=True,
        )
    if not mapping.conversion_events:
        others = [kind for kind in kinds if kind not in {mapping.exposure_event, *likely[:1]}]
        yield Question(
            "CONVERSION_EVENT",
            "conversion_events",
            f"This is an event log: several rows per {unit.name if unit else 'unit'}, and "
            f"column “{event.name}” says what happened ({listed(kinds)}). Which event is the "
            "conversion?",
            tuple(Choice(kind, kind) for kind in others or kinds),
            others[0] if len(others) == 1 else "",
            free=True,
        )
    if not mapping.window and mapping.named(Role.TIME):
        hours = ((1, "1 day"), (7, "7 days"), (14, "14 days"), (30, "30 days"))
        yield Question(
            "CONVERSION_WINDOW",
            "window",
            "How long after its first exposure does what a unit does count?",
            (
                Choice("all", "To the end of the file"),
                *(Choice(str(24 * days), label) for days, label in hours),
            ),
            "all",
            free=True,
        )


def _moments(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """Count, mean and spread have to be there."""
    if mapping.shape is not Shape.MOMENTS:
        return
    spread = mapping.named(Role.VARIANCE) or mapping.named(Role.DEVIATION)
    missing = [role for role in (Role.COUNT, Role.MEAN) if not mapping.named(role)]
    missing += [] if spread else [Role.VARIANCE]
    numeric = [c for c in seen.columns if c.kind in {Kind.WHOLE, Kind.NUMBER, Kind.YES_NO}]
    for role in missing:
        yield Question(
            "MOMENT_COLUMN",
            f"role.{role}",
            f"Which column is the {role.value}?",
            tuple(Choice(str(c.position), f"{c.name} ({_few(c)})") for c in numeric),
        )


def _visitors(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """No column, or several, may count the units of totals."""
    known = next(iter(mapping.named(Role.VISITORS)), None)
    counts = [c for c in seen.columns if c.kind in {Kind.WHOLE, Kind.NUMBER, Kind.YES_NO}]
    named = [column for column in counts if names.is_visitors(column.name)]
    if mapping.shape is not Shape.TOTALS or (
        known is not None and (known.reason == "chosen" or len(named) < 2)
    ):
        return
    yield Question(
        "VISITORS_COLUMN",
        f"role.{Role.VISITORS}",
        "Which column counts the units that were given a variant?",
        tuple(Choice(str(c.position), c.name) for c in (named if known else counts)),
        str(known.position) if known is not None else "",
    )


def _measures(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    if any(column.role in MEASURES for column in mapping.columns):
        return
    if mapping.shape in {Shape.TOTALS, Shape.COUNTS}:
        yield from _no_counts(seen)
        return
    if mapping.shape in {Shape.EVENTS, Shape.MOMENTS}:
        return
    taken = {c.position for c in mapping.columns if c.role in {Role.UNIT, Role.VARIANT}}
    usable = (Kind.YES_NO, Kind.WHOLE)
    candidates = [c for c in seen.columns if c.kind in usable and c.position not in taken]
    yield Question(
        "OUTCOME_COLUMN",
        f"role.{Role.OUTCOME}",
        "Which column is the outcome? No column holds a yes or no, or a number, that sounds "
        "like one.",
        tuple(Choice(str(c.position), f"{c.name} ({_few(c)})") for c in candidates),
    )


def _no_counts(seen: Detection) -> Iterator[Question]:
    numeric = [c for c in seen.columns if c.kind in {Kind.WHOLE, Kind.YES_NO}]
    free = [c for c in numeric if not names.is_visitors(c.name)]
    yield Question(
        "COUNTS_NEEDED",
        f"role.{Role.CONVERSIONS}",
        "Which column holds the number of converted units per variant?",
        tuple(Choice(str(c.position), c.name) for c in free),
    )


def _columns(seen: Detection, mapping: Mapping, found: Found | None) -> Iterator[Question]:
    for column in mapping.columns:
        shown = seen.columns[column.position]
        is_when = column.role is Role.OUTCOME and shown.kind is Kind.TIME
        if column.role in MEASURES and not column.blank and not is_when:
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
    seen = next(iter(mapping.named(Role.VISITORS)), None)
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


def _repeats(mapping: Mapping, found: Found | None) -> Iterator[Question]:
    unit = next(iter(mapping.named(Role.UNIT)), None)
    if unit is None or mapping.tells_repeats or not found or not found.repeated:
        return
    yield Question(
        "UNIT_REPEATED",
        "repeats",
        f"{grouped(found.repeated)} of “{unit.name}” have several rows in one variant. "
        "What counts? For a quantile of rows (the p95 cost of sessions) choose “Every row” "
        "(rows) as the rule of its column.",
        (
            Choice("sum", "Converted at least once; numbers added up"),
            Choice("mean", "Converted at least once; the mean of numbers"),
            Choice("max", "The highest value of each outcome"),
            Choice("first", "The first row in the file"),
            Choice("last", "The last row in the file"),
        ),
    )


def _readings(mapping: Mapping, found: Found | None) -> Iterator[Question]:
    """Several rows of numbers about one arm: read again, or added up."""
    seen = found.readings if found else None
    if seen is None or mapping.readings or seen.since_start:
        return
    fall = f" (on line {seen.fall} a count is below an earlier one)" if seen.fall else ""
    yield Question(
        "READINGS",
        "readings",
        f"{grouped(seen.rows)} rows give numbers of the same variants at several times or in "
        f"several parts{fall}. What is a row?",
        (
            Choice(RUNNING, "A running total: the last row of each variant counts"),
            Choice(PARTS, "A part, such as one day: the rows are added up"),
        ),
        seen.likelier,
    )


def _contradictions(mapping: Mapping, found: Found | None) -> Iterator[Question]:
    """Two columns say who got what, and not always the same."""
    variant = next(iter(mapping.named(Role.VARIANT)), None)
    if variant is None or found is None:
        return
    names_of = {column.position: column.name for column in mapping.columns}
    for position, pairs in found.contradicted.items():
        name = names_of[position]
        if name in mapping.contradictions:
            continue
        count = sum(pairs.values())
        told = "; ".join(
            f"“{shorten(arm, 40)}” with “{shorten(value, 40)}”: {grouped(rows)}"
            for (arm, value), rows in sorted(pairs.items(), key=lambda one: -one[1])[:4]
        )
        yield Question(
            "COLUMNS_CONTRADICT",
            f"contradictions[{position}]",
            f"“{name}” says another variant than “{variant.name}” in {grouped(count)} "
            f"row{'' if count == 1 else 's'} ({told}). Which rows count?",
            (
                Choice("exclude", "Only those in which both agree"),
                Choice("keep", f"All: “{shorten(variant.name, 40)}” is right"),
            ),
            "exclude",
        )


def _finished() -> Question:
    return Question(
        "FINISHED",
        "finished",
        "Is the test over? Only then is there a verdict; before that it is a look.",
        (Choice("yes", "Yes, no more data will come"), Choice("no", "No, it is still running")),
    )


def _few(column: ColumnSeen) -> str:
    shown = ", ".join(shorten(value, 20) for value, _ in column.values[:3])
    return shown + (" …" if len(column.values) > 3 else "")
