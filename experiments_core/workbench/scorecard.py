"""A report as words, and as one table of HTML with its intervals drawn beside the numbers."""

from __future__ import annotations

import html as markup
from collections.abc import Iterator, Sequence

from experiments_core.analysis import metric_words, words
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import (
    ArmResult,
    Check,
    ExperimentResult,
    MetricResult,
    Verdict,
)
from experiments_core.charts.verdicts import BADGES
from experiments_core.stats.estimate import Undefined, Value

WIDTH, HEIGHT, EDGE = 240, 22, 6
ROLES = ("primary", "guardrail", "secondary")
VERDICTS = {
    "better": ("▲", "better", "up"), "worse": ("▼", "worse", "down"),
    "no_clear_difference": ("●", "unclear", "open"), "cannot_say": ("–", "cannot say", "open"),
    "safe": ("✓", "inside limit", "up"), "safe_but_worse": ("✓", "safe, but worse", "open"),
    "harmed": ("▼", "harmed", "down"), "not_shown_safe": ("!", "not shown safe", "warn"),
}  # fmt: skip
LEVELS = {"pass": "✓", "info": "◆", "warn": "!", "fail": "✕"}

# Nothing but the text colour of the page and four hues that hold on white and on black.
STYLE = """
.upshot{font:14px/1.45 system-ui,sans-serif;max-width:1060px;color:inherit}
.upshot h3{font:600 20px/1.3 Georgia,serif;margin:6px 0;color:inherit}
.upshot p{margin:4px 0}.upshot .quiet{opacity:.72;font-size:12.5px}
.upshot table{border-collapse:collapse;width:100%;margin:10px 0;background:transparent}
.upshot th,.upshot td{text-align:right;padding:6px 8px;vertical-align:middle;
background:transparent;border:0;border-bottom:1px solid rgba(128,128,128,.3);white-space:nowrap}
.upshot th{font-weight:400;opacity:.72;font-size:12.5px}
.upshot td.words,.upshot th.words{text-align:left;white-space:normal}
.upshot small{display:block;opacity:.72;font-size:12.5px}
.upshot .up{color:#12907f}.upshot .down{color:#d0492f}.upshot .warn{color:#b57700}
.upshot .open{color:#7b8794}.upshot details{margin:6px 0}.upshot summary{cursor:pointer}
.upshot svg{display:block}
"""


def text(result: ExperimentResult, design: Design, notes: Sequence[str] = ()) -> str:
    """The report for a terminal."""
    parts = [_headline(result.verdict)]
    parts += [f"  {reason}" for reason in result.verdict.reasons]
    parts += [result.recommendation.text, ""]
    for metric in _ordered(result):
        name = f"{words.plain(metric.name, 60)} ({metric.role})"
        parts.append(f"{name}  {_methods(metric)}".rstrip())
        width = max(len(words.plain(design.named(arm.variant), 30)) for arm in metric.arms)
        for arm in metric.arms:
            name = words.plain(design.named(arm.variant), 30).ljust(width)
            parts.append(f"  {name}  {line(result, metric, arm)}")
        parts += _segment_lines(result, metric, design)
    parts.append("")
    parts += [_check_line(check) for check in result.health if check.level != "pass"]
    passed = [check.label.lower() for check in result.health if check.level == "pass"]
    if passed:
        parts.append(f"{LEVELS['pass']} {', '.join(passed)}")
    parts += notes
    return "\n".join(parts)


def _methods(metric: MetricResult) -> str:
    """By which test and intervals its treatments are compared."""
    found = [arm.contrast for arm in metric.arms if arm.contrast is not None]
    return "; ".join(dict.fromkeys(map(metric_words.methods_of, found)))


def _headline(verdict: Verdict) -> str:
    """The verdict behind its mark, or behind its badge where the sentence does not say it."""
    mark, word, _ = BADGES[verdict.code]
    said = word.lower() in verdict.text.lower()
    return f"{mark} {verdict.text}" if said else f"{mark} {word}: {verdict.text}"


def _segment_lines(
    result: ExperimentResult, metric: MetricResult, design: Design
) -> Iterator[str]:
    """Each treatment inside each segment, below the p-value of their difference."""
    width = max((len(words.plain(one.value, 30)) for one in metric.segments), default=0)
    column = None
    for one in metric.segments:
        if one.column != column:
            column, told = one.column, one.interaction_p_value
            differ = "" if told is None else f" (do they differ? {_p_or_reason(told)})"
            yield f"  by {words.plain(column, 60)}{differ}"
        for arm in one.arms:
            if arm.contrast is not None:
                value = words.plain(one.value, 30).ljust(width)
                name = words.plain(design.named(arm.variant), 30)
                yield f"    {value}  {name}  {line(result, metric, arm)}"


