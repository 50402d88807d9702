"""Targeting as people type it: ``country in DE, FR``, one rule a line, and back to text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from experiments_core.domain.targeting_checks import expand
from experiments_core.errors import InvalidInputError, Problem

Tree = dict[str, Any]

HOW = {"all": "all of these", "any": "at least one of these", "none": "none of these"}
SIGNS = {"!=": "ne", ">=": "gte", "<=": "lte", "=": "eq", ">": "gt", "<": "lt"}
WORDS = {
    "not in": "not_in", "in": "in", "between": "between", "contains any": "contains_any",
    "contains": "contains", "starts with": "starts_with", "ends with": "ends_with",
    "version >=": "version_gte", "version <": "version_lt", "matches": "matches",
    "does not exist": "not_exists", "exists": "exists",
}  # fmt: skip
LISTS = frozenset({"in", "not_in", "between", "contains_any"})
BARE = frozenset({"exists", "not_exists"})
_LINE = re.compile(
    rf"(.+?)(?:\s+({'|'.join(map(re.escape, WORDS))})(?=\s|$)"
    rf"|\s*({'|'.join(map(re.escape, SIGNS))}))\s*(.*)"
)
_SHOWN = {op: word for word, op in (WORDS | SIGNS).items()}


def read(how: str, typed: str) -> Tree:
    """Make a tree of rules; nothing typed lets everybody in, ``{…}`` is a tree as it is.

    Args:
        how: ``all``, ``any`` or ``none`` of the lines have to hold.
        typed: One rule a line, or a tree as JSON.

    Raises:
        InvalidInputError: a line is no rule; what a rule says is checked by the domain.
    """
    text = typed.strip()
    if not text:
        return {}
    if text.startswith("{"):
        return _tree(text)
    lines = enumerate(typed.splitlines(), start=1)
    return {how: [_rule(number, line.strip()) for number, line in lines if line.strip()]}


def written(tree: Mapping[str, Any] | None) -> tuple[str, str]:
    """How the rules are joined, and their text; JSON where lines cannot say it."""
    if not tree:
        return "all", ""
    whole = expand(dict(tree))
    how = next(iter(whole))
    if how in HOW and all("op" in rule for rule in whole[how]):
        text = "\n".join(_line(rule) for rule in whole[how])
        try:
            same = read(how, text) == whole
        except InvalidInputError:
            same = False
        if same:
            return how, text
    return "all", json.dumps(whole, ensure_ascii=False, indent=1)


def value_of(text: str) -> Any:
    """A number, true, false, a list or a text; ``"31"`` in quotes is a text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool | list) else text


def _tree(text: str) -> Tree:
    try:
        tree: Tree = json.loads(text)
    except ValueError as error:
        raise _refused(f"The rules begin with {{ but are no JSON: {error}.", text) from None
    return tree


def _rule(number: int, line: str) -> Tree:
    found = _LINE.fullmatch(line)
    if found is None:
        raise _refused(
            f"Line {number} is “{line[:60]}”; write it like country in DE, FR or age >= 18.",
            line,
        )
    attribute, word, sign, rest = found.groups()
    op = WORDS[word] if word else SIGNS[sign]
    rule = {"attribute": attribute.strip(), "op": op}
    if op in BARE:
        if rest:
            raise _refused(f"Line {number}: nothing can follow “{word}”.", line)
        return rule
    return rule | {"value": _values(rest) if op in LISTS else value_of(rest)}


def _values(text: str) -> list[Any]:
    try:
        values: list[Any] = json.loads(f"[{text}]")
    except ValueError:
        return [value_of(one.strip()) for one in text.split(",") if one.strip()]
    return values


def _line(rule: Mapping[str, Any]) -> str:
    op, value = str(rule["op"]), rule.get("value")
    start = f"{rule['attribute']} {_SHOWN.get(op, op)}"
    if op in BARE:
        return start
    if isinstance(value, list | tuple):
        plain = [str(one) for one in value]
        kept = [value_of(one) for one in plain] == list(value) and "," not in "".join(plain)
        return f"{start} {', '.join(plain if kept else map(_quoted, value))}"
    return f"{start} {value if value_of(str(value)) == value else _quoted(value)}"


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _refused(message: str, value: str) -> InvalidInputError:
    problem = Problem("targeting", value[:200], "PATTERN", message)
    return InvalidInputError(message, details=(problem,))
