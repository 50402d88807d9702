"""What has been typed for a new experiment. It lives in the session, step after step.

Every field keeps its text while other steps or pages are shown; nothing typed is dropped when
a save is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.definition import Definition, metric_of
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.metric import Direction, Metric, MetricKind, MetricRole
from experiments_core.domain.metric_kinds import Mean
from experiments_core.domain.shares import equal_weights
from experiments_core.services.planning_design import Design
from pages.parts import entry

PREFIX = "create-"
KEEP: dict[str, Any] = {"persist_state": "session"}
BASE = "create-base"
ARMS, METRICS = "arm-ids", "metric-ids"
PLANNED_FROM = "planned-from"

BLANKS = ("change", "whom", "metric", "effect", "why")
SENTENCE = re.compile(
    r"If we (?P<change>.+) for (?P<whom>.+), then (?P<metric>.+) will (?P<effect>.+), "
    r"because (?P<why>.+)\."
)
FORM_KINDS = {
    MetricKind.PROPORTION: "rate", MetricKind.MEAN: "mean", MetricKind.COUNT: "count",
    MetricKind.RATIO: "ratio", MetricKind.QUANTILE: "quantile",
}  # fmt: skip
PLAN_START = {
    "baseline": "", "mean": "", "sd": "", "lift": "5", "lift-in": "%", "alpha": 0.05,
    "power": 0.8, "sides": "two-sided", "daily": "",
}  # fmt: skip


def get(name: str) -> Any:
    """What stands in a field."""
    return st.session_state.get(PREFIX + name)


def put(name: str, value: Any) -> None:
    """Write into a field; before it is drawn, or in a callback."""
    st.session_state[PREFIX + name] = value


def text(name: str) -> str:
    """What stands in a text field."""
    return str(get(name) or "")


def base() -> Experiment | None:
    """The draft as it was last saved or read; None before the first save."""
    found = st.session_state.get(BASE)
    return found if isinstance(found, Experiment) else None


def remember(experiment: Experiment) -> None:
    """Note what is saved now, so that the next save knows what changed."""
    st.session_state[BASE] = experiment


def ensure() -> None:
    """Fill an empty form on the first visit."""
    if get(ARMS) is None:
        reset()


def reset(design: Design | None = None) -> None:
    """Begin a new experiment, from a plan if there is one."""
    st.session_state.pop(BASE, None)
    put(PLANNED_FROM, None)
    _fill_idea("", "", "user", "", ())
    shares = equal_weights(len(design.weights) if design else 2)
    if design is not None:
        whole = sum(design.weights)
        shares = [round(10_000 * weight / whole) for weight in design.weights]
        shares[0] += 10_000 - sum(shares)
    names = ["Control", *_letters(len(shares) - 1)]
    _fill_arms([("", name, share) for name, share in zip(names, shares, strict=True)], 0)
    put("allocation", "100")
    put(METRICS, [])
    add_metric()
    if design is not None:
        put("metric0-kind", design.kind)
    for name, value in (PLAN_START | (_plan_values(design) if design else {})).items():
        put(name, value)
    put("locked", False)


def fill(experiment: Experiment) -> None:
    """Show a saved draft."""
    remember(experiment)
    _fill_idea(
        experiment.name, experiment.hypothesis, experiment.unit, experiment.owner,
        experiment.tags,
    )  # fmt: skip
    variants = experiment.variants
    control = next(i for i, variant in enumerate(variants) if variant.is_control)
    _fill_arms([(v.key, v.name, v.weight_bp) for v in variants], control)
    put("allocation", entry.share(experiment.allocation_bp))
    put(METRICS, [])
    for metric in experiment.metrics:
        add_metric(metric)
    for name, value in _saved_plan(experiment).items():
        put(name, value)
    put("locked", experiment.plan.lock_results)
    put(PLANNED_FROM, plan_inputs_now())


def plan_inputs_now() -> tuple[object, ...]:
    """Everything that a plan is computed from, as it stands in the fields."""
    shares = [(number == get("control"), get(f"arm{number}-share")) for number in get(ARMS)]
    roles = [(get(f"metric{n}-role"), get(f"metric{n}-kind")) for n in get(METRICS)]
    fields = [get(name) for name in (*PLAN_START, "allocation")]
    return (*shares, *roles, *fields)


def plan_is_as_saved() -> bool:
    """Whether nothing that the plan is computed from was touched since it was read."""
    return base() is not None and get(PLANNED_FROM) == plan_inputs_now()


def add_arm() -> None:
    """One more arm, with no share yet."""
    ids = list(get(ARMS))
    number = max(ids, default=-1) + 1
    put(ARMS, [*ids, number])
    _put_arm(number, "", _letters(number)[-1] if number else "Control", "0")


def remove_arm(number: int) -> None:
    """Take an arm out; the first one left is control if it was."""
    ids = [one for one in get(ARMS) if one != number]
    put(ARMS, ids)
    if get("control") == number:
        put("control", ids[0])


def equal_shares() -> None:
    """Equal shares that add up to exactly 100 %."""
    ids = get(ARMS)
    for number, share in zip(ids, equal_weights(len(ids)), strict=True):
        put(f"arm{number}-share", entry.share(share))


def add_metric(metric: Metric | None = None) -> None:
    """One more metric; the first is primary."""
    ids = list(get(METRICS))
    number = max(ids, default=-1) + 1
    put(METRICS, [*ids, number])
    role = MetricRole.SECONDARY if ids else MetricRole.PRIMARY
    values: dict[str, Any] = {
        "key": "", "name": "", "column": "", "kind": "rate", "role": role.value,
        "direction": "increase", "margin": "", "unit": "", "denominator": "", "q": "0.5",
        "covariate": "", "before": "", "cap": "", "library": None,
    }  # fmt: skip
    if metric is not None:
        margin, needs = metric.non_inferiority_margin, metric.needs
        values |= {
            "key": metric.key, "name": metric.name, "column": metric.columns[0],
            "kind": FORM_KINDS[metric.kind], "role": metric.role.value,
            "denominator": metric.columns[1] if metric.kind is MetricKind.RATIO else "",
            "q": "0.5" if needs.q is None else f"{needs.q:g}",
            "covariate": _at(needs.covariates, 0), "before": _at(needs.covariates, 1),
            "cap": cap_text(metric),
            "direction": metric.preferred_direction.value, "unit": metric.unit,
            "margin": "" if margin is None else words.number(margin * 100, 1),
        }  # fmt: skip
    for name, value in values.items():
        put(f"metric{number}-{name}", value)


def use_metric(definition: Definition) -> None:
    """Measure a metric of the library, in place of a box in which nothing was typed."""
    for number in list(get(METRICS)):
        if not text(f"metric{number}-name") and not text(f"metric{number}-column"):
            remove_metric(number)
    neutral = definition.meaning.get("preferred_direction") == Direction.NEUTRAL
    role = MetricRole.SECONDARY if get(METRICS) or neutral else MetricRole.PRIMARY
    metric = metric_of(definition, role)
    add_metric(metric)
    put(f"metric{get(METRICS)[-1]}-library", metric)


def made_of(number: int) -> Metric | None:
    """The metric of the library behind a box; None where it was typed."""
    found = get(f"metric{number}-library")
    return found if isinstance(found, Metric) else None


def _at(names: tuple[str, ...], place: int) -> str:
    return names[place] if place < len(names) else ""


def cap_text(metric: Metric) -> str:
    """The cap as it was typed: an amount, or a point such as 99.9%."""
    cap = metric.cap if isinstance(metric, Mean) else None
    return "" if cap is None else cap if isinstance(cap, str) else f"{cap:g}"


def remove_metric(number: int) -> None:
    """Take a metric out."""
    put(METRICS, [one for one in get(METRICS) if one != number])


def hypothesis() -> str:
    """The sentence of the filled blanks, or the free text."""
    if get("free"):
        return text("hypothesis")
    change, whom, metric, effect, why = (text(f"blank-{name}").strip() for name in BLANKS)
    if not (change and metric):
        return ""
    return (
        f"If we {change} for {whom or 'everybody'}, then {metric} will "
        f"{effect or 'change'}, because {why or '…'}."
    )


def _fill_idea(name: str, sentence: str, unit: str, owner: str, tags: Iterable[str]) -> None:
    found = SENTENCE.fullmatch(sentence)
    put("name", name)
    put("free", bool(sentence) and found is None)
    put("hypothesis", "" if found else sentence)
    for blank in BLANKS:
        put(f"blank-{blank}", found[blank] if found else "")
    put("unit", unit)
    put("owner", owner)
    put("tags", ", ".join(tags))


def _fill_arms(arms: list[tuple[str, str, int]], control: int) -> None:
    put(ARMS, list(range(len(arms))))
    put("control", control)
    for number, (key, name, share) in enumerate(arms):
        _put_arm(number, key, name, entry.share(share))


def _put_arm(number: int, key: str, name: str, share: str) -> None:
    put(f"arm{number}-key", key)
    put(f"arm{number}-name", name)
    put(f"arm{number}-share", share)


def _letters(count: int) -> list[str]:
    return [chr(ord("B") + number) for number in range(count)]


def _plan_values(design: Design) -> dict[str, Any]:
    relative = design.relative_effect
    baseline = "" if design.baseline is None else f"{design.baseline:g}"
    rate = design.kind == "rate"
    lift = relative * 100 if relative is not None else design.effect
    daily = design.daily_units
    return {
        "baseline": _per_cent(design.baseline or 0) if rate else "",
        "mean": "" if rate else baseline,
        "sd": "" if design.standard_deviation is None else f"{design.standard_deviation:g}",
        "lift": f"{lift:.6g}",
        "lift-in": "%" if relative is not None else "absolute",
        "alpha": design.alpha,
        "power": design.power,
        "sides": design.alternative,
        "daily": "" if daily is None else words.count(daily),
    }


def _saved_plan(experiment: Experiment) -> dict[str, Any]:
    plan = experiment.plan
    primary = next((m for m in experiment.metrics if m.role is MetricRole.PRIMARY), None)
    values = dict(PLAN_START)
    if plan.baseline is not None:
        rate = primary is None or primary.kind is MetricKind.PROPORTION
        name = "baseline" if rate else "mean"
        values[name] = _per_cent(plan.baseline) if rate else f"{plan.baseline:g}"
    effect = primary.relative_minimum_detectable_effect if primary else None
    if effect is not None:
        values["lift"] = f"{effect * 100:.6g}"
    values |= {"alpha": plan.alpha, "power": plan.power, "sides": plan.alternative}
    values["daily"] = "" if plan.daily_units is None else words.count(plan.daily_units)
    return values


def _per_cent(fraction: float) -> str:
    return f"{fraction * 100:.6g}{words.NARROW}%"
