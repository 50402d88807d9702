from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments_core.domain.acts import Act, perform
from experiments_core.domain.experiment import Experiment, Plan
from experiments_core.domain.lifecycle import BIN, Status, Verb
from experiments_core.domain.traffic import change_traffic
from experiments_core.errors import ConflictError, InvalidInputError, UpshotError

Build = Callable[..., Experiment]
DAY = timedelta(days=1)


def act(experiment: Experiment, verb: str, at: datetime, **said: str) -> Experiment:
    return perform(experiment, Act(Verb(verb), at, "mira", **said))


def test_start_seals_and_opens_phase_1_of_run_1(build: Build, monday: datetime):
    running = act(build(), "start", monday, reason="go")
    (phase,) = running.phases
    assert (running.run_no, phase.run_no, phase.seq, phase.kind) == (1, 1, 1, "start")
    assert (phase.started_at, phase.ended_at) == (monday, None)
    assert phase.weights_bp == {"control": 5000, "treatment": 5000}
    assert (phase.reason, phase.by) == ("go", "mira")
    assert running.first_started_at == running.started_at == running.sealed_at == monday
    assert len(running.seal_hash) == 64


def test_pause_closes_the_phase_and_resume_opens_another_of_the_same_run(
    build: Build, monday: datetime
):
    paused = act(build("running"), "pause", monday + DAY)
    assert [phase.ended_at for phase in paused.phases] == [monday + DAY]
    resumed = act(paused, "resume", monday + 2 * DAY)
    assert [(p.run_no, p.kind) for p in resumed.phases] == [(1, "start"), (1, "resume")]
    assert resumed.phases[0] == paused.phases[0]
    assert resumed.started_at == monday


def test_stop_closes_the_phase_and_keeps_the_reason(build: Build, monday: datetime):
    stopped = act(build("running"), "stop", monday + DAY, reason=" Sale ended ")
    assert stopped.phases[-1].ended_at == stopped.stopped_at == monday + DAY
    assert stopped.stop_reason == "Sale ended"


def test_a_new_run_keeps_everything_of_the_first(build: Build, monday: datetime):
    stopped = act(build("running"), "stop", monday + DAY)
    again = act(stopped, "start", monday + 3 * DAY)
    assert (again.run_no, again.phases[-1].run_no, again.phases[-1].seq) == (2, 2, 2)
    assert again.phases[0] == stopped.phases[0]
    assert (again.first_started_at, again.started_at) == (monday, monday + 3 * DAY)
    assert again.stopped_at is None
    assert again.seal_hash == stopped.seal_hash
    assert again.hash_seed == "checkout"
    assert not again.phases[-1].rerandomised


def test_a_new_run_assigned_afresh_has_a_new_seed(build: Build, monday: datetime):
    again = act(build("stopped"), "start", monday + DAY, reassign="fresh")
    assert again.hash_seed == "checkout.2"
    assert again.phases[-1].rerandomised


@pytest.mark.parametrize(("place", "verb"), (("draft", "start"), ("paused", "start")))
def test_only_a_new_run_can_assign_afresh(
    build: Build, monday: datetime, place: str, verb: str
):
    with pytest.raises(InvalidInputError, match="only when a new run starts"):
        act(build(place), verb, monday, reassign="fresh")


def test_complete_records_how_it_ended(build: Build, monday: datetime):
    done = act(build("running"), "complete", monday + DAY, conclusion="won", note="Shipped.")
    assert (done.conclusion, done.conclusion_note) == ("won", "Shipped.")
    assert done.completed_at == done.stopped_at == done.phases[-1].ended_at == monday + DAY
    late = act(build("stopped"), "complete", monday + DAY, conclusion="lost")
    assert late.stopped_at == monday


