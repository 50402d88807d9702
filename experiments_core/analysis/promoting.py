"""Whether a treatment may be given to everybody by itself: conditions, each with its number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments_core.analysis import metric_words, words
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.readiness import SAFE
from experiments_core.analysis.results import Check, MetricResult
from experiments_core.domain.metric import Direction, MetricRole
from experiments_core.domain.promotion import Promotion
from experiments_core.stats.estimate import Undefined

GREEN = frozenset({"pass", "info"})
ROUNDING = 1e-12
"""0.12 − 0.10 is a little less than 0.02 in binary, and meant to be 0.02."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that auto-promote waits for.

    Attributes:
        code: ``days``, ``threshold``, ``significant``, ``health`` or ``guardrails``.
        met: Whether it is there.
        text: The state of it, with its number.
    """

    code: str
    met: bool
    text: str


def promotable(
    metrics: Sequence[MetricResult],
    health: Sequence[Check],
    promotion: Promotion,
    treatments: Iterable[str],
) -> str | None:
    """The treatment that meets every condition; of several the one that gains most."""
    ready = [
        arm
        for arm in treatments
        if all(one.met for one in conditions(metrics, health, promotion, arm))
    ]
    return max(ready, key=lambda arm: _gain(metrics, arm) or 0.0, default=None)


def closest(metrics: Sequence[MetricResult], treatments: Sequence[str]) -> str | None:
    """The treatment that gains most on the first primary metric so far."""
    known = [(gain, arm) for arm in treatments if (gain := _gain(metrics, arm)) is not None]
    return max(known, default=(0.0, next(iter(treatments), None)))[1]


def conditions(
    metrics: Sequence[MetricResult],
    health: Sequence[Check],
    promotion: Promotion,
    variant: str,
    days: int | None = None,
) -> tuple[Condition, ...]:
    """Every condition for one treatment, met or not.

    Args:
        metrics: Results of the look.
        health: Its health cards.
        promotion: What the experiment asks for.
        variant: Key of the treatment.
        days: Days since the first start, to be named; None names only what was asked for.
    """
    return (
        _days(promotion, days),
        _threshold(metrics, promotion, variant),
        _significant(metrics, variant),
        _health(health),
        _guardrails(metrics, variant),
    )


def _days(promotion: Promotion, days: int | None) -> Condition:
    asked = words.plural(promotion.after_days, "day")
    if days is None:
        has = "have passed" if promotion.days_passed else "have not passed yet"
        return Condition("days", promotion.days_passed, f"The {asked} you asked for {has}.")
    text = f"{words.plural(days, 'day')} since the start, you asked for {asked}."
    return Condition("days", promotion.days_passed, text)


def _threshold(
    metrics: Sequence[MetricResult], promotion: Promotion, variant: str
) -> Condition:
    metric = _first(metrics)
    gain = _gain(metrics, variant)
    if metric is None or gain is None:
        return Condition("threshold", False, "The uplift cannot be computed yet.")
    seen, asked = (
        metric_words.difference_of(metric, one) for one in (gain, promotion.threshold)
    )
    met = gain >= promotion.threshold - ROUNDING * max(1.0, abs(promotion.threshold))
    return Condition("threshold", met, f"Uplift {seen}, you asked for {asked}.")


def _significant(metrics: Sequence[MetricResult], variant: str) -> Condition:
    metric = _first(metrics)
    contrast = _contrast(metric, variant)
    if metric is None or contrast is None:
        return Condition("significant", False, "Nothing can be compared yet.")
    source = contrast.sequential if _by_look(contrast) else None
    p = source.p_value_always_valid if source else contrast.p_value
    if not isinstance(p, float):
        return Condition("significant", False, f"{metric.name} cannot be judged yet.")
    met = contrast.significant and contrast.verdict == "better"
    said = "is significant" if met else "is not significant"
    return Condition("significant", met, f"{metric.name} {said} ({words.p(p)}).")


def _by_look(contrast: Contrast) -> bool:
    return contrast.sequential is not None and contrast.sequential.decides


def _health(health: Sequence[Check]) -> Condition:
    bad = [card.label.lower() for card in health if card.level not in GREEN]
    if bad:
        return Condition("health", False, f"Not green: {', '.join(bad)}.")
    return Condition("health", True, "Every health check is green.")


def _guardrails(metrics: Sequence[MetricResult], variant: str) -> Condition:
    rails = [metric for metric in metrics if metric.role == MetricRole.GUARDRAIL]
    bad = [one.name for one in rails if not _is_safe(one, variant)]
    if bad:
        return Condition("guardrails", False, f"Not shown to be safe: {', '.join(bad)}.")
    text = "Every guardrail is inside its limit." if rails else "There is no guardrail."
    return Condition("guardrails", True, text)


def _is_safe(metric: MetricResult, variant: str) -> bool:
    contrast = _contrast(metric, variant)
    return contrast is not None and contrast.guardrail in SAFE


def _first(metrics: Sequence[MetricResult]) -> MetricResult | None:
    return next((one for one in metrics if one.role == MetricRole.PRIMARY), None)


def _contrast(metric: MetricResult | None, variant: str) -> Contrast | None:
    return None if metric is None else metric.arm(variant).contrast


def _gain(metrics: Sequence[MetricResult], variant: str) -> float | None:
    """The difference of the first primary metric, positive where it is preferred."""
    metric = _first(metrics)
    contrast = _contrast(metric, variant)
    if metric is None or contrast is None or isinstance(contrast.difference, Undefined):
        return None
    falls = metric.preferred_direction == Direction.DECREASE
    return -contrast.difference if falls else contrast.difference
