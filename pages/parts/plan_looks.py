"""The planner on looking early and on guardrails: two small tables."""

from __future__ import annotations

from experiments_core.charts import words
from experiments_core.services import planning_looks
from experiments_core.services.planning import PlanResult
from pages.parts import theme


def draw(result: PlanResult, unit: str = "user") -> None:
    """What looks cost at most, and what a guardrail of this baseline needs."""
    looks(result, unit)
    guardrails(result, unit)


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
        key="looks",
    )


def guardrails(result: PlanResult, unit: str = "user") -> None:
    """Units that show a rate with this baseline to be inside a margin."""
    found = planning_looks.guarded(result.design)
    if not found:
        return
    theme.lead(
        "If this rate is a guardrail",
        f"{unit}s per arm that show it safe, if nothing changes; equal arms",
    )
    theme.table(
        (
            {
                "Harm you would accept": words.percent(one.margin, 0),
                f"{unit.capitalize()}s per arm": (
                    words.count(one.per_arm)
                    if isinstance(one.per_arm, float)
                    else words.reason(one.per_arm)
                ),
            }
            for one in found
        ),
        key="guardrails",
    )
