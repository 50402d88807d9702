"""What a plan costs that is read early, and what shows that a rate is not worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.services.planning_design import Design
from experiments_core.services.planning_numbers import days_for
from experiments_core.stats import non_inferiority, sequential
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.plan_values import round_up

LOOKS = (1, 2, 5, 14)
MARGINS = (0.01, 0.02, 0.05, 0.10)
"""Relative harm that might be accepted."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The plan read at so many evenly spaced looks, the last one included.

    Attributes:
        factor: Most units over those of one look.
        total: Most units in all arms.
        days: Until they have come; None without daily units.
    """

    looks: int
    factor: float
    total: int
    days: int | None


@dataclass(frozen=True, slots=True)
class Guarded:
    """Units per arm that show a guardrail to be inside a margin, if nothing changes.

    Attributes:
        margin: Relative to the baseline, a fraction.
        per_arm: Whole units, or why there are none.
    """

    margin: float
    per_arm: Value


def over_looks(design: Design, total: int, counts: Sequence[int] = LOOKS) -> tuple[Looked, ...]:
    """The most units that a group-sequential plan needs; none for a one-sided one.

    Args:
        design: The question.
        total: Units of the plan with one look, in all arms.
        counts: How many looks, 1 or more each.
    """
    if design.alternative != "two-sided":
        return ()
    found = []
    for looks in counts:
        factor = sequential.inflation(looks, design.alpha_local, design.power)
        most = total if looks == 1 else round_up(total * factor)
        found.append(Looked(looks, factor, most, days_for(design, most)))
    return tuple(found)


def guarded(design: Design, margins: Sequence[float] = MARGINS) -> tuple[Guarded, ...]:
    """Units per arm of two equal arms that show a rate not to be worse; none for a mean.

    Args:
        design: The question.
        margins: Largest harm accepted, above 0, relative to the baseline.
    """
    if design.kind != "rate" or design.baseline is None:
        return ()
    found = []
    for margin in margins:
        exact = non_inferiority.non_inferiority_size_rates(
            control_rate=design.baseline,
            treatment_rate=design.baseline,
            margin=margin * design.baseline,
            alpha=design.alpha / 2,
            power=design.power,
        )
        found.append(
            Guarded(margin, exact if isinstance(exact, Undefined) else float(round_up(exact)))
        )
    return tuple(found)
