"""Hypotheses, and the level at which each is judged: families, corrections, looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.analysis import comparing, on_request
from experiments_core.analysis.arms import absent
from experiments_core.analysis.design import Design
from experiments_core.analysis.groups import Groups, Pair, is_rate
from experiments_core.analysis.hypothesis import Hypothesis
from experiments_core.analysis.stage import Stage
from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.stats import multiplicity
from experiments_core.stats.estimate import Value
from experiments_core.stats.moments import Counts

TWO_SIDED = "two-sided"
CORRECTIONS = {
    "holm": multiplicity.holm,
    "bh": multiplicity.benjamini_hochberg,
    "bonferroni": multiplicity.bonferroni,
    "hochberg": multiplicity.hochberg,
    "by": multiplicity.benjamini_yekutieli,
}


@dataclass(frozen=True, slots=True)
class Level:
    """How strictly one hypothesis is judged.

    Attributes:
        alpha_local: Level of the fixed-horizon test and intervals.
        adjusted: p-value after the family's correction.
        alpha_looks: Error rate that the looks at this comparison may spend.
        family: Who shares the error rate: ``primary``, ``secondary``, ``guardrail`` or
            ``segments``.
        family_size: How many they are.
        correction: How they share it.
    """

    alpha_local: float
    adjusted: Value
    alpha_looks: float
    family: str
    family_size: int = 1
    correction: str = "none"


def hypotheses(design: Design, groups: Groups, at: Stage) -> tuple[Hypothesis, ...]:
    """Every metric with every treatment, metrics first."""
    return tuple(
        _hypothesis(design, groups, at, metric, treatment)
        for metric in design.metrics
        for treatment in design.treatments
    )


def levels(design: Design, found: Sequence[Hypothesis]) -> tuple[Level, ...]:
    """The level of each hypothesis, in the same order.

    Primary metrics x treatments are one family (Holm unless planned otherwise), secondary
    metrics another (Benjamini-Hochberg, exploratory); a guardrail stands alone. Where looks are
    spent as well, each comparison of a family of m gets alpha / m.
    """
    by_place: dict[int, Level] = {}
    for role in MetricRole:
        places = [i for i, one in enumerate(found) if one.metric.role is role]
        members = [found[i].p_value for i in places]
        by_place |= dict(zip(places, _family(design, role, members), strict=True))
    return tuple(by_place[i] for i in range(len(found)))


def family_size(design: Design, metric: Metric) -> int:
    """Hypotheses that share the error rate with this metric; a guardrail stands alone."""
    if metric.role is MetricRole.GUARDRAIL or design.plan.correction == "none":
        return 1
    return max(1, len(design.of_role(metric.role)) * len(design.treatments))


def _family(design: Design, role: MetricRole, members: Sequence[Value]) -> list[Level]:
    alpha, correction = design.plan.alpha, design.plan.correction
    if not members:
        return []
    if role is MetricRole.GUARDRAIL or correction == "none":
        return [Level(alpha, p, alpha, role.value) for p in members]
    return corrected(members, alpha, correction_of(role, correction), role.value)


def corrected(
    members: Sequence[Value], alpha: float, correction: str, name: str
) -> list[Level]:
    """The levels of one family under one correction, in the order of its members."""
    family = CORRECTIONS[correction](members, alpha)
    return [
        Level(local, adjusted, alpha / len(members), name, len(members), correction)
        for local, adjusted in zip(family.alpha_local, family.adjusted, strict=True)
    ]


def correction_of(role: MetricRole, planned: str) -> str:
    """Primary metrics as planned; what is explored is held to a share of false finds."""
    if role is MetricRole.PRIMARY or planned == "by":
        return planned
    return "bh"


def _hypothesis(
    design: Design, groups: Groups, at: Stage, metric: Metric, treatment: str
) -> Hypothesis:
    strata = groups.strata(metric, design.reference, treatment)
    alternative = design.plan.alternative if metric.role is MetricRole.PRIMARY else TWO_SIDED
    reason = _reason_to_withhold(design, groups, at, metric, strata)
    if reason is None:
        found = on_request.test(metric, strata, alternative, design.methods)
    else:
        found = comparing.withheld(metric, reason, 0.0).test
    return Hypothesis(metric, treatment, strata, reason, alternative, found)


def _reason_to_withhold(
    design: Design, groups: Groups, at: Stage, metric: Metric, strata: Sequence[Pair]
) -> str | None:
    if not groups.has(metric):
        return absent(design, groups, metric)
    if not at.final and shortfall(design, metric, strata) is not None:
        return "below_minimum"
    return None


def shortfall(
    design: Design, metric: Metric, strata: Sequence[Pair]
) -> tuple[int, int, int, str] | None:
    """What an interim look still lacks: side (0 control), count, minimum, what is counted.

    The bounds on looks are asymptotic, so they start at the plan's minima.
    """
    for side in (0, 1):
        units = sum(pair[side].n for pair in strata)
        if units < design.plan.min_units_per_arm:
            return side, units, design.plan.min_units_per_arm, "units"
        if is_rate(metric):
            arms = (pair[side] for pair in strata)
            hits = sum(arm.x for arm in arms if isinstance(arm, Counts))
            if hits < design.plan.min_conversions_per_arm:
                return side, hits, design.plan.min_conversions_per_arm, "conversions"
    return None
