"""The planner on looking early: a small table."""

from __future__ import annotations

from experiments_core.charts import words
from experiments_core.services import planning_looks
from experiments_core.services.planning import PlanResult
from pages.parts import theme


def looks(result: PlanResult, unit: str = "user") -> None:
    """The most units of the same plan, read at several looks."""
    found = planning_looks.over_looks(result.design, result.total)
    if not found:
        return
    theme.lead(
        "If you want to look before the end",
        "a sequential plan; on average it needs fewer, because it may stop early",
    )
    theme.table(
        (
            {
                "Looks, evenly spaced": str(one.looks),
                f"{unit.capitalize()}s at most": words.count(one.total),
                "Against one look": words.percent(one.factor - 1, 1, signed=True),
                "Days at most": words.NONE if one.days is None else words.count(one.days),
            }
            for one in found
        ),
        right=True,
    )
