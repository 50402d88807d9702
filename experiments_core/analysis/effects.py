"""What one comparison found, by the names that every result gives it."""

from __future__ import annotations

from typing import TypedDict

from experiments_core.stats.estimate import Comparison, Value


class Effect(TypedDict):
    """The difference in the metric's unit and the lift as a fraction, with their limits."""

    difference: Value
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value


def effect(found: Comparison) -> Effect:
    """Difference and lift of a comparison as fields of a result."""
    difference, lift = found.difference, found.relative_lift
    return {
        "difference": difference.value,
        "difference_ci_lower": difference.ci_lower,
        "difference_ci_upper": difference.ci_upper,
        "relative_lift": lift.value,
        "relative_lift_ci_lower": lift.ci_lower,
        "relative_lift_ci_upper": lift.ci_upper,
    }
