"""One treatment against the reference: numbers first, then one verdict from the test."""

from __future__ import annotations

from experiments_core.analysis import beside, comparing, looking, on_request, phases
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.effects import effect
from experiments_core.analysis.families import Level
from experiments_core.analysis.groups import Groups, is_rate
from experiments_core.analysis.hypothesis import Hypothesis
from experiments_core.analysis.stage import Stage
from experiments_core.domain.metric import Direction, Metric, MetricRole
from experiments_core.stats import stratified
from experiments_core.stats.estimate import Comparison, Undefined, Value
from experiments_core.stats.moments import Counts

MISSING_ALPHA = 0.01


def judge(design: Design, groups: Groups, at: Stage, one: Hypothesis, level: Level) -> Contrast:
    """Take test and intervals at their level and draw the one verdict."""
    if one.withheld is None:
        found = on_request.compare(one, level.alpha_local, design.methods)
    else:
        found = comparing.withheld(one.metric, one.withheld, 1 - level.alpha_local)
    early, early_alpha, early_decision = looking.look(design, at, one, level)
    if at.deciding != "fixed":
        significant, decided_at = early_decision, early_alpha
    else:
        p = found.test.p_value
        significant = not isinstance(p, Undefined) and p < level.alpha_local
        decided_at = level.alpha_local
    verdict, reason = _verdict(one.metric, found, significant=significant)
    guardrail, guardrail_p = _guardrail(one, verdict, decided_at)
    return Contrast(
        **effect(found),
        statistic=found.test.statistic,
        p_value=found.test.p_value,
        p_value_adjusted=level.adjusted if one.withheld is None else found.test.p_value,
        confidence_level=found.difference.interval.confidence_level,
        test_method=found.test.method,
        interval_method=_interval_method(one.metric, found),
        significant=significant,
        verdict=verdict,
        verdict_reason=reason,
        sequential=early,
        guardrail=guardrail,
        guardrail_p_value=guardrail_p,
        family=level.family,
        family_size=level.family_size,
        correction=_correction(at, level),
        **on_request.interval_methods(found, design.methods),
        flags=(*found.flags, *_missing_flag(groups, design, one)),
        **phases.beside(groups, design, one, level.alpha_local),
        **beside.beside(groups, design, one, level.alpha_local),
    )


def _correction(at: Stage, level: Level) -> str:
    """Where looks are paid for, every comparison of a family has its own share of alpha."""
    by_looks = at.deciding != "fixed" and level.family_size > 1
    return "bonferroni" if by_looks else level.correction


def verdict_of(metric: Metric, difference: Value, *, significant: bool) -> str:
    """``better`` or ``worse`` by the preferred direction, never by the sign alone."""
    neutral = metric.preferred_direction is Direction.NEUTRAL
    if neutral or not significant or isinstance(difference, Undefined):
        return "no_clear_difference"
    rises = metric.preferred_direction is Direction.INCREASE
    return "better" if (difference > 0) == rises else "worse"


def _verdict(metric: Metric, found: Comparison, *, significant: bool) -> tuple[str, str | None]:
    p = found.test.p_value
    if isinstance(p, Undefined):
        return "cannot_say", p.reason
    return verdict_of(metric, found.difference.value, significant=significant), None


def _interval_method(metric: Metric, found: Comparison) -> str:
    """What the limits of the lift invert; it names the whole family of intervals."""
    method = found.relative_lift.interval.method
    if method not in on_request.LIFTS:
        return method
    return "score" if is_rate(metric) else "fieller"


def _guardrail(one: Hypothesis, verdict: str, alpha: float) -> tuple[str | None, Value | None]:
    """Not significant is not safe: the interval has to stay inside the margin."""
    if one.metric.role is not MetricRole.GUARDRAIL:
        return None, None
    withheld = one.withheld or (None if alpha > 0 else "below_minimum")
    if withheld is not None:
        return "cannot_say", Undefined(withheld)
    p = comparing.margin_test(one.metric, one.strata, alpha).p_value
    worse = verdict == "worse"
    if isinstance(p, Undefined):
        return ("harmed" if worse else "cannot_say"), p
    if p < alpha / 2:
        return ("safe_but_worse" if worse else "safe"), p
    return ("harmed" if worse else "not_shown_safe"), p


def _missing_flag(groups: Groups, design: Design, one: Hypothesis) -> tuple[str, ...]:
    """Warn when the share of units without a value differs between the arms."""
    if one.withheld is not None:
        return ()
    counts = []
    for k, pair in enumerate(one.strata, start=1):
        arms = (design.reference, one.treatment)
        units = [groups.units(arm, k) for arm in arms]
        counts.append(
            (Counts(units[0], units[0] - pair[0].n), Counts(units[1], units[1] - pair[1].n))
        )
    if not any(arm.x for pair in counts for arm in pair):
        return ()
    p = stratified.rate_test(counts).p_value
    return ("many_missing",) if not isinstance(p, Undefined) and p < MISSING_ALPHA else ()
