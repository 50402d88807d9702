"""Each field of an experiment keeps its rule."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from experiments_core.domain.experiment import Plan, VariantDraft
from experiments_core.domain.fields import cleaned, field_problems
from experiments_core.domain.metric_kinds import Proportion


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    (
        ("name", "", "NAME_LENGTH"),
        ("name", "x" * 201, "NAME_LENGTH"),
        ("name", None, "TYPE"),
        ("key", "-a", "PATTERN"),
        ("key", "a b", "PATTERN"),
        ("key", "x" * 65, "PATTERN"),
        ("key", 5, "PATTERN"),
        ("description", "x" * 10_001, "LENGTH"),
        ("hypothesis", "x" * 5_001, "LENGTH"),
        ("type", "banner", "UNKNOWN_CHOICE"),
        ("tags", "a,b", "TYPE"),
        ("tags", ["x" * 41], "LENGTH"),
        ("tags", [""], "REQUIRED"),
        ("tags", [str(i) for i in range(21)], "TOO_MANY"),
        ("assignment_mode", "random", "UNKNOWN_CHOICE"),
        ("unit", "", "REQUIRED"),
        ("allocation_bp", 10_001, "RANGE"),
        ("allocation_bp", 5000.0, "TYPE"),
        ("allocation_bp", True, "TYPE"),
        ("holdout_bp", 5_001, "RANGE"),
        ("metrics", "paid", "TYPE"),
        ("metrics", ["paid"], "TYPE"),
        ("metrics", [Proportion(f"m{i}", role="secondary") for i in range(31)], "TOO_MANY"),
        ("metrics", [Proportion(f"m{i}") for i in range(4)], "TOO_MANY"),
        ("metrics", [Proportion("a"), Proportion("b", key="a")], "NOT_UNIQUE"),
        ("metrics", [Proportion("a", name="x" * 201)], "LENGTH"),
        ("plan", {"alpha": 0.05}, "TYPE"),
        ("plan", Plan(alpha=0.5), "RANGE"),
        ("plan", Plan(alpha=float("nan")), "NOT_FINITE"),
        ("plan", Plan(alpha=True), "TYPE"),
        ("plan", Plan(power=0.4), "RANGE"),
        ("plan", Plan(alternative="both"), "UNKNOWN_CHOICE"),
        ("plan", Plan(method="lucky"), "UNKNOWN_CHOICE"),
        ("plan", Plan(correction="some"), "UNKNOWN_CHOICE"),
        ("plan", Plan(min_runtime_days=366), "RANGE"),
        ("plan", Plan(min_units_per_arm=1), "RANGE"),
        ("plan", Plan(min_conversions_per_arm=-1), "RANGE"),
        ("plan", Plan(planned_units=0), "RANGE"),
        ("plan", Plan(planned_end=datetime(2026, 5, 1)), "TYPE"),  # noqa: DTZ001
        ("plan", Plan(daily_units=0), "RANGE"),
        ("data_finished", 1, "TYPE"),
        ("variants", [VariantDraft("a")], "RANGE"),
        ("slug", "x", "UNKNOWN_FIELD"),
        ("status", "running", "UNKNOWN_FIELD"),
    ),
)
def test_each_field_has_its_rule(field: str, value: object, rule: str):
    (problem,) = field_problems({field: value})
    assert problem.rule == rule
    assert problem.field.startswith(field)


def test_good_fields_pass():
    good = {
        "name": "Zoë", "key": "A.b_c-1", "description": "a\nb", "hypothesis": "",
        "type": "page", "owner": "", "tags": ("a", "b"), "assignment_mode": "listed",
        "unit": "order",
        "allocation_bp": 0, "holdout_bp": 5000, "metrics": (Proportion("a"),),
        "plan": Plan(planned_units=2, planned_end=date(2026, 5, 1), baseline=0.1),
        "data_finished": None,
        "variants": (VariantDraft("a"), VariantDraft("b")),
    }  # fmt: skip
    assert field_problems(good) == []


def test_imported_data_may_have_more_arms():
    many = [VariantDraft(f"v{i}") for i in range(30)]
    assert field_problems({"variants": many}, assignment_mode="external") == []
    assert [p.rule for p in field_problems({"variants": many})] == ["RANGE"]


def test_a_range_is_written_with_readable_numbers():
    (problem,) = field_problems({"plan": Plan(min_units_per_arm=0)})
    assert (
        problem.message
        == "min_units_per_arm is 0; it must be between 2 and 1\u202f000\u202f000\u202f000"
    )


def test_tags_lose_blanks_and_doubles_and_keep_their_order():
    assert cleaned("tags", [" b", "a", "B "]) == ("b", "a")
    assert cleaned("name", " a ") == "a"
    assert cleaned("metrics", [1]) == (1,)
