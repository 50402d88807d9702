"""What an analysis of an experiment needs: its data, its design, the query between them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments_core.analysis.cells import Cells
from experiments_core.analysis.design import Design, Quality, phase_designs
from experiments_core.analysis.results import End
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.metric import MetricKind
from experiments_core.domain.source import Role, Shape
from experiments_core.query.cell_query import CellQuery
from experiments_core.services.binding import bound, column_of
from experiments_core.services.reading_design import PastLook, design_now, settings_of
from experiments_core.services.reading_quality import quality_of
from experiments_core.store import cells as store_cells
from experiments_core.store.cells import CellTable
from experiments_core.store.data_states import DataState, data_state
from experiments_core.store.database import Database
from experiments_core.store.looks import units_at_looks
from experiments_core.store.totals_by_end import moments_by_end, totals_by_end
from experiments_core.store.totals_cells import moments_cells, totals_cells


@dataclass(frozen=True, slots=True)
class Reading:
    """One experiment, ready to be analysed.

    Attributes:
        data: None before the first import.
        query: None without unit rows.
    """

    experiment: Experiment
    data: DataState | None
    design: Design
    quality: Quality
    query: CellQuery | None

    @property
    def data_hash(self) -> str:
        """Names the data: which imports, read how. Never computed from floats."""
        imports = self.data.imports if self.data else ()
        return _digest([[one.content_hash, one.rows_used, one.mapping] for one in imports])

    @property
    def settings(self) -> dict[str, Any]:
        """Everything besides the data that the result depends on."""
        boundaries = self.query.boundaries if self.query else ()
        return settings_of(self.design) | {"boundaries": [str(at) for at in boundaries]}

    @property
    def settings_hash(self) -> str:
        """Names the settings."""
        return _digest(self.settings)

    @property
    def segment_columns(self) -> tuple[str, ...]:
        """Header texts of the attributes that units can be cut by."""
        columns = self.data.columns if self.data else {}
        return tuple(name for name, (role, _) in columns.items() if role == Role.SEGMENT)

    @property
    def covariate_columns(self) -> tuple[str, ...]:
        """Header texts of numbers that were known before the test."""
        columns = self.data.columns if self.data else {}
        return tuple(name for name, (role, _) in columns.items() if role == Role.COVARIATE)

    def column_of(self, name: str, *roles: Role) -> str | None:
        """Column of ours behind a header text, if it has one of the roles."""
        return column_of(self.data, name, roles)


def data_of(db: Database, cursor: Any, experiment: Experiment) -> DataState | None:
    """The data of an experiment; None before the first import."""

    def numbers(data: DataState) -> Sequence[str]:
        needs = bound(experiment.metrics, data)
        return tuple(dict.fromkeys(c for o in needs if o.need.skewness for c in o.columns))

    def found() -> DataState | None:
        return data_state(cursor, experiment.id, numbers)

    return db.kept(cursor, ("data", experiment.id), found)


def looks_of(db: Database, cursor: Any, experiment_id: str) -> tuple[PastLook, ...]:
    """When each look of an experiment was taken, and the units it rested on."""

    def found() -> tuple[PastLook, ...]:
        return units_at_looks(cursor, [experiment_id]).get(experiment_id, ())

    return db.kept(cursor, ("looks", experiment_id), found)


def read(
    experiment: Experiment,
    data: DataState | None,
    *,
    now: datetime,
    looks: Sequence[PastLook] = (),
    reference: str | None = None,
) -> Reading:
    """Put together what an analysis needs; looks at no rows.

    Args:
        experiment: The experiment.
        data: Its data, None before the first import.
        now: The present moment, aware.
        looks: When each look so far was taken, and on how many units.
        reference: Variant to compare with; control when left out.

    Raises:
        InvalidInputError: there is no such variant.
    """
    span = data.span if data else (None, None)
    return Reading(
        experiment=experiment,
        data=data,
        design=design_now(experiment, data, span, now=now, looks=looks, reference=reference),
        quality=quality_of(data.imports if data else ()),
        query=_query(experiment, data),
    )


def fetch(cursor: Any, reading: Reading) -> CellTable:
    """Run the one query (or add up totals)."""
    if reading.query is not None:
        return store_cells.unit_cells(cursor, reading.query)
    if reading.data is None:
        return CellTable({}, "")
    columns = totals_columns(reading)
    if reading.design.basis == "moments":
        return moments_cells(cursor, reading.data.dataset_id, columns)
    only_counts = reading.design.basis == "counts_only"
    return totals_cells(cursor, reading.data.dataset_id, columns, only_counts=only_counts)


def totals_columns(reading: Reading) -> dict[str, str]:
    """Metric key -> its column of conversions, or its name among the moments."""
    role = Role.VALUE if reading.design.basis == "moments" else Role.CONVERSIONS
    return {
        metric.key: metric.columns[0]
        for metric in reading.design.metrics
        if (reading.design.basis == "moments" or metric.kind is MetricKind.PROPORTION)
        and column_of(reading.data, metric.columns[0], (role,)) is not None
    }


def by_end(cursor: Any, reading: Reading) -> dict[End, Cells]:
    """Everything up to the end of each time that rows of totals or moments tell of."""
    if reading.data is None or reading.query is not None:
        return {}
    basis, columns = reading.design.basis, totals_columns(reading)
    if basis == "moments":
        return moments_by_end(cursor, reading.data.dataset_id, columns)
    if basis == "totals":
        return totals_by_end(cursor, reading.data.dataset_id, columns)
    return {}


def _query(experiment: Experiment, data: DataState | None) -> CellQuery | None:
    if data is None or data.shape != Shape.UNIT:
        return None
    opened, _ = phase_designs(experiment)
    first = opened[0] if opened else None
    return CellQuery(
        table=data.table,
        needs=bound(experiment.metrics, data),
        since=first.started_at if first and first.rerandomised else None,
        boundaries=tuple(phase.started_at for phase in opened[1:]),
        confidence_level=1 - experiment.plan.alpha,
        placed_by=data.placed_by,
        ends=data.ends,
    )


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
