"""The transition table as people meet it: every place, every verb, every role."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from experiments_core.domain.access import LOCAL, Actor, AuditEvent, Role
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.lifecycle import TRANSITIONS, Status, Verb, action_names
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import ConflictError, ForbiddenError, NotFoundError
from experiments_core.services import acting
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.store import audit

ROLES = {
    "viewer": Actor("Vera", Role.VIEWER),
    "editor": Actor("Emil", Role.EDITOR),
    "admin": Actor("Ada", Role.ADMIN),
}
WAYS = {
    "draft": (),
    "running": ("start",),
    "paused": ("start", "pause"),
    "stopped": ("start", "stop"),
    "completed": ("start", "complete"),
    "archived": ("start", "stop", "archive"),
    "bin": ("start", "stop", "delete"),
}
# E: editor and admin may. A: only an admin may. "-": the table does not allow it.
WHO = {
    #             draft  running paused stopped completed archived bin
    "start":     "E      -       E      E       -         -        -",
    "pause":     "-      E       -      -       -         -        -",
    "resume":    "-      -       E      -       -         -        -",
    "stop":      "-      E       E      -       -         -        -",
    "complete":  "-      E       E      E       -         -        -",
    "reopen":    "-      -       -      -       A         -        -",
    "deploy":    "-      -       -      A       A         -        -",
    "archive":   "E      -       -      E       E         -        -",
    "unarchive": "-      -       -      -       -         E        -",
    "delete":    "E      -       -      E       E         E        -",
    "restore":   "-      -       -      -       -         -        E",
    "purge":     "-      -       -      -       -         -        A",
}  # fmt: skip
CELLS = [
    (place, verb, role, needed)
    for verb, line in WHO.items()
    for place, needed in zip(WAYS, line.split(), strict=True)
    for role in ROLES
]
CONDITIONS = ("not_significant", "health_red", "plan_not_reached", "guardrail_not_safe")


@pytest.fixture(scope="module")
def house() -> Iterator[Workspace]:
    with open_workspace(":memory:", clock=lambda: datetime(2026, 5, 4, 9, tzinfo=UTC)) as ws:
        yield ws


def at_place(ws: Workspace, place: str) -> Experiment:
    draft = ExperimentDraft("Checkout", metrics=(Proportion("paid"),))
    experiment = service.create_experiment(ws, LOCAL, draft)
    for verb in WAYS[place]:
        said = {"conclusion": "won"} if verb == "complete" else {}
        experiment = acting.transition(
            ws, LOCAL, experiment.id, verb, version=experiment.version, **said
        )
    return experiment


def do(ws: Workspace, actor: Actor, experiment: Experiment, verb: str) -> Experiment:
    return acting.transition(
        ws, actor, experiment.id, verb, version=experiment.version, reason="because",
        conclusion="won" if verb == "complete" else None,
        winner="treatment" if verb == "deploy" else None,
        acknowledge=CONDITIONS if verb == "deploy" else (),
    )  # fmt: skip


@pytest.mark.parametrize(("place", "verb", "role", "needed"), CELLS)
def test_every_place_verb_and_role(
    house: Workspace, place: str, verb: str, role: str, needed: str
):
    before = at_place(house, place)
    trail = len(service.history(house, LOCAL, before.id))
    actor = ROLES[role]
    if role == "viewer" or (needed == "A" and role == "editor"):
        with pytest.raises(ForbiddenError) as forbidden:
            do(house, actor, before, verb)
        assert forbidden.value.code == "ROLE_TOO_LOW"
        assert f"You are a{'n editor' if role == 'editor' else ' viewer'}" in str(
            forbidden.value
        )
    elif needed == "-":
        expect_refusal(house, actor, before, verb)
    else:
        expect_step(house, actor, before, verb)
        return
    assert service.get_experiment(house, LOCAL, before.id) == before
    assert len(service.history(house, LOCAL, before.id)) == trail


def expect_refusal(ws: Workspace, actor: Actor, before: Experiment, verb: str) -> None:
    with pytest.raises(ConflictError) as refused:
        do(ws, actor, before, verb)
    assert refused.value.code == "INVALID_TRANSITION"
    assert refused.value.allowed_actions == action_names(before.place)


def expect_step(ws: Workspace, actor: Actor, before: Experiment, verb: str) -> None:
    after = do(ws, actor, before, verb)
    if verb == "purge":
        with pytest.raises(NotFoundError):
            service.get_experiment(ws, LOCAL, before.id)
        assert last_event(ws, before).verb == "purge"
        return
    target = TRANSITIONS[before.place, Verb(verb)].target
    back = {"archived": "stopped", "bin": "stopped"}
    assert after.place == (back[before.place] if target == "previous" else target)
    assert after == service.get_experiment(ws, LOCAL, before.id)
    event = last_event(ws, before)
    assert (event.verb, event.actor) == (verb, actor.name)


def last_event(ws: Workspace, experiment: Experiment) -> AuditEvent:
    with ws.db.read() as cursor:
        return audit.events_of(cursor, "default", "experiment", experiment.id)[-1]


def test_the_grid_is_the_table():
    allowed = {(place, verb) for place, verb, _, needed in CELLS if needed != "-"}
    assert allowed == {(str(place), str(verb)) for place, verb in TRANSITIONS}
    assert {place for place, *_ in CELLS} == {*map(str, Status), "bin"}
    assert {verb for _, verb, *_ in CELLS} == set(map(str, Verb))
