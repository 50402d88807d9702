"""A change is saved whole, with its trace, and on top of the version its author read."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from experiments_core.domain.access import Actor, Role
from experiments_core.errors import UpshotError, VersionStaleError
from experiments_core.services import acting
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace
from experiments_core.store.audit import first_broken_event
from tests.services.lives import MIRA, TOM, create, go


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
            acting.transition(ws, MIRA, made.id, "start", version=1)
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
