"""How every further number of a result came about: formula, numbers put in, what came out.

:mod:`experiments_core.analysis.explain` writes one comparison out; here stands what surrounds
it: each arm by itself, correction, looks, limit, phases, all arms at once, traffic, precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from experiments_core.analysis import comparing, words
from experiments_core.analysis.contrast import PhaseResult
from experiments_core.analysis.design import Design
from experiments_core.analysis.explain_levels import corrected, limit_step, looks
from experiments_core.analysis.explain_step import Case, Step, number
from experiments_core.analysis.groups import Groups, is_quantile, is_rate
from experiments_core.analysis.results import ArmResult, ExperimentResult
from experiments_core.stats.contrasts import critical_value


def further_steps(
    result: ExperimentResult, groups: Groups, design: Design, *, metric: str, treatment: str
) -> tuple[Step, ...]:
    """Everything that is shown of one comparison besides the comparison itself.

    Args:
        result: The reading, for the numbers as they are shown.
        groups: The cells it was computed from.
        design: The design it was judged under.
        metric: Key of the metric.
        treatment: The arm compared with the reference.
    """
    found = result.metric(metric)
    contrast = found.arm(treatment).contrast
    if contrast is None:
        return ()
    ours = next(one for one in design.metrics if one.key == metric)
    case = Case(result, groups, design, ours, found, treatment, contrast)
    made = (write(case) for write in _WRITERS)
    return tuple(step for step in made if step is not None)


WILSON = """\
p = x / n;  centre = (p + z²/2n) / (1 + z²/n)
limits = centre ± z √(p (1 − p) / n + z²/4n²) / (1 + z²/n)  (Wilson 1927)"""
WEIGHTED = """\
value = Σ w v over phases, w = share of all units in the phase: the same mix for every arm
limits from Σ w² of the variances; of rates by the score of the weighted sum"""
ALONE = "limits = m ± t √(s² / n), n − 1 degrees of freedom"
LOCATED = "limits: order statistics of the rows around q, their share ± z SE_r"
ADJUSTED = """\
m = Ȳ − θ (X̄ − X̄ of all arms), one θ for all arms
limits = m ± t √((s²_Y − 2 θ s_XY + θ² s²_X) / n)"""


def _arms(case: Case) -> Step:
    groups, metric = case.groups, case.metric
    several = groups.phases > 1
    level = words.level(1 - case.design.plan.alpha)
    strata = groups.strata(metric, case.design.reference, case.treatment)
    if several:
        formula = WEIGHTED
    elif is_rate(metric):
        formula = WILSON
    elif is_quantile(metric):
        formula = LOCATED
    else:
        formula = ADJUSTED if comparing.is_adjusted(metric, strata) else ALONE
    z = critical_value(math.inf, case.design.plan.alpha / 2)
    lines = [f"z = {z:.6g}"] if is_rate(metric) else []
    for arm in case.found.arms:
        lines.append(f"{case.named(arm.variant)}: {_level(case, arm)}, {level}: {_ends(arm)}")
        if arm.value_interval_method:
            lines.append(f"  asked for: {arm.value_interval_method.replace('_', '-')}")
    return Step("Each version by itself", formula, "\n".join(lines))


def _level(case: Case, arm: ArmResult) -> str:
    value = number(arm.value)
    if arm.conversions is not None and case.groups.phases == 1:
        return f"p = {arm.conversions} / {arm.n} = {value}"
    spread = arm.standard_deviation
    return f"{value}, n = {arm.n}" + ("" if spread is None else f", s = {spread:.6g}")


PHASES = """\
Q = Σ (d_k − d̄)² / v_k,  d̄ = Σ (d_k / v_k) / Σ (1 / v_k)  (Cochran 1954)
p from χ² with (phases − 1) degrees of freedom"""


def _phases(case: Case) -> Step | None:
    contrast = case.contrast
    if not contrast.by_phase:
        return None
    rows: list[PhaseResult] = [*contrast.by_phase]
    rows += [one for one in (contrast.size_weighted, contrast.plain_total) if one is not None]
    lines = [
        f"{row.label}: d = {number(row.difference)} "
        f"({number(row.difference_ci_lower)} to {number(row.difference_ci_upper)}), "
        f"p = {number(row.p_value)}" + (f", w = {row.weight:.4f}" if row.weight else "")
        for row in rows
    ]
    lines.append(f"do the phases differ: p = {number(contrast.heterogeneity_p_value)}")
    return Step("Phase by phase", PHASES, "\n".join(lines))


OMNIBUS = {
    "chi_square": "χ² = Σ (x − n p)² / (n p (1 − p)) over all arms, p of all together",
    "welch_anova": "F of the weighted means, weights n / s² (Welch 1951)",
    "cochran_q": "Q = Σ (v − v̄)² / variance over the arms, each at the same mix of phases",
}


def _all_arms(case: Case) -> Step | None:
    found = case.found.omnibus
    if found is None:
        return None
    freedom = found.degrees_of_freedom
    numbers = (
        f"{found.arms} versions: statistic = {number(found.statistic)}"
        f"{'' if freedom is None else f', {freedom:.6g} degrees of freedom'}, "
        f"p = {number(found.p_value)}"
    )
    return Step("All versions at once", OMNIBUS.get(found.test_method, ""), numbers)


TRAFFIC = """\
χ² = Σ (O − E)² / E over versions and phases, E = units of the phase × planned share
p from χ² with Σ (versions − 1) degrees of freedom"""


def _traffic(case: Case) -> Step | None:
    card = next((c for c in case.result.health if c.check == "sample_ratio_mismatch"), None)
    if card is None or "chi_square" not in card.facts:
        return None
    observed, expected = (dict(card.facts[name]) for name in ("observed", "expected"))  # type: ignore[call-overload]
    lines = [
        f"{case.named(arm)}: O = {n}, E = {expected[arm]:g}"
        for arm, n in observed.items()
        if arm in expected
    ]
    lines.append(
        f"χ² = {card.facts['chi_square']:.6g}, {card.facts['degrees_of_freedom']} degrees of "
        f"freedom, p = {number(card.p_value)}"
    )
    return Step("Sample ratio", TRAFFIC, "\n".join(lines))


def _precision(case: Case) -> Step | None:
    told = case.result.progress
    first = next((m for m in case.result.metrics if m.role == "primary"), None)
    reached = told.relative_minimum_detectable_effect if told else None
    if reached is None or first is None or first.key != case.found.key:
        return None
    plan, control = case.design.plan, case.found.arm(case.design.reference)
    formula = (
        "the lift whose test has the planned power: δ with n of both arms in\n"
        "δ = (z_{1 − α/2m} + z_power) √(v_t / n_t + v_c / n_c),  lift = δ / control"
    )
    numbers = (
        f"α = {plan.alpha:g}, m = {case.design.comparisons}, power = {plan.power:g}, control = "
        f"{number(control.value)}: smallest visible lift = {number(reached)}"
    )
    return Step("Smallest visible lift", formula, numbers)


BETA = """\
rate ~ Beta(a + x, b + n − x), one for each version
chance = P(rate_t on the good side of rate_c); loss = E[what is lost if the choice is wrong]"""
NORMAL = """\
difference ~ t(d, SE, f) around what was measured (flat prior)
chance = P(difference on the good side of 0); loss = E[what is lost if the choice is wrong]"""
SHRUNK = """\
lift ~ N(k L, k SE²), k = D² / (D² + SE²), D the prior's deviation, L the measured lift
chance = P(lift on the good side of 0); loss = E[what is lost if the choice is wrong]"""


def _chances(case: Case) -> Step | None:
    told = case.contrast.bayes
    if told is None:
        return None
    formula = SHRUNK if "lift" in told.prior else BETA if "Beta" in told.prior else NORMAL
    counts = [
        f"{case.named(arm.variant)}: x = {arm.conversions}, n = {arm.n}"
        for arm in case.found.arms
        if arm.conversions is not None
        and arm.variant in {case.design.reference, case.treatment}
    ]
    lines = [
        f"prior: {told.prior}",
        *counts,
        f"d = {number(case.contrast.difference)}, L = {number(case.contrast.relative_lift)}",
        f"chance to be better = {number(told.probability_better)}",
        (
            f"loss if shipped = {number(told.expected_loss_if_treatment)}, if kept = "
            f"{number(told.expected_loss_if_control)}"
        ),
        (
            f"credible at {words.level(told.credible_level)}: "
            f"{number(told.relative_lift_ci_lower)} to {number(told.relative_lift_ci_upper)}"
        ),
    ]
    return Step("Chance to be better", formula, "\n".join(lines))


_WRITERS: tuple[Callable[[Case], Step | None], ...] = (
    _arms, corrected, looks, limit_step, _phases, _all_arms, _chances, _traffic, _precision,
)  # fmt: skip


def _ends(arm: ArmResult) -> str:
    return f"{number(arm.ci_lower)} to {number(arm.ci_upper)}"
