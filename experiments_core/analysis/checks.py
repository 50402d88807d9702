"""Health cards: may these numbers be used? A pass stays quiet, a fail closes the gate."""

from __future__ import annotations

from collections.abc import Sequence

from experiments_core.analysis import words
from experiments_core.analysis.covariate_checks import covariates
from experiments_core.analysis.design import Design, Quality
from experiments_core.analysis.families import shortfall
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import Check, MetricResult
from experiments_core.analysis.stage import Stage, is_below_runtime
from experiments_core.analysis.traffic_checks import (
    heterogeneous_phases,
    phase_unknown,
    primary_contrasts,
    sample_ratio,
    split_changed,
)
from experiments_core.domain.metric import MetricRole
from experiments_core.stats import sequential
from experiments_core.stats.estimate import Undefined

CROSSED_AMBER, CROSSED_RED = 0.01, 0.1
SERVED_AMBER, SERVED_RED = 0.001, 0.01
LEFT_OUT_AMBER, LEFT_OUT_RED = 0.01, 0.1
STALE_DAYS = 2
LARGE_LIFT = 0.5
LARGE_AGAINST_PLAN = 3

TAKES_CARE = {
    "fixed": "here the one test at the planned end decides.",
    "always_valid": "a confidence sequence decides, which holds however often you look.",
    "group_sequential": (
        "each look spends its part of alpha (Lan-DeMets, O’Brien-Fleming type, half per side)."
    ),
}

Metrics = Sequence[MetricResult]


def health(
    design: Design, groups: Groups, at: Stage, metrics: Metrics, quality: Quality
) -> tuple[Check, ...]:
    """Every card that applies, in the order of the strip."""
    if not groups.total(groups.arms):
        return ()
    cards = (
        sample_ratio(design, groups),
        crossed_units(design, groups, quality),
        served_vs_assigned(design, groups, quality),
        contaminated_units(design, quality),
        covariates(metrics),
        left_out_rows(quality),
        phase_unknown(design, groups),
        split_changed(design, metrics),
        heterogeneous_phases(metrics),
        minimum_reached(design, groups, at),
        suspicious_lift(metrics),
        freshness(design),
        looks(design, at),
    )
    return tuple(card for card in cards if card is not None)


def closed_by(health: Sequence[Check]) -> Check | None:
    """The first red card: it forbids a verdict."""
    return next((card for card in health if card.level == "fail"), None)


def crossed_units(design: Design, groups: Groups, quality: Quality) -> Check | None:
    """Units seen in more than one arm."""
    crossed = quality.crossed_units
    if design.basis != "units" or crossed is None:
        return None
    counted = groups.total(groups.arms)
    share = crossed / (counted + crossed * quality.crossed_left_out) if crossed else 0.0
    facts: dict[str, object] = {"units": crossed, "share": share}
    if not crossed:
        return Check(
            "crossed_units", "pass", "In both arms", "none", "No unit was in two arms.",
            facts=facts,
        )  # fmt: skip
    level = "fail" if share > CROSSED_RED else "warn" if share > CROSSED_AMBER else "pass"
    out, first, was = (
        ("is left out", "counts by where it was first", "was") if crossed == 1
        else ("are left out", "count by where they were first", "were")
    )  # fmt: skip
    fate = out if quality.crossed_left_out else first
    message = (
        f"{words.plural(crossed, design.unit)} ({words.percent(share)}) {was} in both versions "
        f"and {fate}."
    )
    if level == "fail":
        message += " That is too many: find out why before you use the numbers."
    return Check("crossed_units", level, "In both arms", words.percent(share), message,
                 facts=facts)  # fmt: skip


def served_vs_assigned(design: Design, groups: Groups, quality: Quality) -> Check | None:
    """Units whose client says that it served another arm than they were assigned."""
    wrong = quality.served_otherwise
    if wrong is None:
        return None
    counted = groups.total(groups.arms)
    share = wrong / counted if counted else 0.0
    facts: dict[str, object] = {"units": wrong, "share": share}
    title = "Served as assigned"
    if not wrong:
        message = "No client reported another version than the one assigned."
        return Check("served_vs_assigned", "pass", title, "all", message, facts=facts)
    level = "fail" if share > SERVED_RED else "warn" if share > SERVED_AMBER else "pass"
    message = (
        f"{words.plural(wrong, design.unit)} ({words.percent(share)}) "
        f"{'was' if wrong == 1 else 'were'} served another version than the one assigned. "
        "They are analysed as assigned."
    )
    if level == "fail":
        message += " Mend the client before you use the numbers."
    short = f"{words.percent(share)} not"
    return Check("served_vs_assigned", level, title, short, message, facts=facts)


def contaminated_units(design: Design, quality: Quality) -> Check | None:
    """Units that somebody gave a version by hand."""
    units = quality.contaminated
    if not units:
        return None
    message = (
        f"{words.plural(units, design.unit)} got a version by hand and "
        f"{'is' if units == 1 else 'are'} left out."
    )
    facts: dict[str, object] = {"units": units}
    return Check("contaminated_units", "info", "Given by hand", words.count(units), message,
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


def minimum_reached(design: Design, groups: Groups, at: Stage) -> Check | None:
    """The plan's minima of runtime, units and conversions."""
    lacks = too_few(design, groups) or too_short(design)
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


def too_few(design: Design, groups: Groups) -> str | None:
    """Which arm lacks units or conversions of a primary metric, in one sentence."""
    for metric in design.of_role(MetricRole.PRIMARY):
        for treatment in design.treatments:
            strata = groups.strata(metric, design.reference, treatment)
            found = shortfall(design, metric, strata) if groups.has(metric) else None
            if found is None:
                continue
            side, count, least, what = found
            arm = design.named(treatment if side else design.reference)
            noun = design.unit if what == "units" else "conversion"
            return (
                f"{words.plain(arm, 60)} has {words.plural(count, noun)}, we start at "
                f"{words.count(least)}."
            )
    return None


def too_short(design: Design) -> str | None:
    """How many days the plan still asks for, in one sentence."""
    if design.days is None or not is_below_runtime(design):
        return None
    return (
        f"The test has run {words.plural(design.days, 'day')}, the plan asks for "
        f"{design.plan.min_runtime_days}."
    )


def suspicious_lift(metrics: Metrics) -> Check | None:
    """A lift too good to be believed without a second look (Twyman's law)."""
    worst: tuple[float, MetricResult] | None = None
    for metric, contrast in primary_contrasts(metrics):
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


def looks(design: Design, at: Stage) -> Check | None:
    """How often somebody has looked, and what takes care of it."""
    if design.status is None:
        return None
    number = design.looks + 1
    facts: dict[str, object] = {"looks": number, "method": at.deciding}
    message = (
        f"This is look {number}. Every look at a running test is a chance to be misled; "
        f"{TAKES_CARE[at.deciding]}"
    )
    if at.deciding == "group_sequential":
        now = at.information[-1]
        used = sequential.spent(1.0 if at.is_last else now, design.plan.alpha)
        facts |= {"information": now, "alpha_spent": used}
        message += (
            f" With {words.percent(now, 0)} of the planned units, "
            f"{used:.2g} of {design.plan.alpha:g} is spent."
        )
    return Check("looks", "pass", "Looks", str(number), message, facts=facts)
