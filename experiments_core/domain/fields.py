"""The rules that an experiment's fields keep, checked all at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from experiments_core.domain import checks
from experiments_core.domain.arms import LEAST, LIMIT_EXTERNAL, LIMIT_HASH, variant_problems
from experiments_core.domain.experiment import (
    ASSIGNMENT_MODES,
    HASH_METHODS,
    TYPES,
    WHOLE_BP,
    NamespaceSlot,
    Plan,
)
from experiments_core.domain.metric import Metric, MetricKind, MetricRole
from experiments_core.domain.namespaces import slot_problems
from experiments_core.domain.targeting_checks import targeting_problems
from experiments_core.domain.text import clean, text_problems
from experiments_core.errors import Problem

MOST_METRICS = 30
MOST_PRIMARY = 3
MOST_TAGS = 20
MOST_EXTERNAL = 10
LARGEST_STORED = 256 * 1024


def field_problems(
    fields: Mapping[str, object], *, assignment_mode: str = "hash", least_arms: int = LEAST
) -> list[Problem]:
    """Check the fields of a draft or an edit, each by its own rule.

    Args:
        fields: Field name -> value as given.
        assignment_mode: Of the experiment; imported data may have more arms.
        least_arms: A draft that loses its arms one by one may have fewer than a start needs.
    """
    problems: list[Problem] = []
    for name, value in fields.items():
        if name == "variants":
            limit = LIMIT_EXTERNAL if assignment_mode == "external" else LIMIT_HASH
            problems += variant_problems(value, limit=limit, least=least_arms)
        elif name in _CHECKS:
            problems += _CHECKS[name](name, value)
        else:
            known = ", ".join(sorted([*_CHECKS, "variants"]))
            problems.append(Problem(
                name, value, "UNKNOWN_FIELD", f"{name} cannot be set; these can: {known}",
            ))  # fmt: skip
    return problems


def threshold_problems(threshold: object, metrics: object) -> list[Problem]:
    """Check the threshold of auto-promote against the first primary metric.

    It is a difference in that metric's own unit; two rates differ by 1 at most.
    """
    if _metrics("metrics", metrics) or not isinstance(metrics, list | tuple):
        return []
    first = next((one for one in metrics if one.role is MetricRole.PRIMARY), None)
    if first is None or first.kind is not MetricKind.PROPORTION:
        return []
    return checks.number(-1, 1)("promote_threshold", threshold)


def cleaned(name: str, value: Any) -> Any:
    """Bring an accepted value into the form it is kept in."""
    if name == "tags":
        unique: dict[str, str] = {}
        for tag in map(clean, value):
            unique.setdefault(tag.casefold(), tag)
        return tuple(unique.values())
    if name == "targeting":
        return value or None
    if isinstance(value, list):
        return tuple(value)
    return clean(value) if isinstance(value, str) else value


def _tags(name: str, value: object) -> list[Problem]:
    if not isinstance(value, list | tuple):
        return [Problem(name, value, "TYPE", f"{name} must be a list of texts")]
    problems = []
    if len(value) > MOST_TAGS:
        message = f"{len(value)} tags; at most {MOST_TAGS} are allowed"
        problems.append(Problem(name, len(value), "TOO_MANY", message))
    for i, tag in enumerate(value):
        problems += text_problems(f"{name}[{i}]", tag, longest=40, shortest=1)
    return problems


def _metrics(name: str, value: object) -> list[Problem]:
    if not isinstance(value, list | tuple) or not all(isinstance(m, Metric) for m in value):
        return [Problem(name, value, "TYPE", f"{name} must be a list of metrics")]
    problems = []
    if len(value) > MOST_METRICS:
        message = f"{len(value)} metrics; at most {MOST_METRICS} are allowed"
        problems.append(Problem(name, len(value), "TOO_MANY", message))
    primary = [metric for metric in value if metric.role is MetricRole.PRIMARY]
    if len(primary) > MOST_PRIMARY:
        message = f"{len(primary)} primary metrics; at most {MOST_PRIMARY} can decide a test"
        problems.append(Problem(name, len(primary), "TOO_MANY", message))
    keys = [metric.key for metric in value]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        message = f"two metrics have the key “{key}”; give one another key"
        problems.append(Problem(name, key, "NOT_UNIQUE", message))
    for i, metric in enumerate(value):
        problems += text_problems(f"{name}[{i}].name", metric.name, longest=200, shortest=1)
    return problems


_PLAN: dict[str, checks.Check] = {
    "alpha": checks.number(0.001, 0.2),
    "power": checks.number(0.5, 0.99),
    "alternative": checks.choice("two-sided", "greater", "less"),
    "method": checks.choice("fixed", "sequential"),
    "correction": checks.choice("none", "holm", "bh"),
    "min_runtime_days": checks.whole(0, 365),
    "min_units_per_arm": checks.whole(2, 1_000_000_000),
    "min_conversions_per_arm": checks.whole(0, 1_000_000),
    "planned_units": checks.whole(2, 100_000_000_000, optional=True),
    "planned_end": checks.day,
    "baseline": checks.number(-1e15, 1e15, optional=True),
    "daily_units": checks.whole(1, 10_000_000_000, optional=True),
    "lock_results": checks.flag,
}


def _plan(name: str, value: object) -> list[Problem]:
    if not isinstance(value, Plan):
        return [Problem(name, value, "TYPE", f"{name} must be a plan")]
    return [
        Problem(f"{name}.{found.field}", found.value, found.rule, found.message)
        for field, check in _PLAN.items()
        for found in check(field, getattr(value, field))
    ]


def _external_ids(name: str, value: object) -> list[Problem]:
    if not isinstance(value, dict) or len(value) > MOST_EXTERNAL:
        rule = "TOO_MANY" if isinstance(value, dict) else "TYPE"
        message = f"{name} names at most {MOST_EXTERNAL} other systems, each with one id"
        return [Problem(name, None, rule, message)]
    problems = []
    for system, one in value.items():
        problems += text_problems(f"{name} (system)", system, longest=40, shortest=1)
        problems += text_problems(f"{name}.{system}", one, longest=200, shortest=1)
    return problems


def _stored_results(name: str, value: object) -> list[Problem]:
    if value is None:
        return []
    if not isinstance(value, dict):
        return [Problem(name, None, "TYPE", f"{name} must be an object")]
    size = len(json.dumps(value, ensure_ascii=False).encode())
    if size > LARGEST_STORED:
        message = f"{name} has {size} bytes; at most {LARGEST_STORED} are kept"
        return [Problem(name, None, "LENGTH", message)]
    return []


def _targeting(name: str, value: object) -> list[Problem]:
    return targeting_problems(value, field=name)


def _namespace(name: str, value: object) -> list[Problem]:
    if value is None:
        return []
    if not isinstance(value, NamespaceSlot):
        return [Problem(name, value, "TYPE", f"{name} must have key, from_bp and to_bp")]
    return [*checks.key(f"{name}.key", value.key), *slot_problems(value, name)]


_CHECKS: dict[str, checks.Check] = {
    "name": checks.text(200, 1, rule="NAME_LENGTH"),
    "key": checks.key,
    "description": checks.text(10_000, lines=True),
    "hypothesis": checks.text(5_000, lines=True),
    "type": checks.choice(*TYPES),
    "owner": checks.text(200),
    "tags": _tags,
    "assignment_mode": checks.choice(*ASSIGNMENT_MODES),
    "unit": checks.text(40, 1),
    "allocation_bp": checks.whole(0, WHOLE_BP),
    "holdout_bp": checks.whole(0, 5_000),
    "targeting": _targeting,
    "namespace": _namespace,
    "hash_method": checks.choice(*HASH_METHODS),
    "hash_seed": checks.text(100, 1),
    "metrics": _metrics,
    "plan": _plan,
    "data_finished": checks.yes_no,
    "project": checks.key,
    "environment": checks.text(64, 1),
    "resource": lambda name, value: [] if value is None else checks.text(64, 1)(name, value),
    "external_ids": _external_ids,
    "stored_results": _stored_results,
    "auto_promote": checks.flag,
    "promote_threshold": checks.number(-1e15, 1e15),
    "promote_after_days": checks.whole(1, 365),
}
