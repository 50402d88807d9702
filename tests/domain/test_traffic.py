from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from experiments_core.domain.experiment import Experiment, Plan, Variant
from experiments_core.domain.traffic import change_traffic, efficiency, preview_traffic
from experiments_core.errors import ConflictError, InvalidInputError

Build = Callable[..., Experiment]
TO_20_80 = {"control": 2000, "treatment": 8000}


def change(experiment: Experiment, at: datetime, **what: Any) -> Experiment:
    arguments = {"weights_bp": None, "allocation_bp": None, "reason": "Sale ended."}
    return change_traffic(experiment, **arguments | {"at": at, "by": "mira"} | what)


def preview(experiment: Experiment, **what: Any):
    arguments = {"weights_bp": None, "allocation_bp": None, "units": None}
    return preview_traffic(experiment, **arguments | what)


def test_a_change_in_flight_opens_a_phase_and_keeps_the_old_split(
    build: Build, monday: datetime
):
    later = monday + timedelta(days=6)
    running = build("running")
    changed = change(running, later, weights_bp=TO_20_80)
    first, second = changed.phases
    assert first == replace(running.phases[0], ended_at=later)
    assert (second.kind, second.run_no, second.seq) == ("traffic", 1, 2)
    assert (second.started_at, second.ended_at) == (later, None)
    assert second.weights_bp == changed.weights_bp == TO_20_80
    assert (second.reason, second.by) == ("Sale ended.", "mira")


def test_a_change_while_paused_is_recorded_and_holds_when_it_resumes(
    build: Build, monday: datetime
):
    changed = change(build("paused"), monday, weights_bp=TO_20_80)
    assert [phase.kind for phase in changed.phases] == ["start", "traffic"]
    assert changed.phases[-1].ended_at == monday


def test_a_change_of_a_draft_opens_no_phase_and_needs_no_reason(build: Build, monday: datetime):
    changed = change(build(), monday, weights_bp=TO_20_80, allocation_bp=500, reason="")
    assert changed.phases == ()
    assert (changed.weights_bp, changed.allocation_bp) == (TO_20_80, 500)


@pytest.mark.parametrize("place", ("stopped", "completed", "archived", "bin"))
def test_after_the_end_traffic_cannot_change(build: Build, monday: datetime, place: str):
    with pytest.raises(ConflictError) as refused:
        change(build(place), monday, weights_bp=TO_20_80)
    assert refused.value.code == "INVALID_TRANSITION"
    with pytest.raises(ConflictError):
        preview(build(place), weights_bp=TO_20_80)


@pytest.mark.parametrize("place", ("running", "paused"))
def test_allocation_only_grows_once_started(build: Build, monday: datetime, place: str):
    half = build(place, allocation_bp=5000)
    with pytest.raises(ConflictError) as refused:
        change(half, monday, allocation_bp=4999)
    assert refused.value.code == "ALLOCATION_SHRINKS"
    assert refused.value.message == (
        "Traffic can only grow while a test runs. Shrinking would throw people out of a "
        "version they have already seen."
    )
    assert change(half, monday, allocation_bp=5001).phases[-1].allocation_bp == 5001


def test_a_variant_can_be_drained(build: Build, monday: datetime):
    drained = change(build("running"), monday, weights_bp={"treatment": 0, "control": 10_000})
    assert drained.weights_bp == {"control": 10_000, "treatment": 0}


