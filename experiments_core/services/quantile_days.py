"""The course of a quantile: quantiles of days do not add up, so the rows are asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from experiments_core.analysis.cells import Cells
from experiments_core.domain.metric import Metric
from experiments_core.query.cell_query import CellQuery
from experiments_core.services.workspace import Workspace
from experiments_core.store import cells as store_cells
from experiments_core.store.spans import unit_span

MOST_ENDS, LEAST_ENDS = 14, 4
"""Ends of days at which the rows are asked: each costs three questions."""
ROWS_ASKED = 20_000_000
"""Units times ends that a person may wait for, some seconds; above it there are fewer ends."""


def cells_by_end(
    ws: Workspace, query: CellQuery, metric: Metric, units: int
) -> dict[date, Cells]:
    """Everybody who had come by the end of a day, for some days, the last one among them.

    Args:
        ws: The workspace.
        query: What the rows are asked for all metrics.
        metric: The quantile.
        units: How many there are.
    """
    needs = tuple(one for one in query.needs if one.need.key == metric.key)
    if not needs:
        return {}
    alone = replace(query, needs=needs, whole=False)
    with ws.db.read() as cursor:
        first, last = unit_span(cursor, query.table)
        if first is None or last is None:
            return {}
        if query.as_of is not None:
            last = min(last, query.as_of - timedelta(microseconds=1))
        found: dict[date, Cells] = {}
        most = min(MOST_ENDS, max(LEAST_ENDS, ROWS_ASKED // max(1, units)))
        for day in some_days(first.date(), last.date(), most):
            end = datetime.combine(day + timedelta(days=1), time(), UTC)
            until = end if query.as_of is None else min(end, query.as_of)
            found[day] = store_cells.unit_cells(cursor, replace(alone, as_of=until)).cells
    return found


def some_days(first: date, last: date, most: int) -> tuple[date, ...]:
    """Every day, or so many of them at even distances; the last one is always there."""
    days = (last - first).days + 1
    count = min(days, most)
    return tuple(last - timedelta(days=(days * i) // count) for i in reversed(range(count)))
