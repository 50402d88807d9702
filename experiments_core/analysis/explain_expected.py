"""How "expect less after launch" came about: the winner's curse, and the pull of the past."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments_core.analysis.explain_step import Step, number
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.normal import critical_value
from experiments_core.stats.shrinkage import LEAST_PAST_EFFECTS, Shrunk, true_effect

CURSE = """\
δ = the true effect, in standard errors, that the plan finds with its power
factor = E(|Z| if |Z| > z_{1 − α/2}) / δ,  Z normal around δ  (Gelman & Carlin 2014)"""
PULLED = """\
τ² = mean of (d_i² − se_i²) over the finished tests of this metric, at least 0
expected = L τ² / (τ² + SE²),  its ± = SE √(τ² / (τ² + SE²))  (Efron & Morris 1975)
SE = width of the lift's interval / 2 z at its level"""


def explain_expected(
    lift: float,
    error: float,
    *,
    found: Shrunk,
    past: Sequence[tuple[float, float]],
    plan: tuple[float, float, float],
) -> tuple[Step, ...]:
    """Write the factor of the plan and the pull of the past out.

    Args:
        lift: As measured, a fraction.
        error: Its standard error.
        found: What the past made of it.
        past: Lift and standard error of each finished test of the metric.
        plan: Power, alpha, and the factor of both.
    """
    power, alpha, factor = plan
    curse = (
        f"power = {power:g}, α = {alpha:g}, z = {critical_value(alpha / 2):.6g}\n"
        f"δ = {true_effect(power, alpha):.6g}, factor = {factor:.6g}"
    )
    lines = [f"L = {lift:.6g}, SE = {error:.6g}, {len(past)} finished tests"]
    lines += [f"d_{i} = {d:.6g}, se_{i} = {se:.6g}" for i, (d, se) in enumerate(past, start=1)]
    if len(past) < LEAST_PAST_EFFECTS:
        lines.append(f"fewer than {LEAST_PAST_EFFECTS}: no expectation is computed")
    else:
        lines.append(f"τ² = {number(found.prior_variance)}")
    if not isinstance(found.shrinkage_factor, Undefined):
        lines.append(f"τ² / (τ² + SE²) = {found.shrinkage_factor:.6g}")
        lines.append(
            f"expected = {lift:.6g} · {found.shrinkage_factor:.6g} = {number(found.estimate)} "
            f"± {error:.6g} · {math.sqrt(found.shrinkage_factor):.6g} = "
            f"{number(found.standard_error)}"
        )
    elif len(past) >= LEAST_PAST_EFFECTS:
        lines.append("they vary no more than their noise: no expectation is computed")
    return (
        Step("Too large on average", CURSE, curse),
        Step("Pulled towards no effect by the past", PULLED, "\n".join(lines)),
    )
