"""Which rule of which dialect a test holds; docs/compat.md is made of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Held:
    """One rule.

    Attributes:
        endpoints: ``METHOD /path`` as the dialect registers them; none means all of them.
        rule: The sentence in the table.
        dialect: Its tag; empty for the one that the module is named after, or for all.
    """

    endpoints: tuple[str, ...]
    rule: str
    dialect: str


def holds(*endpoints: str, rule: str, dialect: str = "") -> Callable[[Test], Test]:
    """Say that a test fails where these endpoints break this rule."""

    def mark(test: Test) -> Test:
        test.rules = [Held(endpoints, rule, dialect), *rules_of(test)]  # type: ignore[attr-defined]
        return test

    return mark


def rules_of(test: Callable[..., Any]) -> list[Held]:
    """The rules that a test holds, in the order in which they are written above it."""
    found: list[Held] = getattr(test, "rules", [])
    return found