@pytest.mark.parametrize(
    ("conclusion", "rule"), ((None, "REQUIRED"), ("unstated", "UNKNOWN_CHOICE"))
)
def test_complete_needs_a_conclusion(
    build: Build, monday: datetime, conclusion: str | None, rule: str
):
    with pytest.raises(InvalidInputError) as refused:
        perform(build("running"), Act(Verb.COMPLETE, monday, "mira", conclusion=conclusion))
    assert [(p.field, p.rule) for p in refused.value.details] == [("conclusion", rule)]


def test_complete_before_the_planned_end_needs_a_reason(build: Build, monday: datetime):
    running = build("running", plan=Plan(planned_end=date(2026, 5, 20)))
    with pytest.raises(InvalidInputError, match="planned until 2026-05-20"):
        act(running, "complete", monday + DAY, conclusion="won")
    assert act(running, "complete", monday + DAY, conclusion="won", reason="Budget is used up.")
    assert act(running, "complete", monday + 16 * DAY, conclusion="won")


def test_reopen_needs_a_reason_and_takes_the_conclusion_back(build: Build, monday: datetime):
    with pytest.raises(InvalidInputError, match="Say why"):
        act(build("completed"), "reopen", monday)
    stopped = act(build("completed"), "reopen", monday, reason="Late orders came in.")
    assert (stopped.conclusion, stopped.completed_at) == (None, None)
    assert stopped.status is Status.STOPPED


@pytest.mark.parametrize("place", (Status.DRAFT, Status.STOPPED, Status.COMPLETED))
def test_the_archive_gives_back_what_it_got(build: Build, monday: datetime, place: Status):
    before = build(place)
    archived = act(before, "archive", monday)
    assert (archived.archived_at, archived.archived_from) == (monday, place)
    assert act(archived, "unarchive", monday) == before


@pytest.mark.parametrize(
    "place", (Status.DRAFT, Status.STOPPED, Status.COMPLETED, Status.ARCHIVED)
)
def test_the_bin_gives_back_what_it_got_for_30_days(
    build: Build, monday: datetime, place: Status
):
    before = build(place)
    deleted = act(before, "delete", monday)
    assert (deleted.place, deleted.status) == (BIN, place)
    assert act(deleted, "restore", monday + 30 * DAY) == before
    with pytest.raises(ConflictError, match="since 2026-05-04; it can be restored for 30 days"):
        act(deleted, "restore", monday + 30 * DAY + timedelta(seconds=1))


def test_a_stop_with_a_winner_concludes_and_deploys(build: Build, monday: datetime):
    won = act(build("running"), "stop", monday + DAY, winner="treatment")
    assert (won.status, won.winner, won.deployed, won.conclusion) == (
        "stopped", "treatment", "treatment", "won",
    )  # fmt: skip
    assert won.fallback.key == "treatment"
    kept = act(build("running"), "stop", monday + DAY, winner="control")
    assert (kept.conclusion, kept.fallback.key) == ("lost", "control")
    again = act(won, "start", monday + 2 * DAY)
    assert (again.winner, again.conclusion, again.deployed) == (None, None, "treatment")


@pytest.mark.parametrize(
    ("place", "verb", "winner", "rule"),
    (
        ("running", "stop", "nobody", "UNKNOWN_CHOICE"),
        ("stopped", "deploy", None, "REQUIRED"),
        ("stopped", "deploy", "nobody", "UNKNOWN_CHOICE"),
        ("running", "pause", "treatment", "UNKNOWN_FIELD"),
    ),
)
def test_a_winner_is_one_of_the_variants_and_only_where_it_means_something(
    build: Build, monday: datetime, place: str, verb: str, winner: str | None, rule: str
):
    with pytest.raises(InvalidInputError) as refused:
        perform(build(place), Act(Verb(verb), monday, "mira", winner=winner))
    assert [problem.rule for problem in refused.value.details] == [rule]