def line(result: ExperimentResult, metric: MetricResult, arm: ArmResult) -> str:
    """One arm in one line: value, n, lift with interval, p, verdict."""
    shown = f"{metric_words.value_of(metric, arm.value)}  {metric_words.n_of(arm)}"
    contrast = arm.contrast
    if contrast is None:
        return shown
    mark, word, _ = _verdict(result, contrast)
    effect = words.lift(contrast.relative_lift)
    ends = words.lift_interval(*_ends(contrast))
    if isinstance(contrast.relative_lift, Undefined):
        effect = metric_words.difference_of(metric, contrast.difference)
        lower, upper = contrast.difference_ci_lower, contrast.difference_ci_upper
        ends = metric_words.difference_interval(metric, lower, upper)
    bracket = "" if ends == words.NONE else f" ({ends})"
    return f"{shown}  {effect}{bracket}  {_p(contrast)}  {mark} {word}"


def html(result: ExperimentResult, design: Design, notes: Sequence[str] = ()) -> str:
    """The report for a notebook; every name is escaped."""
    reasons = " ".join(result.verdict.reasons)
    mark, word, _ = BADGES[result.verdict.code]
    cells = [
        f"<style>{STYLE}</style>",
        f'<p class="quiet">{_safe(f"{mark} {word}")}</p>',
        f"<h3>{_safe(result.verdict.text)}</h3>",
        f"<p>{_safe(reasons)}</p>" if reasons else "",
        f"<p><b>{_safe(result.recommendation.text)}</b></p>",
        _table(result, design) if result.metrics else "",
        _health(result.health),
        "".join(f'<p class="quiet">{_safe(note)}</p>' for note in notes),
    ]
    return f'<div class="upshot">{"".join(cells)}</div>'


