"""Metrics of the library: what a number means, in versions, and what a test makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments_core.domain import checks
from experiments_core.domain.documents import metric_from_document, metric_to_document
from experiments_core.domain.metric import Metric, MetricKind, MetricRole
from experiments_core.domain.text import clean, text_problems
from experiments_core.errors import InvalidInputError, Problem

WORDS = ("name", "description", "owner")
"""What may be said otherwise without another version."""
OF_AN_EXPERIMENT = frozenset({
    "key", "name", "role", "non_inferiority_margin", "non_inferiority_margin_absolute",
    "relative_minimum_detectable_effect", "post_hoc", "version",
})  # fmt: skip
"""Fields of a metric that belong to one test, or to the definition itself."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of one metric.

    Attributes:
        key: Unique in the organisation without regard to case.
        version: Raised when the meaning changes.
        revision: Raised by every save, also of words.
        meaning: Kind, source, direction, unit, cap and so on, as a document.
    """

    key: str
    version: int
    revision: int
    name: str
    description: str
    owner: str
    meaning: dict[str, Any]
    created_by: str
    created_at: datetime
    updated_at: datetime
    org_id: str = "default"

    @property
    def kind(self) -> MetricKind:
        """The kind of the number."""
        return MetricKind(self.meaning["kind"])

    @property
    def source(self) -> str:
        """Where the number comes from, in words."""
        meaning = self.meaning
        if self.kind is MetricKind.RATIO:
            return f"{meaning['numerator']} / {meaning['denominator']}"
        event = meaning.get("event") or meaning["column"]
        return f"{meaning['aggregation']} of {event}" if meaning.get("aggregation") else event


def metric_of(
    definition: Definition, role: str = MetricRole.PRIMARY, **of_the_test: Any
) -> Metric:
    """The metric of one test: the definition's meaning under the role it has there.

    Args:
        definition: One version.
        role: ``primary``, ``secondary`` or ``guardrail``.
        of_the_test: Margins and the planned lift.

    Raises:
        InvalidInputError: role and direction or margins do not fit.
    """
    return metric_from_document({
        **definition.meaning, **of_the_test, "key": definition.key, "name": definition.name,
        "role": role, "version": definition.version,
    })  # fmt: skip


def read_meaning(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The meaning as it is kept: checked, without what is left at its default.

    Raises:
        InvalidInputError: a field is unknown or breaks a rule.
    """
    for name in fields:
        if name in OF_AN_EXPERIMENT:
            message = f"{name} belongs to a test, not to the definition of a metric"
            problem = Problem(name, fields[name], "UNKNOWN_FIELD", message)
            raise InvalidInputError(f"{message.capitalize()}.", details=(problem,))
    given = {name: value for name, value in fields.items() if value is not None and value != ""}
    probe = metric_from_document({**given, "key": "x", "role": MetricRole.SECONDARY})
    written = metric_to_document(probe)
    return {name: value for name, value in written.items() if name not in OF_AN_EXPERIMENT}


def word_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Check key and words, as far as they are given."""
    problems = []
    limits = {"name": (1, 200), "description": (0, 10_000), "owner": (0, 200)}
    for name, (shortest, longest) in limits.items():
        if name in values:
            problems += text_problems(
                name, values[name], shortest=shortest, longest=longest,
                lines=name == "description",
            )  # fmt: skip
    if "key" in values:
        problems += checks.key("key", values["key"])
    return problems


def difference(before: Definition, after: Definition) -> list[tuple[str, Any, Any]]:
    """What differs in meaning: field, as it was, as it is; None where it was not said."""
    names = dict.fromkeys([*before.meaning, *after.meaning])
    return [
        (name, before.meaning.get(name), after.meaning.get(name))
        for name in names
        if before.meaning.get(name) != after.meaning.get(name)
    ]


def meaning_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent of a metric beside its words and its key."""
    return {name: value for name, value in values.items() if name not in {*WORDS, "key"}}


def cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent of a metric, texts without white space around them.

    Raises:
        InvalidInputError: null stands for words or the key.
    """
    unsaid = [name for name in (*WORDS, "key") if name in values and values[name] is None]
    if unsaid:
        message = f"{unsaid[0]} must be text"
        problem = Problem(unsaid[0], None, "TYPE", message)
        raise InvalidInputError(f"{message}.", details=(problem,))
    return {
        name: clean(value) if isinstance(value, str) else value
        for name, value in values.items()
    }