def test_a_deployment_archives_and_changes_the_fallback_once(build: Build, monday: datetime):
    live = act(build("stopped"), "deploy", monday + DAY, winner="treatment")
    assert (live.status, live.archived_from, live.fallback.key) == (
        "archived", "stopped", "treatment",
    )  # fmt: skip
    with pytest.raises(ConflictError, match="is deployed already") as refused:
        act(act(live, "unarchive", monday + DAY), "deploy", monday + DAY, winner="control")
    assert refused.value.code == "ALREADY_DEPLOYED"


@pytest.mark.parametrize(
    ("conclusion", "winner"),
    (("won", "treatment"), ("lost", "control"), ("inconclusive", None), ("invalid", None)),
)
def test_a_conclusion_of_two_arms_names_the_winner(
    build: Build, monday: datetime, conclusion: str, winner: str | None
):
    done = act(build("running"), "complete", monday + DAY, conclusion=conclusion)
    assert done.winner == winner
    assert act(done, "reopen", monday + DAY, reason="Late data").winner is None


def test_start_names_everything_that_blocks_it(build: Build, monday: datetime):
    draft = build(metrics=(), allocation_bp=0)
    with pytest.raises(ConflictError) as refused:
        act(draft, "start", monday)
    assert refused.value.code == "CHECKLIST"
    assert refused.value.message == (
        "This experiment cannot start yet: No unit would enter the test: the allocation is 0 %."
    )
    assert [p.rule for p in refused.value.details] == ["ALLOCATION_ZERO", "REQUIRED"]


def test_an_unknown_way_to_reassign_and_a_long_reason_are_refused_together(
    build: Build, monday: datetime
):
    with pytest.raises(InvalidInputError) as refused:
        act(build("stopped"), "start", monday, reassign="maybe", reason="x" * 501)
    assert [p.rule for p in refused.value.details] == ["LENGTH", "UNKNOWN_CHOICE"]


def test_nothing_can_be_recorded_before_the_last_change(build: Build, monday: datetime):
    paused = act(build("running"), "pause", monday + DAY)
    with pytest.raises(InvalidInputError, match="lies before the last change"):
        act(paused, "resume", monday)
    assert act(paused, "resume", monday + DAY)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([*Verb, "traffic"]),
        st.integers(0, 10_000),
        st.integers(1, 10_000),
        st.integers(0, 72),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_is_done_phases_are_only_appended_and_ended_once(
    build: Build, monday: datetime, steps: list[tuple[str, int, int, int]]
):
    experiment, now = build(), monday
    for verb, weight, allocation, hours in steps:
        now += timedelta(hours=hours)
        before = experiment
        try:
            if verb == "traffic":
                experiment = change_traffic(
                    before,
                    weights_bp={"control": weight, "treatment": 10_000 - weight},
                    allocation_bp=allocation,
                    reason="as drawn",
                    at=now,
                    by="mira",
                )
            else:
                experiment = perform(
                    before, Act(Verb(verb), now, "m", "why", "won", winner=winner_of(verb))
                )
        except UpshotError:
            continue
        assert_history_is_kept(before, experiment)


def winner_of(verb: str) -> str | None:
    return "treatment" if verb == "deploy" else None


def assert_history_is_kept(before: Experiment, after: Experiment) -> None:
    for old, new in zip(before.phases, after.phases, strict=False):
        assert new in (old, replace(old, ended_at=new.ended_at))
        assert old.ended_at in {None, new.ended_at}
    assert len(after.phases) >= len(before.phases)
    assert [phase.seq for phase in after.phases] == list(range(1, len(after.phases) + 1))
    lasting = [phase for phase in after.phases if phase.ended_at is None]
    assert len(lasting) == (after.status is Status.RUNNING)
    for earlier, later in zip(after.phases, after.phases[1:], strict=False):
        assert earlier.ended_at is not None
        assert earlier.started_at <= earlier.ended_at <= later.started_at
    if lasting:
        assert lasting[0].weights_bp == after.weights_bp
