"""From typed text to a stored draft: read the form, keep what changed, tell what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import (
    Experiment,
    ExperimentDraft,
    Plan,
    VariantDraft,
)
from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.domain.text import slugify
from experiments_core.errors import UpshotError
from experiments_core.services import experiments as service
from experiments_core.services.planning import PlanResult, plan
from experiments_core.services.planning_design import Design
from experiments_core.services.workspace import Workspace
from pages.parts import create_form as form
from pages.parts import entry


def save(ws: Workspace, actor: Actor, *, over: Experiment | None = None) -> Experiment:
    """Store what has been typed.

    Args:
        ws: The workspace.
        actor: Who types.
        over: Somebody else's newer version to write the typed fields over.

    Raises:
        InvalidInputError: a field breaks a rule; nothing is stored, nothing typed is lost.
        VersionStaleError: somebody saved since; its ``current`` is theirs.
    """
    typed = fields()
    known = form.base()
    if known is None:
        saved = service.create_experiment(ws, actor, ExperimentDraft(**typed))
    else:
        changes = changed(known, typed)
        version = (over or known).version
        saved = service.edit_experiment(ws, actor, known.id, changes, version=version)
    form.remember(saved)
    return saved


def fields() -> dict[str, Any]:
    """Every field as the domain wants it.

    Raises:
        InvalidInputError: a share, a margin or a plan's number cannot be read.
    """
    tags = (tag.strip() for tag in form.text("tags").split(","))
    metrics = tuple(_metric(number) for number in form.get(form.METRICS) if _named(number))
    return {
        "name": form.text("name"),
        "hypothesis": form.hypothesis(),
        "unit": form.text("unit"),
        "owner": form.text("owner"),
        "tags": tuple(tag for tag in tags if tag),
        "variants": arms(),
        "allocation_bp": entry.basis_points("Share of users", form.text("allocation")),
        "metrics": _with_effect(metrics),
        "plan": _plan(metrics),
    }


def changed(known: Experiment, typed: dict[str, Any]) -> dict[str, Any]:
    """The fields that differ from what is stored."""
    stored: dict[str, Any] = {name: getattr(known, name) for name in typed}
    stored["variants"] = tuple(
        VariantDraft(v.key, v.name, v.is_control, v.weight_bp, v.value) for v in known.variants
    )
    return {name: value for name, value in typed.items() if value != stored[name]}


def arms() -> tuple[VariantDraft, ...]:
    """The arms as typed; an arm without a key gets one from its name."""
    known = form.base()
    values = {v.key: v.value for v in known.variants} if known else {}
    drafts = []
    for number in form.get(form.ARMS):
        name = form.text(f"arm{number}-name")
        share = form.text(f"arm{number}-share")
        key = form.text(f"arm{number}-key") or slugify(name, "")
        drafts.append(
            VariantDraft(
                key=key,
                name=name,
                is_control=form.get("control") == number,
                weight_bp=entry.basis_points(f"Share of {name or 'an arm'}", share),
                value=values.get(key),
            )
        )
    return tuple(drafts)


def primary_kind() -> str:
    """How the first primary metric is planned: as a ``rate``, a ``ratio`` or a ``mean``."""
    for number in form.get(form.METRICS):
        if form.get(f"metric{number}-role") == MetricRole.PRIMARY:
            kind = str(form.get(f"metric{number}-kind"))
            return kind if kind in {"rate", "ratio"} else "mean"
    return "rate"


def design(given: dict[str, Any]) -> Design:
    """The plan's question: what the plan step gives, with arms and metrics of the others."""
    roles = [form.get(f"metric{number}-role") for number in form.get(form.METRICS)]
    control = next((draft for draft in arms() if draft.is_control), None)
    others = [draft.weight_bp or 0 for draft in arms() if not draft.is_control]
    weights = [float((control.weight_bp if control else 0) or 0), *map(float, others)]
    allocation = entry.basis_points("Share of users", form.text("allocation"))
    return Design(
        kind=primary_kind(),
        weights=tuple(weight for weight in weights if weight > 0),
        primary_metrics=max(roles.count(MetricRole.PRIMARY.value), 1),
        allocation=allocation / 10_000,
        **given,
    )


