"""Propose what each column is used as, with the reason; a person confirms or changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from experiments_core.domain.source import ColumnMapping, Dialect, Mapping, Role, Shape
from experiments_core.tabular import names, rates
from experiments_core.tabular.columns import ColumnSeen, Kind
from experiments_core.tabular.numbers import NumberFormat
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import WHITE, fold, visible

MOST_ARMS = 20  # more values than this, and a column is not proposed as the variant
MOST_SEGMENT_VALUES = 50
FEW_NUMBERS = 12  # a number with so few values may be a code, so it is offered as a segment
TOTALS_ROWS = 2_000
COUNTED = frozenset({Kind.WHOLE, Kind.NUMBER, Kind.YES_NO})
COUNTS = frozenset({Role.VISITORS, Role.CONVERSIONS, Role.COUNT})


def variant_candidates(columns: Sequence[ColumnSeen]) -> list[tuple[int, ColumnSeen]]:
    """Columns that may be the variant, the likeliest first, each with its points."""
    scored = [
        (_variant_points(column), column)
        for column in columns
        if 2 <= len(column.values) <= MOST_ARMS
        and column.kind is not Kind.TIME
        and column.kind is not Kind.NUMBER
        and not (column.unique and names.is_unit(column.name))
    ]
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].position))


def certain_variant(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The one column that is the variant beyond reasonable doubt."""
    candidates = [pair for pair in variant_candidates(columns) if pair[0] >= 3]
    if not candidates:
        return None
    tied = [column for points, column in candidates if points == candidates[0][0]]
    return tied[0] if len(tied) == 1 else None


def likely_variant(columns: Sequence[ColumnSeen]) -> str:
    """Position of the column that is offered first, empty when none is likelier."""
    candidates = variant_candidates(columns)
    return str(candidates[0][1].position) if candidates and candidates[0][0] > 0 else ""


def certain_control(values: Sequence[str]) -> str:
    """The one arm that is called control, else an empty text."""
    named = [value for value in values if fold(value) in names.CONTROL_WORDS]
    return named[0] if len(named) == 1 else ""


def likely_control(values: Sequence[str]) -> str:
    """The arm that is offered first when somebody is asked."""
    folded = {fold(value): value for value in values}
    for word in names.LIKELY_CONTROLS:
        if word in folded:
            return folded[word]
    return min(values, key=fold) if values else ""


def shape_of(columns: Sequence[ColumnSeen], rows: Sequence[Row], *, complete: bool) -> Shape:
    """Tell events, totals and moments from one row per unit."""
    if names.are_moments(column.name for column in columns):
        return Shape.MOMENTS
    if event_column(columns) is not None:
        return Shape.EVENTS
    visitors = visitors_column(columns)
    if visitors is None and complete and _only_counts(columns, rows):
        return Shape.COUNTS
    if visitors is None or not complete or len(rows) > TOTALS_ROWS:
        return Shape.UNIT
    shape = _totals_or_units(columns, visitors, rows)
    counted = any(c.kind in COUNTED and names.is_outcome(c.name) for c in columns)
    pair = names.pair_of_moments(column.name for column in columns)
    return Shape.MOMENTS if shape is Shape.TOTALS and pair and not counted else shape


def _totals_or_units(
    columns: Sequence[ColumnSeen], visitors: ColumnSeen, rows: Sequence[Row]
) -> Shape:
    """A column sounds like a number of units; it may also be a number per unit."""
    if unit_column(columns) is not None:
        return Shape.UNIT
    variant = certain_variant(columns) or next(
        (column for _, column in variant_candidates(columns)), None
    )
    repeats = any(column.kind is Kind.TIME or column.time for column in columns) or any(
        "date" in names.plain(column.name) for column in columns
    )
    if variant is not None and (len(variant.values) == len(rows) or repeats):
        return Shape.TOTALS
    return Shape.TOTALS if visitors.low is not None and visitors.low >= 20 else Shape.UNIT


def experiment_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column that tells several experiments apart, beside the one of the variant."""
    variant = certain_variant(columns)
    named = [
        c
        for c in columns
        if names.is_experiment(c.name) and c is not variant and c.distinct > 1 and not c.unique
    ]
    return named[0] if variant is not None and len(named) == 1 else None


def event_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column that says what happened, where units have several rows."""
    unit = unit_column(columns)
    events = [c for c in columns if names.is_event(c.name) and 1 < len(c.values) < 100]
    if unit is None or unit.unique or len(events) != 1:
        return None
    return events[0]


