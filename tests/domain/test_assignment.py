from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.domain.acts import Act, perform
from experiments_core.domain.assignment import (
    AssignmentSource,
    Decision,
    ProjectRules,
    Reason,
    Rules,
    Stored,
    first_run,
    legacy_bucket,
    phase_at,
    rules_of,
)
from experiments_core.domain.experiment import Experiment, NamespaceSlot
from experiments_core.domain.hashing import bucket_ranges, choose_range, growthbook, upshot1
from experiments_core.domain.lifecycle import Verb
from experiments_core.domain.namespaces import check_overlap, free_ranges, slot_problems
from experiments_core.domain.participants import cut_list, duplicates
from experiments_core.domain.shares import largest_remainder
from experiments_core.domain.targeting import compile_targeting
from experiments_core.domain.traffic import change_traffic
from experiments_core.domain.unit_ids import check_unit
from experiments_core.domain.why import walk
from experiments_core.errors import ConflictError, InvalidInputError

Build = Callable[..., Experiment]
UNITS = [f"user-{i}" for i in range(3000)]
units = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
bp = st.integers(0, 10_000)


def rules(**changes: Any) -> Rules:
    arms = changes.pop("weights", {"control": 5000, "treatment": 5000})
    ends, total = [], 0
    for weight in arms.values():
        total += weight
        ends.append(total)
    base = Rules(
        place="running",
        mode="hash",
        method="upshot1",
        seed="checkout-button",
        arms=tuple(arms),
        ends=tuple(ends),
        allocation_bp=10_000,
        holdout_bp=0,
        decisions=tuple(Decision(arm, Reason.ASSIGNED, is_new=True) for arm in arms),
    )
    return replace(base, **changes)


def test_the_documented_units_get_the_arm_that_their_draw_says():
    split = rules(weights={"control": 6000, "treatment": 4000})
    listed = ("user-1", "user-2", "user-3", "Zoë", "00042")
    assert [split.decide(unit).variant for unit in listed] == [
        "treatment", "control", "control", "control", "treatment",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "asked", "reason"),
    (
        ({"place": "draft"}, {"override": "treatment"}, Reason.NOT_RUNNING),
        ({"place": "stopped"}, {"stored": Stored("control")}, Reason.NOT_RUNNING),
        ({"place": "paused"}, {}, Reason.PAUSED),
        ({"place": "paused"}, {"stored": Stored("control")}, Reason.STORED),
        ({}, {"override": "treatment", "stored": Stored("control")}, Reason.OVERRIDE),
        ({"allocation_bp": 1}, {"stored": Stored("control")}, Reason.STORED),
        ({}, {"stored": Stored(None)}, Reason.HOLDOUT),
        ({"mode": "listed"}, {}, Reason.NOT_LISTED),
        ({"targeting": compile_targeting({"countries": ["DE"]})}, {}, Reason.NOT_TARGETED),
        ({"project": ProjectRules("p", 10_000)}, {}, Reason.GLOBAL_HOLDOUT),
        ({"namespace": NamespaceSlot("n", 0, 1)}, {}, Reason.OTHER_EXPERIMENT),
        ({"allocation_bp": 0, "holdout_bp": 5000}, {}, Reason.NOT_ALLOCATED),
        ({"holdout_bp": 10_000}, {}, Reason.HOLDOUT),
        ({}, {}, Reason.ASSIGNED),
    ),
)
def test_the_first_rule_that_applies_answers(
    changes: dict[str, Any], asked: dict[str, Any], reason: Reason
):
    decision, steps = walk(rules(**changes), "user-1", {}, **asked)
    assert decision == rules(**changes).decide("user-1", {}, **asked)
    assert decision.reason is reason
    assert [step.decides for step in steps] == [False] * (len(steps) - 1) + [True]


def test_only_holdout_and_arm_are_stored_and_an_override_is_not_in_the_test():
    assert rules().decide("u").is_new
    assert rules(holdout_bp=10_000).decide("u") == Decision(None, Reason.HOLDOUT, is_new=True)
    assert not rules(allocation_bp=0).decide("u").is_new
    overridden = rules().decide("u", override="treatment")
    assert (overridden.variant, overridden.in_experiment) == ("treatment", False)


def test_a_test_whose_arms_come_with_the_data_refuses_to_assign():
    with pytest.raises(ConflictError) as refused:
        rules(mode="external").decide("u")
    assert refused.value.code == "EXTERNAL_ASSIGNMENT"


@given(units, bp, bp)
def test_raising_the_allocation_only_adds_units_and_moves_nobody(
    unit: str, low: int, high: int
):
    low, high = sorted((low, high))
    before, after = (rules(allocation_bp=share).decide(unit) for share in (low, high))
    assert before.variant is None or before == after


@given(units, bp, bp, st.integers(0, 5000))
def test_nobodys_arm_depends_on_allocation_or_holdout(
    unit: str, weight: int, allocation: int, holdout: int
):
    split = {"a": weight, "b": 10_000 - weight}
    alone = rules(weights=split).decide(unit).variant
    both = rules(weights=split, allocation_bp=allocation, holdout_bp=holdout).decide(unit)
    assert both.variant in {None, alone}


@given(units, bp)
def test_an_arm_without_weight_gets_nobody(unit: str, weight: int):
    split = {"a": 0, "b": weight, "c": 0, "d": 10_000 - weight}
    chosen = rules(weights=split).decide(unit).variant
    assert chosen is not None
    assert split[chosen] > 0


