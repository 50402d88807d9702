"""Changing the split or the allocation of a test: what it would do, and doing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any

from experiments_core.domain.acts import REASON_LENGTH
from experiments_core.domain.arms import parity_problems, percent, split_problems
from experiments_core.domain.experiment import WHOLE_BP, Experiment
from experiments_core.domain.lifecycle import Status, invalid_transition
from experiments_core.domain.phases import check_moment, close_phase, next_phase, open_phase
from experiments_core.domain.targeting_checks import targeting_problems
from experiments_core.domain.text import grouped, text_problems
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, Problem

REASON_SHORTEST = 3
MOST_HOLDOUT_BP = 5_000


@dataclass(frozen=True, slots=True)
class TrafficPreview:
    """What a change of traffic would do.

    Attributes:
        weights_before: Variant key -> basis points now.
        weights_after: The same afterwards.
        allocation_before: Basis points now.
        allocation_after: The same afterwards.
        units: Units that keep their version; None when nothing is known yet.
        holdout_before: Basis points now.
        holdout_after: The same afterwards.
        targeting_changes: Other units than now may enter afterwards.
        problems: Why it would be refused; empty when it would pass.
        sentence: What it does, in words; the first problem when it would be refused.
        efficiency_before: Information per unit against equal shares, a fraction: the least
            favoured treatment compared with control.
        efficiency_after: The same afterwards; 0 when an arm gets nobody.
        days_before: Days to the planned units at today's split, None when not planned.
        days_after: The same afterwards, None also when it would never end.
    """

    weights_before: dict[str, int]
    weights_after: dict[str, int]
    allocation_before: int
    allocation_after: int
    units: int | None
    problems: tuple[Problem, ...]
    sentence: str
    efficiency_before: float
    efficiency_after: float
    days_before: int | None
    days_after: int | None
    holdout_before: int = 0
    holdout_after: int = 0
    targeting_changes: bool = False


def change_traffic(
    experiment: Experiment,
    *,
    weights_bp: Mapping[str, int] | None,
    allocation_bp: int | None,
    reason: str,
    at: datetime,
    by: str,
    holdout_bp: int | None = None,
    targeting: dict[str, Any] | None = None,
) -> Experiment:
    """Set a new split, allocation, holdout or targeting; in a started test a phase opens.

    Units already in the test keep their variant; nothing that was is overwritten. While the
    test is paused the phase is recorded and ends at once: nobody enters until it resumes.

    Raises:
        ConflictError: ``INVALID_TRANSITION`` unless draft, running or paused;
            ``ALLOCATION_SHRINKS`` when a started test would let fewer units in.
        InvalidInputError: the weights or the reason break a rule, or nothing would change.
    """
    _check_status(experiment)
    wanted = _wanted(experiment, weights_bp, allocation_bp, holdout_bp, targeting)
    refuse([*_design_problems(experiment, wanted), *_reason_problems(experiment, reason)])
    _check_growth(experiment, wanted.allocation_bp)
    check_moment(experiment, at)
    variants = tuple(replace(v, weight_bp=wanted.weights[v.key]) for v in experiment.variants)
    changed = replace(
        experiment,
        variants=variants,
        allocation_bp=wanted.allocation_bp,
        holdout_bp=wanted.holdout_bp,
        targeting=wanted.targeting,
    )
    if experiment.status is Status.DRAFT:
        return changed
    begun = next_phase(changed, "traffic", at=at, by=by, reason=reason)
    opened = open_phase(changed, begun)
    return close_phase(opened, at) if experiment.status is Status.PAUSED else opened


def preview_traffic(
    experiment: Experiment,
    *,
    weights_bp: Mapping[str, int] | None,
    allocation_bp: int | None,
    units: int | None,
    holdout_bp: int | None = None,
    targeting: dict[str, Any] | None = None,
) -> TrafficPreview:
    """Tell what a change would do, whether or not it would be accepted.

    Args:
        experiment: As it is now.
        weights_bp: Variant key -> basis points; None keeps the split.
        allocation_bp: None keeps the allocation.
        holdout_bp: None keeps the holdout.
        targeting: A condition tree; ``{}`` is everybody, None keeps what is.
        units: Units that are in the test already, None when unknown.

    Raises:
        ConflictError: traffic cannot be changed in this status at all.
    """
    _check_status(experiment)
    wanted = _wanted(experiment, weights_bp, allocation_bp, holdout_bp, targeting)
    weights, allocation = wanted.weights, wanted.allocation_bp
    problems = _design_problems(experiment, wanted)
    try:
        _check_growth(experiment, allocation)
    except ConflictError as error:
        problems.append(Problem("allocation_bp", allocation, error.code, error.message))
    before = efficiency(experiment, experiment.weights_bp)
    after = 0.0 if problems else efficiency(experiment, weights)
    return TrafficPreview(
        weights_before=experiment.weights_bp,
        weights_after=weights,
        allocation_before=experiment.allocation_bp,
        allocation_after=allocation,
        units=units,
        problems=tuple(problems),
        sentence=problems[0].message if problems else _sentence(experiment, weights, units),
        efficiency_before=before,
        efficiency_after=after,
        days_before=_days(experiment, experiment.allocation_bp, units, 1.0),
        days_after=_days(experiment, allocation, units, after / before if before else 0.0),
        holdout_before=experiment.holdout_bp,
        holdout_after=wanted.holdout_bp,
        targeting_changes=wanted.targeting != experiment.targeting,
    )


def efficiency(experiment: Experiment, weights_bp: Mapping[str, int]) -> float:
    """Information that a unit brings, against equal shares; a fraction.

    The variance of a comparison of arms with shares c and t is proportional to 1/c + 1/t, and
    to 2k with k equal shares; the treatment that fares worst counts. Without a treatment, or
    with an arm that gets nobody, there is none.
    """
    arms = len(experiment.variants)
    control = weights_bp[experiment.control.key]
    others = [weights_bp[v.key] for v in experiment.variants if not v.is_control]
    if not control or not others or not all(others):
        return 0.0
    return min(2 * arms / (WHOLE_BP / control + WHOLE_BP / other) for other in others)


def _in_order(experiment: Experiment, weights_bp: Mapping[str, int] | None) -> dict[str, int]:
    """The weights in the order of the variants, those of unknown variants last."""
    if weights_bp is None:
        return experiment.weights_bp
    known = {key: weights_bp[key] for key in experiment.weights_bp if key in weights_bp}
    return known | dict(weights_bp)


def _check_status(experiment: Experiment) -> None:
    if experiment.place in {Status.DRAFT, Status.RUNNING, Status.PAUSED}:
        return
    raise invalid_transition(
        experiment.place, "Traffic can be changed before the start and while a test runs."
    )


def _check_growth(experiment: Experiment, allocation_bp: int) -> None:
    if experiment.status is Status.DRAFT or allocation_bp >= experiment.allocation_bp:
        return
    raise ConflictError(
        "Traffic can only grow while a test runs. Shrinking would throw people out of a "
        "version they have already seen.",
        code="ALLOCATION_SHRINKS",
        hint="Stop the test and start a new run.",
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The design after the change."""

    weights: dict[str, int]
    allocation_bp: int
    holdout_bp: int
    targeting: dict[str, Any] | None


