from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
)
from experiments_core.services import deploying
from experiments_core.services.acting import transition
from experiments_core.services.assigning import assign, assign_many
from experiments_core.services.experiments import create_experiment, get_experiment
from experiments_core.services.participants import add_participants, participants, set_override
from experiments_core.services.snapshots import snapshot
from experiments_core.services.traffic import change_traffic
from experiments_core.services.trying import draw_list, try_unit
from experiments_core.services.workspace import Workspace


def draft(ws: Workspace, **changes: Any) -> Experiment:
    known: dict[str, Any] = {"name": "Checkout", "metrics": (Proportion("paid"),)}
    return create_experiment(ws, LOCAL, ExperimentDraft(**known | changes))


def act(ws: Workspace, test: Experiment, verb: str, **told: Any) -> Experiment:
    version = get_experiment(ws, LOCAL, test.id).version
    return transition(ws, LOCAL, test.id, verb, version=version, **told)


def begin(ws: Workspace, **changes: Any) -> Experiment:
    return act(ws, draft(ws, **changes), "start")


def shift(ws: Workspace, test: Experiment, **changes: Any) -> Experiment:
    version = get_experiment(ws, LOCAL, test.id).version
    return change_traffic(ws, LOCAL, test.id, version=version, reason="As agreed.", **changes)


def test_an_assignment_is_kept_whatever_the_split_says_later(ws: Workspace):
    test = begin(ws)
    before = {u: assign(ws, LOCAL, test.id, u) for u in map(str, range(40))}
    shift(ws, test, weights_bp={"control": 0, "treatment": 10_000})
    for unit, first in before.items():
        again = assign(ws, LOCAL, test.id, unit)
        assert (again.variant, again.reason, again.phase) == (first.variant, "stored", 1)
        assert again.assigned_at == first.assigned_at
    assert assign(ws, LOCAL, test.id, "new").variant == "treatment"


def test_a_pause_keeps_who_is_in_and_lets_nobody_enter(ws: Workspace):
    test = begin(ws)
    inside = assign(ws, LOCAL, test.id, "u1")
    act(ws, test, "pause")
    assert assign(ws, LOCAL, test.id, "u1").variant == inside.variant
    outside = assign(ws, LOCAL, test.id, "u2")
    assert (outside.variant, outside.reason, outside.in_experiment) == (None, "paused", False)


def test_a_new_run_keeps_the_arms_or_assigns_afresh(ws: Workspace):
    test = begin(ws)
    people = [str(i) for i in range(60)]
    first = {u: assign(ws, LOCAL, test.id, u).variant for u in people}
    act(ws, test, "stop")
    assert assign(ws, LOCAL, test.id, "1").reason == "not_running"
    act(ws, test, "start")
    assert {u: assign(ws, LOCAL, test.id, u).variant for u in people} == first
    act(ws, test, "stop")
    act(ws, test, "start", reassign="fresh")
    fresh = {u: assign(ws, LOCAL, test.id, u).variant for u in people}
    assert fresh != first
    assert {u: assign(ws, LOCAL, test.id, u).variant for u in people} == fresh


def test_a_dry_run_stores_nothing(ws: Workspace):
    test = begin(ws)
    assert assign(ws, LOCAL, test.id, "u1", dry_run=True).reason == "assigned"
    assert assign(ws, LOCAL, test.id, "u1").reason == "assigned"
    assert assign(ws, LOCAL, test.id, "u1").reason == "stored"


def test_the_holdout_is_stored_and_gets_the_fallback(ws: Workspace):
    test = begin(ws, holdout_bp=5000)
    answers = [assign(ws, LOCAL, test.id, str(i)) for i in range(40)]
    held = [one for one in answers if one.reason == "holdout"]
    assert 5 < len(held) < 35
    assert all(one.variant is None and one.assigned_at is not None for one in held)
    shift(ws, test, holdout_bp=0)
    assert assign(ws, LOCAL, test.id, held[0].unit_id).reason == "holdout"


def test_many_units_are_answered_in_their_order_each_with_its_own_error(ws: Workspace):
    begin(ws)
    begin(ws, name="Search")
    answers = assign_many(
        ws, LOCAL, [("u1", None), ("", None), (" u2 ", None)], ["search", "nowhere"]
    )
    assert [(one.unit_id, one.experiment) for one in answers] == [
        ("u1", "search"), ("u1", "nowhere"), ("", "search"), ("", "nowhere"),
        ("u2", "search"), ("u2", "nowhere"),
    ]  # fmt: skip
    errors = [one.error.code if one.error else None for one in answers]
    assert errors == [None, "NOT_FOUND", "INVALID_INPUT", "INVALID_INPUT", None, "NOT_FOUND"]
    alone = assign(ws, LOCAL, "search", "u1")
    assert (alone.variant, alone.reason) == (answers[0].variant, "stored")
    assert len(assign_many(ws, LOCAL, [("u1", None)])) == 2


