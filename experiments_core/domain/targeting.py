"""Targeting: a tree of conditions on a unit's attributes, checked once, evaluated often.

``{"all": […]}``, ``{"any": […]}`` and ``{"none": […]}`` may be nested four deep; a leaf is
``{"attribute": …, "op": …, "value": …}``; at most 50 leaves. The shorthands ``countries``,
``devices`` and ``user_segments`` expand to ``in`` and ``contains_any``. A missing attribute
satisfies only ``not_exists``; a number is never equal to a text. Patterns run in linear time
(RE2), so no pattern of a user can stall the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments_core.domain.operations import OPERATIONS, Test, kind, shown
from experiments_core.domain.targeting_checks import expand, targeting_problems
from experiments_core.errors import InvalidInputError

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule of a targeting tree and what it said about one unit.

    Attributes:
        path: Where the rule stands (``targeting.all[1]``).
        rule: The rule in words.
        passed: Whether the unit satisfies it.
        found: The unit's value; None for a group, and for a missing attribute.
        why: Why it did not pass; empty when it did.
        depth: 0 for the tree itself.
    """

    path: str
    rule: str
    passed: bool
    found: object
    why: str
    depth: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One leaf, ready to be asked."""

    path: str
    attribute: str
    op: str
    value: Any
    test: Test

    def met(self, attributes: Attributes) -> bool:
        """Whether the unit with these attributes satisfies it."""
        found = attributes.get(self.attribute)
        if found is None:
            return self.op == "not_exists"
        return self.test(found)

    def explain(self, attributes: Attributes, depth: int = 0) -> list[Verdict]:
        """The same, with the reason."""
        found, passed = attributes.get(self.attribute), self.met(attributes)
        if passed:
            why = ""
        elif found is None:
            why = f"the unit has no “{self.attribute}”"
        else:
            why = f"“{self.attribute}” is {shown(found)}"
            if kind(found) not in OPERATIONS[self.op].fitting(self.value):
                why += f", which {self.op} cannot compare with {shown(self.value)}"
        return [Verdict(self.path, self.text, passed, found, why, depth)]

    @property
    def text(self) -> str:
        """The rule in words."""
        words = OPERATIONS[self.op].words
        if self.op in {"exists", "not_exists"}:
            return f"{self.attribute} {words}"
        return f"{self.attribute} {words} {shown(self.value)}"


@dataclass(frozen=True, slots=True)
class Group:
    """All, any or none of some rules."""

    path: str
    how: str
    rules: tuple[Condition | Group, ...]

    def met(self, attributes: Attributes) -> bool:
        """Whether the unit with these attributes satisfies it."""
        if self.how == "all":
            return all(rule.met(attributes) for rule in self.rules)
        found = any(rule.met(attributes) for rule in self.rules)
        return found if self.how == "any" else not found

    def explain(self, attributes: Attributes, depth: int = 0) -> list[Verdict]:
        """The same for this group and every rule below it, in the order of the tree."""
        below = [rule.explain(attributes, depth + 1) for rule in self.rules]
        passed = self.met(attributes)
        met = sum(verdicts[0].passed for verdicts in below)
        why = "" if passed else f"{met} of {len(self.rules)} hold"
        own = Verdict(self.path, self.text, passed, None, why, depth)
        return [own, *(verdict for verdicts in below for verdict in verdicts)]

    @property
    def text(self) -> str:
        """The rule in words."""
        return {"all": "all of these", "any": "at least one of these"}.get(
            self.how, "none of these"
        )


Rule = Condition | Group


def compile_targeting(tree: object) -> Rule | None:
    """Check a tree and make it ready; None for no targeting at all.

    Raises:
        InvalidInputError: every problem at once, each with the path of its node.
    """
    if tree is None or tree == {}:
        return None
    problems = tuple(targeting_problems(tree))
    if problems:
        raise InvalidInputError(f"{problems[0].message}.", details=problems)
    return _build(expand(tree), "targeting")


def _build(node: Any, path: str) -> Rule:
    if "attribute" in node:
        op, value = node["op"], node.get("value")
        return Condition(path, node["attribute"], op, value, OPERATIONS[op].test(value))
    ((how, children),) = node.items()
    below = f"{path}.{how}"
    return Group(
        path, how, tuple(_build(child, f"{below}[{i}]") for i, child in enumerate(children))
    )
