"""Health cards: may these numbers be used? A pass stays quiet, a fail closes the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments_core.analysis import words
from experiments_core.analysis.design import Design, PhaseDesign, Quality
from experiments_core.analysis.families import shortfall
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import Check, Contrast, MetricResult
from experiments_core.analysis.stage import Stage, is_below_runtime
from experiments_core.domain.metric import MetricRole
from experiments_core.stats import srm
from experiments_core.stats.estimate import Undefined

CROSSED_AMBER, CROSSED_RED = 0.01, 0.1
LEFT_OUT_AMBER, LEFT_OUT_RED = 0.01, 0.1
UNPLACED_RED = 0.1
STALE_DAYS = 2
LARGE_LIFT = 0.5
LARGE_AGAINST_PLAN = 3
HETEROGENEOUS = 0.05

Metrics = Sequence[MetricResult]


def health(
    design: Design, groups: Groups, at: Stage, metrics: Metrics, quality: Quality
) -> tuple[Check, ...]:
    """Every card that applies, in the order of the strip."""
    cards = (
        sample_ratio(design, groups),
        crossed_units(design, groups, quality),
        left_out_rows(quality),
        phase_unknown(design, groups),
        split_changed(design, metrics),
        heterogeneous_phases(metrics),
        minimum_reached(design, groups, at),
        suspicious_lift(metrics),
        freshness(design),
        looks(design),
    )
    return tuple(card for card in cards if card is not None)


def closed_by(health: Sequence[Check]) -> Check | None:
    """The first red card: it forbids a verdict."""
    return next((card for card in health if card.level == "fail"), None)


def sample_ratio(design: Design, groups: Groups) -> Check:
    """Units against the planned split, phase by phase."""
    weights = [phase.weights for phase in design.phases][: groups.phases]
    arms = dict.fromkeys((*design.arms, *groups.arms))
    strata = [
        ({arm: groups.units(arm, k) for arm in arms}, planned)
        for k, planned in enumerate(weights, start=1)
    ]
    found = srm.sample_ratio(strata)
    p = found.p_value
    facts: dict[str, object] = {
        "observed": {arm: groups.units(arm) for arm in arms},
        "expected": {arm: round(n, 1) for arm, n in found.expected.items()},
        "residuals": {arm: round(r, 3) for arm, r in found.residuals.items()},
        "degrees_of_freedom": found.degrees_of_freedom,
        "by_phase": _ratio_by_phase(strata),
    }
    if not isinstance(found.chi_square, Undefined):
        facts["chi_square"] = found.chi_square

    def card(level: str, short: str, message: str) -> Check:
        return Check("sample_ratio_mismatch", level, "Sample ratio", short, message, p, facts)

    if isinstance(p, Undefined):
        if p.reason == "unexpected_arm":
            return card("fail", "unplanned arm", _unexpected(design, groups))
        return card("info", "too early", "Too few units to check the split yet.")
    shares = _shares(design, groups, found.expected)
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
    return card("pass", words.p(p), f"Units came as planned: {shares}.")


def crossed_units(design: Design, groups: Groups, quality: Quality) -> Check | None:
    """Units seen in more than one arm."""
    if design.basis != "units":
        return None
    crossed = quality.crossed_units
    counted = groups.total(groups.arms)
    share = crossed / (counted + crossed * quality.crossed_left_out) if crossed else 0.0
    facts: dict[str, object] = {"units": crossed, "share": share}
    if not crossed:
        return Check(
            "crossed_units", "pass", "In both arms", "none", "No unit was in two arms.",
            facts=facts,
        )  # fmt: skip
    level = "fail" if share > CROSSED_RED else "warn" if share > CROSSED_AMBER else "pass"
    fate = "are left out" if quality.crossed_left_out else "count by where they were first"
    message = (
        f"{words.plural(crossed, design.unit)} ({words.percent(share)}) "
        f"{'was' if crossed == 1 else 'were'} in both versions and {fate}."
    )
    if level == "fail":
        message += " That is too many: find out why before you use the numbers."
    return Check("crossed_units", level, "In both arms", words.percent(share), message,
                 facts=facts)  # fmt: skip


def left_out_rows(quality: Quality) -> Check | None:
    """Rows that broke a rule; repeats and crossovers are left out on purpose."""
    if not quality.rows_read:
        return None
    share = quality.rows_rejected / quality.rows_read
    level = "fail" if share > LEFT_OUT_RED else "warn" if share > LEFT_OUT_AMBER else "pass"
    out = quality.rows_left_out
    message = f"{words.count(out)} of {words.plural(quality.rows_read, 'row')} left out."
    if level != "pass":
        message += (
            f" {words.plural(quality.rows_rejected, 'row')} ({words.percent(share)}) broke a "
            "rule; see the import's report."
        )
    short = words.plural(out, "row") if out else "none"
    facts: dict[str, object] = {
        "rows_read": quality.rows_read,
        "rows_left_out": out,
        "rows_rejected": quality.rows_rejected,
    }
    return Check("left_out_rows", level, "Left out", short, message, facts=facts)


def phase_unknown(design: Design, groups: Groups) -> Check | None:
    """Units without a time, in a test whose split changed."""
    if len(design.phases) < 2 or not groups.unplaced:
        return None
    facts: dict[str, object] = {"units": groups.unplaced}
    counted = groups.total(groups.arms)
    if groups.phases == 1:
        message = (
            "The split changed, and the data have no first-seen time to say which split a "
            f"{design.unit} saw: totals may mislead."
        )
        return Check("phase_unknown", "fail", "Phase unknown", "", message, facts=facts)
    share = groups.unplaced / (groups.unplaced + counted)
    level = "fail" if share > UNPLACED_RED else "warn"
    message = (
        f"{words.plural(groups.unplaced, design.unit)} ({words.percent(share)}) have no "
        "first-seen time. Nobody knows which split they saw, so they are left out."
    )
    return Check("phase_unknown", level, "Phase unknown", words.percent(share), message,
                 facts=facts)  # fmt: skip


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
    for _, contrast in _primary(metrics):
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
        for metric, contrast in _primary(metrics)
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


def minimum_reached(design: Design, groups: Groups, at: Stage) -> Check | None:
    """The plan's minima of runtime, units and conversions."""
    lacks = lacking(design, groups)
    plan = design.plan
    if lacks is None:
        message = "The plan's minimum runtime, units and conversions are reached."
        return Check("minimum_reached", "pass", "Minimum", "reached", message)
    level = "info"
    tail = "" if not at.final else " The test is over, so the result is shown all the same."
    facts: dict[str, object] = {
        "min_runtime_days": plan.min_runtime_days,
        "min_units_per_arm": plan.min_units_per_arm,
        "min_conversions_per_arm": plan.min_conversions_per_arm,
    }
    return Check("minimum_reached", level, "Minimum", "not reached", lacks + tail, facts=facts)