def _wanted(
    experiment: Experiment,
    weights_bp: Mapping[str, int] | None,
    allocation_bp: int | None,
    holdout_bp: int | None,
    targeting: dict[str, Any] | None,
) -> _Wanted:
    """Everything that was not named stays; empty targeting lets everybody in."""
    return _Wanted(
        _in_order(experiment, weights_bp),
        experiment.allocation_bp if allocation_bp is None else allocation_bp,
        experiment.holdout_bp if holdout_bp is None else holdout_bp,
        experiment.targeting if targeting is None else targeting or None,
    )


def _design_problems(experiment: Experiment, wanted: _Wanted) -> list[Problem]:
    keys = [variant.key for variant in experiment.variants]
    problems = []
    for key in wanted.weights:
        if key not in keys:
            message = f"there is no variant “{key}”; there are {', '.join(keys)}"
            problems.append(Problem(f"weights_bp.{key}", key, "UNKNOWN_CHOICE", message))
    problems += split_problems([(key, wanted.weights.get(key)) for key in keys])
    problems += _share_problems("allocation_bp", wanted.allocation_bp, WHOLE_BP)
    problems += _share_problems("holdout_bp", wanted.holdout_bp, MOST_HOLDOUT_BP)
    problems += targeting_problems(wanted.targeting)
    problems += parity_problems(experiment.hash_method, list(wanted.weights.values()))
    same = (
        wanted.weights == experiment.weights_bp
        and wanted.allocation_bp == experiment.allocation_bp
        and wanted.holdout_bp == experiment.holdout_bp
        and wanted.targeting == experiment.targeting
    )
    if same and not problems:
        message = f"nothing would change: the split is {_shares(experiment.weights_bp)} already"
        problems.append(Problem("weights_bp", wanted.weights, "NOT_UNIQUE", message))
    return problems


def _share_problems(name: str, value: object, most: int) -> list[Problem]:
    words = name.removesuffix("_bp")
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{name} must be a whole number of basis points (1 % = 100)"
        return [Problem(name, value, "TYPE", message)]
    if 0 <= value <= most:
        return []
    message = f"the {words} is {value}; it must be between 0 and {most}"
    return [Problem(name, value, "RANGE", message)]


def _reason_problems(experiment: Experiment, reason: str) -> list[Problem]:
    shortest = 0 if experiment.status is Status.DRAFT else REASON_SHORTEST
    return text_problems("reason", reason, shortest=shortest, longest=REASON_LENGTH, lines=True)


def _sentence(experiment: Experiment, weights: Mapping[str, int], units: int | None) -> str:
    if experiment.status is Status.DRAFT:
        return f"The test will start with {_shares(weights)}."
    people = f"{grouped(units)}" if units else "All"
    return (
        f"{people} {experiment.unit}s keep their version. New {experiment.unit}s: "
        f"{_shares(weights)}. Analysis goes on, computed per phase."
    )


def _shares(weights_bp: Mapping[str, int]) -> str:
    shares = [
        percent(weight).removesuffix(" %").removesuffix(".00") for weight in weights_bp.values()
    ]
    return " / ".join(shares)


def _days(
    experiment: Experiment, allocation_bp: int, units: int | None, information: float
) -> int | None:
    """Days until the planned units have come, with ``information`` per unit against today."""
    plan = experiment.plan
    if not plan.planned_units or not plan.daily_units or not allocation_bp or not information:
        return None
    missing = max(0, plan.planned_units - (units or 0))
    return ceil(missing / information * WHOLE_BP / (plan.daily_units * allocation_bp))
