"""Health cards about the traffic: did the arms get the units that were asked for, and when?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments_core.analysis import words
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import Check, MetricResult
from experiments_core.domain.metric import MetricRole
from experiments_core.stats import srm
from experiments_core.stats.estimate import Undefined

UNPLACED_RED = 0.1
HETEROGENEOUS = 0.05
SMALL_SPLIT = 200
"""Units in all below which the exact test of a split of two arms is told too."""

Metrics = Sequence[MetricResult]
Strata = Sequence[tuple[Mapping[str, int], Mapping[str, float]]]
"""Per phase: units by arm, planned weights."""


def sample_ratio(design: Design, groups: Groups) -> Check:
    """Units against the planned split, phase by phase; the holdout has no share of it."""
    groups = groups.without(design.holdout)
    if groups.lost:
        message = f"{_why_unplaced(design)}, and nobody knows which split the units saw."
        return Check("sample_ratio_mismatch", "info", "Sample ratio", "not checked", message,
                     Undefined("phase_unknown"))  # fmt: skip
    weights = [phase.weights for phase in design.phases]
    arms = dict.fromkeys((*design.arms, *groups.arms))
    arms.pop(design.holdout or "", None)
    strata = [
        ({arm: groups.units(arm, k) for arm in arms}, planned)
        for k, planned in enumerate(weights, start=1)
    ]
    found = srm.sample_ratio(strata)
    p = found.p_value
    exact = _exact(strata)
    observed = {arm: groups.units(arm) for arm in arms}
    facts = {"observed": observed, **_facts(strata, found, exact)}

    def card(level: str, short: str, message: str) -> Check:
        return Check("sample_ratio_mismatch", level, "Sample ratio", short, message, p, facts)

    if isinstance(p, Undefined):
        if p.reason == "unexpected_arm":
            return card("fail", "unplanned arm", _unexpected(design, groups))
        told = "" if exact is None else f" Exact binomial test: {words.p(exact)}, no alarm."
        return card("info", "too early", f"Too few units to check the split yet.{told}")
    seen, asked = _shares(design, groups, found.expected)
    shares = f"{seen} instead of {asked}"
    if p < srm.ALARM:
        return card(
            "fail",
            words.p(p),
            f"Traffic is not what you asked for: {shares} ({words.p(p)}). Something decides "
            "who is counted. Do not use the rows below until you know what.",
        )
    if p < srm.LOOK_AGAIN:
        again = "" if design.finished else " Check again tomorrow."
        message = f"Slightly off ({words.p(p)}): {shares}. May be chance.{again}"
        return card("warn", words.p(p), message)
    return card("pass", words.p(p), f"Units came as planned: {seen}, {asked} was asked for.")


def _facts(strata: Strata, found: srm.SampleRatio, exact: float | None) -> dict[str, object]:
    facts: dict[str, object] = {
        "expected": {arm: round(n, 1) for arm, n in found.expected.items()},
        "residuals": {arm: round(r, 3) for arm, r in found.residuals.items()},
        "degrees_of_freedom": found.degrees_of_freedom,
        "by_phase": _ratio_by_phase(strata),
    }
    if not isinstance(found.chi_square, Undefined):
        facts["chi_square"] = found.chi_square
    if exact is not None:
        facts["exact_p_value"] = exact
    return facts


def _exact(strata: Strata) -> float | None:
    """The exact p-value beside the chi-square, where two arms of one phase are small."""
    if len(strata) != 1 or sum(weight > 0 for weight in strata[0][1].values()) != 2:
        return None
    observed, weights = strata[0]
    if not 0 < sum(observed.values()) < SMALL_SPLIT:
        return None
    found = srm.exact_sample_ratio_p_value(observed, weights)
    return None if isinstance(found, Undefined) else found


def phase_unknown(design: Design, groups: Groups) -> Check | None:
    """Units without a time, in a test whose split changed or whose arms were dealt anew."""
    if not groups.unplaced:
        return None
    facts: dict[str, object] = {"units": groups.unplaced}
    counted = groups.total(groups.arms)
    if groups.lost:
        message = (
            f"{_why_unplaced(design)}, and the data have no first-seen time to say which split "
            f"a {design.unit} saw: totals may mislead."
        )
        return Check("phase_unknown", "fail", "Phase unknown", "", message, facts=facts)
    share = groups.unplaced / (groups.unplaced + counted)
    level = "fail" if share > UNPLACED_RED else "warn"
    message = (
        f"{words.plural(groups.unplaced, design.unit)} ({words.percent(share)}) have no "
        f"first-seen time. {_why_unplaced(design)}, and nobody knows which split they saw, so "
        "they are left out."
    )
    return Check("phase_unknown", level, "Phase unknown", words.percent(share), message,
                 facts=facts)  # fmt: skip


def _why_unplaced(design: Design) -> str:
    return "The split changed" if len(design.phases) > 1 else "The arms were dealt anew"


def split_changed(design: Design, metrics: Metrics) -> Check | None:
    """The weights of the arms changed while the test ran."""
    if len(design.phases) < 2:
        return None
    changes = [
        _change(before, after)
        for before, after in zip(design.phases, design.phases[1:], strict=False)
    ]
    message = (
        f"The split changed {'; '.join(changes)}. Numbers are computed inside each phase and "
        "combined."
    )
    wrong = misleading_total(metrics)
    if wrong is not None:
        message += f" {wrong}"
    times = "once" if len(changes) == 1 else f"{len(changes)} times"
    facts: dict[str, object] = {"changes": len(changes), "misleading_total": wrong is not None}
    return Check("split_changed", "info", f"Split changed {times}", "", message, facts=facts)


def misleading_total(metrics: Metrics) -> str | None:
    """The sentence about a primary metric whose plain total says something else."""
    for _, contrast in primary_contrasts(metrics):
        total = contrast.plain_total
        if total is None or not total.misleading:
            continue
        if isinstance(total.relative_lift, Undefined):
            return "The plain total says something else and is wrong."
        return f"The plain total says {words.lift(total.relative_lift)} and is wrong."
    return None


def heterogeneous_phases(metrics: Metrics) -> Check | None:
    """The effect of a primary metric differs between the phases by more than noise."""
    found = [
        (metric, contrast.heterogeneity_p_value)
        for metric, contrast in primary_contrasts(metrics)
        if contrast.heterogeneity_p_value is not None
    ]
    known = [(m, p) for m, p in found if not isinstance(p, Undefined)]
    if not known:
        return None
    metric, p = min(known, key=lambda pair: pair[1])
    if p < HETEROGENEOUS:
        message = (
            f"The effect on {words.plain(metric.name, 60)} was not the same in all phases "
            f"({words.p(p)}). The combined number is an average over different effects; look "
            "at the phases."
        )
        return Check("heterogeneous_phases", "warn", "Phases differ", words.p(p), message, p)
    message = f"The effect is alike in all phases ({words.p(p)})."
    return Check("heterogeneous_phases", "pass", "Phases agree", words.p(p), message, p)


def primary_contrasts(metrics: Metrics) -> list[tuple[MetricResult, Contrast]]:
    """Every primary metric with every treatment."""
    return [
        (metric, arm.contrast)
        for metric in metrics
        if metric.role == MetricRole.PRIMARY
        for arm in metric.arms
        if arm.contrast is not None
    ]


def _unexpected(design: Design, groups: Groups) -> str:
    """Name the arms that nobody planned, with their units."""
    planned = {arm for phase in design.phases for arm, w in phase.weights.items() if w > 0}
    strange = [arm for arm in groups.arms if arm not in planned] or [
        arm
        for arm in groups.arms
        for k, phase in enumerate(design.phases[: groups.phases], start=1)
        if groups.units(arm, k) and not phase.weights.get(arm)
    ]
    listed = ", ".join(
        f"{words.plain(design.named(arm), 60)} ({words.count(groups.units(arm))})"
        for arm in dict.fromkeys(strange)
    )
    return (
        f"Units are in an arm that the split gives nobody: {listed}. Correct the split, or "
        "leave these rows out of the file."
    )


def _shares(design: Design, groups: Groups, expected: Mapping[str, float]) -> tuple[str, str]:
    """``52.1 / 47.9`` and ``50 / 50``, over all phases."""
    arms = [arm for arm in design.arms if arm in expected]
    seen = sum(groups.units(arm) for arm in arms)
    asked = sum(expected[arm] for arm in arms)
    is_off = [f"{100 * groups.units(arm) / seen:.1f}" for arm in arms]
    planned = [f"{100 * expected[arm] / asked:.4g}" for arm in arms]
    return " / ".join(is_off), " / ".join(planned)


def _ratio_by_phase(
    strata: Sequence[tuple[Mapping[str, int], Mapping[str, float]]],
) -> list[dict[str, object]]:
    if len(strata) < 2:
        return []
    rows: list[dict[str, object]] = []
    for stratum in strata:
        p = srm.sample_ratio([stratum]).p_value
        shown: dict[str, object] = {"p_value": p}
        if isinstance(p, Undefined):
            shown = {"p_value": None, "p_value_reason": p.reason}
        rows.append({"observed": dict(stratum[0]), "weights": dict(stratum[1]), **shown})
    return rows


def _change(before: PhaseDesign, after: PhaseDesign) -> str:
    when = f"on {words.day(after.started)} " if after.started else ""
    if before.weights == after.weights:
        return f"{when}(another share was held out)"
    return f"{when}({_split(before)} → {_split(after)})"


def _split(phase: PhaseDesign) -> str:
    total = sum(phase.weights.values()) or 1.0
    return "/".join(f"{100 * weight / total:.4g}" for weight in phase.weights.values())
