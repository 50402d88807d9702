"""What a targeting condition can ask of a value: each operation with its test and words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import re2

Test = Callable[[Any], bool]

EVERY_KIND = ("text", "list", "number", "yes or no", "nothing")


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to compare.

    Attributes:
        words: How a rule with it reads (``country is one of …``).
        wanted: What the value of the condition has to be, in words; a key of ``FITS``, or
            ``NOTHING`` for an operation without a value.
        test: Makes the test of an attribute from the value.
        kinds: Kinds of attribute it can compare; empty means the kind of its value.
    """

    words: str
    wanted: str
    test: Callable[[Any], Test]
    kinds: tuple[str, ...] = ()

    def fitting(self, value: object) -> tuple[str, ...]:
        """Kinds of attribute that it can compare with this value."""
        if self.kinds:
            return self.kinds
        if isinstance(value, list | tuple):
            return tuple({kind(one) for one in value})
        return (kind(value),)


def kind(value: object) -> str:
    """What sort of value it is, in words; a number that is not finite is nothing."""
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float):
        return "number" if math.isfinite(value) else "nothing"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list | tuple) else "nothing"


def _equal(one: Any, other: Any) -> bool:
    return bool(kind(one) == kind(other) and one == other)


def _ordered(one: Any, other: Any) -> bool:
    return kind(one) == kind(other) and kind(one) in {"number", "text"}


def _is_scalar(value: object) -> bool:
    return kind(value) in {"number", "text", "yes or no"}


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_scalar, value))


def comparable_pair(value: Sequence[Any]) -> bool:
    """Whether two limits can be compared and stand in order."""
    return _ordered(value[0], value[1]) and bool(value[0] <= value[1])


def version(value: object) -> tuple[int, ...] | None:
    """``2.10`` → (2, 10); trailing zeros do not count; a suffix (``-beta``) is cut off."""
    if not isinstance(value, str):
        return None
    core = value.removeprefix("v").partition("-")[0].partition("+")[0]
    parts = core.split(".")
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def shown(value: object) -> str:
    """A value as a rule in words shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, list | tuple):
        return ", ".join(shown(one) for one in value)
    return str(value)


def pattern_of(pattern: str) -> Any:
    """The compiled pattern, in bounded memory; re2.error when it is none."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return re2.compile(pattern, options)


def _contains(value: str) -> Test:
    def test(found: Any) -> bool:
        if isinstance(found, list | tuple):
            return any(_equal(one, value) for one in found)
        return isinstance(found, str) and value in found

    return test


def _contains_any(values: Sequence[Any]) -> Test:
    def test(found: Any) -> bool:
        if isinstance(found, list | tuple):
            return any(_equal(one, value) for one in found for value in values)
        return isinstance(found, str) and any(
            isinstance(value, str) and value in found for value in values
        )

    return test


def _compare(how: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    return lambda value: lambda found: _ordered(found, value) and how(found, value)


def _compare_versions(how: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def build(value: Any) -> Test:
        limit = version(value)

        def test(found: Any) -> bool:
            own = version(found)
            return own is not None and how(own, limit)

        return test

    return build


def _matches(pattern: str) -> Test:
    compiled = pattern_of(pattern)
    return lambda found: isinstance(found, str) and compiled.search(found) is not None


NOTHING = "nothing"
_SCALAR = "a text, a number or true/false"
LIST = "a list of texts or numbers"
_ORDERED = "a number or a text"
_LIMITS = "a list of two limits"
_TEXT = "a text"

FITS: dict[str, Callable[[Any], bool]] = {
    _SCALAR: _is_scalar,
    LIST: _is_list,
    _ORDERED: lambda value: kind(value) in {"number", "text"},
    _LIMITS: lambda value: _is_list(value) and len(value) == 2,
    _TEXT: lambda value: isinstance(value, str) and bool(value),
}
"""What a value has to be, in words -> whether one is."""

OPERATIONS = {
    "eq": Operation("is", _SCALAR, lambda value: lambda found: _equal(found, value)),
    "ne": Operation("is not", _SCALAR, lambda value: lambda found: not _equal(found, value)),
    "in": Operation(
        "is one of", LIST,
        lambda values: lambda found: any(_equal(found, one) for one in values),
    ),
    "not_in": Operation(
        "is none of", LIST,
        lambda values: lambda found: not any(_equal(found, one) for one in values),
    ),
    "gt": Operation("is above", _ORDERED, _compare(lambda found, value: found > value)),
    "gte": Operation("is at least", _ORDERED, _compare(lambda found, value: found >= value)),
    "lt": Operation("is below", _ORDERED, _compare(lambda found, value: found < value)),
    "lte": Operation("is at most", _ORDERED, _compare(lambda found, value: found <= value)),
    "between": Operation(
        "is between", _LIMITS,
        lambda limits: lambda found: _ordered(found, limits[0])
        and limits[0] <= found <= limits[1],
    ),
    "contains": Operation("contains", _TEXT, _contains, ("text", "list")),
    "contains_any": Operation("contains one of", LIST, _contains_any, ("text", "list")),
    "starts_with": Operation(
        "begins with", _TEXT,
        lambda value: lambda found: isinstance(found, str) and found.startswith(value),
        ("text",),
    ),
    "ends_with": Operation(
        "ends with", _TEXT,
        lambda value: lambda found: isinstance(found, str) and found.endswith(value),
        ("text",),
    ),
    "exists": Operation("is known", NOTHING, lambda _: lambda _found: True, EVERY_KIND),
    "not_exists": Operation(
        "is not known", NOTHING, lambda _: lambda _found: False, EVERY_KIND
    ),
    "version_gte": Operation(
        "is at least version", _TEXT, _compare_versions(lambda found, limit: found >= limit),
        ("text",),
    ),
    "version_lt": Operation(
        "is before version", _TEXT, _compare_versions(lambda found, limit: found < limit),
        ("text",),
    ),
    "matches": Operation("matches", _TEXT, _matches, ("text",)),
}  # fmt: skip
