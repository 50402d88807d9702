"""What can be wrong with a targeting tree; every problem carries the path of its node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import re2

from experiments_core.domain.operations import (
    FITS,
    LIST,
    NOTHING,
    OPERATIONS,
    comparable_pair,
    pattern_of,
    version,
)
from experiments_core.errors import Problem

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
    if not isinstance(op, str) or op not in OPERATIONS:
        message = f"{path}.op is “{op}”; choose one of {', '.join(OPERATIONS)}"
        problems.append(Problem(f"{path}.op", op, "UNKNOWN_CHOICE", message))
        return problems
    return [*problems, *_value_problems(op, node, f"{path}.value")]


def _value_problems(  # noqa: PLR0911  as above
    op: str, node: Mapping[str, Any], path: str
) -> list[Problem]:
    value = node.get("value")
    wanted = OPERATIONS[op].wanted
    if wanted == NOTHING:
        if value is None:
            return []
        message = f"{path} must be left out: “{op}” asks only whether there is a value"
        return [Problem(path, value, "TYPE", message)]
    if value is None:
        return [Problem(path, None, "REQUIRED", f"{path} is missing; “{op}” needs {wanted}")]
    fits = FITS[wanted](value)
    if not fits:
        return [Problem(path, value, "TYPE", f"{path} must be {wanted} for “{op}”")]
    if wanted == LIST and len(value) > MOST_VALUES:
        message = f"{path} has {len(value)} values; at most {MOST_VALUES} are allowed"
        return [Problem(path, len(value), "TOO_MANY", message)]
    if op == "between" and not comparable_pair(value):
        message = f"{path} must be a lower and an upper limit, the lower one first"
        return [Problem(path, value, "RANGE", message)]
    if op.startswith("version") and version(value) is None:
        message = f"{path} is “{value}”; a version is numbers with dots, such as 2.10.0"
        return [Problem(path, value, "PATTERN", message)]
    return _pattern_problems(value, path) if op == "matches" else []


def _pattern_problems(pattern: str, path: str) -> list[Problem]:
    if len(pattern) > LONGEST_PATTERN:
        message = f"{path} has {len(pattern)} characters; at most {LONGEST_PATTERN} are allowed"
        return [Problem(path, pattern[:40], "LENGTH", message)]
    try:
        pattern_of(pattern)
    except re2.error as error:
        told = error.args[0] if error.args else ""
        text = told.decode() if isinstance(told, bytes) else str(told)
        message = f"{path} is not a pattern that runs in linear time: {text}"
        return [Problem(path, pattern, "PATTERN", message)]
    return []
