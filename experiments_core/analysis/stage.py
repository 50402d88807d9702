"""Final or interim, and which test decides: the plan and the calendar, never the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.analysis.design import Design


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a look stands.

    Attributes:
        final: The test is over, or has reached what its plan names.
        reached: The plan is fulfilled, so the test it promised may be read.
        deciding: ``fixed`` (fixed-horizon test) or ``always_valid`` (confidence sequence).
    """

    final: bool
    reached: bool
    deciding: str


def stage(design: Design, units: int) -> Stage:
    """Tell final from interim.

    A fixed plan is reached with its units or its end date, and its minimum runtime; one that
    names neither is reached when somebody says that the data are complete. Stopping earlier is
    a look like any other, so the confidence sequence decides there, and in every sequential
    plan.

    Args:
        design: The plan, and how far the calendar is.
        units: Units of all arms so far.
    """
    if design.plan.method != "fixed":
        planned = design.plan.planned_units
        enough = planned is not None and units >= planned
        reached = enough and not is_below_runtime(design)
        return Stage(design.finished or reached, reached, "always_valid")
    reached = _is_reached(design, units)
    deciding = "fixed" if reached else "always_valid"
    return Stage(design.finished or reached, reached, deciding)


def is_below_runtime(design: Design) -> bool:
    """Whether the test has not yet run for the days its plan asks for."""
    return design.days is not None and design.days < design.plan.min_runtime_days


def _is_reached(design: Design, units: int) -> bool:
    plan = design.plan
    if plan.planned_units is None and plan.planned_end is None:
        return design.said_over
    enough = plan.planned_units is not None and units >= plan.planned_units
    ended = plan.planned_end is not None and design.planned_end_passed
    return (enough or ended) and not is_below_runtime(design)