@pytest.mark.parametrize(
    ("what", "field", "rule"),
    (
        ({"weights_bp": {"control": 5000, "treatment": 4900}}, "weights_bp", "SPLIT_SUM"),
        ({"weights_bp": {"control": 10_000}}, "weights_bp.treatment", "REQUIRED"),
        ({"weights_bp": {"control": 5000, "treatment": 5000, "x": 0}}, "weights_bp.x",
         "UNKNOWN_CHOICE"),
        ({"allocation_bp": 10_001}, "allocation_bp", "RANGE"),
        ({"allocation_bp": 99.5}, "allocation_bp", "TYPE"),
        ({"allocation_bp": True}, "allocation_bp", "TYPE"),
        ({}, "weights_bp", "NOT_UNIQUE"),
        ({"weights_bp": TO_20_80, "reason": " x "}, "reason", "LENGTH"),
        ({"weights_bp": TO_20_80, "reason": ""}, "reason", "REQUIRED"),
        ({"weights_bp": TO_20_80, "reason": "x" * 501}, "reason", "LENGTH"),
    ),
)  # fmt: skip
def test_what_breaks_a_rule_changes_nothing(
    build: Build, monday: datetime, what: dict[str, Any], field: str, rule: str
):
    with pytest.raises(InvalidInputError) as refused:
        change(build("running"), monday, **what)
    assert [(p.field, p.rule) for p in refused.value.details] == [(field, rule)]


def test_a_change_cannot_be_recorded_before_the_phase_it_ends(build: Build, monday: datetime):
    with pytest.raises(InvalidInputError, match="before the last change"):
        change(build("running"), monday - timedelta(days=1), weights_bp=TO_20_80)


def test_the_preview_says_who_stays_and_what_new_people_get(build: Build):
    seen = preview(build("running"), weights_bp=TO_20_80, units=12_480)
    assert seen.sentence == (
        "12\u202f480 users keep their version. New users: 20 / 80. "
        "Analysis goes on, computed per phase."
    )
    assert seen.problems == ()
    assert (seen.efficiency_before, seen.efficiency_after) == (1.0, pytest.approx(0.64))
    assert preview(build("running"), weights_bp=TO_20_80).sentence.startswith("All users keep")


def test_the_preview_tells_the_new_end_only_when_there_is_a_plan(build: Build):
    plan = Plan(planned_units=42_000, daily_units=3200)
    running = build("running", plan=plan)
    seen = preview(running, weights_bp=TO_20_80, units=10_000)
    assert (seen.days_before, seen.days_after) == (10, 16)  # 32 000 / 3 200; / 0.64
    ramp = preview(build("running", plan=plan, allocation_bp=5000), allocation_bp=10_000)
    assert (ramp.days_before, ramp.days_after) == (27, 14)
    assert preview(build("running"), weights_bp=TO_20_80).days_after is None
    drained = preview(running, weights_bp={"control": 0, "treatment": 10_000})
    assert (drained.efficiency_after, drained.days_after) == (0.0, None)


def test_the_preview_of_a_refused_change_says_why(build: Build):
    shrunk = preview(build("running"), allocation_bp=5000)
    assert [p.rule for p in shrunk.problems] == ["ALLOCATION_SHRINKS"]
    wrong = preview(build("running"), weights_bp={"control": 1, "treatment": 2})
    assert wrong.sentence.startswith("The split adds up to 0.03 %.")
    assert preview(build(), weights_bp=TO_20_80).sentence == "The test will start with 20 / 80."


def test_an_unequal_split_in_three_arms_is_as_bad_as_its_worst_treatment(build: Build):
    arms = tuple(
        Variant(key, key, is_control=key == "c", weight_bp=weight)
        for key, weight in (("c", 4000), ("a", 4000), ("b", 2000))
    )
    three = build(variants=arms)
    # 1/0.4 + 1/0.2 = 7.5 against 1/(1/3) + 1/(1/3) = 6
    assert efficiency(three, three.weights_bp) == pytest.approx(6 / 7.5)


def test_a_draft_of_control_alone_compares_nothing_yet(build: Build, monday: datetime):
    alone = build(variants=(Variant("c", "C", is_control=True, weight_bp=10_000),))
    seen = preview(alone, allocation_bp=5000)
    assert (seen.efficiency_before, seen.efficiency_after, seen.days_after) == (0.0, 0.0, None)
    assert change(alone, monday, allocation_bp=5000).allocation_bp == 5000