def lacking(design: Design, groups: Groups) -> str | None:
    """What a look still lacks, in one sentence; the first primary metric speaks for all."""
    for metric in design.of_role(MetricRole.PRIMARY):
        if not groups.has(metric):
            continue
        for treatment in design.treatments:
            found = shortfall(
                design, metric, groups.strata(metric, design.reference, treatment)
            )
            if found is None:
                continue
            side, count, least, what = found
            arm = design.named(treatment if side else design.reference)
            noun = f"{design.unit}s" if what == "units" else what
            return (
                f"{words.plain(arm, 60)} has {words.count(count)} {noun}, we start at "
                f"{words.count(least)}."
            )
    if is_below_runtime(design):
        return (
            f"The test has run {words.plural(design.days or 0, 'day')}, the plan asks for "
            f"{design.plan.min_runtime_days}."
        )
    return None


def suspicious_lift(metrics: Metrics) -> Check | None:
    """A lift too good to be believed without a second look (Twyman's law)."""
    worst: tuple[float, MetricResult] | None = None
    for metric, contrast in _primary(metrics):
        lift = contrast.relative_lift
        if isinstance(lift, Undefined) or not contrast.significant:
            continue
        asked = metric.relative_minimum_detectable_effect
        limit = min(LARGE_LIFT, LARGE_AGAINST_PLAN * asked) if asked else LARGE_LIFT
        if abs(lift) > limit and (worst is None or abs(lift) > abs(worst[0])):
            worst = lift, metric
    if worst is None:
        return Check(
            "suspicious_lift", "pass", "Effect", "plausible", "No effect is too large."
        )
    shown = words.lift(worst[0])
    message = (
        f"{words.plain(worst[1].name, 60)} moved by {shown}. Effects this large are mostly "
        "faults of counting: check the data before you believe it."
    )
    return Check("suspicious_lift", "warn", "Effect", shown, message)


def freshness(design: Design) -> Check | None:
    """When the newest unit was first seen."""
    if design.newest is None:
        return None
    moment = f"{words.day(design.newest, year=True)} {design.newest:%H:%M}"
    stale = design.age_days is not None and design.age_days > STALE_DAYS
    label, short = "Data to", f"{words.day(design.newest)} {design.newest:%H:%M}"
    if design.status == "running" and not design.said_over and stale:
        message = f"The newest {design.unit} came on {moment} UTC. Import the latest data."
        return Check("freshness", "warn", label, short, message)
    return Check("freshness", "pass", label, short, f"Data reach to {moment} UTC.")


def looks(design: Design) -> Check | None:
    """How often somebody has looked."""
    if design.status is None:
        return None
    number = design.looks + 1
    message = f"This is look {number}. Every look at a running test is a chance to be misled."
    return Check("looks", "pass", "Looks", str(number), message, facts={"looks": number})


def _primary(metrics: Metrics) -> list[tuple[MetricResult, Contrast]]:
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


def _shares(design: Design, groups: Groups, expected: Mapping[str, float]) -> str:
    """``52.1 / 47.9 instead of 50 / 50``, over all phases."""
    arms = [arm for arm in design.arms if arm in expected]
    seen = sum(groups.units(arm) for arm in arms)
    asked = sum(expected[arm] for arm in arms)
    is_off = [f"{100 * groups.units(arm) / seen:.1f}" for arm in arms]
    planned = [f"{100 * expected[arm] / asked:.4g}" for arm in arms]
    return f"{' / '.join(is_off)} instead of {' / '.join(planned)}"


def _ratio_by_phase(
    strata: Sequence[tuple[Mapping[str, int], Mapping[str, float]]],
) -> list[dict[str, object]]:
    if len(strata) < 2:
        return []
    rows: list[dict[str, object]] = []
    for stratum in strata:
        p = srm.sample_ratio([stratum]).p_value
        rows.append({
            "observed": dict(stratum[0]),
            "weights": dict(stratum[1]),
            "p_value": None if isinstance(p, Undefined) else p,
        })  # fmt: skip
    return rows


def _change(before: PhaseDesign, after: PhaseDesign) -> str:
    when = f"on {words.day(after.started)} " if after.started else ""
    return f"{when}({_split(before)} → {_split(after)})"


def _split(phase: PhaseDesign) -> str:
    total = sum(phase.weights.values()) or 1.0
    return "/".join(f"{100 * weight / total:.4g}" for weight in phase.weights.values())
