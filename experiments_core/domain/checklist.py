"""What has to be there, and what should be, before an experiment starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from experiments_core.domain.arms import LEAST, parity_problems, split_problems
from experiments_core.domain.experiment import WHOLE_BP, Experiment
from experiments_core.domain.metric import MetricRole

WEEK = 7
LONG_DAYS = 56
UNEQUAL = 4  # times the smallest weight


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One line of the checklist.

    Attributes:
        item: Stable name of the line.
        level: ``block`` (must be mended before the start), ``warn`` or ``ok``.
        message: What was found.
        fix: What to do; empty when it is fine.
        rule: Code of the rule for machines.
    """

    item: str
    level: str
    message: str
    fix: str = ""
    rule: str = ""


def checklist(experiment: Experiment) -> tuple[ChecklistItem, ...]:
    """Every line, in the order in which an experiment is written down."""
    return tuple(_lines(experiment))


def blocking(experiment: Experiment) -> tuple[ChecklistItem, ...]:
    """The lines that keep the experiment from starting."""
    return tuple(item for item in checklist(experiment) if item.level == "block")


def planned_days(experiment: Experiment) -> int | None:
    """Days until the planned units have come, at the planned traffic; None if not planned."""
    plan = experiment.plan
    if not plan.planned_units or not plan.daily_units or not experiment.allocation_bp:
        return None
    return ceil(plan.planned_units * WHOLE_BP / (plan.daily_units * experiment.allocation_bp))


def _lines(experiment: Experiment) -> Iterator[ChecklistItem]:
    yield _hypothesis(experiment)
    yield _variants(experiment)
    yield _split(experiment)
    yield _allocation(experiment)
    yield _primary(experiment)
    yield _guardrail(experiment)
    yield _units(experiment)
    yield _runtime(experiment)


def _hypothesis(experiment: Experiment) -> ChecklistItem:
    if experiment.hypothesis:
        return ChecklistItem("hypothesis", "ok", "A hypothesis is written down.")
    fix = "Write one sentence: what changes, for whom, and which number moves."
    return ChecklistItem("hypothesis", "warn", "No hypothesis is written down.", fix)


def _variants(experiment: Experiment) -> ChecklistItem:
    live = [variant for variant in experiment.variants if variant.weight_bp > 0]
    if len(live) >= LEAST:
        message = f"{len(live)} variants, “{experiment.control.key}” is the control."
        return ChecklistItem("variants", "ok", message)
    message = f"Only {len(live)} variant gets traffic; a comparison needs two."
    return ChecklistItem("variants", "block", message, "Give two variants a weight.", "RANGE")


def _split(experiment: Experiment) -> ChecklistItem:
    problems = split_problems(list(experiment.weights_bp.items())) or parity_problems(
        experiment.hash_method, list(experiment.weights_bp.values())
    )
    if problems:
        fix = "Set the weights so that they make 100 %, or press Equal."
        return ChecklistItem("split", "block", problems[0].message, fix, "SPLIT_SUM")
    weights = [weight for weight in experiment.weights_bp.values() if weight > 0]
    if max(weights) > UNEQUAL * min(weights):
        message = "The split is very unequal; the smallest arm decides how long the test takes."
        return ChecklistItem("split", "warn", message, "Consider equal shares.")
    return ChecklistItem("split", "ok", "The split adds up to exactly 100 %.")


def _allocation(experiment: Experiment) -> ChecklistItem:
    if experiment.allocation_bp > 0:
        share = f"{experiment.allocation_bp / 100:g} %"
        return ChecklistItem("allocation", "ok", f"{share} of the units enter the test.")
    message = "No unit would enter the test: the allocation is 0 %."
    fix = "Set the allocation above 0 %."
    return ChecklistItem("allocation", "block", message, fix, "ALLOCATION_ZERO")


def _primary(experiment: Experiment) -> ChecklistItem:
    names = [m.name for m in experiment.metrics if m.role is MetricRole.PRIMARY]
    if names:
        return ChecklistItem("primary metric", "ok", f"Decided by {' and '.join(names)}.")
    fix = "Choose one to three metrics that decide the test."
    return ChecklistItem(
        "primary metric", "block", "No primary metric is chosen.", fix, "REQUIRED"
    )


def _guardrail(experiment: Experiment) -> ChecklistItem:
    if any(metric.role is MetricRole.GUARDRAIL for metric in experiment.metrics):
        return ChecklistItem("guardrail", "ok", "A guardrail watches for harm.")
    fix = "Add a metric that must not get worse, with the harm you could accept."
    return ChecklistItem("guardrail", "warn", "No guardrail metric watches for harm.", fix)


def _units(experiment: Experiment) -> ChecklistItem:
    if experiment.plan.planned_units:
        return ChecklistItem(
            "plan", "ok", f"{experiment.plan.planned_units} units are planned."
        )
    if experiment.plan.planned_end:
        return ChecklistItem("plan", "ok", f"Planned until {experiment.plan.planned_end}.")
    fix = "Work out the number of units, so that the end is fixed before the start."
    return ChecklistItem("plan", "warn", "No number of units and no end is planned.", fix)


def _runtime(experiment: Experiment) -> ChecklistItem:
    days = planned_days(experiment)
    if days is None:
        return ChecklistItem("runtime", "ok", "The length follows from the data.")
    if days < WEEK:
        fix = "Plan at least one full week: weekdays and weekends differ."
        return ChecklistItem("runtime", "warn", f"At your traffic this takes {days} days.", fix)
    if days > LONG_DAYS:
        message = f"At your traffic this takes {ceil(days / WEEK)} weeks."
        fix = "Consider a larger effect, fewer arms, or a metric closer to the change."
        return ChecklistItem("runtime", "warn", message, fix)
    return ChecklistItem("runtime", "ok", f"At your traffic this takes {days} days.")
