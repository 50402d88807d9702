"""What a deployment to everybody rests on: the conditions that a result does not meet."""

from __future__ import annotations

from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import ExperimentResult
from experiments_core.analysis.stage import is_below_runtime, stage
from experiments_core.domain.metric import MetricRole

SAFE = frozenset({"safe", "safe_but_worse"})


def unmet_conditions(result: ExperimentResult, design: Design, variant: str) -> tuple[str, ...]:
    """Codes of the conditions that are not met, in the order they are told.

    Giving everybody the reference again changes nothing for anybody, so it rests on nothing.

    Args:
        result: The reading that the deployment rests on.
        design: What it was judged under.
        variant: Key of the arm that everybody would get.
    """
    if variant == design.reference:
        return ()
    primary = contrasts(result, variant, MetricRole.PRIMARY)
    rails = contrasts(result, variant, MetricRole.GUARDRAIL)
    found = {
        "not_significant": not primary or any(one.verdict != "better" for one in primary),
        "health_red": any(card.level == "fail" for card in result.health),
        "plan_not_reached": not _plan_reached(result, design),
        "guardrail_not_safe": any(one.guardrail not in SAFE for one in rails),
    }
    return tuple(code for code, is_so in found.items() if is_so)


def contrasts(result: ExperimentResult, variant: str, role: MetricRole) -> list[Contrast]:
    """The comparisons of one treatment in the metrics of one role, in order."""
    return [
        arm.contrast
        for metric in result.metrics
        if metric.role == role
        for arm in metric.arms
        if arm.variant == variant and arm.contrast is not None
    ]


def _plan_reached(result: ExperimentResult, design: Design) -> bool:
    """A plan that names neither units nor an end asks for its minimum runtime only."""
    units = result.progress.units if result.progress else 0
    plan = design.plan
    if plan.planned_units is None and plan.planned_end is None:
        return not is_below_runtime(design)
    return stage(design, units).reached
