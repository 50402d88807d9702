"""The course of a look: every metric by day, and one of them summed up to each day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from experiments_core.analysis import series as by_day
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.results import End, ExperimentResult, SeriesPoint
from experiments_core.domain.access import Actor
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.services import quantile_days, readings
from experiments_core.services.analyses import look
from experiments_core.services.inspecting import metric_of, query_of, rows_of
from experiments_core.services.viewing import LookView, check_open
from experiments_core.services.workspace import Workspace
from experiments_core.store import cells as store_cells

Daily = Cells
"""The cells of :func:`daily`, for those who keep them between questions."""


def daily(ws: Workspace, actor: Actor, shown: LookView) -> Daily:
    """The cells of every metric by day, as somebody looks at them; none without times.

    Quantiles are left out: those of days do not add up to that of the whole.

    Raises:
        ConflictError: the results are locked.
    """
    check_open(shown.result)
    reading = rows_of(ws, actor, shown)
    query = query_of(reading, shown)
    if query is None or reading.design.newest is None:
        return {}
    needs = tuple(one for one in query.needs if one.need.shape != "quantile")
    if not needs:
        return {}
    query = replace(query, needs=needs, by_day=True, skewness=False)
    with ws.db.read() as cursor:
        return store_cells.unit_cells(cursor, query).cells


def series(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    metric_key: str,
    *,
    shown: LookView | None = None,
    cells: Daily | None = None,
) -> dict[str, tuple[SeriesPoint, ...]]:
    """The cumulative result of one metric by day, per treatment; empty without times.

    Args:
        ws: The workspace.
        actor: Who asks.
        experiment_id: Id, key or slug.
        metric_key: One of its metrics.
        shown: The look as somebody explores it; the planned one when left out.
        cells: Those of :func:`daily`, where they are at hand.

    Raises:
        ConflictError: the results are locked.
        NotFoundError: there is no such experiment or metric.
    """
    view = shown or look(ws, actor, experiment_id)
    check_open(view.result)
    metric = metric_of(view.design, metric_key)
    if metric.kind is MetricKind.QUANTILE:
        query = query_of(rows_of(ws, actor, view), view)
        units = sum(cell.units for cell in view.cells.values())
        rows_ends = quantile_days.cells_by_end(ws, query, metric, units) if query else {}
        levels = _levels(view.result, metric)
        return by_day.at_ends(rows_ends.items(), view.design, metric, levels)
    found = daily(ws, actor, view) if cells is None else cells
    if not found:
        ends = _ends(ws, actor, view)
        return by_day.at_ends(ends.items(), view.design, metric, _levels(view.result, metric))
    return by_day.cumulative(found, view.design, metric, _levels(view.result, metric))


def _ends(ws: Workspace, actor: Actor, view: LookView) -> dict[End, Cells]:
    """Totals and moments at their times; none where data have come since the look."""
    reading = rows_of(ws, actor, view)
    if reading.data_hash != view.result.data_hash:
        return {}
    with ws.db.read() as cursor:
        return readings.by_end(cursor, reading)


def lifts(view: LookView, cells: Daily) -> dict[tuple[str, str], tuple[float, ...]]:
    """(metric, treatment) -> its cumulative lifts, oldest first, from :func:`daily`."""
    return by_day.lifts(cells, view.design)


def _levels(result: ExperimentResult, metric: Metric) -> dict[str, float]:
    """Level of each treatment's interval on the scorecard; none before there are data."""
    contrasts: Iterable[tuple[str, Any]] = (
        (arm.variant, arm.contrast)
        for shown in result.metrics
        if shown.key == metric.key
        for arm in shown.arms
    )
    return {arm: 1 - found.confidence_level for arm, found in contrasts if found is not None}
