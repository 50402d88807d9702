"""What lies behind a look: its course by day, segments, one number explained, its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from experiments_core.analysis import explain as explaining
from experiments_core.analysis import segments as by_segment
from experiments_core.analysis import series as by_day
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.design import Design
from experiments_core.analysis.explain import Explanation
from experiments_core.analysis.explain_segments import explain_segment
from experiments_core.analysis.explain_steps import further_steps
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import (
    Contrast,
    End,
    ExperimentResult,
    SegmentResult,
    SeriesPoint,
)
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.source import Role
from experiments_core.errors import NotFoundError
from experiments_core.query.cell_query import CellQuery
from experiments_core.services import quantile_days, readings
from experiments_core.services.analyses import look
from experiments_core.services.readings import Reading
from experiments_core.services.saving import look_up
from experiments_core.services.taking import (
    cut_reading,
    reading_of_now,
)
from experiments_core.services.viewing import (
    LookView,
    check_open,
)
from experiments_core.services.workspace import Workspace
from experiments_core.store import cells as store_cells
from experiments_core.store import slices
from experiments_core.store.slices import OpenedSlice

Daily = Cells
"""The cells of :func:`daily`, for those who keep them between questions."""
Written = Explanation
"""A comparison written out, for those who show it."""


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
    metric = _metric(view.design, metric_key)
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


def segment_columns(ws: Workspace, actor: Actor, experiment_id: str) -> tuple[str, ...]:
    """Attributes that the units can be cut by."""
    require(actor, Permission.RESULTS)
    return reading_of_now(ws, actor, experiment_id).segment_columns


def segments(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    metric_key: str,
    column: str,
    *,
    shown: LookView | None = None,
) -> tuple[SegmentResult, ...]:
    """One metric in every value of one attribute, corrected for their number.

    Args:
        ws: The workspace.
        actor: Who asks.
        experiment_id: Id, key or slug.
        metric_key: One of its metrics.
        column: Header text of the attribute.
        shown: The look as somebody explores it; the planned one when left out.

    Raises:
        NotFoundError: there is no such experiment, metric or attribute.
    """
    reading, design, metric, cells = _segment_cells(
        ws, actor, experiment_id, metric_key, column, shown=shown
    )
    results = by_segment.segment_results(cells, design, metric, column)
    _note_slice(ws, actor, reading, OpenedSlice(metric.key, column, len(results)))
    return results


def explained_segment(
    ws: Workspace,
    actor: Actor,
    shown: LookView,
    metric_key: str,
    column: str,
    *,
    value: str,
    variant: str,
) -> Explanation | None:
    """How the numbers of one segment came about; None where it has too few units.

    Args:
        ws: The workspace.
        actor: Who asks.
        shown: The look as somebody explores it.
        metric_key: One of its metrics.
        column: Header text of the attribute.
        value: The segment.
        variant: The treatment.

    Raises:
        NotFoundError: there is no such metric or attribute.
    """
    _, design, metric, cells = _segment_cells(
        ws, actor, shown.experiment.id, metric_key, column, shown=shown
    )
    found = by_segment.segment_results(cells, design, metric, column)
    return explain_segment(cells, design, metric, found, value=value, treatment=variant)


def _segment_cells(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    metric_key: str,
    column: str,
    *,
    shown: LookView | None,
) -> tuple[Reading, Design, Metric, Cells]:
    require(actor, Permission.RESULTS)
    reading = reading_of_now(ws, actor, experiment_id)
    metric = _metric(shown.design if shown else reading.design, metric_key)
    ours = reading.column_of(column, Role.SEGMENT)
    if reading.query is None or not ours:
        listed = ", ".join(reading.segment_columns) or "none"
        raise NotFoundError(
            f"There is no segment column “{column}”.", hint=f"There are: {listed}."
        )
    if shown is None and reading.experiment.plan.lock_results:
        shown = look(ws, actor, experiment_id)
    query = reading.query
    if shown is not None:
        check_open(shown.result)
        query = query_of(_cut_as(ws, reading, shown), shown) or query
    needs = tuple(one for one in query.needs if one.need.key == metric.key)
    query = replace(query, needs=needs, segment=ours)
    with ws.db.read() as cursor:
        found = store_cells.segment_cells(cursor, query, by_segment.MOST_SEGMENTS)
    return reading, shown.design if shown else reading.design, metric, found


def opened_slices(ws: Workspace, actor: Actor, experiment_id: str) -> tuple[OpenedSlice, ...]:
    """Every slice of an experiment that somebody has opened, the first one first.

    Raises:
        NotFoundError: there is no such experiment.
    """
    require(actor, Permission.READ)
    return _slices(ws, look_up(ws, actor, experiment_id).id)


def explain(
    ws: Workspace, actor: Actor, experiment_id: str, metric_key: str, variant: str
) -> Explanation:
    """How one number came about: formula, numbers put in, moments, query.

    Raises:
        NotFoundError: there is no such experiment, metric or treatment.
    """
    return explained(look(ws, actor, experiment_id), metric_key, variant)


def explained(view: LookView, metric_key: str, variant: str) -> Explanation:
    """The same of a look at hand.

    Raises:
        NotFoundError: there is no such metric or treatment.
    """
    found = contrast_of(view.result, metric_key, variant)
    groups = Groups.of(view.cells, len(view.design.phases))
    metric = next(one for one in view.design.metrics if one.key == metric_key)
    told = explaining.explain(groups, view.design, metric, found, treatment=variant)
    further = further_steps(
        view.result, groups, view.design, metric=metric_key, treatment=variant
    )
    return replace(told, sql=view.sql, steps=further)


def rows_of(ws: Workspace, actor: Actor, shown: LookView) -> Reading:
    """How the rows behind a look are asked, as the data are now; looks at none of them."""
    require(actor, Permission.RESULTS)
    return _cut_as(ws, reading_of_now(ws, actor, shown.experiment.id), shown)


def reading_of(
    ws: Workspace, actor: Actor, experiment_id: str, metric_key: str
) -> tuple[Reading, Metric]:
    """What an analysis of one metric needs; looks at no rows.

    Raises:
        NotFoundError: there is no such experiment or metric.
    """
    reading = reading_of_now(ws, actor, experiment_id)
    return reading, _metric(reading.design, metric_key)


def contrast_of(result: ExperimentResult, metric_key: str, variant: str) -> Contrast:
    """One comparison of a result.

    Raises:
        NotFoundError: there is no such metric or treatment.
        ConflictError: ``RESULTS_LOCKED``.
    """
    check_open(result)
    metrics = {metric.key: metric for metric in result.metrics}
    if metric_key not in metrics:
        raise NotFoundError(
            f"There is no metric “{metric_key}”.", hint=f"There are: {', '.join(metrics)}."
        )
    arms = {arm.variant: arm.contrast for arm in metrics[metric_key].arms}
    found = arms.get(variant)
    if found is None:
        raise NotFoundError(
            f"“{variant}” is not compared with “{result.reference}”.",
            hint=f"Treatments are: {', '.join(result.treatments)}.",
        )
    return found


def query_of(reading: Reading, shown: LookView) -> CellQuery | None:
    """What the rows are asked for the metrics as somebody explores them.

    Where data have come since the look, its units are those that had come by then.
    """
    query, metrics = reading.query, shown.design.metrics
    if query is None or reading.data is None:
        return None
    if metrics != reading.design.metrics:
        query = replace(query, needs=readings.bound(metrics, reading.data))
    if shown.result.data_hash != reading.data_hash and shown.data_as_of is not None:
        query = replace(query, as_of=shown.data_as_of + timedelta(microseconds=1))
    return query


def _cut_as(ws: Workspace, reading: Reading, shown: LookView) -> Reading:
    """The reading of the units that somebody looks at."""
    if not shown.cut:
        return reading
    with ws.db.read() as cursor:
        return cut_reading(ws, cursor, reading.experiment, shown.cut)[0]


def _slices(ws: Workspace, experiment_id: str) -> tuple[OpenedSlice, ...]:
    return ws.db.recall(
        ("slices", experiment_id), lambda cursor: slices.opened(cursor, experiment_id)
    )


def _note_slice(ws: Workspace, actor: Actor, reading: Reading, found: OpenedSlice) -> None:
    """Write down that a slice was opened, unless it stands there already."""
    key = reading.experiment.id
    if found in _slices(ws, key):
        return
    with ws.db.write() as cursor:
        slices.note(cursor, key, found, actor=actor.name, at=ws.now())


def _metric(design: Design, key: str) -> Metric:
    found = {metric.key: metric for metric in design.metrics}
    if key not in found:
        raise NotFoundError(
            f"There is no metric “{key}”.", hint=f"There are: {', '.join(found) or 'none'}."
        )
    return found[key]


def _levels(result: ExperimentResult, metric: Metric) -> dict[str, float]:
    """Level of each treatment's interval on the scorecard; none before there are data."""
    contrasts: Iterable[tuple[str, Any]] = (
        (arm.variant, arm.contrast)
        for shown in result.metrics
        if shown.key == metric.key
        for arm in shown.arms
    )
    return {arm: 1 - found.confidence_level for arm, found in contrasts if found is not None}
