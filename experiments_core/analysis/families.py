"""Hypotheses, and the level at which each is judged: families, corrections, looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.analysis import comparing
from experiments_core.analysis.design import Design
from experiments_core.analysis.groups import Groups, Pair, is_rate
from experiments_core.analysis.stage import Stage
from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.stats import multiplicity
from experiments_core.stats.estimate import TestResult, Value
from experiments_core.stats.moments import Counts

TWO_SIDED = "two-sided"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One metric of one treatment against the reference.

    Attributes:
        strata: (control, treatment) per phase.
        withheld: Why it is not judged at all, None when it is.
        alternative: The plan's for primary metrics, two-sided for the others.
        test: At no level yet.
    """

    metric: Metric
    treatment: str
    strata: tuple[Pair, ...]
    withheld: str | None
    alternative: str
    test: TestResult

    @property
    def n(self) -> int:
        """Units counted in both arms."""
        return sum(control.n + treatment.n for control, treatment in self.strata)

    @property
    def p_value(self) -> Value:
        """Raw."""
        return self.test.p_value


@dataclass(frozen=True, slots=True)
class Level:
    """How strictly one hypothesis is judged.

    Attributes:
        alpha_local: Level of the fixed-horizon test and intervals.
        adjusted: p-value after the family's correction.
        alpha_looks: Error rate that the confidence sequence of this comparison may spend.
    """

    alpha_local: float
    adjusted: Value
    alpha_looks: float


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
        return [Level(alpha, p, alpha) for p in members]
    if role is MetricRole.PRIMARY and correction == "holm":
        family = multiplicity.holm(members, alpha)
    else:
        family = multiplicity.benjamini_hochberg(members, alpha)
    pairs = zip(family.alpha_local, family.adjusted, strict=True)
    return [Level(local, adjusted, alpha / len(members)) for local, adjusted in pairs]


def _hypothesis(
    design: Design, groups: Groups, at: Stage, metric: Metric, treatment: str
) -> Hypothesis:
    strata = groups.strata(metric, design.reference, treatment)
    alternative = design.plan.alternative if metric.role is MetricRole.PRIMARY else TWO_SIDED
    reason = _reason_to_withhold(design, groups, at, metric, strata)
    if reason is None:
        found = comparing.no_difference_test(metric, strata, alternative)
    else:
        found = comparing.withheld(metric, reason, 0.0).test
    return Hypothesis(metric, treatment, strata, reason, alternative, found)


def _reason_to_withhold(
    design: Design, groups: Groups, at: Stage, metric: Metric, strata: Sequence[Pair]
) -> str | None:
    if not groups.has(metric):
        return "column_missing"
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