@pytest.mark.parametrize("method", ("growthbook_v1", "growthbook_v2"))
def test_a_growthbook_test_keeps_its_users_in_place(method: str):
    split = rules(weights={"a": 2000, "b": 3000, "c": 5000}, method=method, allocation_bp=2000)
    ranges = bucket_ranges(3, 0.2, [0.2, 0.3, 0.5])
    for unit in UNITS:
        bucket = growthbook("checkout-button", unit, int(method[-1]))
        assert bucket is not None
        index = choose_range(bucket, ranges)
        expected = None if index < 0 else "abc"[index]
        assert split.decide(unit).variant == expected


def test_other_hashes_cut_their_bucket_at_the_weights():
    for method in ("fnv1a32", "fnv1a32_mod100", "md5_mod2"):
        split = rules(method=method)
        for unit in UNITS[:300]:
            low = legacy_bucket(method, "checkout-button", unit) < 5000
            assert split.decide(unit).variant == ("control" if low else "treatment")


def test_two_tests_that_share_a_namespace_share_no_unit():
    one = rules(namespace=NamespaceSlot("checkout", 0, 4000), seed="one")
    two = rules(namespace=NamespaceSlot("checkout", 4000, 10_000), seed="two")
    for unit in UNITS:
        assert (one.decide(unit).variant is None) != (two.decide(unit).variant is None)


def test_ranges_that_overlap_are_refused_with_the_free_ones():
    taken = [("Header", NamespaceSlot("checkout", 0, 3000)),
             ("Footer", NamespaceSlot("checkout", 6000, 8000)),
             ("Elsewhere", NamespaceSlot("search", 0, 10_000))]  # fmt: skip
    check_overlap(NamespaceSlot("checkout", 3000, 6000), taken)
    with pytest.raises(ConflictError) as refused:
        check_overlap(NamespaceSlot("checkout", 2999, 6000), taken)
    assert refused.value.code == "NAMESPACE_OVERLAP"
    assert "“Header” has 0 to 3000" in refused.value.message
    assert "3000 to 6000, 8000 to 10000" in refused.value.hint


def test_free_ranges_are_what_nobody_has():
    assert free_ranges([]) == [(0, 10_000)]
    assert free_ranges([NamespaceSlot("n", 0, 10_000)]) == []


@pytest.mark.parametrize("ends", ((5, 5), (6, 5), (-1, 5), (0, 10_001), (True, 5), (0.5, 5)))
def test_a_range_has_to_hold_something(ends: tuple[Any, Any]):
    assert slot_problems(NamespaceSlot("n", *ends))


def test_ten_participants_at_half_and_half_are_always_five_and_five():
    for batch in range(50):
        listed = [f"site-{batch}-{i}" for i in range(10)]
        arms = list(cut_list("seed", listed, {"a": 5000, "b": 5000}).values())
        assert (arms.count("a"), arms.count("b")) == (5, 5)


@given(st.lists(units, unique=True, max_size=40), st.integers(0, 10_000))
def test_a_list_is_cut_whatever_order_it_comes_in(listed: list[str], weight: int):
    split = {"a": weight, "b": 10_000 - weight}
    forwards = cut_list("seed", listed, split)
    assert forwards == cut_list("seed", listed[::-1], split)
    found = list(forwards.values()).count("a")
    assert abs(found - len(listed) * weight / 10_000) < 1


@given(st.integers(0, 1000), st.lists(st.integers(0, 5000), min_size=1, max_size=5))
def test_largest_remainders_lose_nobody(total: int, some: list[int]):
    weights = [*some, 0]
    weights[-1] = max(0, 10_000 - sum(some))
    if sum(weights) == 10_000:
        assert sum(largest_remainder(total, weights)) == total


def test_a_unit_named_twice_is_named():
    assert duplicates(["a", "b", "a", "c", "a", "b"]) == ["a", "b"]


@pytest.mark.parametrize("unit", ("", "  ", "x" * 257, "a\x00b", "a\ud800", 7, None))
def test_a_unit_id_that_cannot_be_kept_is_refused(unit: Any):
    with pytest.raises(InvalidInputError):
        check_unit(unit)


def test_a_unit_id_stays_as_it_is_but_for_blanks_around_it():
    assert [check_unit(u) for u in ("  007 ", "ÅNGSTRÖM", "é")] == ["007", "ÅNGSTRÖM", "é"]


def test_a_late_exposure_is_judged_by_the_phase_it_happened_in(build: Build, monday: datetime):
    later = monday + timedelta(days=3)
    changed = change_traffic(
        build("running"), weights_bp={"control": 0, "treatment": 10_000}, allocation_bp=None,
        reason="Drain.", at=later, by="mira",
    )  # fmt: skip
    early = phase_at(changed, later - timedelta(seconds=1))
    assert early is not None
    assert early.seq == 1
    unit = next(u for u in UNITS if upshot1("checkout", u).variant < 5000)
    assert rules_of(changed, phase=early).decide(unit).variant == "control"
    assert rules_of(changed).decide(unit).variant == "treatment"
    assert phase_at(changed, monday - timedelta(seconds=1)) is None


def test_a_fresh_run_forgets_the_phases_and_assignments_before_it(
    build: Build, monday: datetime
):
    stopped = build("stopped")
    kept = perform(stopped, Act(Verb.START, monday + timedelta(days=1), "mira"))
    fresh = perform(
        stopped, Act(Verb.START, monday + timedelta(days=1), "mira", reassign="fresh")
    )
    assert (first_run(kept), first_run(fresh)) == (1, 2)
    assert fresh.hash_seed != stopped.hash_seed
    assert phase_at(fresh, monday) is None


def test_the_source_of_an_assignment_is_one_of_five():
    assert [source.value for source in AssignmentSource] == [
        "hash", "explicit", "override", "deployed", "import",
    ]  # fmt: skip
