"""What lies behind a look: its units as they are asked now, its metrics, one comparison."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.metric import Metric
from experiments_core.errors import NotFoundError
from experiments_core.query.cell_query import CellQuery
from experiments_core.services import binding
from experiments_core.services.readings import Reading
from experiments_core.services.taking import cut_reading, reading_of_now
from experiments_core.services.viewing import LookView, check_open
from experiments_core.services.workspace import Workspace


def rows_of(ws: Workspace, actor: Actor, shown: LookView) -> Reading:
    """How the rows behind a look are asked, as the data are now; looks at none of them."""
    require(actor, Permission.RESULTS)
    return cut_as(ws, reading_of_now(ws, actor, shown.experiment.id), shown)


def reading_of(
    ws: Workspace, actor: Actor, experiment_id: str, metric_key: str
) -> tuple[Reading, Metric]:
    """What an analysis of one metric needs; looks at no rows.

    Raises:
        NotFoundError: there is no such experiment or metric.
    """
    reading = reading_of_now(ws, actor, experiment_id)
    return reading, metric_of(reading.design, metric_key)


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
        query = replace(query, needs=binding.bound(metrics, reading.data))
    if shown.result.data_hash != reading.data_hash and shown.data_as_of is not None:
        query = replace(query, as_of=shown.data_as_of + timedelta(microseconds=1))
    return query


def cut_as(ws: Workspace, reading: Reading, shown: LookView) -> Reading:
    """The reading of the units that somebody looks at."""
    if not shown.cut:
        return reading
    with ws.db.read() as cursor:
        return cut_reading(ws, cursor, reading.experiment, shown.cut)[0]


def metric_of(design: Design, key: str) -> Metric:
    """One metric of a design.

    Raises:
        NotFoundError: there is none of this key.
    """
    found = {metric.key: metric for metric in design.metrics}
    if key not in found:
        raise NotFoundError(
            f"There is no metric “{key}”.", hint=f"There are: {', '.join(found) or 'none'}."
        )
    return found[key]
