"""Propose what each column is used as, with the reason; a person confirms or changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from experiments_core.domain.source import ColumnMapping, Dialect, Role, Shape
from experiments_core.tabular import names, rates
from experiments_core.tabular.candidates import (
    certain_variant,
    event_column,
    experiment_column,
    unit_column,
    variant_candidates,
    visitors_column,
)
from experiments_core.tabular.columns import COUNTED, ColumnSeen, Kind
from experiments_core.tabular.numbers import NumberFormat
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import WHITE

MOST_SEGMENT_VALUES = 50
FEW_NUMBERS = 12  # a number with so few values may be a code, so it is offered as a segment
COUNTS = frozenset({Role.VISITORS, Role.CONVERSIONS, Role.COUNT})


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


def _variant_reason(column: ColumnSeen) -> str:
    by_name = names.is_variant(column.name)
    return f"{len(column.values)} arms" + (", and the name says so" if by_name else "")
