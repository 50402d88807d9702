"""Targeting: a tree of conditions on a unit's attributes, checked once, evaluated often.

``{"all": […]}``, ``{"any": […]}`` and ``{"none": […]}`` may be nested four deep; a leaf is
``{"attribute": …, "op": …, "value": …}``; at most 50 leaves. The shorthands ``countries``,
``devices`` and ``user_segments`` expand to ``in`` and ``contains_any``. A missing attribute
satisfies only ``not_exists``; a number is never equal to a text. Patterns run in linear time
(RE2), so no pattern of a user can stall the server.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from experiments_core.errors import InvalidInputError, Problem

GROUPS = ("all", "any", "none")
DEEPEST = 4
MOST_CONDITIONS = 50
LONGEST_PATTERN = 256
LONGEST_TEXT = 256
MOST_VALUES = 1000
DEVICES = ("ios", "android", "web")
SHORTHANDS = ("countries", "devices", "user_segments")
_SHORTHAND = {
    "countries": ("country", "in"),
    "devices": ("device", "in"),
    "user_segments": ("user_segments", "contains_any"),
}

Attributes = Mapping[str, Any]
Test = Callable[[Any], bool]


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
            why = f"“{self.attribute}” is {_shown(found)}"
            if _kind(found) not in _fitting(self.op, self.value):
                why += f", which {self.op} cannot compare with {_shown(self.value)}"
        return [Verdict(self.path, self.text, passed, found, why, depth)]

    @property
    def text(self) -> str:
        """The rule in words."""
        if self.op in {"exists", "not_exists"}:
            return f"{self.attribute} {_WORDS[self.op]}"
        return f"{self.attribute} {_WORDS[self.op]} {_shown(self.value)}"


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


def compile_targeting(tree: object, *, field: str = "targeting") -> Rule | None:
    """Check a tree and make it ready; None for no targeting at all.

    Raises:
        InvalidInputError: every problem at once, each with the path of its node.
    """
    if tree is None or tree == {}:
        return None
    problems = tuple(targeting_problems(tree, field=field))
    if problems:
        raise InvalidInputError(f"{problems[0].message}.", details=problems)
    return _build(expand(tree), field)


def targeting_problems(tree: object, *, field: str = "targeting") -> list[Problem]:
    """Everything that is wrong with a tree, each with the path of its node."""
    if tree is None or tree == {}:
        return []
    shorthand = _shorthand_problems(tree, field)
    if shorthand:
        return shorthand
    found = _node_problems(expand(tree), field, 1)
    conditions = count_conditions(expand(tree))
    if conditions > MOST_CONDITIONS:
        message = f"{conditions} conditions; at most {MOST_CONDITIONS} are allowed"
        found.insert(0, Problem(field, conditions, "TOO_MANY", message))
    return found


def expand(tree: Any) -> Any:
    """Write shorthands out as conditions; anything else stays as it is.

    >>> expand({"countries": ["DE"]})
    {'all': [{'attribute': 'country', 'op': 'in', 'value': ['DE']}]}
    """
    if not isinstance(tree, Mapping) or not any(name in tree for name in SHORTHANDS):
        return tree
    leaves = [
        {"attribute": _SHORTHAND[name][0], "op": _SHORTHAND[name][1], "value": list(tree[name])}
        for name in SHORTHANDS
        if tree.get(name)
    ]
    rest = {name: value for name, value in tree.items() if name not in SHORTHANDS}
    return {"all": [*leaves, *([rest] if rest else [])]}


def count_conditions(tree: Any) -> int:
    """How many leaves a tree has, whatever else is wrong with it."""
    count, waiting = 0, [tree]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Mapping):
            continue
        listed = [node[how] for how in GROUPS if isinstance(node.get(how), list | tuple)]
        count += "attribute" in node
        waiting += [child for children in listed for child in children]
    return count


def _shorthand_problems(tree: object, field: str) -> list[Problem]:
    if not isinstance(tree, Mapping):
        return []
    problems = []
    for name in SHORTHANDS:
        if name not in tree:
            continue
        path, value = f"{field}.{name}", tree[name]
        if not isinstance(value, list | tuple):
            problems.append(Problem(path, value, "TYPE", f"{path} must be a list of texts"))
            continue
        problems += _texts_problems(path, value)
        if name == "devices":
            problems += [
                Problem(f"{path}[{i}]", one, "UNKNOWN_CHOICE",
                        f"{path}[{i}] is “{one}”; choose one of {', '.join(DEVICES)}")
                for i, one in enumerate(value)
                if isinstance(one, str) and one not in DEVICES
            ]  # fmt: skip
    return problems


def _texts_problems(path: str, values: Sequence[object]) -> list[Problem]:
    problems = []
    if len(values) > MOST_VALUES:
        message = f"{path} has {len(values)} values; at most {MOST_VALUES} are allowed"
        problems.append(Problem(path, len(values), "TOO_MANY", message))
    for i, one in enumerate(values[:MOST_VALUES]):
        if not isinstance(one, str):
            problems.append(Problem(f"{path}[{i}]", one, "TYPE", f"{path}[{i}] must be text"))
        elif not 1 <= len(one) <= LONGEST_TEXT:
            message = f"{path}[{i}] has {len(one)} characters; it may have 1 to {LONGEST_TEXT}"
            problems.append(Problem(f"{path}[{i}]", one[:40], "LENGTH", message))
    return problems


def _node_problems(  # noqa: PLR0911  one return per way to be wrong
    node: object, path: str, depth: int
) -> list[Problem]:
    if not isinstance(node, Mapping):
        message = f"{path} must be a group ({', '.join(GROUPS)}) or a condition"
        return [Problem(path, node, "TYPE", message)]
    if "attribute" in node or "op" in node:
        return _condition_problems(node, path)
    names = list(node)
    if len(names) != 1 or names[0] not in GROUPS:
        message = (
            f"{path} must have exactly one of {', '.join(GROUPS)}, or be a condition with "
            f"attribute, op and value; it has {', '.join(map(str, names)) or 'nothing'}"
        )
        return [Problem(path, names, "UNKNOWN_FIELD" if names else "REQUIRED", message)]
    how = names[0]
    children, below = node[how], f"{path}.{how}"
    if not isinstance(children, list | tuple):
        return [Problem(below, children, "TYPE", f"{below} must be a list of rules")]
    if not children:
        return [Problem(below, [], "REQUIRED", f"{below} has no rule; add one or remove it")]
    if depth > DEEPEST:
        message = f"{below} is nested {depth} deep; at most {DEEPEST} are allowed"
        return [Problem(below, depth, "TOO_MANY", message)]
    return [
        problem
        for i, child in enumerate(children)
        for problem in _node_problems(child, f"{below}[{i}]", depth + 1)
    ]


def _condition_problems(node: Mapping[str, Any], path: str) -> list[Problem]:
    unknown = [name for name in node if name not in {"attribute", "op", "value"}]
    problems = [
        Problem(f"{path}.{name}", node[name], "UNKNOWN_FIELD",
                f"{path}.{name} is not a field of a condition: attribute, op, value")
        for name in unknown
    ]  # fmt: skip
    attribute, op = node.get("attribute"), node.get("op")
    if not isinstance(attribute, str) or not 1 <= len(attribute) <= 100:
        message = f"{path}.attribute must be text of 1 to 100 characters"
        rule = "REQUIRED" if attribute is None or attribute == "" else "TYPE"
        problems.append(Problem(f"{path}.attribute", attribute, rule, message))
    if not isinstance(op, str) or op not in _OPS:
        message = f"{path}.op is “{op}”; choose one of {', '.join(_OPS)}"
        problems.append(Problem(f"{path}.op", op, "UNKNOWN_CHOICE", message))
        return problems
    return [*problems, *_value_problems(op, node, f"{path}.value")]


def _value_problems(  # noqa: PLR0911  as above
    op: str, node: Mapping[str, Any], path: str
) -> list[Problem]:
    value = node.get("value")
    wanted = _OPS[op]
    if wanted == "nothing":
        if value is None:
            return []
        message = f"{path} must be left out: “{op}” asks only whether there is a value"
        return [Problem(path, value, "TYPE", message)]
    if value is None:
        return [Problem(path, None, "REQUIRED", f"{path} is missing; “{op}” needs {wanted}")]
    fits = _FITS[wanted](value)
    if not fits:
        return [Problem(path, value, "TYPE", f"{path} must be {wanted} for “{op}”")]
    if wanted == "a list of texts or numbers" and len(value) > MOST_VALUES:
        message = f"{path} has {len(value)} values; at most {MOST_VALUES} are allowed"
        return [Problem(path, len(value), "TOO_MANY", message)]
    if op == "between" and not _comparable_pair(value):
        message = f"{path} must be a lower and an upper limit, the lower one first"
        return [Problem(path, value, "RANGE", message)]
    if op.startswith("version") and _version(value) is None:
        message = f"{path} is “{value}”; a version is numbers with dots, such as 2.10.0"
        return [Problem(path, value, "PATTERN", message)]
    return _pattern_problems(value, path) if op == "matches" else []


def _pattern_problems(pattern: str, path: str) -> list[Problem]:
    if len(pattern) > LONGEST_PATTERN:
        message = f"{path} has {len(pattern)} characters; at most {LONGEST_PATTERN} are allowed"
        return [Problem(path, pattern[:40], "LENGTH", message)]
    try:
        _pattern(pattern)
    except re2.error as error:
        told = error.args[0] if error.args else ""
        text = told.decode() if isinstance(told, bytes) else str(told)
        message = f"{path} is not a pattern that runs in linear time: {text}"
        return [Problem(path, pattern, "PATTERN", message)]
    return []


def _pattern(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return re2.compile(pattern, options)


def _build(node: Any, path: str) -> Rule:
    if "attribute" in node:
        op, value = node["op"], node.get("value")
        return Condition(path, node["attribute"], op, value, _TESTS[op](value))
    ((how, children),) = node.items()
    below = f"{path}.{how}"
    return Group(
        path, how, tuple(_build(child, f"{below}[{i}]") for i, child in enumerate(children))
    )


# Values ------------------------------------------------------------------------------------


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float):
        return "number" if math.isfinite(value) else "nothing"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list | tuple) else "nothing"


def _equal(one: Any, other: Any) -> bool:
    return bool(_kind(one) == _kind(other) and one == other)


def _ordered(one: Any, other: Any) -> bool:
    return _kind(one) == _kind(other) and _kind(one) in {"number", "text"}


def _is_scalar(value: object) -> bool:
    return _kind(value) in {"number", "text", "yes or no"}


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_scalar, value))


def _comparable_pair(value: Sequence[Any]) -> bool:
    return _ordered(value[0], value[1]) and bool(value[0] <= value[1])


def _version(value: object) -> tuple[int, ...] | None:
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


_OPS = {
    "eq": "a text, a number or true/false",
    "ne": "a text, a number or true/false",
    "in": "a list of texts or numbers",
    "not_in": "a list of texts or numbers",
    "gt": "a number or a text",
    "gte": "a number or a text",
    "lt": "a number or a text",
    "lte": "a number or a text",
    "between": "a list of two limits",
    "contains": "a text",
    "contains_any": "a list of texts or numbers",
    "starts_with": "a text",
    "ends_with": "a text",
    "exists": "nothing",
    "not_exists": "nothing",
    "version_gte": "a text",
    "version_lt": "a text",
    "matches": "a text",
}
"""Operation -> what its value has to be, in words."""

OPERATIONS = tuple(_OPS)

_FITS: dict[str, Callable[[Any], bool]] = {
    "a text, a number or true/false": _is_scalar,
    "a list of texts or numbers": _is_list,
    "a number or a text": lambda value: _kind(value) in {"number", "text"},
    "a list of two limits": lambda value: _is_list(value) and len(value) == 2,
    "a text": lambda value: isinstance(value, str) and bool(value),
}


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
        limit = _version(value)

        def test(found: Any) -> bool:
            version = _version(found)
            return version is not None and how(version, limit)

        return test

    return build


def _matches(pattern: str) -> Test:
    compiled = _pattern(pattern)
    return lambda found: isinstance(found, str) and compiled.search(found) is not None


_TESTS: dict[str, Callable[[Any], Test]] = {
    "eq": lambda value: lambda found: _equal(found, value),
    "ne": lambda value: lambda found: not _equal(found, value),
    "in": lambda values: lambda found: any(_equal(found, one) for one in values),
    "not_in": lambda values: lambda found: not any(_equal(found, one) for one in values),
    "gt": _compare(lambda found, value: found > value),
    "gte": _compare(lambda found, value: found >= value),
    "lt": _compare(lambda found, value: found < value),
    "lte": _compare(lambda found, value: found <= value),
    "between": lambda limits: (
        lambda found: _ordered(found, limits[0]) and limits[0] <= found <= limits[1]
    ),
    "contains": _contains,
    "contains_any": _contains_any,
    "starts_with": lambda value: (
        lambda found: isinstance(found, str) and found.startswith(value)
    ),
    "ends_with": lambda value: lambda found: isinstance(found, str) and found.endswith(value),
    "exists": lambda _: lambda _found: True,
    "not_exists": lambda _: lambda _found: False,
    "version_gte": _compare_versions(lambda found, limit: found >= limit),
    "version_lt": _compare_versions(lambda found, limit: found < limit),
    "matches": _matches,
}

_WORDS = {
    "eq": "is", "ne": "is not", "in": "is one of", "not_in": "is none of", "gt": "is above",
    "gte": "is at least", "lt": "is below", "lte": "is at most", "between": "is between",
    "contains": "contains", "contains_any": "contains one of", "starts_with": "begins with",
    "ends_with": "ends with", "exists": "is known", "not_exists": "is not known",
    "version_gte": "is version", "version_lt": "is before version", "matches": "matches",
}  # fmt: skip


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one) for one in value)
    return str(value)


def _fitting(op: str, value: object) -> tuple[str, ...]:
    """Kinds of attribute that an operation can compare with its value."""
    if op in {"starts_with", "ends_with", "matches", "version_gte", "version_lt"}:
        return ("text",)
    if op in {"contains", "contains_any"}:
        return ("text", "list")
    if op in {"exists", "not_exists"}:
        return ("text", "list", "number", "yes or no", "nothing")
    if isinstance(value, list | tuple):
        return tuple({_kind(one) for one in value})
    return (_kind(value),)
