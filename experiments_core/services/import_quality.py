"""What a file means beside the experiment's own plan: its times, its split."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.source import Mapping
from experiments_core.domain.text import grouped
from experiments_core.services.import_remarks import Context
from experiments_core.services.import_report import Remark
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.srm import sample_ratio
from experiments_core.tabular.detection import Detection
from experiments_core.tabular.text import shorten

SMALLEST_SHOWN = 0.0001


def context_of(seen: Detection, experiment: Experiment | None, now: datetime) -> Context:
    """Reading choices, and when the experiment ran, for the report.

    Phases that follow one another are one run; a pause is none.
    """
    if experiment is None:
        return Context(seen.notices, now=now)
    runs: list[tuple[datetime, datetime | None]] = []
    for phase in experiment.phases:
        if runs and runs[-1][1] == phase.started_at:
            runs[-1] = (runs[-1][0], phase.ended_at)
        else:
            runs.append((phase.started_at, phase.ended_at))
    if not runs and experiment.first_started_at is not None:
        runs.append((experiment.first_started_at, experiment.stopped_at))
    if runs and runs[-1][1] is None and experiment.status in {Status.STOPPED, Status.COMPLETED}:
        runs[-1] = (runs[-1][0], experiment.stopped_at or experiment.completed_at)
    past = tuple(one for one in runs if one[0] <= now)
    completed = experiment.completed_at is not None
    return Context(seen.notices, runs=past, completed=completed, now=now)


def split_remark(
    arms: dict[str, int], mapping: Mapping, experiment: Experiment | None
) -> Iterator[Remark]:
    """Counted units against the intended split, where one split held all the time."""
    weights = _weights(arms, mapping, experiment)
    if weights is None:
        return
    check = sample_ratio([(arms, weights)])
    if not check.is_mismatch:
        return
    counted = " : ".join(f"{grouped(arms.get(arm, 0))}" for arm in weights)
    total = sum(weights.values())
    planned = " : ".join(f"{100 * share / total:.4g}" for share in weights.values())
    names = " : ".join(shorten(arm, 30) for arm in weights)
    chance = ""
    if not isinstance(check.p_value, Undefined):
        p = check.p_value
        told = f"= {p:.4f}" if p >= SMALLEST_SHOWN else f"< {SMALLEST_SHOWN}"
        chance = f" (p {told})"
    yield Remark(
        "SAMPLE_RATIO_MISMATCH",
        f"{names} were counted {counted}, but {planned} was intended{chance}. If another split "
        "was meant, say so; else find the cause before reading a result.",
    )


def _weights(
    arms: dict[str, int], mapping: Mapping, experiment: Experiment | None
) -> dict[str, float] | None:
    """The one intended split; None where there were several."""
    if experiment is None:
        told = mapping.split if set(mapping.split) == set(arms) else {}
        return {arm: float(told.get(arm, 1)) for arm in arms}
    splits = [phase.weights_bp for phase in experiment.phases] or [
        {variant.key: variant.weight_bp for variant in experiment.variants}
    ]
    if any(split != splits[0] for split in splits):
        return None
    return {arm: float(weight) for arm, weight in splits[0].items()}