def certain_exposure(proposal: Mapping, rows: Sequence[Row]) -> str:
    """The one event whose rows carry the variant while all others leave it blank."""
    event, variant = proposal.named(Role.EVENT), proposal.named(Role.VARIANT)
    if not event or not variant:
        return ""
    told: set[str] = set()
    bare: set[str] = set()
    for row in rows:
        kind = visible(row.cells[event[0].position])
        (told if row.cells[variant[0].position].strip(WHITE) else bare).add(kind)
    return told.pop() if len(told) == 1 and bare and not told & bare else ""


def _only_counts(columns: Sequence[ColumnSeen], rows: Sequence[Row]) -> bool:
    """A row for each arm with a count of conversions, and no number of units."""
    variant = certain_variant(columns) or next(
        (column for _, column in variant_candidates(columns)), None
    )
    if variant is None or len(variant.values) != len(rows) or unit_column(columns) is not None:
        return False
    counts = [c for c in columns if c is not variant and c.kind is Kind.WHOLE]
    rates = any(names.is_rate(c.name) or c.kind is Kind.PERCENT for c in columns)
    return bool(counts) and not rates and all(names.is_outcome(c.name) for c in counts)


def visitors_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column with the number of units, in a file of totals."""
    numeric = [c for c in columns if c.kind in {Kind.WHOLE, Kind.NUMBER}]
    return next((column for column in numeric if names.is_visitors(column.name)), None)


def unit_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column that identifies a unit."""
    named = unit_candidates(columns)
    return next((column for column in named if column.unique), named[0] if named else None)


def unit_candidates(columns: Sequence[ColumnSeen]) -> list[ColumnSeen]:
    """Columns that may identify a unit, by name and by their values."""
    return [
        column
        for column in columns
        if names.is_unit(column.name)
        and column.kind in {Kind.TEXT, Kind.WHOLE, Kind.NUMBER}
        and (column.unique or column.distinct > max(2, min(20, 0.3 * column.filled)))
        and column.distinct >= 0.05 * column.filled
    ]


def propose(
    shape: Shape, columns: Sequence[ColumnSeen], rows: Sequence[Row]
) -> tuple[ColumnMapping, ...]:
    """One role per column."""
    doubled = {c.name for c in columns if sum(c.name == other.name for other in columns) > 1}
    if shape in {Shape.TOTALS, Shape.COUNTS}:
        proposed = _totals(columns, rows, shape)
    elif shape is Shape.MOMENTS:
        proposed = _moments(columns)
    else:
        proposed = _events(columns, rows) if shape is Shape.EVENTS else _units(columns, rows)
    several = experiment_column(columns)
    if several is not None:
        reason = f"{len(several.values)} experiments, says the name"
        proposed[several.position] = _as(several, Role.EXPERIMENT, reason)
    return tuple(
        _as(column, Role.IGNORE, "one of two of this name: say which")
        if column.name in doubled
        else proposed[column.position]
        for column in columns
    )


def _totals(
    columns: Sequence[ColumnSeen], rows: Sequence[Row], shape: Shape
) -> dict[int, ColumnMapping]:
    variant, visitors = certain_variant(columns), visitors_column(columns)
    time = _day_column(columns, variant) if shape is Shape.TOTALS else None
    found: dict[int, ColumnMapping] = {}
    for column in columns:
        if visitors is not None and column is not variant and _is_rate(column):
            found[column.position] = _rate(column, visitors, rows)
        elif column is variant:
            found[column.position] = _as(column, Role.VARIANT, _variant_reason(column))
        elif column is visitors:
            found[column.position] = _as(
                column, Role.VISITORS, "the name says: number of units"
            )
        elif column is time:
            found[column.position] = _as(column, Role.TIME, "when: rows are added up")
        elif column.kind in COUNTED and _is_amount(column, shape):
            reason = "an amount: needs count, mean, spread"
            found[column.position] = _as(column, Role.IGNORE, reason)
        elif column.kind in COUNTED and not _is_rate(column):
            reason = "a count beside the number of units"
            found[column.position] = _as(column, Role.CONVERSIONS, reason)
        else:
            found[column.position] = _as(column, Role.IGNORE, "not a count")
    return found


