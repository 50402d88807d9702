"""Answers to a case of the reference numbers: what they all share."""

from __future__ import annotations

from typing import Any

from experiments_core.stats.estimate import Comparison, Estimate, Interval, Undefined

Answers = dict[str, object]
Case = dict[str, Any]


def reason(number: object) -> str | None:
    return number.reason if isinstance(number, Undefined) else None


def ends(interval: Interval | Estimate) -> list[object]:
    if isinstance(interval, Estimate):
        interval = interval.interval
    return [interval.lower, interval.upper]


def verdict(result: Comparison, alpha: float) -> str:
    """For an outcome of which more is better."""
    if isinstance(result.test.p_value, Undefined):
        return "cannot_say"
    if not result.test.p_value < alpha:
        return "no_clear_difference"
    return "better" if result.difference.value > 0 else "worse"
