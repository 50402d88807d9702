"""One metric in every value of an attribute, and which slices somebody has opened."""

from __future__ import annotations

from dataclasses import replace

from experiments_core.analysis import segments as by_segment
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.design import Design
from experiments_core.analysis.explain import Explanation
from experiments_core.analysis.explain_segments import explain_segment
from experiments_core.analysis.results import SegmentResult
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.metric import Metric
from experiments_core.domain.source import Role
from experiments_core.errors import NotFoundError
from experiments_core.services.analyses import look
from experiments_core.services.inspecting import cut_as, metric_of, query_of
from experiments_core.services.readings import Reading
from experiments_core.services.saving import look_up
from experiments_core.services.taking import reading_of_now
from experiments_core.services.viewing import LookView, check_open
from experiments_core.services.workspace import Workspace
from experiments_core.store import cells as store_cells
from experiments_core.store import slices
from experiments_core.store.slices import OpenedSlice


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
    metric = metric_of(shown.design if shown else reading.design, metric_key)
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
        query = query_of(cut_as(ws, reading, shown), shown) or query
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
