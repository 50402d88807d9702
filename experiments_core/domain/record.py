"""A test that was over before its data came here: a record of it, not a draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from experiments_core.domain.experiment import Experiment, Phase
from experiments_core.domain.lifecycle import Status


def is_over_elsewhere(experiment: Experiment, *, finished: bool | None) -> bool:
    """Whether data that came make it a record: nobody was ever assigned, and it has ended.

    Args:
        experiment: As it is before the data.
        finished: What was said about the data: the test is over; None when nobody was asked.
    """
    return experiment.is_record or (finished is True and experiment.status is Status.DRAFT)


def record_of(
    experiment: Experiment, began: datetime | None, ended: datetime | None
) -> Experiment:
    """The same as a test that has ended; how it ended is for a person to conclude.

    Args:
        experiment: A draft, or a record that more data came for.
        began: When its first unit was seen; None where the data do not say.
        ended: The last.
    """
    draft = experiment.status is Status.DRAFT
    return replace(
        experiment,
        status=Status.STOPPED if draft else experiment.status,
        historical=True,
        data_finished=True,
        run_no=1,
        first_started_at=began,
        started_at=began,
        stopped_at=ended,
    )


def with_its_run(experiment: Experiment) -> Experiment:
    """A record before a new run starts: what was known by its dates alone becomes a phase."""
    began, ended = experiment.first_started_at, experiment.stopped_at
    if not experiment.is_record or began is None or ended is None:
        return experiment
    earlier = Phase(
        1, 1, "start", began, ended, experiment.weights_bp, experiment.allocation_bp,
        experiment.holdout_bp, "recorded after the fact", experiment.created_by,
    )  # fmt: skip
    return replace(experiment, phases=(earlier,))
