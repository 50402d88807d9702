"""Experiments as plain JSON values and back, for the store, the audit trail and samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from experiments_core.domain.experiment import (
    Experiment,
    NamespaceSlot,
    Phase,
    Plan,
    RampStep,
    Variant,
)
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.errors import InvalidInputError, Problem

_MOMENTS = (
    "created_at", "updated_at", "first_started_at", "started_at", "stopped_at", "completed_at",
    "archived_at", "deleted_at", "sealed_at",
)  # fmt: skip
_KINDS: dict[str, type[Proportion | Mean | Ratio | Quantile]] = {
    MetricKind.PROPORTION: Proportion,
    MetricKind.MEAN: Mean,
    MetricKind.COUNT: Mean,
    MetricKind.RATIO: Ratio,
    MetricKind.QUANTILE: Quantile,
}
_REQUIRED: dict[str | None, tuple[str, ...]] = {
    MetricKind.RATIO: ("numerator", "denominator"),
    MetricKind.QUANTILE: ("column", "q"),
}
COLUMN = ("column",)
"""What a metric of a kind cannot be without; of the others the column."""


def moment_text(moment: datetime) -> str:
    """Write an aware time as ISO 8601 in UTC with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """Read an ISO 8601 time; one without a zone is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def metric_to_document(metric: Metric) -> dict[str, Any]:
    """The metric with its kind; fields left at their default are not written."""
    written = {
        field.name: getattr(metric, field.name)
        for field in fields(metric)
        if getattr(metric, field.name) != field.default
    }
    return {"kind": metric.kind.value, **{k: _plain(v) for k, v in written.items()}}


def metric_from_document(document: Mapping[str, Any]) -> Metric:
    """Read a metric; one that names an event and no column reads the event.

    Raises:
        InvalidInputError: the kind or a field is unknown, or the metric breaks a rule.
    """
    rest = dict(document)
    kind = rest.pop("kind", None)
    if rest.get("event") and not rest.get("column") and "column" in _REQUIRED.get(kind, COLUMN):
        rest["column"] = rest["event"]
    if kind not in _KINDS:
        listed = ", ".join(_KINDS)
        message = f"The kind of a metric is “{kind}”; choose one of {listed}."
        details = (Problem("kind", kind, "UNKNOWN_CHOICE", message),)
        raise InvalidInputError(message, details=details)
    cls = _KINDS[kind]
    if kind == MetricKind.COUNT:
        rest["whole"] = True
    unknown = sorted(rest.keys() - {field.name for field in fields(cls)})
    lacking = [name for name in _REQUIRED.get(kind, COLUMN) if not rest.get(name)]
    if unknown or lacking:
        message = (
            f"A {kind} has no field “{unknown[0]}”."
            if unknown
            else f"The {lacking[0]} is missing."
        )
        rule = "UNKNOWN_FIELD" if unknown else "REQUIRED"
        details = (Problem((unknown or lacking)[0], None, rule, message),)
        raise InvalidInputError(message, details=details)
    return cls(**rest)


def reads_own_name(said: Mapping[str, Any]) -> dict[str, Any]:
    """The same; without column and event the metric reads the column or event of its key."""
    named = said.get("column") or said.get("event") or not said.get("key")
    if named or "column" not in _REQUIRED.get(said.get("kind"), COLUMN):
        return dict(said)
    return {**said, "column": said["key"]}


def plan_to_document(plan: Plan) -> dict[str, Any]:
    """The plan, its date as text."""
    return {field.name: _plain(getattr(plan, field.name)) for field in fields(plan)}


def sealed_plan(plan: Plan) -> dict[str, Any]:
    """The plan as hashes name it: a lock that is not asked for is left out.

    So seals and looks from before there was one keep their names.
    """
    document = plan_to_document(plan)
    if not plan.lock_results:
        del document["lock_results"]
    return document


def plan_from_document(document: Mapping[str, Any]) -> Plan:
    """Read a plan; fields that are not there keep their default.

    Raises:
        InvalidInputError: a field is unknown.
    """
    values = dict(document)
    if isinstance(values.get("planned_end"), str):
        values["planned_end"] = date.fromisoformat(values["planned_end"])
    unknown = sorted(values.keys() - {field.name for field in fields(Plan)})
    if unknown:
        message = f"A plan has no field “{unknown[0]}”."
        problem = Problem(f"plan.{unknown[0]}", values[unknown[0]], "UNKNOWN_FIELD", message)
        raise InvalidInputError(message, details=(problem,))
    return Plan(**values)


def phase_to_document(phase: Phase) -> dict[str, Any]:
    """One phase with its times as text."""
    return {field.name: _plain(getattr(phase, field.name)) for field in fields(phase)}


def to_document(experiment: Experiment) -> dict[str, Any]:
    """Every field as a JSON value."""
    document = {f.name: _plain(getattr(experiment, f.name)) for f in fields(experiment)}
    document["variants"] = [
        {field.name: getattr(variant, field.name) for field in fields(variant)}
        for variant in experiment.variants
    ]
    document["metrics"] = [metric_to_document(metric) for metric in experiment.metrics]
    document["plan"] = plan_to_document(experiment.plan)
    document["phases"] = [phase_to_document(phase) for phase in experiment.phases]
    return document


def from_document(document: Mapping[str, Any], phases: tuple[Phase, ...]) -> Experiment:
    """Read an experiment; its phases come from rows of their own."""
    values = dict(document)
    for name in _MOMENTS:
        if isinstance(values.get(name), str):
            values[name] = read_moment(values[name])
    values["status"] = Status(values["status"])
    if values.get("archived_from"):
        values["archived_from"] = Status(values["archived_from"])
    values["tags"] = tuple(values["tags"])
    values["variants"] = tuple(Variant(**variant) for variant in values["variants"])
    values["metrics"] = tuple(metric_from_document(metric) for metric in values["metrics"])
    values["plan"] = plan_from_document(values["plan"])
    if values.get("namespace"):
        values["namespace"] = NamespaceSlot(**values["namespace"])
    values["ramp"] = tuple(
        RampStep(read_moment(step["at"]), step["allocation_bp"])
        for step in values.get("ramp", ())
    )
    values["phases"] = phases
    return Experiment(**values)


_JSON = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _JSON:  # most fields of most experiments
        return value
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, NamespaceSlot | RampStep):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value.value if isinstance(value, StrEnum) else value
