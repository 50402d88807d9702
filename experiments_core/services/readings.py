"""What an analysis of an experiment needs: its data, its design, the query between them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from experiments_core.analysis.cells import Cells
from experiments_core.analysis.checks import STALE_DAYS
from experiments_core.analysis.design import Design, PhaseDesign, Quality, phase_designs
from experiments_core.analysis.engine import ENGINE_VERSION
from experiments_core.analysis.locking import OVER
from experiments_core.analysis.results import STATISTICS_VERSION, End
from experiments_core.domain.assignment import HOLDOUT
from experiments_core.domain.documents import (
    metric_from_document,
    metric_to_document,
    plan_from_document,
    sealed_plan,
)
from experiments_core.domain.experiment import WHOLE_BP, Experiment
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.promotion import Promotion, promotion_of
from experiments_core.domain.source import Role, Shape
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.store import cells as store_cells
from experiments_core.store.cells import CellTable
from experiments_core.store.data_states import DataState, ImportFacts, data_state
from experiments_core.store.database import Database
from experiments_core.store.looks import units_at_looks
from experiments_core.store.totals_by_end import moments_by_end, totals_by_end
from experiments_core.store.totals_cells import moments_cells, totals_cells

CROSSED = "UNIT_IN_TWO_ARMS"
ON_PURPOSE = frozenset({
    CROSSED, "UNIT_REPEATED", "UNIT_DUPLICATE_ROWS", "UNIT_KNOWN", "UNIT_ERASED",
    "EMPTY_ROW", "REPEATED_HEADER", "TOTALS_ROW", "EVENT_OTHER", "EXPOSURE_AGAIN",
    "NOT_EXPOSED", "BEFORE_EXPOSURE", "OUTSIDE_WINDOW", "OTHER_EXPERIMENT", "EARLIER_SNAPSHOT",
    "READING_COPY",
    "OUTCOME_NOT_ASSIGNED",
})  # fmt: skip
"""Rows left out by a rule that somebody chose, or that are no data; others are rejected."""
NUMBERS = (Role.VALUE, Role.OUTCOME, Role.COVARIATE)

Span = tuple[datetime | None, datetime | None]
PastLook = tuple[datetime, int]
"""When a look was taken, and the units of all arms that it rested on."""


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
        design = self.design
        return {
            "arms": list(design.arms),
            "reference": design.reference,
            "names": dict(design.names),
            "metrics": [metric_to_document(metric) for metric in design.metrics],
            "split": [
                [one.started.isoformat() if one.started else None, dict(one.weights)]
                for one in design.phases
            ],
            "boundaries": [str(at) for at in (self.query.boundaries if self.query else ())],
            "plan": sealed_plan(design.plan),
            "unit": design.unit,
            "basis": design.basis,
            "status": design.status,
            "finished": design.finished,
            "said_over": design.said_over,
            "planned_end_passed": design.planned_end_passed,
            "days": design.days,
            **_promotion_settings(design),
            "is_stale": design.age_days is not None and design.age_days > STALE_DAYS,
            "engine_version": ENGINE_VERSION,
            "statistics_version": STATISTICS_VERSION,
        }

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
        return _column(self.data, name, roles)


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
        design=_design(experiment, data, span, now=now, looks=looks, reference=reference),
        quality=_quality(data.imports if data else ()),
        query=_query(experiment, data),
    )


def design_of(
    settings: dict[str, Any], newest: datetime | None, past_units: Sequence[int] = ()
) -> Design:
    """The design that a look was judged under, from the settings kept with it."""
    names = (
        "reference", "names", "unit", "basis", "status", "finished", "said_over",
        "planned_end_passed", "days",
    )  # fmt: skip
    promotion = settings.get("promotion")
    return Design(
        **{name: settings[name] for name in names},
        arms=tuple(settings["arms"]),
        metrics=tuple(metric_from_document(one) for one in settings["metrics"]),
        phases=tuple(
            PhaseDesign(weights, date.fromisoformat(started) if started else None)
            for started, weights in settings["split"]
        ),
        plan=plan_from_document(settings["plan"]),
        newest=newest,
        promotion=Promotion(**promotion) if promotion else None,
        looks=len(past_units),
        past_units=tuple(past_units),
        holdout=None if HOLDOUT in settings["names"] else HOLDOUT,
    )


def _promotion_settings(design: Design) -> dict[str, Any]:
    """Left out where nothing is asked for, so that other looks keep their name."""
    return {"promotion": asdict(design.promotion)} if design.promotion else {}


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
        and _column(reading.data, metric.columns[0], (role,)) is not None
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


def _column(
    data: DataState | None, name: str, roles: Iterable[Role], metric: str = ""
) -> str | None:
    if data is None:
        return None
    found = data.by_metric.get((metric, name)) or data.columns.get(name)
    return found[1] if found and found[0] in tuple(roles) else None


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


def bound(metrics: Iterable[Metric], data: DataState) -> tuple[BoundNeed, ...]:
    """The needs of the metrics whose columns are there; a missing covariate is left out."""
    return tuple(_bound(metrics, data))


def _bound(metrics: Iterable[Metric], data: DataState) -> Iterable[BoundNeed]:
    for metric in metrics:
        roles = (Role.OUTCOME,) if metric.kind is MetricKind.PROPORTION else NUMBERS
        names = metric.needs.columns
        columns = [_column(data, name, roles, metric.key) for name in names]
        found = [column for column in columns if column]
        if len(found) < len(names):
            continue
        before = [_column(data, name, NUMBERS, metric.key) for name in metric.covariates]
        ours = tuple(column for column in before if column)
        yield BoundNeed(
            metric.needs,
            found[0],
            tuple(found[1:]),
            ours if len(ours) == len(before) else (),
            listed=found[0] in data.listed,
        )


def _design(
    experiment: Experiment,
    data: DataState | None,
    span: Span,
    *,
    now: datetime,
    looks: Sequence[PastLook],
    reference: str | None,
) -> Design:
    arms = tuple(variant.key for variant in experiment.variants)
    held = None if HOLDOUT in arms else HOLDOUT
    if reference is not None and reference == held:
        arms = (held, *arms)
    if reference is not None and reference not in arms:
        message = f"There is no variant “{reference}”; there are {', '.join(arms)}."
        problem = Problem("reference", reference, "UNKNOWN_CHOICE", message)
        raise InvalidInputError(message, details=(problem,))
    first, newest = span
    plan = experiment.plan
    said_over = experiment.data_finished is True
    return Design(
        arms=arms,
        reference=reference or experiment.control.key,
        metrics=experiment.metrics,
        phases=phase_designs(experiment)[1],
        plan=plan,
        names={variant.key: variant.name for variant in experiment.variants},
        unit=experiment.unit,
        basis=_basis(data),
        status=experiment.status.value,
        finished=said_over or experiment.status in OVER,
        said_over=said_over,
        planned_end_passed=plan.planned_end is not None and now.date() > plan.planned_end,
        days=_days(experiment, span, now),
        planned_days=_planned_days(experiment, first),
        looks=len(looks),
        past_units=_past_units(experiment, looks),
        holdout=held,
        newest=newest,
        promotion=promotion_of(experiment, now),
        age_days=None if newest is None else (now - newest).total_seconds() / 86_400,
    )


def _past_units(experiment: Experiment, looks: Sequence[PastLook]) -> tuple[int, ...]:
    """Units at each look of the run that the data belong to; a new assignment starts afresh."""
    opened, _ = phase_designs(experiment)
    since = opened[0].started_at if opened and opened[0].rerandomised else None
    return tuple(units for taken_at, units in looks if since is None or taken_at >= since)


def _basis(data: DataState | None) -> str:
    """What the numbers start from: unit rows, totals, or moments."""
    if data is None or data.shape == Shape.UNIT:
        return "units"
    shapes = {one.mapping.get("shape") for one in data.imports}
    bases = {Shape.MOMENTS.value: "moments", Shape.COUNTS.value: "counts_only"}
    return bases.get(str(shapes.pop()), "totals") if len(shapes) == 1 else "totals"


def _days(experiment: Experiment, span: Span, now: datetime) -> int | None:
    """Days with units, counted whole; without times the days since the start."""
    first, newest = span
    if first is not None and newest is not None:
        return (newest.date() - first.date()).days + 1
    started = experiment.first_started_at
    if started is None:
        return None
    end = experiment.stopped_at or experiment.completed_at or now
    return max(1, math.ceil((end - started).total_seconds() / 86_400))


def _planned_days(experiment: Experiment, first: datetime | None) -> int | None:
    plan = experiment.plan
    started = experiment.first_started_at or first
    if plan.planned_end is not None and started is not None:
        return max(1, (plan.planned_end - started.astimezone(UTC).date()).days + 1)
    daily = (plan.daily_units or 0) * experiment.allocation_bp / WHOLE_BP
    if plan.planned_units is None or not daily:
        return None
    return max(plan.min_runtime_days, math.ceil(plan.planned_units / daily))


def _quality(imports: Iterable[ImportFacts]) -> Quality:
    """Add up what the imports said about rows that are not in the data."""
    known = list(imports)
    rules = [rule for one in known for rule in one.report.get("by_rule", ())]
    out = sum(one.rows_left_out for one in known)
    chosen = sum(int(rule["rows"]) for rule in rules if rule["rule"] in ON_PURPOSE)
    kept = any(one.mapping.get("crossovers") == "first_seen" for one in known)
    return Quality(
        rows_read=sum(one.rows_read for one in known),
        rows_left_out=out,
        rows_rejected=max(0, out - chosen),
        crossed_units=_crossed(known),
        crossed_left_out=not kept,
        served_otherwise=_logged(known, "served_otherwise"),
        contaminated=_logged(known, "contaminated") or 0,
    )


def _logged(known: Iterable[ImportFacts], name: str) -> int | None:
    """What the log counted; None where no data came as events."""
    counts = [one.report["counts"] for one in known if "counts" in one.report]
    return sum(int(one.get(name, 0)) for one in counts) if counts else None


def _crossed(known: Iterable[ImportFacts]) -> int | None:
    """Units in two arms; None where no column identifies a unit."""
    identified = [
        one
        for one in known
        if any(column["role"] == Role.UNIT for column in one.mapping.get("columns", ()))
    ]
    if not identified:
        return None
    return sum(int(one.report.get("crossed_units") or 0) for one in identified)


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
