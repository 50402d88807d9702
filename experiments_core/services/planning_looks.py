"""What a plan costs that is read early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.services.planning_design import Design
from experiments_core.services.planning_numbers import days_for
from experiments_core.stats import sequential
from experiments_core.stats.plan_values import round_up

LOOKS = (1, 2, 5, 14)


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
