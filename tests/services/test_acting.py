"""The life of an experiment: verbs, phases, the bin, history recorded afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import ConflictError, ForbiddenError, InvalidInputError
from experiments_core.services import acting, traffic
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace
from tests.services.lives import GUEST, MIRA, create, go


def test_a_whole_life_with_its_phases(ws: Workspace, clock: Any):
    experiment = create(ws)
    monday = clock.now
    for verb in ("start", "pause", "resume"):
        experiment = go(ws, experiment, verb)
        clock.wait(days=1)
    experiment = traffic.change_traffic(
        ws, MIRA, experiment.id, version=experiment.version,
        weights_bp={"control": 2000, "treatment": 8000}, reason="The sale ended.",
    )  # fmt: skip
    clock.wait(days=1)
    experiment = go(ws, experiment, "stop", "start", "complete", reason="Planned end.")
    days = [
        (p.run_no, p.kind, (p.started_at - monday).days, (p.ended_at - monday).days)
        for p in experiment.phases
        if p.ended_at
    ]
    assert days == [
        (1, "start", 0, 1),
        (1, "resume", 2, 3),
        (1, "traffic", 3, 4),
        (2, "start", 4, 4),
    ]
    assert experiment.phases[2].reason == "The sale ended."
    assert service.get_experiment(ws, MIRA, experiment.id) == experiment
    verbs = [event.verb for event in service.history(ws, MIRA, experiment.id)]
    assert verbs == [
        "create", "start", "pause", "resume", "traffic", "stop", "start", "complete",
    ]  # fmt: skip


def test_a_refused_verb_leaves_no_trace(ws: Workspace):
    made = create(ws)
    for verb, error in (("pause", ConflictError), ("fly", InvalidInputError)):
        with pytest.raises(error):
            acting.transition(ws, MIRA, made.id, verb, version=1)
    assert service.get_experiment(ws, MIRA, made.id) == made
    assert len(service.history(ws, MIRA, made.id)) == 1


def test_reopening_is_for_admins(ws: Workspace):
    done = go(ws, create(ws), "start", "complete")
    with pytest.raises(ForbiddenError, match="admin"):
        acting.transition(ws, MIRA, done.id, "reopen", version=done.version, reason="Late data")
    assert go(ws, done, "reopen", reason="Late data").status is Status.STOPPED


def test_the_bin_gives_back_for_30_days(ws: Workspace, clock: Any):
    made = create(ws)
    deleted = go(ws, made, "delete")
    clock.wait(days=30)
    restored = go(ws, deleted, "restore")
    assert (restored.status, restored.deleted_at, restored.version) == ("draft", None, 3)
    go(ws, restored, "delete")
    clock.wait(days=31)
    with pytest.raises(ConflictError, match="30 days"):
        acting.transition(ws, MIRA, made.id, "restore", version=4)


def test_allowed_verbs_follow_the_table(ws: Workspace):
    made = create(ws)
    assert [info.verb for info in acting.allowed_verbs(made)] == ["start", "archive", "delete"]
    binned = go(ws, made, "delete")
    assert [info.verb for info in acting.allowed_verbs(binned)] == ["restore", "purge"]
    assert [info.verb for info in acting.allowed_verbs(binned, MIRA)] == ["restore"]
    assert acting.allowed_verbs(made, GUEST) == ()


def test_history_can_be_recorded_after_the_fact_but_not_before_it(ws: Workspace, clock: Any):
    past = clock.now - timedelta(days=30)
    draft = ExperimentDraft("Old", metrics=(Proportion("paid"),))
    made = service.create_experiment(ws, MIRA, draft, at=past)
    assert made.created_at == past
    begun = go(ws, made, "start", at=past)
    assert begun.phases[0].started_at == past
    event = service.history(ws, MIRA, made.id)[-1]
    assert event.ts == clock.now
    assert event.after is not None
    assert event.after["at"] == "2026-04-04T09:00:00Z"
    for wrong in (clock.now + timedelta(seconds=1), past.replace(tzinfo=None)):
        with pytest.raises(InvalidInputError, match="not in the future"):
            go(ws, begun, "stop", at=wrong)


def test_a_clock_that_was_set_back_stops_nobody(ws: Workspace, clock: Any):
    running = go(ws, create(ws), "start")
    clock.wait(minutes=-5)
    stopped = go(ws, running, "stop")
    assert stopped.phases[0].ended_at == stopped.phases[0].started_at


def test_a_preview_counts_the_units_that_stay(ws: Workspace):
    running = go(ws, create(ws), "start")
    seen = traffic.preview_traffic(
        ws, MIRA, running.id, weights_bp={"control": 2000, "treatment": 8000}
    )
    assert (seen.units, seen.problems) == (None, ())
