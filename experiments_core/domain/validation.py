"""The rules an experiment's fields keep, checked all at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

from experiments_core.domain.arms import (
    LEAST,
    LIMIT_EXTERNAL,
    LIMIT_HASH,
    variant_problems,
)
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
from experiments_core.domain.text import KEY, clean, grouped, text_problems
from experiments_core.errors import InvalidInputError, Problem

MOST_METRICS = 30
MOST_PRIMARY = 3
MOST_TAGS = 20
MOST_EXTERNAL = 10
LARGEST_STORED = 256 * 1024
GENERIC_RULES = frozenset({
    "REQUIRED", "TYPE", "LENGTH", "RANGE", "PATTERN", "NOT_FINITE", "UNKNOWN_FIELD",
    "UNKNOWN_CHOICE", "NOT_UNIQUE", "TOO_MANY", "TOO_FINE", "NOT_FOUND",
})  # fmt: skip

Check = Callable[[str, object], list[Problem]]


def refuse(problems: Iterable[Problem]) -> None:
    """Raise one error for all problems, or none if there are none.

    Raises:
        InvalidInputError: see :func:`refusal`.
    """
    found = tuple(problems)
    if found:
        raise refusal(found)


def refusal(found: Sequence[Problem]) -> InvalidInputError:
    """One error for all problems; its code is the rule's own when one named rule was broken."""
    first = _sentence(found[0])
    if len(found) > 1:
        return InvalidInputError(
            f"{len(found)} things to correct. {first}", details=tuple(found)
        )
    rule = found[0].rule
    code = None if rule in GENERIC_RULES else rule
    return InvalidInputError(first, code=code, details=tuple(found))


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
    return _number(-1, 1)("promote_threshold", threshold)


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


def _text(
    longest: int, shortest: int = 0, *, lines: bool = False, rule: str = "LENGTH"
) -> Check:
    def check(name: str, value: object) -> list[Problem]:
        return text_problems(
            name, value, longest=longest, shortest=shortest, lines=lines, length_rule=rule
        )

    return check


def _choice(*choices: str) -> Check:
    def check(name: str, value: object) -> list[Problem]:
        if value in choices:
            return []
        listed = ", ".join(choices)
        message = f"{name} is “{value}”; choose one of {listed}"
        return [Problem(name, value, "UNKNOWN_CHOICE", message)]

    return check


def _whole(low: int, high: int, *, optional: bool = False) -> Check:
    def check(name: str, value: object) -> list[Problem]:
        if value is None and optional:
            return []
        if isinstance(value, bool) or not isinstance(value, int):
            return [Problem(name, value, "TYPE", f"{name} must be a whole number")]
        return _range(name, value, low, high)

    return check


def _number(low: float, high: float, *, optional: bool = False) -> Check:
    def check(name: str, value: object) -> list[Problem]:
        if value is None and optional:
            return []
        if isinstance(value, bool) or not isinstance(value, int | float):
            return [Problem(name, value, "TYPE", f"{name} must be a number")]
        if not isfinite(value):
            return [Problem(name, value, "NOT_FINITE", f"{name} must be a finite number")]
        return _range(name, value, low, high)

    return check


def _range(name: str, value: float, low: float, high: float) -> list[Problem]:
    if low <= value <= high:
        return []
    message = (
        f"{name} is {grouped(value)}; it must be between {grouped(low)} and {grouped(high)}"
    )
    return [Problem(name, value, "RANGE", message)]


def _key(name: str, value: object) -> list[Problem]:
    if isinstance(value, str) and KEY.fullmatch(clean(value)):
        return []
    message = (
        f"{name} is “{value}”; it must begin with a letter or digit and go on with at most 63 "
        "letters, digits, “.”, “_” or “-”"
    )
    return [Problem(name, value, "PATTERN", message)]


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


def _date(name: str, value: object) -> list[Problem]:
    if value is None or type(value) is date:
        return []
    return [Problem(name, value, "TYPE", f"{name} must be a date")]


def _flag(name: str, value: object) -> list[Problem]:
    if isinstance(value, bool):
        return []
    return [Problem(name, value, "TYPE", f"{name} must be yes or no")]


_PLAN: dict[str, Check] = {
    "alpha": _number(0.001, 0.2),
    "power": _number(0.5, 0.99),
    "alternative": _choice("two-sided", "greater", "less"),
    "method": _choice("fixed", "sequential"),
    "correction": _choice("none", "holm", "bh"),
    "min_runtime_days": _whole(0, 365),
    "min_units_per_arm": _whole(2, 1_000_000_000),
    "min_conversions_per_arm": _whole(0, 1_000_000),
    "planned_units": _whole(2, 100_000_000_000, optional=True),
    "planned_end": _date,
    "baseline": _number(-1e15, 1e15, optional=True),
    "daily_units": _whole(1, 10_000_000_000, optional=True),
    "lock_results": _flag,
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


def _yes_no(name: str, value: object) -> list[Problem]:
    if value is None or isinstance(value, bool):
        return []
    return [Problem(name, value, "TYPE", f"{name} must be yes, no or empty")]


def _targeting(name: str, value: object) -> list[Problem]:
    return targeting_problems(value, field=name)


def _namespace(name: str, value: object) -> list[Problem]:
    if value is None:
        return []
    if not isinstance(value, NamespaceSlot):
        return [Problem(name, value, "TYPE", f"{name} must have key, from_bp and to_bp")]
    return [*_key(f"{name}.key", value.key), *slot_problems(value, name)]


_CHECKS: dict[str, Check] = {
    "name": _text(200, 1, rule="NAME_LENGTH"),
    "key": _key,
    "description": _text(10_000, lines=True),
    "hypothesis": _text(5_000, lines=True),
    "type": _choice(*TYPES),
    "owner": _text(200),
    "tags": _tags,
    "assignment_mode": _choice(*ASSIGNMENT_MODES),
    "unit": _text(40, 1),
    "allocation_bp": _whole(0, WHOLE_BP),
    "holdout_bp": _whole(0, 5_000),
    "targeting": _targeting,
    "namespace": _namespace,
    "hash_method": _choice(*HASH_METHODS),
    "hash_seed": _text(100, 1),
    "metrics": _metrics,
    "plan": _plan,
    "data_finished": _yes_no,
    "project": _key,
    "environment": _text(64, 1),
    "resource": lambda name, value: [] if value is None else _text(64, 1)(name, value),
    "external_ids": _external_ids,
    "stored_results": _stored_results,
    "auto_promote": _flag,
    "promote_threshold": _number(-1e15, 1e15),
    "promote_after_days": _whole(1, 365),
}


def _sentence(problem: Problem) -> str:
    """The message as a sentence; one that begins with the name of its field keeps its case."""
    message = problem.message
    named = message.startswith(f"{problem.field}:")
    text = message if named else message[0].upper() + message[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
