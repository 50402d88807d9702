"""The keys of a cell: arm, phase, segment, day of first exposure."""

from __future__ import annotations

from experiments_core.domain.source import OTHER_SEGMENT, UNKNOWN_PHASE, UNKNOWN_RUN
from experiments_core.query.cell_query import CellQuery
from experiments_core.query.literals import moment_sql
from experiments_core.query.units import (
    TIME,
    column_name,
    identifier,
    relation,
    where,
)

BLANK = "(blank)"
"""The segment of units without a value."""


def key_line(query: CellQuery, name: str) -> str:
    """A key as a column of the answer."""
    expression = _key_expression(query, name)
    return expression if expression == name else f"{expression} AS {name}"


def _key_expression(query: CellQuery, name: str) -> str:
    if name == "phase" and query.phase_column is None:
        return _phase(query)
    if name in {"phase", "segment"}:
        named = query.phase_column if name == "phase" else query.segment
        value = f"COALESCE({column_name(query, named or '', 'any')}, '{BLANK}')"
        if name == "phase" or query.most_segments is None:
            return value
        return (
            f"CASE WHEN {value} IN (SELECT {value} FROM {relation(query)}{where(query)} "
            f"GROUP BY 1 ORDER BY COUNT(*) DESC, 1 LIMIT {query.most_segments:d}) "
            f"THEN {value} ELSE '{OTHER_SEGMENT}' END"
        )
    return "CAST(first_ts AS DATE)" if name == "day" else "arm"


def _phase(query: CellQuery) -> str:
    placed = identifier(query.placed_by, TIME)
    unknown = UNKNOWN_PHASE if query.since is None else UNKNOWN_RUN
    steps = [
        f"WHEN {placed} IS NULL THEN {unknown}",
        *(
            f"WHEN {placed} < {moment_sql(moment)} THEN {number}"
            for number, moment in enumerate(query.boundaries, start=1)
        ),
    ]
    return f"CASE {' '.join(steps)} ELSE {len(query.boundaries) + 1} END"
