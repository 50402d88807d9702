from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.domain.arms import (
    DEFAULT_ARMS,
    make_variants,
    percent,
    split_problems,
    variant_problems,
)
from experiments_core.domain.experiment import WHOLE_BP, Variant, VariantDraft
from experiments_core.domain.shares import equal_weights


def ids():
    numbers = count(1)
    return lambda: f"id{next(numbers)}"


def rules(*drafts: VariantDraft, limit: int = 20) -> list[str]:
    return [problem.rule for problem in variant_problems(drafts, limit=limit)]


def test_three_equal_shares_are_33_34_and_twice_33_33():
    assert equal_weights(3) == [3334, 3333, 3333]


@given(st.integers(2, 100))
def test_equal_shares_make_the_whole_and_differ_by_at_most_one_basis_point(n: int):
    weights = equal_weights(n)
    assert sum(weights) == WHOLE_BP
    assert max(weights) - min(weights) <= 1
    assert weights == sorted(weights, reverse=True)


@given(st.lists(st.integers(0, WHOLE_BP), min_size=2, max_size=20))
def test_a_split_passes_exactly_when_it_makes_the_whole(weights: list[int]):
    problems = split_problems([(f"v{i}", weight) for i, weight in enumerate(weights)])
    assert [problem.rule for problem in problems] == (
        [] if sum(weights) == WHOLE_BP else ["SPLIT_SUM"]
    )


@pytest.mark.parametrize(
    ("weights", "total", "gap"),
    (
        ((5000, 4900), "99.00 %", "1.00 % is missing"),
        ((3333, 6666), "99.99 %", "0.01 % is missing"),
        ((5000, 6050), "110.50 %", "10.50 % is too much"),
    ),
)
def test_a_wrong_split_names_its_sum_and_the_gap(
    weights: tuple[int, int], total: str, gap: str
):
    (problem,) = split_problems(list(zip("ab", weights, strict=True)))
    assert problem.message == (
        f"The split adds up to {total}. It must be exactly 100 %: {gap}."
    )
    assert problem.value == sum(weights)


@pytest.mark.parametrize(
    ("weight", "rule"),
    ((None, "REQUIRED"), (True, "TYPE"), (50.0, "TYPE"), (-1, "RANGE"), (10_001, "RANGE")),
)
def test_a_weight_is_a_whole_number_of_basis_points(weight: object, rule: str):
    (problem,) = split_problems([("a", weight), ("b", 10_000)])
    assert (problem.field, problem.rule) == ("weights_bp.a", rule)


def test_a_test_has_2_to_20_variants_and_imported_data_up_to_100():
    many = [VariantDraft(f"v{i}") for i in range(101)]
    assert rules(*many[:1]) == ["RANGE"]
    assert rules(*many[:2]) == []
    assert rules(*many[:20]) == []
    assert rules(*many[:21]) == ["RANGE"]
    assert rules(*many[:100], limit=100) == []
    assert rules(*many, limit=100) == ["RANGE"]


def test_variants_that_are_no_list_of_variants_are_a_type_error():
    assert [p.rule for p in variant_problems("ab")] == ["TYPE"]
    assert [p.rule for p in variant_problems([{"key": "a"}])] == ["TYPE"]


def test_keys_that_differ_only_in_case_or_blanks_are_too_similar():
    assert rules(VariantDraft("B"), VariantDraft(" b ")) == ["VARIANT_KEY_TOO_SIMILAR"]
    assert rules(VariantDraft("Straße"), VariantDraft("STRASSE")) == ["VARIANT_KEY_TOO_SIMILAR"]
    assert rules(VariantDraft("a"), VariantDraft("b")) == []


def test_a_variant_without_key_gets_one_from_its_name_and_without_both_is_refused():
    assert rules(VariantDraft(name="Nine fields"), VariantDraft(name="Four fields")) == []
    variants = make_variants((VariantDraft(name="Nine fields"), VariantDraft("b")), ids())
    assert [v.key for v in variants] == ["nine-fields", "b"]
    assert [v.name for v in variants] == ["Nine fields", "b"]
    assert rules(VariantDraft(), VariantDraft("b")) == ["REQUIRED"]


def test_all_problems_are_told_at_once():
    drafts = (
        VariantDraft("x" * 101, is_control=True, weight_bp=5000),
        VariantDraft("b", is_control=True, weight_bp=4000),
        VariantDraft("B\u202e", weight_bp=500, value=float("nan")),
    )
    assert sorted(rules(*drafts)) == [
        "LENGTH", "NOT_UNIQUE", "SPLIT_SUM", "TEXT_CONTROL_CHARACTER", "TYPE",
    ]  # fmt: skip


def test_a_value_is_json_of_at_most_64_kilobytes():
    assert rules(VariantDraft("a", value={"x": [1, None]}), VariantDraft("b")) == []
    assert rules(VariantDraft("a", value="x" * 70_000), VariantDraft("b")) == ["LENGTH"]
    assert rules(VariantDraft("a", value=object()), VariantDraft("b")) == ["TYPE"]


@pytest.mark.parametrize(
    ("drafts", "control"),
    (
        ((VariantDraft("control"), VariantDraft("b", is_control=True)), "b"),
        ((VariantDraft("a"), VariantDraft("Control")), "Control"),
        ((VariantDraft("a"), VariantDraft("champion")), "champion"),
        ((VariantDraft("champion"), VariantDraft("control")), "control"),
        ((VariantDraft("a"), VariantDraft("b")), "a"),
    ),
)
def test_the_control_is_the_flagged_one_else_by_name_else_the_first(
    drafts: tuple[VariantDraft, ...], control: str
):
    variants = make_variants(drafts, ids())
    assert [v.key for v in variants if v.is_control] == [control]


def test_weights_left_out_are_equal_and_a_known_key_keeps_its_id():
    old = (Variant("b", "B", is_control=True, weight_bp=10_000, id="old"),)
    variants = make_variants(
        [VariantDraft("a"), VariantDraft("b"), VariantDraft("c")], ids(), old
    )
    assert [v.weight_bp for v in variants] == [3334, 3333, 3333]
    assert [v.id for v in variants] == ["id1", "old", "id2"]


def test_the_default_arms_are_valid():
    assert variant_problems(DEFAULT_ARMS) == []


@given(st.integers(0, 20_000))
def test_percent_keeps_every_basis_point(bp: int):
    assert round(float(percent(bp).removesuffix(" %")) * 100) == bp
