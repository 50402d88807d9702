"""What may be edited when: open, sealed at the start, or changed by an action of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from experiments_core.domain.documents import metric_to_document, sealed_plan
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status, invalid_transition
from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.errors import ConflictError

OPEN = frozenset({
    "name", "description", "tags", "owner", "type", "data_finished",
    "auto_promote", "promote_threshold", "promote_after_days", "project", "environment",
    "resource", "external_ids", "stored_results",
})  # fmt: skip
TRAFFIC = frozenset({"allocation_bp", "holdout_bp", "targeting"})
FIXED = frozenset({
    "variants", "assignment_mode", "unit", "namespace", "hash_method", "hash_seed",
})  # fmt: skip


def check_edit(experiment: Experiment, changes: Mapping[str, object]) -> None:
    """Refuse changes that the present status does not allow.

    Raises:
        ConflictError: ``INVALID_TRANSITION`` in the archive or the bin, ``KEY_FROZEN`` or
            ``SEALED`` for a field that was fixed at the start.
    """
    if experiment.place not in set(Status) - {Status.ARCHIVED}:
        way = "Restore" if experiment.deleted_at else "Unarchive"
        raise invalid_transition(experiment.place, f"{way} it to edit it.")
    if not experiment.is_sealed:
        return
    for name in changes:
        if name not in OPEN:
            _check_sealed(experiment, name, changes[name])


def merge_metrics(
    present: Iterable[Metric], found: Iterable[Metric], *, started: bool
) -> tuple[Metric, ...]:
    """Add metrics that a data file brings and the experiment does not have yet.

    After the start nothing can become primary: an addition is secondary (a guardrail stays
    one) and marked post-hoc.
    """
    merged = {metric.key: metric for metric in present}
    for metric in found:
        if metric.key not in merged:
            merged[metric.key] = post_hoc(metric) if started else metric
    return tuple(merged.values())


def post_hoc(metric: Metric) -> Metric:
    """The same metric as one that was added after the start."""
    role = metric.role if metric.role is MetricRole.GUARDRAIL else MetricRole.SECONDARY
    return replace(metric, role=role, post_hoc=True)


def seal_hash(experiment: Experiment) -> str:
    """SHA-256 of hypothesis, metrics and plan, as hexadecimal text."""
    content = {
        "hypothesis": experiment.hypothesis,
        "metrics": [metric_to_document(metric) for metric in experiment.metrics],
        "plan": sealed_plan(experiment.plan),
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sealed(what: str, experiment: Experiment, advice: str) -> ConflictError:
    """The refusal of a change to something fixed at the start."""
    since = f" on {_day(experiment.first_started_at)}" if experiment.first_started_at else ""
    message = f"The {what} was fixed when the test started{since}. {advice}"
    return ConflictError(message, code="SEALED")


def _check_sealed(experiment: Experiment, name: str, value: object) -> None:
    if name == "key":
        message = "The key cannot change once a test has started: assignments depend on it."
        raise ConflictError(message, code="KEY_FROZEN", hint="Change the name instead.")
    if name in TRAFFIC:
        advice = _TRAFFIC_ADVICE if _is_under_way(experiment) else _NEW_START
        raise sealed(name.replace("_bp", ""), experiment, advice)
    if name in FIXED:
        advice = _FIXED_ADVICE if _is_under_way(experiment) else _NEW_EXPERIMENT
        raise sealed(_FIXED_WORDS.get(name, name), experiment, advice)
    if name == "metrics":
        _check_metrics(experiment, value)
    else:
        raise sealed(name, experiment, _NEW_RUN)


_FIXED_WORDS = {
    "variants": "list of variants",
    "assignment_mode": "assignment",
    "hash_method": "hash",
    "hash_seed": "seed of the hash",
}
_TRAFFIC_ADVICE = "Change it with “Change traffic”."
_NEW_START = "Start a new run, then change it with “Change traffic”."
_NEW_EXPERIMENT = "Duplicate the experiment to test another one."
_FIXED_ADVICE = "To drain a variant, set its weight to 0 with “Change traffic”."
_NEW_RUN = "Write down what differs as a deviation, or make a new experiment."
_ADD_SECONDARY = (
    "Add yours as a secondary metric (marked post-hoc), or stop and start a new run."
)


def _is_under_way(experiment: Experiment) -> bool:
    return experiment.status in {Status.RUNNING, Status.PAUSED}


def _check_metrics(experiment: Experiment, value: object) -> None:
    listed = value if isinstance(value, list | tuple) else ()
    offered = {metric.key: metric for metric in listed if isinstance(metric, Metric)}
    present = {metric.key: metric for metric in experiment.metrics}
    for key, metric in present.items():
        if offered.get(key) != metric:
            raise sealed(f"{metric.role} metric", experiment, _ADD_SECONDARY)
    for key, metric in offered.items():
        if key not in present and metric.role is MetricRole.PRIMARY:
            raise sealed("primary metric", experiment, _ADD_SECONDARY)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B}"