def _day_column(columns: Sequence[ColumnSeen], variant: ColumnSeen | None) -> ColumnSeen | None:
    """When a row of totals is from, where that can be read without asking."""
    dated = [c for c in columns if c.time is not None and c.time.format and not c.time.rival]
    numbered = [c for c in columns if c.kind in COUNTED and names.is_elapsed(c.name)]
    return next((c for c in (*dated, *numbered) if c is not variant), None)


def _is_rate(column: ColumnSeen) -> bool:
    numeric = column.kind in COUNTED
    return column.kind is Kind.PERCENT or (numeric and names.is_rate(column.name))


def _is_amount(column: ColumnSeen, shape: Shape) -> bool:
    """Money or a mean per variant, which would be wrong as a count of conversions."""
    if shape is not Shape.TOTALS or names.is_visitors(column.name):
        return False
    number = column.number
    broken = column.kind is Kind.NUMBER and number is not None and not number.doubtful
    money = names.is_amount(column.name) or (number is not None and number.currency)
    return money or (broken and not names.is_outcome(column.name))


def _rate(column: ColumnSeen, visitors: ColumnSeen, rows: Sequence[Row]) -> ColumnMapping:
    """A rate; percent or fraction where only one of them can be meant."""
    mapped = _as(column, Role.RATE, "a rate beside the number of units")
    if column.number is None or column.number.doubtful:
        return mapped
    counted = _as(visitors, Role.VISITORS, "")
    fitting = rates.units_that_fit(mapped, counted, Dialect(), rows)
    if len(fitting) == 1:
        return replace(mapped, rate=fitting[0])
    return mapped


def _units(columns: Sequence[ColumnSeen], rows: Sequence[Row]) -> dict[int, ColumnMapping]:
    variant, unit = certain_variant(columns), unit_column(columns)
    time = _time_column(columns)
    rest = [c for c in columns if c not in (variant, unit, time)]
    found: dict[int, ColumnMapping] = {}
    if variant is not None:
        found[variant.position] = _as(variant, Role.VARIANT, _variant_reason(variant))
    if unit is not None:
        reason = "named as identifier" + (", all different" if unit.unique else "")
        found[unit.position] = _as(unit, Role.UNIT, reason)
    if time is not None:
        found[time.position] = _as(time, Role.TIME, "holds times")
    choices = variant_candidates(rest) if variant is None else []
    undecided = {column.position for points, column in choices if points > 1}
    yes_no = [c for c in rest if c.kind is Kind.YES_NO and c.position not in undecided]
    named = [c for c in yes_no if names.is_outcome(c.name)]
    for column in rest:
        only = variant is not None and not named and yes_no == [column]
        found[column.position] = _measure(column, rows, only=only, blocked=undecided)
    if not any(one.role in {Role.OUTCOME, Role.VALUE} for one in found.values()):
        for column in filter(_says_when_it_happened, rest):
            found[column.position] = _as(column, Role.OUTCOME, "a time where it happened")
    return found


def _events(columns: Sequence[ColumnSeen], rows: Sequence[Row]) -> dict[int, ColumnMapping]:
    """Of an event log: like units, but what happened stands in the rows."""
    event = event_column(columns)
    found = _units(columns, rows)
    for column in columns:
        used = found[column.position]
        if column is event:
            kinds = f"{len(column.values)} kinds of events, several rows per unit"
            found[column.position] = _as(column, Role.EVENT, kinds)
        elif used.role is Role.OUTCOME:
            found[column.position] = _as(column, Role.IGNORE, "events say what happened")
        elif used.role is Role.SEGMENT and column.kind is not Kind.TEXT:
            found[column.position] = _as(column, Role.IGNORE, "no use is proposed")
        elif used.role is Role.IGNORE and column.kind in {Kind.WHOLE, Kind.NUMBER}:
            is_value = names.is_value(column.name)
            role = Role.VALUE if is_value else Role.IGNORE
            found[column.position] = _as(column, role, used.reason)
    return found