def test_more_than_a_thousand_units_are_refused(ws: Workspace):
    with pytest.raises(TooLargeError):
        assign_many(ws, LOCAL, [("u", None)] * 1001)


def test_an_override_goes_before_what_is_stored(ws: Workspace):
    test = begin(ws)
    given = assign(ws, LOCAL, test.id, "u1").variant
    other = "control" if given == "treatment" else "treatment"
    set_override(ws, LOCAL, test.id, "u1", other)
    told = assign(ws, LOCAL, test.id, "u1")
    assert (told.variant, told.source, told.in_experiment) == (other, "override", False)
    set_override(ws, LOCAL, test.id, "u1", None)
    assert assign(ws, LOCAL, test.id, "u1").variant == given
    with pytest.raises(NotFoundError):
        set_override(ws, LOCAL, test.id, "u1", None)
    with pytest.raises(InvalidInputError):
        set_override(ws, LOCAL, test.id, "u1", "purple")


def test_a_version_given_to_one_unit_is_what_it_gets(ws: Workspace):
    test = begin(ws)
    given = assign(ws, LOCAL, test.id, "u1").variant
    other = "control" if given == "treatment" else "treatment"
    deploying.deploy(
        ws, LOCAL, test.id, variant=other, version=None, target="participant", unit_id="u1",
        reason="Asked for it.",
    )  # fmt: skip
    told = assign(ws, LOCAL, test.id, "u1")
    assert (told.variant, told.source) == (other, "deployed")


def test_ten_participants_are_five_and_five_and_late_ones_are_a_batch_of_their_own(
    ws: Workspace, clock: Any
):
    test = draft(ws, assignment_mode="listed")
    first = add_participants(ws, LOCAL, test.id, [f"site-{i}" for i in range(10)])
    assert [p.variant for p in first].count("control") == 5
    act(ws, test, "start")
    assert participants(ws, LOCAL, test.id) == first
    for one in first:
        told = assign(ws, LOCAL, test.id, one.unit_id)
        assert (told.variant, told.source) == (one.variant, "explicit")
    assert assign(ws, LOCAL, test.id, "stranger").reason == "not_listed"
    clock.wait(days=1)
    more = add_participants(ws, LOCAL, test.id, ["late-1", "late-2"])
    assert more[:10] == first
    assert {p.variant for p in more[10:]} == {"control", "treatment"}
    assert {p.batch for p in more[10:]} == {2}


def test_a_participant_named_twice_is_refused(ws: Workspace):
    test = draft(ws, assignment_mode="listed")
    for listed in (["a", "b", " a "], ["c", "c"]):
        with pytest.raises(InvalidInputError) as refused:
            add_participants(ws, LOCAL, test.id, listed)
        assert refused.value.code == "DUPLICATE_PARTICIPANT"
    assert participants(ws, LOCAL, test.id) == []
    with pytest.raises(ConflictError):
        add_participants(ws, LOCAL, draft(ws, name="Other").id, ["a"])


def test_the_tester_says_what_would_happen_before_the_start(ws: Workspace):
    test = draft(ws, targeting={"countries": ["DE"]})
    assert try_unit(ws, LOCAL, test.id, "u1").decision.reason == "not_running"
    trial = try_unit(ws, LOCAL, test.id, "u1", {"country": "FR"}, as_if_running=True)
    assert trial.decision.reason == "not_targeted"
    assert trial.steps[-1].conditions[0].why == "0 of 1 hold"
    inside = try_unit(ws, LOCAL, test.id, "u1", {"country": "DE"}, as_if_running=True)
    assert inside.decision.variant == inside.served


def test_a_client_may_decide_by_itself_only_while_the_run_has_one_design(ws: Workspace):
    test = begin(ws)
    assert [one["local"] for one in snapshot(ws, LOCAL)] == [True]
    shift(ws, test, allocation_bp=10_000, weights_bp={"control": 2000, "treatment": 8000})
    assert [one["local"] for one in snapshot(ws, LOCAL)] == [False]
    act(ws, test, "pause")
    assert snapshot(ws, LOCAL) == []


def test_a_list_is_drawn_in_one_query_as_unit_by_unit(ws: Workspace):
    test = begin(ws, allocation_bp=6000, holdout_bp=1000)
    people = [f"u{i}" for i in range(300)]
    drawn = draw_list(ws, LOCAL, test.id, people)
    for unit in people:
        told = assign(ws, LOCAL, test.id, unit, dry_run=True)
        assert drawn[unit][1] == told.reason
        assert drawn[unit][0] in {told.variant, "holdout"}
    external = begin(ws, name="Other", assignment_mode="external")
    with pytest.raises(ConflictError):
        draw_list(ws, LOCAL, external.id, people)
