from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import (
    Experiment,
    ExperimentDraft,
    NamespaceSlot,
    RampStep,
)
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import ConflictError, InvalidInputError
from experiments_core.services.acting import transition
from experiments_core.services.assigning import assign
from experiments_core.services.events import receive_events
from experiments_core.services.experiments import (
    create_experiment,
    edit_experiment,
    get_experiment,
    history,
)
from experiments_core.services.project_rules import holders
from experiments_core.services.projects import create_namespace, edit_project
from experiments_core.services.ramping import set_ramp, stopped_ramps, take_due_steps, take_note
from experiments_core.services.workspace import Workspace


def begin(ws: Workspace, **changes: Any) -> Experiment:
    known: dict[str, Any] = {"name": "Checkout", "metrics": (Proportion("paid"),)}
    made = create_experiment(ws, LOCAL, ExperimentDraft(**known | changes))
    return transition(ws, LOCAL, made.id, "start", version=made.version)


def plan(ws: Workspace, test: Experiment, *steps: tuple[int, int]) -> Experiment:
    now = ws.now()
    listed = [RampStep(now + timedelta(days=days), share) for days, share in steps]
    return set_ramp(ws, LOCAL, test.id, listed, version=test.version)


def test_steps_are_taken_when_their_time_has_come(ws: Workspace, clock: Any):
    test = plan(ws, begin(ws, allocation_bp=500), (1, 1000), (2, 2500), (9, 5000))
    assert take_due_steps(ws) == []
    clock.wait(days=1)
    assert take_due_steps(ws) == ["checkout: allocation 10 %"]
    clock.wait(days=3)
    take_due_steps(ws)
    assert take_due_steps(ws) == []
    after = get_experiment(ws, LOCAL, test.id)
    assert (after.allocation_bp, [step.allocation_bp for step in after.ramp]) == (2500, [5000])
    assert [(p.allocation_bp, p.by) for p in after.phases] == [
        (500, "local"), (1000, "ramp"), (2500, "ramp"),
    ]  # fmt: skip
    assert history(ws, LOCAL, test.id)[-1].actor == "ramp"


def test_a_red_health_check_stops_the_ramp(ws: Workspace, clock: Any):
    test = plan(ws, begin(ws, allocation_bp=5000), (1, 10_000))
    now = ws.now()
    arm = {"control": "treatment", "treatment": "control"}
    people = [f"u{i}" for i in range(60)]
    given = {u: assign(ws, LOCAL, test.id, u).variant for u in people}
    receive_events(ws, LOCAL, [
        {"event_id": u, "type": "exposure", "experiment": "checkout", "unit_id": u,
         "variant": arm[v], "at": now.isoformat()}
        for u, v in given.items() if v is not None
    ])  # fmt: skip
    clock.wait(days=1)
    (told,) = take_due_steps(ws)
    assert "ramp stopped" in told
    after = get_experiment(ws, LOCAL, test.id)
    assert (after.allocation_bp, after.ramp) == (5000, ())
    last = history(ws, LOCAL, test.id)[-1]
    assert (last.actor, last.verb) == ("ramp", "ramp_stopped")
    assert "served another version" in last.note
    assert {key: one.note for key, one in stopped_ramps(ws, LOCAL).items()} == {
        test.id: last.note
    }
    assert stopped_ramps(ws, Actor("y", Role.ADMIN, "other")) == {}
    take_note(ws, LOCAL, test.id)
    assert stopped_ramps(ws, LOCAL) == {}


def test_a_paused_test_waits(ws: Workspace, clock: Any):
    test = plan(ws, begin(ws, allocation_bp=500), (1, 1000))
    transition(ws, LOCAL, test.id, "pause", version=test.version)
    clock.wait(days=2)
    assert take_due_steps(ws) == []


def test_a_strict_project_takes_no_ramp_and_stops_one_that_was_there(ws: Workspace, clock: Any):
    test = plan(ws, begin(ws, allocation_bp=500), (1, 1000))
    edit_project(ws, LOCAL, "default", {"strict_traffic": True}, version=1)
    with pytest.raises(ConflictError) as refused:
        plan(ws, test, (2, 2000))
    assert refused.value.code == "STRICT_TRAFFIC"
    clock.wait(days=1)
    (told,) = take_due_steps(ws)
    assert "does not allow traffic changes" in told
    assert take_due_steps(ws) == []
    assert get_experiment(ws, LOCAL, test.id).allocation_bp == 500
    assert test.id in stopped_ramps(ws, LOCAL)


def test_a_ramp_goes_up_in_the_future(ws: Workspace):
    test = begin(ws, allocation_bp=500)
    with pytest.raises(ConflictError) as refused:
        plan(ws, test, (1, 1000), (2, 1000))
    assert refused.value.code == "ALLOCATION_SHRINKS"
    for steps in (((0, 1000),), ((2, 1000), (1, 2000)), ((1, 10_001),)):
        with pytest.raises(InvalidInputError):
            plan(ws, test, *steps)
    assert plan(ws, test).ramp == ()


def test_a_range_is_of_a_namespace_that_exists_in_its_own_spelling(ws: Workspace):
    for key in ("site", "Site"):
        with pytest.raises(InvalidInputError) as refused:
            begin(ws, namespace=NamespaceSlot(key, 0, 5000))
        (problem,) = refused.value.details
        assert (problem.field, problem.value, problem.rule) == (
            "namespace.key",
            key,
            "NOT_FOUND",
        )
        if key == "site":
            create_namespace(ws, LOCAL, key="sITE")
    assert "written “sITE”" in refused.value.message
    draft = create_experiment(ws, LOCAL, ExperimentDraft("Late"))
    with pytest.raises(InvalidInputError):
        edit_experiment(
            ws, LOCAL, draft.id, {"namespace": NamespaceSlot("app", 0, 1)},
            version=draft.version,
        )  # fmt: skip


def test_two_living_tests_do_not_share_a_range_of_a_namespace(ws: Workspace):
    create_namespace(ws, LOCAL, key="site")
    first = begin(ws, namespace=NamespaceSlot("site", 0, 5000))
    other = ExperimentDraft(
        "Other", metrics=(Proportion("paid"),), namespace=NamespaceSlot("site", 4999, 9000)
    )
    with pytest.raises(ConflictError) as refused:
        create_experiment(ws, LOCAL, other)
    assert refused.value.code == "NAMESPACE_OVERLAP"
    beside = create_experiment(
        ws, LOCAL, ExperimentDraft("Beside", metrics=(Proportion("paid"),),
                                   namespace=NamespaceSlot("site", 5000, 9000))
    )  # fmt: skip
    wider = {"namespace": NamespaceSlot("site", 4000, 9000)}
    assert [one.name for one, _ in holders(ws, LOCAL, "site")] == ["Checkout", "Beside"]
    with pytest.raises(ConflictError):
        edit_experiment(ws, LOCAL, beside.id, wider, version=beside.version)
    transition(ws, LOCAL, first.id, "stop", version=first.version)
    edit_experiment(ws, LOCAL, beside.id, wider, version=beside.version)
    stopped = get_experiment(ws, LOCAL, first.id)
    with pytest.raises(ConflictError):
        transition(ws, LOCAL, first.id, "start", version=stopped.version)
