"""Final or interim, and which test decides: the plan and the calendar, never the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.analysis.design import Design


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a look stands.

    Attributes:
        final: The test is over, or has reached what its plan names.
        reached: The plan is fulfilled, so the test it promised may be read.
        deciding: ``fixed`` (fixed-horizon test), ``always_valid`` (confidence sequence) or
            ``group_sequential`` (spends alpha look by look).
        information: Units / planned units at each look so far, this one last; only where
            looks are spent.
        is_last: The calendar ends the test here, before the planned units came: this look
            spends what is left.
    """

    final: bool
    reached: bool
    deciding: str
    information: tuple[float, ...] = ()
    is_last: bool = False


def stage(design: Design, units: int) -> Stage:
    """Tell final from interim.

    A fixed plan is reached with its units or its end date, and its minimum runtime; one that
    names neither is reached when somebody says that the data are complete. Stopping earlier is
    a look like any other, so the confidence sequence decides there. A sequential plan spends
    its alpha over the looks where it knows how many units there will be, and is decided by
    the confidence sequence where it does not.

    Args:
        design: The plan, and how far the calendar is.
        units: Units of all arms so far.
    """
    if design.plan.method != "fixed":
        return _sequential(design, units)
    reached = _is_reached(design, units)
    deciding = "fixed" if reached else "always_valid"
    return Stage(design.finished or reached, reached, deciding)


def is_below_runtime(design: Design) -> bool:
    """Whether the test has not yet run for the days its plan asks for."""
    return design.days is not None and design.days < design.plan.min_runtime_days


def _sequential(design: Design, units: int) -> Stage:
    planned = design.plan.planned_units
    if planned is None or not units or not design.spends:
        reached = planned is not None and units >= planned and not is_below_runtime(design)
        return Stage(design.finished or reached, reached, "always_valid")
    ended = design.planned_end_passed and units < planned
    reached = (units >= planned or ended) and not is_below_runtime(design)
    times = information(design.past_units, units, planned)
    return Stage(
        final=design.finished or reached,
        reached=reached,
        deciding="group_sequential",
        information=times,
        is_last=ended and reached,
    )


def information(past_units: Sequence[int], units: int, planned: int) -> tuple[float, ...]:
    """Shares of the planned units at the looks so far, this one last.

    Looks from before more units were withdrawn again count as if they had been taken now; of
    the looks after the plan was reached only this one counts, it is the last look once more.
    """
    before = sorted(min(one, units) for one in past_units if 0 < one < planned)
    return tuple(one / planned for one in (*before, units))


def _is_reached(design: Design, units: int) -> bool:
    plan = design.plan
    if plan.planned_units is None and plan.planned_end is None:
        return design.said_over
    enough = plan.planned_units is not None and units >= plan.planned_units
    ended = plan.planned_end is not None and design.planned_end_passed
    return (enough or ended) and not is_below_runtime(design)
