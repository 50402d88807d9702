"""What an experiment asks for before its winner may be given to everybody by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status

AUTO_PROMOTE = "auto-promote"
"""Name of the actor in the audit trail, and of the wish."""
UNDER_WAY = frozenset({Status.RUNNING, Status.PAUSED})


@dataclass(frozen=True, slots=True)
class Promotion:
    """The wish of one experiment.

    Attributes:
        threshold: Smallest difference of the first primary metric that is worth it, absolute,
            in the metric's own unit (0.02 = 2 percentage points), in the preferred direction.
        after_days: Days since the first start.
        days_passed: Whether they have passed.
    """

    threshold: float
    after_days: int
    days_passed: bool


def promotion_of(experiment: Experiment, now: datetime) -> Promotion | None:
    """What the experiment asks for; None unless it asks, and is under way."""
    if not experiment.auto_promote or experiment.place not in UNDER_WAY:
        return None
    return Promotion(
        experiment.promote_threshold,
        experiment.promote_after_days,
        days_run(experiment, now) >= experiment.promote_after_days,
    )


def days_run(experiment: Experiment, now: datetime) -> int:
    """Whole days since the first start; 0 before it."""
    started = experiment.first_started_at
    return 0 if started is None else max(0, (now - started).days)
