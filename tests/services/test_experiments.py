from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import Experiment, ExperimentDraft, Plan, VariantDraft
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UpshotError,
    VersionStaleError,
)
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace
from experiments_core.store.audit import first_broken_event

MIRA = Actor("Mira", Role.EDITOR)
TOM = Actor("Tom", Role.EDITOR)
GUEST = Actor("Guest", Role.VIEWER)
STRANGER = Actor("Eve", Role.ADMIN, org_id="other")


def create(ws: Workspace, name: str = "Checkout", **fields: Any) -> Experiment:
    draft = ExperimentDraft(name, **{"metrics": (Proportion("paid"),)} | fields)
    return service.create_experiment(ws, MIRA, draft)


def go(ws: Workspace, experiment: Experiment, *verbs: str, **said: Any) -> Experiment:
    for verb in verbs:
        version = experiment.version
        experiment = service.transition(
            ws, LOCAL, experiment.id, verb, version=version, **{"conclusion": "won"} | said
        )
    return experiment


# Making and finding -------------------------------------------------------------------------


def test_a_draft_becomes_an_experiment_with_everything_filled_in(ws: Workspace):
    made = create(ws, "Zoë’s  checkout ", tags=(" a", "A", "b"), hypothesis=" Faster. ")
    assert (made.key, made.slug, made.name) == (
        "zoes-checkout",
        "zoes-checkout",
        "Zoë’s  checkout",
    )
    assert (made.version, made.status, made.owner, made.created_by) == (
        1,
        "draft",
        "Mira",
        "Mira",
    )
    assert (made.tags, made.hypothesis) == (("a", "b"), "Faster.")
    assert made.weights_bp == {"control": 5000, "treatment": 5000}
    assert made.control.key == "control"
    assert made.hash_seed == made.key
    for reference in (made.id, made.key.upper(), made.slug):
        assert service.get_experiment(ws, GUEST, reference) == made


def test_what_a_draft_asks_of_auto_promote_is_kept(ws: Workspace):
    asked: dict[str, Any] = {
        "auto_promote": True, "promote_threshold": 0.05, "promote_after_days": 3,
    }  # fmt: skip
    made = create(ws, "Offer", **asked)
    assert {name: getattr(made, name) for name in asked} == asked


def test_keys_made_from_names_are_unique_and_typed_ones_must_be(ws: Workspace):
    first, second = create(ws), create(ws)
    assert (first.key, second.key, second.slug) == ("checkout", "checkout-2", "checkout-2")
    for key in ("CHECKOUT", "checkout-2"):
        with pytest.raises(
            ConflictError, match="belongs to the experiment “Checkout”"
        ) as refused:
            create(ws, "Other", key=key)
        assert refused.value.code == "DUPLICATE_KEY"
    assert create(ws, "Other", key="Mine.1").slug == "other"


def test_a_key_in_the_bin_stays_reserved(ws: Workspace):
    go(ws, create(ws), "delete")
    with pytest.raises(ConflictError, match="bin"):
        create(ws, "Other", key="checkout")


def test_every_wrong_field_is_named_and_nothing_is_stored(ws: Workspace):
    arms = (VariantDraft("a", weight_bp=5000), VariantDraft("b", weight_bp=4900))
    with pytest.raises(InvalidInputError) as refused:
        create(ws, "", variants=arms, tags=("x" * 41,), plan=Plan(alpha=2))
    assert {problem.rule for problem in refused.value.details} == {
        "NAME_LENGTH", "SPLIT_SUM", "LENGTH", "RANGE",
    }  # fmt: skip
    assert service.list_experiments(ws, MIRA) == []
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM audit").fetchone() == (0,)


def test_a_split_that_does_not_add_up_says_by_how_much(ws: Workspace):
    arms = (VariantDraft("a", weight_bp=5000), VariantDraft("b", weight_bp=4900))
    with pytest.raises(InvalidInputError, match=r"99\.00 %\. It must be .* 1\.00 % is missing"):
        create(ws, variants=arms)


def test_lists_hide_archive_and_bin_unless_asked(ws: Workspace, clock: Any):
    shown = create(ws, "shown")
    clock.wait(minutes=1)
    archived = go(ws, create(ws, "archived"), "archive")
    binned = go(ws, create(ws, "binned"), "archive", "delete")
    assert service.list_experiments(ws, GUEST) == [shown]
    assert service.list_experiments(ws, GUEST, include_archived=True) == [archived, shown]
    assert service.list_experiments(ws, GUEST, in_bin=True) == [binned]


