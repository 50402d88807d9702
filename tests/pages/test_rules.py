"""Targeting as people type it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.domain.operations import OPERATIONS
from experiments_core.domain.targeting_checks import targeting_problems
from experiments_core.errors import InvalidInputError
from pages.parts import rules


@pytest.mark.parametrize(
    ("line", "rule"),
    (
        ("country in DE, FR", {"op": "in", "value": ["DE", "FR"]}),
        ("country not in DE", {"op": "not_in", "value": ["DE"]}),
        ("country = DE", {"op": "eq", "value": "DE"}),
        ("country!=DE", {"op": "ne", "value": "DE"}),
        ("country >= 18", {"op": "gte", "value": 18}),
        ("country<1.5", {"op": "lt", "value": 1.5}),
        ('country = "31"', {"op": "eq", "value": "31"}),
        ("country = true", {"op": "eq", "value": True}),
        ("country between 18, 65", {"op": "between", "value": [18, 65]}),
        ('country in "a, b", "c"', {"op": "in", "value": ["a, b", "c"]}),
        ("country version >= 2.10.0", {"op": "version_gte", "value": "2.10.0"}),
        ("country exists", {"op": "exists"}),
        ("country does not exist", {"op": "not_exists"}),
        ("country starts with D", {"op": "starts_with", "value": "D"}),
        ("country matches ^D.$", {"op": "matches", "value": "^D.$"}),
    ),
)
def test_a_line_is_read_as_its_rule_and_written_again(line: str, rule: dict[str, Any]):
    tree = {"all": [{"attribute": "country", **rule}]}
    assert rules.read("all", line) == tree
    assert targeting_problems(tree) == []
    how, text = rules.written(tree)
    assert rules.read(how, text) == tree


def test_every_operation_can_be_typed():
    assert {*rules.WORDS.values(), *rules.SIGNS.values()} == set(OPERATIONS)


@pytest.mark.parametrize("line", ("country", "= DE", "country exists DE", "{no json"))
def test_what_is_no_rule_is_refused_with_its_line(line: str):
    with pytest.raises(InvalidInputError) as refused:
        rules.read("all", line)
    assert refused.value.details[0].field == "targeting"


def test_nested_rules_are_shown_and_read_as_json():
    tree = {"any": [{"all": [{"attribute": "a", "op": "exists"}]},
                    {"attribute": "b", "op": "eq", "value": 1}]}  # fmt: skip
    how, text = rules.written(tree)
    assert text.startswith("{")
    assert rules.read(how, text) == tree


def test_shorthands_are_shown_as_the_rules_they_stand_for():
    assert rules.written({"countries": ["DE", "FR"]}) == ("all", "country in DE, FR")
    assert rules.written(None) == ("all", "")
    assert rules.read("any", " \n") == {}


SCALARS = st.one_of(st.text(min_size=1, max_size=8), st.integers(), st.booleans())


@given(
    how=st.sampled_from(list(rules.HOW)),
    leaves=st.lists(
        st.builds(
            lambda attribute, value: {"attribute": attribute, **value},
            st.text(min_size=1, max_size=12),
            st.one_of(
                st.builds(lambda one: {"op": "eq", "value": one}, SCALARS),
                st.builds(
                    lambda many: {"op": "in", "value": many},
                    st.lists(SCALARS, min_size=1, max_size=3),
                ),
                st.just({"op": "exists"}),
            ),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_whatever_tree_there_is_comes_back_from_its_text(how: str, leaves: list[Any]):
    tree = {how: leaves}
    assert rules.read(*rules.written(tree)) == tree
