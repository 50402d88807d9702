"""From the words of a call to the design of an analysis."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.design import Design
from experiments_core.domain.experiment import Plan
from experiments_core.workbench.arms import choose_control, in_order, phases_of, tested_arms
from experiments_core.workbench.loading import Loaded
from experiments_core.workbench.refusing import is_number, refusal
from experiments_core.workbench.request import Request

ALTERNATIVES = ("two-sided", "greater", "less")
CORRECTIONS = ("holm", "bh", "none", "bonferroni", "hochberg", "by")
SEQUENTIAL = (None, "always_valid", "group_sequential")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call says of the test, besides which column is what.

    Attributes:
        plan: Level, alternative, correction, planned units.
        control: The arm to compare with, if somebody named it.
        split: Intended shares by arm, or by phase and arm; None for equal ones.
        sequential: How a running test is looked at; None for a finished one.
        past_looks: Units of all arms at each earlier look.
        methods: Methods asked for instead of the defaults.
        holdout: The arm that was kept out of the test.
        holdout_randomised: Whether chance decided who was held out.
    """

    plan: Plan
    control: str | None
    split: Mapping[str, Any] | None
    sequential: str | None
    past_looks: tuple[int, ...]
    methods: tuple[str, ...]
    holdout: str | None
    holdout_randomised: bool


def design_of(asked: Asked, loaded: Loaded, request: Request) -> Design:
    """The design of the analysis, now that the arms and phases of the data are known.

    Raises:
        InvalidInputError: control, holdout or split do not fit the arms.
    """
    tested = tested_arms(loaded.arms, asked.holdout, asked.control)
    control = choose_control(asked.control, tested)
    arms = (control, *(arm for arm in tested if arm != control))
    split_over = [arm for arm in arms if arm != asked.holdout]
    return Design(
        arms=in_order(arms, asked.split, control),
        reference=control,
        metrics=request.metrics,
        phases=phases_of(asked.split, split_over, loaded.phases),
        plan=asked.plan,
        basis=loaded.basis,
        unit=_unit_word(request.unit),
        finished=asked.sequential is None,
        said_over=asked.sequential is None,
        looks=len(asked.past_looks),
        past_units=asked.past_looks,
        methods=asked.methods,
        holdout=asked.holdout,
        holdout_randomised=asked.holdout_randomised,
        spends=asked.sequential == "group_sequential",
    )


def plan_of(
    alpha: float,
    alternative: str,
    correction: str,
    sequential: str | None,
    planned_units: int | None,
) -> Plan:
    """The plan in the words of the domain.

    Raises:
        InvalidInputError: names the argument and what it may be.
    """
    if not (is_number(alpha) and 0 < alpha < 0.5):
        raise refusal(
            "alpha", alpha, "RANGE", f"alpha is {alpha!r}.",
            "It is a fraction between 0 and 0.5; 0.05 means 5 %.",
        )  # fmt: skip
    for name, value, allowed in (
        ("alternative", alternative, ALTERNATIVES),
        ("correction", correction, CORRECTIONS),
        ("sequential", sequential, SEQUENTIAL),
    ):
        if value not in allowed:
            listed = ", ".join(str(one) for one in allowed)
            raise refusal(
                name, value, "UNKNOWN_CHOICE", f"{name} is “{value}”.",
                f"Choose one of {listed}.",
            )  # fmt: skip
    if sequential == "group_sequential" and planned_units is None:
        raise refusal(
            "planned_units", None, "REQUIRED",
            "A group-sequential test needs to know how many units are planned.",
            'Say it: planned_units=20000, or use sequential="always_valid".',
        )  # fmt: skip
    if planned_units is not None and not (is_number(planned_units) and planned_units >= 1):
        raise refusal(
            "planned_units", planned_units, "RANGE", f"planned_units is {planned_units!r}.",
            "It is the number of units of all arms together, at least 1.",
        )  # fmt: skip
    return Plan(
        alpha=float(alpha),
        alternative=alternative,
        correction=correction,
        method="fixed" if sequential is None else "sequential",
        planned_units=planned_units if sequential else None,
    )


def prior_of(bayes: Mapping[str, float] | bool) -> Prior | None:  # noqa: FBT001 - as called
    """The prior that is asked for, None where no Bayesian view is.

    Raises:
        InvalidInputError: a name or a value that no prior has.
    """
    if isinstance(bayes, bool):
        return Prior() if bayes else None
    told = dict(bayes)
    known = ("alpha", "beta", "lift_deviation")
    for name, value in told.items():
        if name not in known or not is_number(value):
            raise refusal(
                "bayes", {name: value}, "UNKNOWN_CHOICE", f"The prior has {name} = {value!r}.",
                f"It has numbers for {', '.join(known)}, each of which may go.",
            )  # fmt: skip
    return Prior(**told)


def past_looks(looks: Sequence[int], sequential: str | None) -> tuple[int, ...]:
    """Units at the earlier looks of a group-sequential test.

    Raises:
        InvalidInputError: they do not rise, or no test spends alpha.
    """
    past = tuple(looks)
    rising = all(is_number(one) and one >= 1 for one in past) and list(past) == sorted(past)
    if not rising:
        raise refusal(
            "looks", list(past), "RANGE", f"The earlier looks are at {list(past)} units.",
            "Give the units of all arms at each earlier look, in the order they were taken.",
        )  # fmt: skip
    if past and sequential != "group_sequential":
        raise refusal(
            "looks", list(past), "UNKNOWN_CHOICE", "Only a group-sequential test spends looks.",
            'Say sequential="group_sequential" with planned_units, or leave looks out.',
        )  # fmt: skip
    return tuple(int(one) for one in past)


def _unit_word(column: str | None) -> str:
    """``user`` for a column ``user_id``."""
    word = re.sub(r"[ _]?(id|key|uuid|no|number)$", "", (column or "").strip().lower())
    return word.replace("_", " ") or "unit"