def _table(result: ExperimentResult, design: Design) -> str:
    low, high = _axis(result)
    heads = ("Value", "Difference", "Lift", f"lift over {design.named(result.reference)}")
    head = "".join(f"<th>{_safe(name)}</th>" for name in heads)
    rows = "".join(_rows(result, design, (low, high)))
    return (
        '<table><thead><tr><th class="words">Metric</th><th class="words">Variant</th>'
        f'{head}<th class="words">Verdict</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _rows(result: ExperimentResult, design: Design, axis: tuple[float, float]) -> Iterator[str]:
    for metric in _ordered(result):
        for place, arm in enumerate(metric.arms):
            name = f"<b>{_safe(metric.name)}</b><small>{_safe(metric.role)}</small>"
            name += f"<small>{_safe(_methods(metric))}</small>"
            yield (
                f'<tr><td class="words">{name if place == 0 else ""}</td>'
                f'<td class="words">{_safe(design.named(arm.variant))}</td>'
                f"<td>{_safe(metric_words.value_of(metric, arm.value))}"
                f"<small>{_safe(metric_words.n_of(arm))}</small></td>"
                f"{_effect(result, metric, arm, axis)}</tr>"
            )


def _effect(
    result: ExperimentResult, metric: MetricResult, arm: ArmResult, axis: tuple[float, float]
) -> str:
    contrast = arm.contrast
    if contrast is None:
        return "<td></td><td></td><td></td><td></td>"
    mark, word, tone = _verdict(result, contrast)
    difference = metric_words.difference_interval(
        metric, contrast.difference_ci_lower, contrast.difference_ci_upper
    )
    lift = words.lift_interval(*_ends(contrast), column=True)
    return (
        f"<td>{_safe(metric_words.difference_of(metric, contrast.difference))}"
        f"<small>{_safe(difference)}</small></td>"
        f"<td>{_safe(words.lift(contrast.relative_lift))}<small>{_safe(lift)}</small></td>"
        f"<td>{_bar(metric, contrast, tone, axis)}</td>"
        f'<td class="words"><span class="{tone}">{mark} {_safe(word)}</span>'
        f"<small>{_safe(_p(contrast))}</small></td>"
    )


def _bar(metric: MetricResult, contrast: Contrast, tone: str, axis: tuple[float, float]) -> str:
    """The interval of the lift on the axis that all metrics share; a reason where none is."""
    point = contrast.relative_lift
    if isinstance(point, Undefined):
        return f"<small>{_safe(words.reason(point))}</small>"
    lower, upper = _ends(contrast)
    left = EDGE if isinstance(lower, Undefined) else _x(lower, axis)
    right = WIDTH - EDGE if isinstance(upper, Undefined) else _x(upper, axis)
    middle, zero, at = HEIGHT / 2, _x(0.0, axis), _x(point, axis)
    fill = "currentColor" if contrast.significant else "none"
    label = f"{words.lift(point)}, {words.lift_interval(lower, upper)}"
    return (
        f'<svg class="{tone}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{_safe(label)}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{HEIGHT}" stroke="#8a929c"/>'
        f"{_limit(metric, axis)}"
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{middle}" y2="{middle}" '
        'stroke="currentColor" stroke-width="5" stroke-opacity=".55"/>'
        f'<circle cx="{at:.1f}" cy="{middle}" r="5" fill="{fill}" stroke="currentColor" '
        'stroke-width="2"/></svg>'
    )


def _limit(metric: MetricResult, axis: tuple[float, float]) -> str:
    """The dashed limit of a guardrail."""
    margin = metric.non_inferiority_margin
    if margin is None:
        return ""
    at = _x(-margin if metric.preferred_direction == "increase" else margin, axis)
    return (
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{HEIGHT}" stroke="#b57700" '
        'stroke-width="1.5" stroke-dasharray="3,2"/>'
    )


def _x(value: float, axis: tuple[float, float]) -> float:
    low, high = axis
    share = (min(max(value, low), high) - low) / (high - low)
    return EDGE + share * (WIDTH - 2 * EDGE)


def _axis(result: ExperimentResult) -> tuple[float, float]:
    """From the intervals of the primary metrics, so that none of theirs is cut."""
    found: list[float] = []
    for metric in result.metrics:
        ends = [
            end
            for arm in metric.arms
            if arm.contrast is not None
            for end in (*_ends(arm.contrast), arm.contrast.relative_lift)
            if not isinstance(end, Undefined)
        ]
        found += ends if metric.role == "primary" else []
        margin = metric.non_inferiority_margin
        rises = metric.preferred_direction == "increase"
        found += [-1.2 * margin if rises else 1.2 * margin] if margin else []
    low, high = min(found, default=0.0), max(found, default=0.0)
    low, high = min(low, 0.0), max(high, 0.0)
    room = 0.05 * (high - low) or 0.1
    return low - room, high + room


def _ends(contrast: Contrast) -> tuple[Value, Value]:
    """The interval that decides."""
    early = contrast.sequential
    source = early if early is not None and early.decides else contrast
    return source.relative_lift_ci_lower, source.relative_lift_ci_upper


def _verdict(result: ExperimentResult, contrast: Contrast) -> tuple[str, str, str]:
    if result.verdict.code == "cannot_say" and any(c.level == "fail" for c in result.health):
        return "✕", "not usable", "open"
    return VERDICTS[contrast.guardrail or contrast.verdict]


def _p(contrast: Contrast) -> str:
    early = contrast.sequential
    if contrast.guardrail_p_value is not None:
        return f"vs limit {words.p(contrast.guardrail_p_value)}"
    if early is not None and early.decides:
        return metric_words.p_of_look(early)
    if contrast.p_value_adjusted != contrast.p_value:
        return f"{_p_or_reason(contrast.p_value_adjusted)} corrected"
    return _p_or_reason(contrast.p_value)


def _p_or_reason(value: Value) -> str:
    return words.reason(value) if isinstance(value, Undefined) else words.p(value)


def _health(health: Sequence[Check]) -> str:
    if not health:
        return ""
    items = "".join(f"<li>{_safe(_check_line(check))}</li>" for check in health)
    open_now = " open" if any(check.level in {"warn", "fail"} for check in health) else ""
    passed = sum(check.level == "pass" for check in health)
    head = f"Can you trust it? {passed} of {words.plural(len(health), 'check')} pass"
    return f"<details{open_now}><summary>{_safe(head)}</summary><ul>{items}</ul></details>"


def _check_line(check: Check) -> str:
    return f"{LEVELS[check.level]} {check.label}: {check.message}"


def _ordered(result: ExperimentResult) -> list[MetricResult]:
    return sorted(result.metrics, key=lambda metric: ROLES.index(metric.role))


def _safe(value: str) -> str:
    return markup.escape(words.plain(value, 500))