def test_another_organisation_sees_nothing(ws: Workspace):
    made = create(ws)
    assert service.list_experiments(ws, STRANGER) == []
    for call in (
        lambda: service.get_experiment(ws, STRANGER, made.id),
        lambda: service.edit_experiment(ws, STRANGER, made.id, {"name": "x"}, version=1),
        lambda: service.transition(ws, STRANGER, made.id, "start", version=1),
        lambda: service.history(ws, STRANGER, made.id),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_a_viewer_may_look_but_not_touch(ws: Workspace):
    made = create(ws)
    assert service.checklist(ws, GUEST, made.id)
    assert service.history(ws, GUEST, made.id)
    assert service.preview_traffic(ws, GUEST, made.id, allocation_bp=1)
    one = {"version": 1}
    for call in (
        lambda: service.create_experiment(ws, GUEST, ExperimentDraft("x")),
        lambda: service.edit_experiment(ws, GUEST, made.id, {"name": "x"}, **one),
        lambda: service.transition(ws, GUEST, made.id, "start", **one),
        lambda: service.change_traffic(
            ws, GUEST, made.id, allocation_bp=1, reason="why", **one
        ),
    ):
        with pytest.raises(ForbiddenError):
            call()


# Editing ------------------------------------------------------------------------------------


def test_an_edit_raises_the_version_and_only_a_change_counts(ws: Workspace, clock: Any):
    made = create(ws)
    now = clock.wait(minutes=1)
    edited = service.edit_experiment(ws, TOM, made.id, {"name": " New "}, version=1)
    assert (edited.name, edited.version, edited.updated_at) == ("New", 2, now)
    assert edited.slug == made.slug
    again = service.edit_experiment(ws, TOM, made.id, {"name": "New"}, version=2)
    assert again == edited
    assert len(service.history(ws, TOM, made.id)) == 2


def test_arms_of_a_draft_keep_their_ids_by_key(ws: Workspace):
    made = create(ws)
    arms = [VariantDraft("new"), VariantDraft("control", "Old form")]
    edited = service.edit_experiment(ws, MIRA, made.id, {"variants": arms}, version=1)
    assert edited.control.id == made.control.id
    assert edited.control.name == "Old form"
    assert edited.weights_bp == {"new": 5000, "control": 5000}


def test_the_key_of_a_draft_may_change_to_a_free_one(ws: Workspace):
    made, other = create(ws), create(ws, "Other")
    with pytest.raises(ConflictError) as refused:
        service.edit_experiment(ws, MIRA, made.id, {"key": "OTHER"}, version=1)
    assert refused.value.code == "DUPLICATE_KEY"
    edited = service.edit_experiment(ws, MIRA, made.id, {"key": "Checkout"}, version=1)
    assert (edited.key, edited.hash_seed) == ("Checkout", "Checkout")
    assert service.get_experiment(ws, MIRA, other.id) == other


def test_imported_data_may_bring_many_arms(ws: Workspace):
    many = tuple(VariantDraft(f"v{i}") for i in range(30))
    with pytest.raises(InvalidInputError):
        create(ws, variants=many)
    made = create(ws, variants=many, assignment_mode="external")
    more = [*many, VariantDraft("v30")]
    edited = service.edit_experiment(ws, MIRA, made.id, {"variants": more}, version=1)
    assert len(edited.variants) == 31


def test_a_sealed_field_of_a_started_experiment_is_refused(ws: Workspace):
    running = go(ws, create(ws), "start")
    with pytest.raises(ConflictError, match="fixed when the test started on 4 May") as refused:
        service.edit_experiment(ws, MIRA, running.id, {"hypothesis": "x"}, version=2)
    assert refused.value.code == "SEALED"
    assert service.get_experiment(ws, MIRA, running.id) == running


def test_a_secondary_metric_added_after_the_start_is_marked(ws: Workspace):
    running = go(ws, create(ws), "start")
    metrics = [*running.metrics, Mean("revenue", role="secondary")]
    edited = service.edit_experiment(ws, MIRA, running.id, {"metrics": metrics}, version=2)
    assert [metric.post_hoc for metric in edited.metrics] == [False, True]


# Two people ---------------------------------------------------------------------------------


def test_the_second_editor_is_told_who_what_and_when_and_gets_the_current_one(
    ws: Workspace, clock: Any
):
    made = create(ws)
    clock.wait(minutes=1)
    theirs = service.edit_experiment(ws, MIRA, made.id, {"description": "Hers"}, version=1)
    clock.wait(minutes=2)
    with pytest.raises(VersionStaleError) as stale:
        service.edit_experiment(ws, TOM, made.id, {"description": "His"}, version=1)
    assert str(stale.value) == (
        "Mira changed the description 2 minutes ago. Your text is kept; compare and save again."
    )
    assert stale.value.current == theirs
    assert stale.value.fields == ("description",)
    assert service.get_experiment(ws, TOM, made.id).description == "Hers"


def test_a_stale_save_is_refused_even_when_it_changes_nothing(ws: Workspace):
    made = create(ws)
    service.edit_experiment(ws, MIRA, made.id, {"name": "B"}, version=1)
    for version in (1, 3):
        with pytest.raises(VersionStaleError):
            service.edit_experiment(ws, TOM, made.id, {"name": "B"}, version=version)


def test_of_many_editors_in_threads_no_edit_vanishes(ws: Workspace):
    made = create(ws)
    told: list[UpshotError] = []

    def edit(name: str) -> None:
        actor = Actor(name, Role.EDITOR)
        for i in range(15):
            while True:
                seen = service.get_experiment(ws, actor, made.id)
                text = f"{seen.description}\n{name}{i}"
                try:
                    service.edit_experiment(
                        ws, actor, made.id, {"description": text}, version=seen.version
                    )
                    break
                except VersionStaleError as error:
                    told.append(error)

    threads = [threading.Thread(target=edit, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    final = service.get_experiment(ws, MIRA, made.id)
    assert sorted(final.description.split()) == sorted(
        f"{n}{i}" for n in "abcdefgh" for i in range(15)
    )
    assert final.version == 1 + 8 * 15
    events = service.history(ws, MIRA, made.id)
    assert [event.after["version"] for event in events if event.after] == list(range(1, 122))


def test_of_two_who_start_at_once_one_is_told(ws: Workspace):
    made = create(ws)
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def begin() -> None:
        barrier.wait()
        try:
            service.transition(ws, MIRA, made.id, "start", version=1)
            outcomes.append("started")
        except VersionStaleError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["VERSION_STALE", "started"]
    assert len(service.get_experiment(ws, MIRA, made.id).phases) == 1


def test_a_compare_and_set_that_fails_in_the_file_is_a_stale_save(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
):
    made = create(ws)
    monkeypatch.setattr(
        "experiments_core.store.catalog.update_experiment", lambda *_, **__: False
    )
    with pytest.raises(VersionStaleError):
        service.edit_experiment(ws, MIRA, made.id, {"name": "B"}, version=1)


# Life ---------------------------------------------------------------------------------------


def test_a_whole_life_with_its_phases(ws: Workspace, clock: Any):
    experiment = create(ws)
    monday = clock.now
    for verb in ("start", "pause", "resume"):
        experiment = go(ws, experiment, verb)
        clock.wait(days=1)
    experiment = service.change_traffic(
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
            service.transition(ws, MIRA, made.id, verb, version=1)
    assert service.get_experiment(ws, MIRA, made.id) == made
    assert len(service.history(ws, MIRA, made.id)) == 1


def test_reopening_is_for_admins(ws: Workspace):
    done = go(ws, create(ws), "start", "complete")
    with pytest.raises(ForbiddenError, match="admin"):
        service.transition(
            ws, MIRA, done.id, "reopen", version=done.version, reason="Late data"
        )
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
        service.transition(ws, MIRA, made.id, "restore", version=4)


def test_allowed_verbs_follow_the_table(ws: Workspace):
    made = create(ws)
    assert [info.verb for info in service.allowed_verbs(made)] == ["start", "archive", "delete"]
    binned = go(ws, made, "delete")
    assert [info.verb for info in service.allowed_verbs(binned)] == ["restore", "purge"]
    assert [info.verb for info in service.allowed_verbs(binned, MIRA)] == ["restore"]
    assert service.allowed_verbs(made, GUEST) == ()


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
    seen = service.preview_traffic(
        ws, MIRA, running.id, weights_bp={"control": 2000, "treatment": 8000}
    )
    assert (seen.units, seen.problems) == (None, ())


# The trace ----------------------------------------------------------------------------------


def test_every_change_leaves_exactly_one_row_of_what_differed(ws: Workspace):
    made = create(ws)
    service.edit_experiment(ws, TOM, made.id, {"description": "New"}, version=1)
    created, edited = service.history(ws, MIRA, made.id)
    assert (created.verb, created.actor, created.before) == ("create", "Mira", None)
    assert (edited.verb, edited.actor) == ("edit", "Tom")
    assert edited.before == {"version": 1, "description": ""}
    assert edited.after == {"version": 2, "description": "New"}
    with ws.db.read() as cursor:
        assert first_broken_event(cursor, ws.db.secret) is None


def test_the_reason_stands_in_the_trace(ws: Workspace):
    done = go(ws, create(ws), "start", "complete", reason="Planned end.", note="Shipped.")
    assert service.history(ws, MIRA, done.id)[-1].note == "Planned end.; Shipped."


def test_when_the_trace_cannot_be_written_the_change_is_undone(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
):
    made = create(ws)
    with monkeypatch.context() as patch:
        patch.setattr("experiments_core.store.audit.append_event", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            service.edit_experiment(ws, MIRA, made.id, {"name": "B"}, version=1)
    assert service.get_experiment(ws, MIRA, made.id) == made
