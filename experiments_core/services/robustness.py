"""The robustness sheet of an experiment: every defensible analysis of one comparison."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from experiments_core.analysis.cells import Cells
from experiments_core.analysis.robustness import (
    ALL_DAYS,
    LATER_DAYS,
    Robustness,
    Setting,
    capped,
    sheet,
)
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.errors import ConflictError
from experiments_core.query.cell_query import CellQuery
from experiments_core.services import analyses, inspecting
from experiments_core.services.workspace import Workspace
from experiments_core.store import cells as store_cells

__all__ = ["Robustness", "robustness"]


def robustness(
    ws: Workspace, actor: Actor, experiment_id: str, metric_key: str, variant: str
) -> Robustness:
    """Take every defensible analysis of one comparison; nothing of it is a look.

    Raises:
        NotFoundError: there is no such experiment, metric or treatment.
        ConflictError: the data are totals; other choices need one row per unit.
    """
    require(actor, Permission.READ)
    view = analyses.look(ws, actor, experiment_id)
    contrast = inspecting.contrast_of(view.result, metric_key, variant)
    reading, metric = inspecting.reading_of(ws, actor, experiment_id, metric_key)
    if reading.query is None:
        raise ConflictError(
            "Other analyses need one row per unit; these data are totals.",
            code="NO_UNIT_ROWS",
            hint="Import one row per unit.",
        )
    bound = next((one for one in reading.query.needs if one.need.key == metric.key), None)
    needs = tuple(
        replace(bound, need=version.needs) for version in capped(metric).values() if bound
    )
    query = replace(reading.query, needs=needs, skewness=False)
    kept = "exclude" if reading.quality.crossed_left_out else "first_seen"
    notes = []
    if reading.quality.crossed_units:
        notes.append(
            "Whether units in both versions count was decided when the data were read; a file "
            "can be imported again to try the other way."
        )
    settings = [(Setting(ALL_DAYS, kept), query)]
    with ws.db.read() as cursor:
        later = _later(query, *reading.data.span) if reading.data else None
        if later is not None:
            settings.append((Setting(LATER_DAYS, kept), later))
        else:
            notes.append("Nothing says on which day a unit came, so no day was left out.")
        cells: dict[Setting, Cells] = {
            setting: store_cells.unit_cells(cursor, one).cells for setting, one in settings
        }
    return sheet(view.design, metric, cells, contrast, treatment=variant, notes=notes)


def _later(query: CellQuery, first: datetime | None, last: datetime | None) -> CellQuery | None:
    """The query without the first day; None where there is no second one."""
    if first is None or last is None or first.date() == last.date():
        return None
    since = datetime.combine(first.date() + timedelta(days=1), time(), UTC)
    return replace(query, since=max(since, query.since) if query.since else since)
