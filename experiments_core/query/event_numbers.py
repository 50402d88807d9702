"""One number per unit and column out of events. DuckDB's dialect; text only.

Events are called ``e``, units ``u``; both stand in one row, and rows are grouped by unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from experiments_core.domain.event_columns import EventColumn
from experiments_core.query.literals import moment_sql, quoted
from experiments_core.query.units import ROWS

Made = list[tuple[str, str]]
"""Names of columns with the expressions that make them."""
_PUT_TOGETHER = {
    "any": "greatest({}, {})",
    "count": "{} + {}",
    "sum": "{} + {}",
    "rows": "{} + {}",
    "min": "least({}, {})",
    "max": "greatest({}, {})",
}


def names_of(columns: Sequence[EventColumn]) -> tuple[str, ...]:
    """Events that some columns read, each once."""
    return tuple(dict.fromkeys(column.event for column in columns))


def numbers_of(columns: Sequence[EventColumn]) -> Made:
    """``c0``, ``c1`` …: each column's number of all events of a unit."""
    return [(f"c{i}", _number(column)) for i, column in enumerate(columns)]


def lists_of(columns: Sequence[EventColumn]) -> Made:
    """Beside the columns that keep every event: the list of their values."""
    return [
        (f"c{i}{ROWS}", f"list(e.value) {_counted(column, 'e.value IS NOT NULL')}")
        for i, column in enumerate(columns)
        if column.aggregation == "rows"
    ]


def grown_numbers(columns: Sequence[EventColumn]) -> Made:
    """The same where ``u`` has the number of earlier events, and ``e`` is what came since.

    A column that cannot grow stays as it is: nothing that it reads may be among ``e``.
    """
    return [
        (name, _PUT_TOGETHER.get(column.aggregation, "{}").format(f"any_value(u.{name})", came))
        for column, (name, came) in zip(columns, numbers_of(columns), strict=True)
    ]


def grown_lists(columns: Sequence[EventColumn]) -> Made:
    """The lists with what came since; NULL where there is nothing at all."""
    return [
        (name, f"nullif(list_concat(any_value(u.{name}), {came}), [])")
        for name, came in lists_of(columns)
    ]


def cannot_grow(columns: Sequence[EventColumn]) -> tuple[str, ...]:
    """Events of columns whose number has to be made of all events again (mean, last)."""
    return names_of([c for c in columns if c.aggregation not in _PUT_TOGETHER])


def happened(columns: Sequence[EventColumn], since: datetime | None) -> str:
    """How many events of a unit there are that some column reads.

    Args:
        columns: The columns; events that none of them reads are not among ``e``.
        since: What came in earlier runs is counted there.
    """
    events = "e.unit IS NOT NULL" if columns else "FALSE"
    if since is not None:
        events += f" AND e.ts >= {moment_sql(since)}"
    return f"count(*) FILTER (WHERE {events})"


def _number(column: EventColumn) -> str:
    inside = _counted(column)
    match column.aggregation:
        case "any":
            return f"coalesce(CAST(bool_or(coalesce(e.value, 1) <> 0) {inside} AS DOUBLE), 0.0)"
        case "count":
            return f"CAST(count(*) {inside} AS DOUBLE)"
        case "sum" | "rows":
            return f"coalesce(sum(e.value) {inside}, 0.0)"
        case "last":
            return f"arg_max(e.value, (e.ts, e.seq)) {inside}"
        case "mean":
            return f"avg(e.value) {inside}"
        case other:
            return f"{other}(e.value) {inside}"


def _counted(column: EventColumn, *further: str) -> str:
    """The clause that lets only the events of a column count."""
    conditions = (f"e.name = {quoted(column.event)}", _inside(column), *further)
    return f"FILTER (WHERE {' AND '.join(conditions)})"


def _inside(column: EventColumn) -> str:
    if column.before:
        return "e.ts < u.first_ts"
    begin = f"u.first_ts + to_days({column.delay_days})"
    if not column.window_days:
        return f"e.ts >= {begin}"
    end = column.delay_days + column.window_days
    return f"e.ts >= {begin} AND e.ts < u.first_ts + to_days({end})"
