"""A scheduled ramp: rises of the allocation, each later and higher than the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from experiments_core.domain.experiment import WHOLE_BP, Experiment, RampStep
from experiments_core.domain.lifecycle import Status, invalid_transition
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, Problem

MOST_STEPS = 20


def check_ramp(experiment: Experiment, steps: Sequence[RampStep], now: datetime) -> None:
    """Refuse a ramp that would lower the allocation, or that lies in the past.

    Raises:
        InvalidInputError: every step that is wrong.
        ConflictError: ``INVALID_TRANSITION`` when the test has ended; ``ALLOCATION_SHRINKS``.
    """
    if experiment.place not in {Status.DRAFT, Status.RUNNING, Status.PAUSED}:
        raise invalid_transition(experiment.place, "A ramp belongs to a test that can run.")
    refuse(_problems(steps, now))
    before = experiment.allocation_bp
    for step in steps:
        if step.allocation_bp <= before:
            raise ConflictError(
                f"A ramp only goes up: {step.allocation_bp / 100:g} % comes after "
                f"{before / 100:g} %.",
                code="ALLOCATION_SHRINKS",
                hint="Give each step a larger share than the one before it.",
            )
        before = step.allocation_bp


def due(experiment: Experiment, now: datetime) -> RampStep | None:
    """The last step whose time has come, of a running test."""
    if experiment.place != Status.RUNNING:
        return None
    reached = [step for step in experiment.ramp if step.at <= now]
    return reached[-1] if reached else None


def ahead(steps: Iterable[RampStep], now: datetime) -> tuple[RampStep, ...]:
    """Steps whose time has not come."""
    return tuple(step for step in steps if step.at > now)


def _problems(steps: Sequence[RampStep], now: datetime) -> list[Problem]:
    problems = []
    if len(steps) > MOST_STEPS:
        message = f"{len(steps)} steps; at most {MOST_STEPS} are allowed"
        problems.append(Problem("steps", len(steps), "TOO_MANY", message))
    last = now
    for i, step in enumerate(steps):
        where = f"steps[{i}]"
        share = step.allocation_bp
        if not 1 <= share <= WHOLE_BP:
            message = f"{where}.allocation_bp must be a whole number from 1 to {WHOLE_BP}"
            problems.append(Problem(f"{where}.allocation_bp", share, "RANGE", message))
        if step.at <= last:
            message = f"{where}.at must lie in the future, after the step before it"
            problems.append(Problem(f"{where}.at", step.at.isoformat(), "RANGE", message))
        last = max(last, step.at)
    return problems
