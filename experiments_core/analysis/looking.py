"""The reading of a comparison that allows for looks: spent alpha, or a confidence sequence."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from experiments_core.analysis import comparing
from experiments_core.analysis.contrast import Sequential
from experiments_core.analysis.design import Design
from experiments_core.analysis.families import Level
from experiments_core.analysis.hypothesis import Hypothesis
from experiments_core.analysis.stage import Stage
from experiments_core.stats import sequential
from experiments_core.stats.estimate import Comparison, Undefined, Value

SMALLEST_LEVEL = 1e-300
"""Below this the critical value of a test is no longer a number."""

Look = tuple[Sequential | None, float, bool]
"""The reading, the level of its test (0: no decision is possible yet), and the decision."""


def look(design: Design, at: Stage, one: Hypothesis, level: Level) -> Look:
    """Two-sided test and intervals at the level of this look."""
    if one.withheld is not None or one.n == 0:
        return None, level.alpha_looks, False
    if at.deciding == "group_sequential":
        return _spent(at, one, level.alpha_looks)
    return _always_valid(design, at, one, level.alpha_looks)


def always_valid_level(n: int, alpha: float, tuned_to: int) -> float:
    """Level at which test and intervals hold at this look and all others."""
    return max(sequential.always_valid_alpha(n, alpha, tuned_to), SMALLEST_LEVEL)


@lru_cache(maxsize=256)
def bounds(
    information: tuple[float, ...], alpha: float, *, is_last: bool = False
) -> tuple[float, ...]:
    """Bounds of the looks so far, alpha spent as by O'Brien and Fleming."""
    return sequential.group_sequential_bounds(information, alpha, final=is_last)


def _spent(at: Stage, one: Hypothesis, alpha: float) -> Look:
    """Lan and DeMets: this look may use what the spending function allows since the last."""
    bound = bounds(at.information, alpha, is_last=at.is_last)[-1]
    possible = bound <= sequential.NO_DECISION_BEYOND
    here = sequential.two_sided_p_of_z(bound) if possible else 0.0
    found = _compared(one, here)
    now = at.information[-1]
    share = 1.0 if at.is_last else min(1.0, now)
    reading = _reading(
        found,
        method="group_sequential",
        confidence_level=1 - here,
        p_value_always_valid=None,
        decides=True,
        p_value=found.test.p_value,
        bound=bound if possible else Undefined("below_minimum"),
        information=now,
        alpha_spent=sequential.spent(share, alpha),
    )
    return reading, here, _is_below(found.test.p_value, here)


def _always_valid(design: Design, at: Stage, one: Hypothesis, alpha: float) -> Look:
    """Waudby-Smith et al.: holds at all looks together, however many there are."""
    tuned_to = design.tuned_to(one.treatment)
    here = always_valid_level(one.n, alpha, tuned_to)
    if here <= SMALLEST_LEVEL:  # no p-value a computer can hold would decide
        here = 0.0
    found = _compared(one, here)
    p = found.test.p_value
    always: Value = p
    if not isinstance(p, Undefined):
        z = sequential.z_of_two_sided_p(p)
        always = sequential.always_valid_p_value(z, one.n, alpha, tuned_to)
    reading = _reading(
        found,
        method="always_valid",
        confidence_level=1 - here,
        p_value_always_valid=always,
        decides=at.deciding == "always_valid",
    )
    return reading, here, _is_below(p, here)


def _compared(one: Hypothesis, alpha: float) -> Comparison:
    if alpha > 0:
        return comparing.compare(one.metric, one.strata, alpha)
    return comparing.withheld(one.metric, "below_minimum", 1.0)


def _reading(found: Comparison, **more: Any) -> Sequential:
    difference, lift = found.difference, found.relative_lift
    return Sequential(
        difference_ci_lower=difference.ci_lower,
        difference_ci_upper=difference.ci_upper,
        relative_lift_ci_lower=lift.ci_lower,
        relative_lift_ci_upper=lift.ci_upper,
        **more,
    )


def _is_below(p: Value, alpha: float) -> bool:
    return not isinstance(p, Undefined) and p < alpha
