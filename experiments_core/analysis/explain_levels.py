"""How strictly one comparison was judged: its family, its looks, its limit."""

from __future__ import annotations

from experiments_core.analysis import words
from experiments_core.analysis.explain_step import Case, Step, number, number_or
from experiments_core.analysis.groups import is_rate
from experiments_core.stats.estimate import Undefined

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


def corrected(case: Case) -> Step | None:
    """The p-value among those of its family."""
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
    ordered = sorted(known, key=lambda one: number_or(one[0]))
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


def looks(case: Case) -> Step | None:
    """The level at this look."""
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


def limit_step(case: Case) -> Step | None:
    """A guardrail against its limit."""
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
