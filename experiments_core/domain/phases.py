"""Phases are appended: one ends where the next begins, and nothing comes before what was."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from experiments_core.domain.experiment import Experiment, Phase
from experiments_core.domain.text import clean
from experiments_core.errors import InvalidInputError, Problem


def open_phase(experiment: Experiment, phase: Phase) -> Experiment:
    """Append a phase; the one that lasted ends where it begins."""
    closed = close_phase(experiment, phase.started_at)
    return replace(closed, phases=(*closed.phases, phase))


def close_phase(experiment: Experiment, at: datetime) -> Experiment:
    """End the phase that lasts, if one does."""
    if not experiment.phases or experiment.phases[-1].ended_at is not None:
        return experiment
    *earlier, last = experiment.phases
    return replace(experiment, phases=(*earlier, replace(last, ended_at=at)))


def next_phase(
    experiment: Experiment,
    kind: str,
    *,
    at: datetime,
    by: str,
    reason: str = "",
    rerandomised: bool = False,
) -> Phase:
    """The phase that begins now, under the present design.

    Args:
        experiment: With that design.
        kind: ``start``, ``resume``, ``traffic`` or ``design``.
        at: When it begins.
        by: Who began it.
        reason: Why.
        rerandomised: Units are assigned afresh.
    """
    return Phase(
        run_no=experiment.run_no,
        seq=len(experiment.phases) + 1,
        kind=kind,
        started_at=at,
        ended_at=None,
        weights_bp=experiment.weights_bp,
        allocation_bp=experiment.allocation_bp,
        holdout_bp=experiment.holdout_bp,
        reason=clean(reason),
        by=by,
        rerandomised=rerandomised,
        targeting=experiment.targeting,
    )


def last_change(experiment: Experiment) -> datetime | None:
    """When the last phase began or ended; None before the first."""
    if not experiment.phases:
        return None
    last = experiment.phases[-1]
    return last.ended_at or last.started_at


def check_moment(experiment: Experiment, at: datetime) -> None:
    """Refuse a moment before the last change: history is only appended to."""
    latest = last_change(experiment)
    if latest is not None and at < latest:
        message = (
            f"{at:%Y-%m-%d %H:%M} UTC lies before the last change ({latest:%Y-%m-%d %H:%M})"
        )
        problem = Problem("at", at.isoformat(), "RANGE", message)
        raise InvalidInputError(f"{message}.", details=(problem,))
