from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.domain.operations import OPERATIONS
from experiments_core.domain.targeting import compile_targeting
from experiments_core.domain.targeting_checks import (
    MOST_CONDITIONS,
    expand,
    targeting_problems,
)
from experiments_core.errors import InvalidInputError


def leaf(op: str, value: Any = None, attribute: str = "x") -> dict[str, Any]:
    known = {"attribute": attribute, "op": op}
    return known if value is None else known | {"value": value}


def met(tree: Any, **attributes: Any) -> bool:
    rule = compile_targeting(tree)
    assert rule is not None
    return rule.met(attributes)


@pytest.mark.parametrize(
    ("op", "value", "yes", "no"),
    (
        ("eq", "DE", ["DE"], ["de", "DE ", 1, True]),
        ("eq", 7, [7, 7.0], ["7", 8, True]),
        ("eq", True, [True], [1, "true", False]),
        ("ne", 7, [8, "7"], [7, 7.0]),
        ("in", ["DE", 7], ["DE", 7], ["7", "FR", True]),
        ("not_in", ["DE", 7], ["7", "FR"], ["DE", 7]),
        ("gt", 18, [18.5, 19], [18, "19", True, float("nan"), float("inf")]),
        ("gte", 18, [18, 19], [17, "18"]),
        ("lt", "m", ["a"], ["m", "z", 3]),
        ("lte", 18, [18, -1], [19]),
        ("between", [1, 3], [1, 2, 3], [0, 3.5, "2"]),
        ("contains", "shop", ["my shop", ["a", "shop"]], ["sho", ["my shop"], 3]),
        ("contains_any", ["a", "b"], [["x", "b"], "abc"], [["x"], "xyz", 3]),
        ("starts_with", "de-", ["de-AT"], ["DE-AT", 3]),
        ("ends_with", ".com", ["a.com"], ["a.com "]),
        ("exists", None, ["", 0, False], []),
        ("not_exists", None, [], ["", 0]),
        ("version_gte", "2.10", ["2.10.0", "2.10", "v3", "2.11-beta"], ["2.9.9", "2", "x", 3]),
        ("version_lt", "2.10", ["2.9", "2.9.99"], ["2.10", "10.0", ""]),
        ("matches", "^a+b$", ["aab"], ["b", "aabb", 3]),
    ),
)
def test_each_operation_tells_kinds_apart(op: str, value: Any, yes: list[Any], no: list[Any]):
    tree = {"all": [leaf(op, value)]}
    assert [met(tree, x=one) for one in yes] == [True] * len(yes)
    assert [met(tree, x=one) for one in no] == [False] * len(no)
    assert met(tree) is (op == "not_exists")
    assert met(tree, x=None) is (op == "not_exists")


def test_every_operation_is_in_the_table_above():
    assert len(OPERATIONS) == 18


def test_shorthands_are_conditions_that_all_must_hold():
    tree = {"countries": ["DE"], "devices": ["ios", "web"], "user_segments": ["gold"]}
    unit = {"country": "DE", "device": "web", "user_segments": ["new", "gold"]}
    assert met(tree, **unit)
    assert not met(tree, **unit | {"device": "android"})
    assert not met(tree, **unit | {"user_segments": []})
    beside = tree | {"none": [leaf("eq", 1)]}
    assert expand(beside)["all"][-1] == {"none": [leaf("eq", 1)]}
    assert met(beside, **unit)
    assert not met(beside, **unit, x=1)


def test_no_targeting_is_everybody():
    assert compile_targeting(None) is None
    assert compile_targeting({}) is None