def _moments(columns: Sequence[ColumnSeen]) -> dict[int, ColumnMapping]:
    """Of moments: which column is the count, the mean and its spread."""
    variant = certain_variant(columns)
    time = _time_column(columns) or next(
        (c for c in columns if names.is_elapsed(c.name) and c is not variant), None
    )
    found = {}
    pair = names.pair_of_moments(column.name for column in columns)
    for column in columns:
        role = pair.get(column.name) or names.moment_role(column.name)
        reason = "the name says so"
        if column is variant:
            role, reason = Role.VARIANT, _variant_reason(column)
        elif column is time:
            role, reason = Role.TIME, "when the numbers were read"
        elif role is None:
            role, reason = Role.IGNORE, "no use is proposed"
        found[column.position] = _as(column, role, reason)
    return found


def _measure(
    column: ColumnSeen, rows: Sequence[Row], *, only: bool, blocked: set[int]
) -> ColumnMapping:
    """Outcome, value, covariate, segment, or nothing."""
    kind, different = column.kind, len(column.values)
    if column.position in blocked:
        return _as(column, Role.IGNORE, "may be the variant: say which")
    if kind in {Kind.WHOLE, Kind.NUMBER, Kind.PERCENT}:
        return _as(column, *_numeric(column, rows))
    if kind is Kind.YES_NO:
        if names.is_outcome(column.name) or only:
            return _as(column, Role.OUTCOME, "yes or no per row")
        return _as(column, Role.SEGMENT, "yes or no, not named as an outcome")
    if kind is Kind.TEXT and 1 < different <= MOST_SEGMENT_VALUES and not column.unique:
        return _as(column, Role.SEGMENT, f"{different} different texts")
    return _as(column, Role.IGNORE, "no use is proposed")


def _numeric(column: ColumnSeen, rows: Sequence[Row]) -> tuple[Role, str]:
    name, whole = column.name, column.kind is Kind.WHOLE
    few = whole and len(column.values) <= FEW_NUMBERS
    rules = (
        (
            names.is_earlier(name),
            Role.COVARIATE,
            "known before the test, says the name",
        ),
        (names.is_value(name), Role.VALUE, "a number per row"),
        (
            names.is_outcome(name) and whole,
            Role.OUTCOME,
            "sounds like an outcome, has counts",
        ),
        (names.is_outcome(name), Role.VALUE, "a number per row"),
        (_is_index(column, rows), Role.IGNORE, "numbers the rows"),
        (few, Role.SEGMENT, f"{len(column.values)} different numbers"),
    )
    for holds, role, reason in rules:
        if holds:
            return role, reason
    return Role.IGNORE, "a number whose name says no use"


def _as(column: ColumnSeen, role: Role, reason: str) -> ColumnMapping:
    time = column.time
    number = column.number
    if number is not None and number.doubtful:
        number = _whole_format(column, number) if role in COUNTS else None
    return ColumnMapping(
        column.name,
        column.position,
        role,
        time_format="" if time is None or time.rival else time.format,
        decimal=number.decimal if number else "",
        thousands=number.thousands if number else "",
        rate=rates.PERCENT if column.kind is Kind.PERCENT else "",
        reason=reason,
    )


def _whole_format(column: ColumnSeen, number: NumberFormat) -> NumberFormat | None:
    """``1.234`` units are 1234: where one reading gives fractions, a count means the other."""
    if column.kind is not Kind.NUMBER:
        return None
    return NumberFormat("." if number.decimal == "," else ",", number.decimal)


def _time_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    times = [c for c in columns if c.time is not None and not _says_when_it_happened(c)]
    return times[0] if times else None


def _says_when_it_happened(column: ColumnSeen) -> bool:
    """``converted_at``: a time where somebody converted, blank where not."""
    return column.kind is Kind.TIME and column.blanks > 0 and names.is_outcome(column.name)


def _is_index(column: ColumnSeen, rows: Sequence[Row]) -> bool:
    cells = [row.cells[column.position].strip(WHITE) for row in rows[:3]]
    return cells in (["0", "1", "2"], ["1", "2", "3"])


def _variant_points(column: ColumnSeen) -> int:
    points = 3 if names.is_variant(column.name) else 0
    points += 1 if not points and names.may_be_variant(column.name) else 0
    words = [value for value, _ in column.values]
    if any(word in names.ARM_WORDS for word in words):
        points += 3
    if names.is_outcome(column.name) and not points:
        points -= 1
    return points if column.kind in {Kind.TEXT, Kind.YES_NO, Kind.WHOLE} else 0


def _variant_reason(column: ColumnSeen) -> str:
    by_name = names.is_variant(column.name)
    return f"{len(column.values)} arms" + (", and the name says so" if by_name else "")
