"""How every further number of a result came about: formula, numbers put in, what came out.

:mod:`experiments_core.analysis.explain` writes one comparison out; here stands what surrounds
it: each arm by itself, correction, looks, limit, phases, all arms at once, traffic, precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from experiments_core.analysis import comparing, words
from experiments_core.analysis.design import Design
from experiments_core.analysis.groups import Groups, is_quantile, is_rate
from experiments_core.analysis.results import (
    ArmResult,
    Contrast,
    ExperimentResult,
    MetricResult,
    PhaseResult,
)
from experiments_core.domain.metric import Metric
from experiments_core.stats.contrasts import critical_value
from experiments_core.stats.estimate import Undefined, Value


@dataclass(frozen=True, slots=True)
class Step:
    """One number, or a few that belong together.

    Attributes:
        title: What they are.
        formula: In symbols, with its source.
        numbers: The same with the numbers put in.
    """

    title: str
    formula: str
    numbers: str


@dataclass(frozen=True, slots=True)
class _Case:
    result: ExperimentResult
    groups: Groups
    design: Design
    metric: Metric
    found: MetricResult
    treatment: str
    contrast: Contrast

    def named(self, arm: str) -> str:
        return words.plain(self.design.named(arm), 40)


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
    case = _Case(result, groups, design, ours, found, treatment, contrast)
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


def _arms(case: _Case) -> Step:
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


def _level(case: _Case, arm: ArmResult) -> str:
    value = number(arm.value)
    if arm.conversions is not None and case.groups.phases == 1:
        return f"p = {arm.conversions} / {arm.n} = {value}"
    spread = arm.standard_deviation
    return f"{value}, n = {arm.n}" + ("" if spread is None else f", s = {spread:.6g}")


HOLM = "p_(i) corrected = largest of (m − j + 1) p_(j) over j ≤ i, at most 1  (Holm 1979)"
CORRECTIONS = {
    "holm": HOLM,
    "hochberg": "p_(i) corrected = smallest of (m − j + 1) p_(j) over j ≥ i  (Hochberg 1988)",
    "bonferroni": "p corrected = m p, at most 1",
    "bh": "p_(i) corrected = smallest of m p_(j) / j over j ≥ i (Benjamini & Hochberg 1995)",
    "by": (
        "p_(i) corrected = smallest of m c p_(j) / j over j ≥ i, c = Σ 1/k for k ≤ m  "
        "(Benjamini & Yekutieli 2001)"
    ),
}


def _corrected(case: _Case) -> Step | None:
    ours = case.contrast
    if ours.family_size < 2 or ours.correction not in CORRECTIONS:
        return None
    members = [
        (arm.contrast.p_value, arm.contrast.p_value_adjusted, metric.name, arm.variant)
        for metric in case.result.metrics
        for arm in metric.arms
        if arm.contrast is not None and arm.contrast.family == ours.family
    ]
    known = [one for one in members if not isinstance(one[0], Undefined)]
    ordered = sorted(known, key=lambda one: _number_or(one[0]))
    lines = [f"m = {ours.family_size} comparisons of the {ours.family} metrics"]
    lines += [
        f"p_({i}) = {number(p)} → {number(adjusted)}  "
        f"{words.plain(name, 40)}, {case.named(variant)}"
        for i, (p, adjusted, name, variant) in enumerate(ordered, start=1)
    ]
    lines.append(f"the intervals of this one stand at {words.level(ours.confidence_level)}")
    return Step("Corrected p-value", CORRECTIONS[ours.correction], "\n".join(lines))


ALWAYS = """\
u = n (−2 ln α + ln(1 − 2 ln α)) / N,  N the n at which c is smallest, from the plan
c = √(2 (u + 1)/u (ln √(u + 1) − ln α)),  level = 2 Φ(c) − 1  (Waudby-Smith et al. 2024)
|z| > c decides at any look"""
SPENDING = """\
α(t) = 4 (1 − Φ(z_{1 − α/4} / √t)),  t = units / planned units  (Lan & DeMets 1983)
the bound at a look spends α(t) − α(t of the look before); |z| above it decides"""


def _looks(case: _Case) -> Step | None:
    early = case.contrast.sequential
    if early is None:
        return None
    at = f"level of the interval at this look = {early.confidence_level:.6g}"
    ends = f"{number(early.relative_lift_ci_lower)} to {number(early.relative_lift_ci_upper)}"
    if early.method == "group_sequential":
        lines = [
            f"t = {early.information or 0:.6g}, α(t) = {early.alpha_spent or 0:.6g}",
            f"bound = {number(early.bound)}, z = {number(case.contrast.statistic)}",
        ]
    else:
        n = sum(case.found.arm(a).n for a in (case.design.reference, case.treatment))
        lines = [
            (
                f"n = {n}, N = {case.design.tuned_to(case.treatment)}, "
                f"α = {case.design.plan.alpha / case.contrast.family_size:.6g}"
            ),
            f"always-valid p = {number(early.p_value_always_valid)}",
        ]
    title = "At this look" if early.decides else "Thin line: if you had looked at any time"
    formula = SPENDING if early.method == "group_sequential" else ALWAYS
    return Step(title, formula, "\n".join([*lines, at, f"lift: {ends}"]))


def _limit(case: _Case) -> Step | None:
    contrast, found = case.contrast, case.found
    if contrast.guardrail is None:
        return None
    relative = found.non_inferiority_margin
    margin = relative if relative is not None else found.non_inferiority_margin_absolute
    sign = "+" if found.preferred_direction == "decrease" else "−"
    limit = f"(1 {sign} M) c" if relative is not None else f"c {sign} M"
    test = (
        "z of the score at the limit, variance under it (Farrington & Manning 1990)"
        if is_rate(case.metric)
        else "t = (m_t − limit) / √(variance of the numerator)"
    )
    formula = f"H0: t is at the limit {limit} or beyond; one-sided\n{test}"
    lines = [
        f"M = {margin:.6g}" if margin is not None else "no margin",
        (
            f"p against the limit = {number(contrast.guardrail_p_value)}, to be below "
            f"{case.design.plan.alpha / 2:g}"
        ),
        f"answer: {contrast.guardrail.replace('_', ' ')}",
    ]
    return Step("Against the limit", formula, "\n".join(lines))


PHASES = """\
Q = Σ (d_k − d̄)² / v_k,  d̄ = Σ (d_k / v_k) / Σ (1 / v_k)  (Cochran 1954)
p from χ² with (phases − 1) degrees of freedom"""


def _phases(case: _Case) -> Step | None:
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


def _all_arms(case: _Case) -> Step | None:
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


def _traffic(case: _Case) -> Step | None:
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


def _precision(case: _Case) -> Step | None:
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


def _chances(case: _Case) -> Step | None:
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


_WRITERS: tuple[Callable[[_Case], Step | None], ...] = (
    _arms, _corrected, _looks, _limit, _phases, _all_arms, _chances, _traffic, _precision,
)  # fmt: skip


def _ends(arm: ArmResult) -> str:
    return f"{number(arm.ci_lower)} to {number(arm.ci_upper)}"


def _number_or(value: Value) -> float:
    return math.inf if isinstance(value, Undefined) else value


def number(value: Value | None) -> str:
    """A number to six digits, or why there is none."""
    if value is None:
        return "none"
    return f"none ({value.reason})" if isinstance(value, Undefined) else f"{value:.6g}"