@pytest.mark.parametrize(
    ("tree", "path", "rule"),
    (
        ([], "targeting", "TYPE"),
        ({"every": []}, "targeting", "UNKNOWN_FIELD"),
        ({"all": []}, "targeting.all", "REQUIRED"),
        ({"all": {}}, "targeting.all", "TYPE"),
        ({"all": [leaf("exists")], "any": [leaf("exists")]}, "targeting", "UNKNOWN_FIELD"),
        ({"all": [leaf("exists"), {"any": [leaf("equals", 1)]}]},
         "targeting.all[1].any[0].op", "UNKNOWN_CHOICE"),
        ({"all": [leaf("eq")]}, "targeting.all[0].value", "REQUIRED"),
        ({"all": [leaf("exists", 1)]}, "targeting.all[0].value", "TYPE"),
        ({"all": [leaf("in", "DE")]}, "targeting.all[0].value", "TYPE"),
        ({"all": [leaf("in", [])]}, "targeting.all[0].value", "TYPE"),
        ({"all": [leaf("between", [3, 1])]}, "targeting.all[0].value", "RANGE"),
        ({"all": [leaf("between", [1, "3"])]}, "targeting.all[0].value", "RANGE"),
        ({"all": [leaf("version_lt", "two")]}, "targeting.all[0].value", "PATTERN"),
        ({"all": [leaf("matches", "(")]}, "targeting.all[0].value", "PATTERN"),
        ({"all": [leaf("matches", "(?=a)")]}, "targeting.all[0].value", "PATTERN"),
        ({"all": [leaf("matches", "a" * 257)]}, "targeting.all[0].value", "LENGTH"),
        ({"all": [leaf("eq", 1, attribute="")]}, "targeting.all[0].attribute", "REQUIRED"),
        ({"all": [{"attribute": [1], "op": "exists"}]}, "targeting.all[0].attribute", "TYPE"),
        ({"all": [leaf("eq", float("nan"))]}, "targeting.all[0].value", "TYPE"),
        ({"all": [leaf("eq", 1) | {"not": True}]}, "targeting.all[0].not", "UNKNOWN_FIELD"),
        ({"countries": "DE"}, "targeting.countries", "TYPE"),
        ({"countries": [""]}, "targeting.countries[0]", "LENGTH"),
        ({"devices": ["phone"]}, "targeting.devices[0]", "UNKNOWN_CHOICE"),
    ),
)  # fmt: skip
def test_a_problem_names_the_path_of_its_node(tree: Any, path: str, rule: str):
    found = targeting_problems(tree)
    assert (found[0].field, found[0].rule) == (path, rule)
    with pytest.raises(InvalidInputError):
        compile_targeting(tree)


def test_all_problems_are_told_at_once():
    tree = {"all": [leaf("eq"), leaf("nope"), leaf("matches", "(")]}
    assert [one.field for one in targeting_problems(tree)] == [
        "targeting.all[0].value", "targeting.all[1].op", "targeting.all[2].value",
    ]  # fmt: skip


def test_four_levels_are_allowed_and_five_are_not():
    tree: Any = leaf("exists")
    for how in ("any", "all", "none", "all"):
        tree = {how: [tree]}
    assert targeting_problems(tree) == []
    assert targeting_problems({"all": [tree]})[0].rule == "TOO_MANY"


def test_fifty_conditions_are_allowed_and_fifty_one_are_not():
    full = {"all": [leaf("eq", i) for i in range(MOST_CONDITIONS)]}
    assert targeting_problems(full) == []
    more = {"any": [full, leaf("exists")]}
    assert targeting_problems(more)[0].rule == "TOO_MANY"


def test_a_pattern_cannot_stall_the_server():
    rule = compile_targeting({"all": [leaf("matches", "^(a+)+$")]})
    assert rule is not None
    began = time.perf_counter()
    assert not rule.met({"x": "a" * 50_000 + "b"})
    assert time.perf_counter() - began < 1


def test_the_explanation_says_why_each_rule_did_not_hold():
    tree = {"all": [leaf("in", ["DE"], "country"), {"any": [leaf("gte", 18, "age")]}]}
    rule = compile_targeting(tree)
    assert rule is not None
    told = {v.path: (v.passed, v.why) for v in rule.explain({"age": "20"})}
    assert told == {
        "targeting": (False, "0 of 2 hold"),
        "targeting.all[0]": (False, "the unit has no “country”"),
        "targeting.all[1]": (False, "0 of 1 hold"),
        "targeting.all[1].any[0]": (
            False, "“age” is “20”, which gte cannot compare with 18",
        ),
    }  # fmt: skip


values = st.one_of(st.text(max_size=5), st.integers(-5, 5), st.booleans(), st.none())
leaves = st.builds(
    leaf, st.sampled_from(["eq", "ne"]), st.one_of(st.text(max_size=3), st.integers(-5, 5)),
    st.sampled_from(["x", "y"]),
) | st.builds(leaf, st.sampled_from(["exists", "not_exists"]))  # fmt: skip


@given(st.lists(leaves, min_size=1, max_size=4), values, values)
def test_none_is_the_opposite_of_any_and_the_explanation_agrees(
    children: list[Any], x: Any, y: Any
):
    attributes = {"x": x, "y": y}
    one, other = ({how: children} for how in ("any", "none"))
    assert met(one, **attributes) is not met(other, **attributes)
    rule = compile_targeting(one)
    assert rule is not None
    assert rule.explain(attributes)[0].passed is rule.met(attributes)


@given(st.recursive(values | leaves, lambda inner: st.one_of(
    st.lists(inner, max_size=3),
    st.dictionaries(st.sampled_from(["all", "any", "none", "attribute", "op", "value",
                                     "countries"]), inner, max_size=3),
), max_leaves=12))  # fmt: skip
def test_any_json_is_either_compiled_or_refused_in_words(tree: Any):
    problems = targeting_problems(tree)
    if problems:
        assert all(one.message and one.field.startswith("targeting") for one in problems)
    else:
        rule = compile_targeting(tree)
        assert rule is None or isinstance(rule.met({"x": "a"}), bool)
