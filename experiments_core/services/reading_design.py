"""Under which design data are judged: as an experiment is now, or as a look was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from experiments_core.analysis.checks import STALE_DAYS
from experiments_core.analysis.design import Design, PhaseDesign, phase_designs
from experiments_core.analysis.engine import ENGINE_VERSION
from experiments_core.analysis.locking import OVER
from experiments_core.analysis.results import STATISTICS_VERSION
from experiments_core.domain.assignment import HOLDOUT
from experiments_core.domain.documents import (
    metric_from_document,
    metric_to_document,
    plan_from_document,
    sealed_plan,
)
from experiments_core.domain.experiment import WHOLE_BP, Experiment
from experiments_core.domain.promotion import Promotion, promotion_of
from experiments_core.domain.source import Shape
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.store.data_states import DataState

Span = tuple[datetime | None, datetime | None]
PastLook = tuple[datetime, int]
"""When a look was taken, and the units of all arms that it rested on."""


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


def settings_of(design: Design) -> dict[str, Any]:
    """What a result depends on besides its data; :func:`design_of` reads it back."""
    # What is not asked for is left out, so that other looks keep their name.
    promotion = {"promotion": asdict(design.promotion)} if design.promotion else {}
    return {
        "arms": list(design.arms),
        "reference": design.reference,
        "names": dict(design.names),
        "metrics": [metric_to_document(metric) for metric in design.metrics],
        "split": [
            [one.started.isoformat() if one.started else None, dict(one.weights)]
            for one in design.phases
        ],
        "plan": sealed_plan(design.plan),
        "unit": design.unit,
        "basis": design.basis,
        "status": design.status,
        "finished": design.finished,
        "said_over": design.said_over,
        "planned_end_passed": design.planned_end_passed,
        "days": design.days,
        **promotion,
        "is_stale": design.age_days is not None and design.age_days > STALE_DAYS,
        "engine_version": ENGINE_VERSION,
        "statistics_version": STATISTICS_VERSION,
    }


def design_now(
    experiment: Experiment,
    data: DataState | None,
    span: Span,
    *,
    now: datetime,
    looks: Sequence[PastLook],
    reference: str | None,
) -> Design:
    """The design of an experiment as it is now.

    Args:
        experiment: The experiment.
        data: Its data, None before the first import.
        span: First and last moment at which a unit was first seen.
        now: The present moment, aware.
        looks: When each look so far was taken, and on how many units.
        reference: Variant to compare with; control when left out.

    Raises:
        InvalidInputError: there is no such variant.
    """
    arms, held = _arms(experiment, reference)
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


def _arms(experiment: Experiment, reference: str | None) -> tuple[tuple[str, ...], str | None]:
    """The arms, first those held out if they are compared with; and the name of these."""
    arms = tuple(variant.key for variant in experiment.variants)
    held = None if HOLDOUT in arms else HOLDOUT
    if reference is not None and reference == held:
        arms = (held, *arms)
    if reference is not None and reference not in arms:
        message = f"There is no variant “{reference}”; there are {', '.join(arms)}."
        problem = Problem("reference", reference, "UNKNOWN_CHOICE", message)
        raise InvalidInputError(message, details=(problem,))
    return arms, held


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
