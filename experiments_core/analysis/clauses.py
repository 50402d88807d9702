"""What the sentences say of one comparison: its effect, its span, a guardrail's limit."""

from __future__ import annotations

from experiments_core.analysis import metric_words, words
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.results import MetricResult
from experiments_core.stats.estimate import Undefined, Value

LONGEST_NAME = 60


def effect(metric: MetricResult, contrast: Contrast, *, widened: bool) -> str:
    """``+7.5 % paid order (1.3 % to 14.3 %)``, or the difference where no lift exists."""
    early = contrast.sequential if widened else None
    source = early or contrast
    name = lowered(words.name(metric.name, LONGEST_NAME))
    if not isinstance(contrast.relative_lift, Undefined):
        ends = words.lift_interval(source.relative_lift_ci_lower, source.relative_lift_ci_upper)
        return f"{words.lift(contrast.relative_lift)} {name}{_bracket(ends)}"
    lower, upper = source.difference_ci_lower, source.difference_ci_upper
    ends = metric_words.difference_interval(metric, lower, upper)
    return f"{metric_words.difference_of(metric, contrast.difference)} {name}{_bracket(ends)}"


def guardrail(metric: MetricResult, contrast: Contrast) -> str | None:
    """The sentence about a guardrail that is not inside its limit; None when it is."""
    if contrast.guardrail in {None, "safe", "safe_but_worse"}:
        return None
    name = words.name(metric.name, LONGEST_NAME)
    if contrast.guardrail == "harmed":
        return f"{name}: harmed, {_limit_clause(metric, contrast, 'it moved by')}"
    if contrast.guardrail == "cannot_say":
        why = contrast.guardrail_p_value
        return f"{name}: cannot say whether it is safe. {words.reason(why)}"
    reach = _limit_clause(metric, contrast, "The interval still reaches")
    return f"{name}: not shown to be safe. {reach}"


def _limit_clause(metric: MetricResult, contrast: Contrast, lead: str) -> str:
    rises = metric.preferred_direction == "increase"
    side = "lower" if rises else "upper"
    relative = metric.non_inferiority_margin
    reaches: Value
    early = contrast.sequential
    source = early if early is not None and early.decides else contrast
    if relative is not None:
        point, reaches = contrast.relative_lift, getattr(source, f"relative_lift_ci_{side}")
        limit: Value = -relative if rises else relative
        shown = [words.lift(value) for value in (point, reaches, limit)]
        if isinstance(point, Undefined):
            shown[0] = metric_words.difference_of(metric, contrast.difference)
    else:
        absolute = metric.non_inferiority_margin_absolute or 0.0
        point, reaches = contrast.difference, getattr(source, f"difference_ci_{side}")
        limit = -absolute if rises else absolute
        shown = [metric_words.difference_of(metric, value) for value in (point, reaches, limit)]
    value = shown[0] if lead.endswith("by") else shown[1]
    return f"{lead} {value}; your limit is {shown[2]}."


def span(metric: MetricResult, contrast: Contrast, *, widened: bool) -> str:
    """``from 1.3 % to 14.3 %``, one side where the other is open, or nothing."""
    source = (contrast.sequential if widened else None) or contrast
    ends = [
        words.lift(source.relative_lift_ci_lower),
        words.lift(source.relative_lift_ci_upper),
    ]
    if isinstance(contrast.relative_lift, Undefined) or set(ends) == {words.NONE}:
        limits = source.difference_ci_lower, source.difference_ci_upper
        ends = [metric_words.difference_of(metric, limit) for limit in limits]
    if set(ends) == {words.NONE}:
        return words.NONE
    if words.NONE in ends:
        return f"below {ends[1]}" if ends[0] == words.NONE else f"above {ends[0]}"
    return f"from {ends[0]} to {ends[1]}"


def _bracket(ends: str) -> str:
    return "" if ends == words.NONE else f" ({ends})"


def lowered(name: str) -> str:
    """``Paid order`` inside a sentence; an abbreviation keeps its capitals."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name
