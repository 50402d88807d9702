"""Which rows are asked: the table (or the units made of its rows) and the conditions on them.

Identifiers come from our own map (``units_<hex>``, ``c0``, ``c1`` …); names from a file are
data and never enter the text.
"""

from __future__ import annotations

import re

from experiments_core.query.cell_query import CellQuery
from experiments_core.query.literals import moment_sql

TABLE = re.compile(r"(units|staging)_[a-z0-9_]{1,62}")
COLUMN = re.compile(r"c[0-9]{1,4}")
ROWS = "_rows"
"""Ending of the column that keeps every row of a unit beside what they add up to."""
TIME = re.compile(r"first_ts|assigned_ts")


def relation(query: CellQuery) -> str:
    """The table, or the units made of its rows."""
    if not query.rows:
        return table_name(query)
    made: dict[str, str] = {}

    def make(column: str, how: str, expression: str) -> None:
        made[column_name(query, column, how)] = expression.format(column)

    for bound in query.needs:
        if bound.need.shape == "counts":
            make(bound.column, "max", "MAX({})")
        elif bound.need.shape == "quantile":
            make(bound.column, "list", "list({0}) FILTER (WHERE {0} IS NOT NULL)")
        else:
            for column in (bound.column, *bound.others):
                make(column, "sum", "SUM({})")
        for column in bound.covariates:
            make(column, "any", "ANY_VALUE({})")
    for named in (query.phase_column, query.segment):
        if named is not None:
            make(named, "any", "ANY_VALUE({})")
    listed = "".join(f", {expression} AS {name}" for name, expression in made.items())
    return (
        f"(SELECT unit, arm, MIN(first_ts) AS first_ts{listed} FROM {table_name(query)} "
        "GROUP BY unit, arm)"
    )


def column_name(query: CellQuery, column: str, how: str) -> str:
    """A column of the table, or what became of it when rows were made units."""
    name = identifier(column, COLUMN)
    return f"{name}_{how}" if query.rows else name


def table_name(query: CellQuery) -> str:
    """The table, if it is called like one of ours."""
    return identifier(query.table, TABLE)


def where(query: CellQuery, *further: str) -> str:
    """The clause that leaves out units that do not count; empty when all do."""
    conditions = [*_conditions(query), *further]
    return "\nWHERE " + "\n    AND ".join(conditions) if conditions else ""


def _conditions(query: CellQuery) -> list[str]:
    conditions = []
    if query.since is not None:
        conditions.append(f"(first_ts >= {moment_sql(query.since)} OR first_ts IS NULL)")
    if query.as_of is not None:
        conditions.append(f"first_ts < {moment_sql(query.as_of)}")
    placed = identifier(query.placed_by, TIME)
    if query.placed:
        conditions.append(f"{placed} IS NOT NULL")
    if query.placed_from is not None:
        conditions.append(f"{placed} >= {moment_sql(query.placed_from)}")
    if query.placed_until is not None:
        conditions.append(f"{placed} < {moment_sql(query.placed_until)}")
    if query.without_days:
        days = ", ".join(f"DATE '{day.isoformat()}'" for day in query.without_days)
        conditions.append(f"(first_ts IS NULL OR CAST(first_ts AS DATE) NOT IN ({days}))")
    if query.by_day:
        conditions.append("first_ts IS NOT NULL")
    return conditions


def identifier(name: str, pattern: re.Pattern[str]) -> str:
    """The name, which the pattern of our own names has to fit.

    Raises:
        ValueError: it does not; nothing from a file may come here.
    """
    if not pattern.fullmatch(name):
        raise ValueError(f"{name!r} is not an identifier of ours")
    return name