def planned() -> PlanResult:
    """The plan that the typed numbers make.

    Raises:
        UpshotError: a number is missing or no plan is possible.
    """
    kind = primary_kind()
    rate = kind == "rate"
    baseline = (
        entry.percent("Baseline", form.text("baseline"))
        if rate
        else entry.number("Mean now", form.text("mean"))
    )
    size = entry.number("Smallest lift", form.text("lift"))
    relative = form.get("lift-in") == "%"
    scale = baseline / 100 if relative else (0.01 if rate else 1.0)
    spread = None if rate else entry.number("Standard deviation", form.text("sd"))
    return plan(
        design({
            "baseline": baseline, "effect": size * scale, "relative": relative,
            "standard_deviation": spread, "alpha": form.get("alpha"),
            "power": form.get("power"), "alternative": form.get("sides"),
            "daily_units": entry.optional_whole("Users a day", form.text("daily")),
        })
    )  # fmt: skip


def _plan(metrics: tuple[Metric, ...]) -> Plan:
    known = form.base()
    before = replace(known.plan if known else Plan(), lock_results=bool(form.get("locked")))
    if form.plan_is_as_saved():
        return before
    risk = {
        "alpha": form.get("alpha"), "power": form.get("power"), "alternative": form.get("sides")
    }  # fmt: skip
    daily = entry.optional_whole("Users a day", form.text("daily"))
    try:
        result = planned() if metrics else None
    except UpshotError:
        result = None
    if result is None:
        return replace(before, **risk, daily_units=daily)
    whole_weeks = min((result.weeks or 1) * 7, 365)
    return replace(
        before, **risk, daily_units=daily, planned_units=result.total,
        baseline=result.design.baseline, min_runtime_days=whole_weeks,
    )  # fmt: skip


def _with_effect(metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """The planned lift belongs to the first primary metric."""
    first = next((one for one in metrics if one.role is MetricRole.PRIMARY), None)
    if form.plan_is_as_saved():
        return metrics
    try:
        lift = planned().design.relative_effect if first else None
    except UpshotError:
        lift = None
    if first is None or lift is None or not 0 < abs(lift) <= 10:
        return metrics
    planned_lift = round(abs(lift), 12)
    return tuple(
        replace(one, relative_minimum_detectable_effect=planned_lift) if one is first else one
        for one in metrics
    )


def _named(number: int) -> bool:
    return bool(form.text(f"metric{number}-name") or form.text(f"metric{number}-column"))


def _metric(number: int) -> Metric:
    def typed(name: str) -> str:
        return form.text(f"metric{number}-{name}").strip()

    name = typed("name") or typed("column")
    known = form.base()
    key = typed("key")
    before = next((m for m in known.metrics if m.key == key), None) if known and key else None
    column = typed("column") or slugify(name, "metric").replace("-", "_")
    role = MetricRole(typed("role"))
    margin = typed("margin") if role is MetricRole.GUARDRAIL else ""
    defined = form.made_of(number)
    values: dict[str, Any] = {
        "name": name,
        "role": role,
        "preferred_direction": typed("direction"),
        "unit": typed("unit") if typed("kind") in {"mean", "quantile"} else "",
        "non_inferiority_margin": (
            entry.percent(f"Largest harm in {name}", margin) if margin else None
        ),
    }
    if role is not MetricRole.GUARDRAIL or margin:
        values["non_inferiority_margin_absolute"] = None
    if defined is not None:  # what it means is the library's
        margins = {n: v for n, v in values.items() if n.startswith("non_inferiority")}
        return replace(defined, role=role, **margins)
    wanted, own = _kind_and_columns(typed, column)
    values |= own
    made: Metric = (
        replace(before, **values) if isinstance(before, wanted) else wanted(key=key, **values)
    )
    return made


def _kind_and_columns(
    typed: Callable[[str], str], column: str
) -> tuple[type[Any], dict[str, Any]]:
    """The type of a metric, and the fields that only it has."""
    kind = typed("kind")
    if kind == "rate":
        return Proportion, {"column": column}
    if kind == "ratio":
        return Ratio, {
            "numerator": column, "denominator": typed("denominator"),
            "covariate": typed("covariate") or None,
            "covariate_denominator": typed("before") or None,
        }  # fmt: skip
    if kind == "quantile":
        return Quantile, {"column": column, "q": float(typed("q") or 0.5)}
    return Mean, {
        "column": column, "covariate": typed("covariate") or None, "cap": _cap(typed("cap")),
        "whole": kind == "count",
    }  # fmt: skip


def _cap(text: str) -> float | str | None:
    """An amount, or a point such as ``99.9%``; None where nothing was typed.

    Raises:
        InvalidInputError: the amount cannot be read.
    """
    if not text:
        return None
    return text if text.endswith("%") else entry.number("Cap", text)
