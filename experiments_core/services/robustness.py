"""The robustness sheet of an experiment: every defensible analysis of one comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, cast

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
from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.errors import ConflictError
from experiments_core.query.cell_query import CellQuery
from experiments_core.services import analyses, inspecting
from experiments_core.services.binding import bound
from experiments_core.services.crossing import Rules, rules_of, table_under
from experiments_core.services.readings import Reading
from experiments_core.services.taking import reading_of_now
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from experiments_core.store import cells as store_cells
from experiments_core.store.spans import unit_span

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
    reading = reading_of_now(ws, actor, experiment_id)
    if reading.query is None:
        raise ConflictError(
            "Other analyses need one row per unit; these data are totals.",
            code="NO_UNIT_ROWS",
            hint="Import one row per unit.",
        )
    metric = next(one for one in view.design.metrics if one.key == metric_key)
    cells, notes = cells_of_settings(ws, reading, metric)
    return sheet(view.design, metric, cells, contrast, treatment=variant, notes=notes)


def primary_sheets(ws: Workspace, actor: Actor, view: LookView) -> tuple[Robustness, ...]:
    """The sheets of a look's primary metrics; none where its rows are no longer there as such.

    Args:
        ws: The workspace.
        actor: Who asks.
        view: A look; as somebody explores it, or of a part of its units, it has none.
    """
    require(actor, Permission.READ)
    shown = view.result
    if shown.exploring or shown.locked:
        return ()
    reading = reading_of_now(ws, actor, view.experiment.id)
    if reading.query is None or reading.data_hash != shown.data_hash:
        return ()
    found: list[Robustness] = []
    for metric in view.design.metrics:
        compared = [
            (arm.variant, arm.contrast)
            for arm in shown.metric(metric.key).arms
            if arm.contrast is not None and arm.contrast.verdict != "cannot_say"
        ]
        if metric.role is MetricRole.PRIMARY and compared:
            cells, notes = cells_of_settings(ws, reading, metric)
            found += [
                sheet(view.design, metric, cells, contrast, treatment=variant, notes=notes)
                for variant, contrast in compared
            ]
    return tuple(found)


def cells_of_settings(
    ws: Workspace, reading: Reading, metric: Metric
) -> tuple[dict[Setting, Cells], list[str]]:
    """The cells of one metric under every setting, and what could not be tried.

    Args:
        ws: The workspace.
        reading: An experiment with one row per unit.
        metric: The metric; it comes back under each of its caps.
    """
    needs = bound(capped(metric).values(), reading.data) if reading.data else ()
    query = replace(cast("CellQuery", reading.query), needs=needs, skewness=False)
    rules = rules_of(reading)
    notes = [rules.note] if rules.note else []
    with ws.db.read() as cursor:
        settings = dict(_settings(cursor, reading, query, rules))
        cells: dict[Setting, Cells] = {
            setting: store_cells.unit_cells(cursor, one).cells
            for setting, one in settings.items()
        }
    if all(one.days == ALL_DAYS for one in settings):
        notes.append("Nothing says on which day a unit came, so no day was left out.")
    return cells, notes


def _settings(
    cursor: Any, reading: Reading, query: CellQuery, rules: Rules
) -> Iterator[tuple[Setting, CellQuery]]:
    """What to ask under each setting, the planned one first."""
    data = reading.data
    if data is None:
        return
    spans = {rules.kept: (query, data.span)}
    for rule in rules.others:
        table = table_under(cursor, reading, data, rule)
        spans[rule] = replace(query, table=table), unit_span(cursor, table)
    for rule, (asked, _) in spans.items():
        yield Setting(ALL_DAYS, rule), asked
    for rule, (asked, span) in spans.items():
        later = _later(asked, *span)
        if later is not None:
            yield Setting(LATER_DAYS, rule), later


def _later(query: CellQuery, first: datetime | None, last: datetime | None) -> CellQuery | None:
    """The query without the first day; None where there is no second one."""
    if first is None or last is None or first.date() == last.date():
        return None
    since = datetime.combine(first.date() + timedelta(days=1), time(), UTC)
    return replace(query, since=max(since, query.since) if query.since else since)
