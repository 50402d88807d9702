from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments_core.domain.access import Permission
from experiments_core.domain.acts import Act, needed_permission, perform
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import (
    BIN,
    TRANSITIONS,
    Status,
    Verb,
    action_names,
    advance,
    allowed_actions,
)
from experiments_core.errors import ConflictError

PLACES = ("draft", "running", "paused", "stopped", "completed", "archived", "bin")

# One line per verb, one column per place in the order above; "-" is refused, "=" leads back to
# where the experiment was before.
GRID = {
    #            draft      running    paused     stopped    completed  archived  bin
    "start":     "running   -          running    running    -          -         -",
    "pause":     "-         paused     -          -          -          -         -",
    "resume":    "-         -          running    -          -          -         -",
    "stop":      "-         stopped    stopped    -          -          -         -",
    "complete":  "-         completed  completed  completed  -          -         -",
    "reopen":    "-         -          -          -          stopped    -         -",
    "deploy":    "-         -          -          archived   archived   -         -",
    "archive":   "archived  -          -          archived   archived   -         -",
    "unarchive": "-         -          -          -          -          =         -",
    "delete":    "bin       -          -          bin        bin        bin       -",
    "restore":   "-         -          -          -          -          -         =",
    "purge":     "-         -          -          -          -          -         =",
}  # fmt: skip
CELLS = [
    (place, verb, outcome)
    for verb, line in GRID.items()
    for place, outcome in zip(PLACES, line.split(), strict=True)
]
BACK = {"archived": "stopped", "bin": "draft"}  # where the builder's experiments came from


@pytest.mark.parametrize(("place", "verb", "outcome"), CELLS)
def test_every_cell_of_the_transition_table(
    build: Callable[..., Experiment], place: str, verb: str, outcome: str
):
    before = build(place)
    winner = "treatment" if verb == "deploy" else None
    act = Act(Verb(verb), before.created_at, "mira", "because", conclusion="won", winner=winner)
    if outcome == "-":
        with pytest.raises(ConflictError) as refused:
            perform(before, act)
        assert refused.value.code == "INVALID_TRANSITION"
        assert refused.value.allowed_actions == action_names(place)
        assert [(p.field, p.value) for p in refused.value.details] == [("status", place)]
    else:
        after = perform(before, act)
        back = "bin" if verb == "purge" else BACK.get(place)
        assert after.place == (back if outcome == "=" else outcome)


def test_the_grid_covers_all_places_and_verbs():
    assert {(place, verb) for place, verb, _ in CELLS} == {
        (place, verb) for place in (*Status, BIN) for verb in Verb
    }
    assert {(p, v) for p, v, outcome in CELLS if outcome != "-"} == set(TRANSITIONS)


@pytest.mark.parametrize(
    ("place", "verb", "sentence"),
    (
        ("running", "delete", "This experiment is running. To delete it, stop it first."),
        ("running", "start", "This experiment is running. There is nothing to start."),
        ("draft", "stop",
         "This experiment is a draft. Only one that has been started can be stopped."),
        ("completed", "pause",
         "This experiment is completed. To pause it, reopen and start it first."),
        ("stopped", "resume",
         "This experiment is stopped. Only a paused experiment can be resumed."),
        ("archived", "start",
         "This experiment is archived. To start it, unarchive it first."),
        ("bin", "start", "This experiment is in the bin. To start it, restore it first."),
        ("bin", "delete", "This experiment is in the bin. There is nothing to delete."),
    ),
)  # fmt: skip
def test_a_refusal_says_where_it_stands_and_what_to_do_first(
    place: str, verb: str, sentence: str
):
    with pytest.raises(ConflictError) as refused:
        advance(place, Verb(verb))
    assert refused.value.message == sentence


def test_allowed_actions_tell_what_happens_and_name_each_verb_once():
    for place in (*Status, BIN):
        infos = allowed_actions(place)
        assert infos
        assert all(info.label and info.what_happens.endswith(".") for info in infos)
        assert len({info.label for info in infos}) == len(infos)
    assert [info.verb for info in allowed_actions(Status.PAUSED)] == [
        "resume",
        "stop",
        "complete",
    ]


def test_a_program_is_told_of_traffic_while_a_test_is_under_way():
    assert action_names("running") == ("pause", "stop", "complete", "traffic")
    assert action_names("draft") == ("start", "archive", "delete")


def test_a_refusal_names_the_status_it_would_need():
    with pytest.raises(ConflictError) as refused:
        advance("running", Verb.DELETE)
    (problem,) = refused.value.details
    assert problem.rule == "must be draft, stopped, completed or archived"


HIGHER = {
    (Status.COMPLETED, Verb.REOPEN): Permission.REOPEN,
    (Status.STOPPED, Verb.DEPLOY): Permission.DEPLOY,
    (Status.COMPLETED, Verb.DEPLOY): Permission.DEPLOY,
    (BIN, Verb.PURGE): Permission.PURGE,
}


def test_only_four_cells_need_more_than_the_right_to_edit(build: Callable[..., Experiment]):
    for place in (*Status, BIN):
        for verb in Verb:
            needed = needed_permission(build(place), verb)
            assert needed == HIGHER.get((place, verb), Permission.EDIT)


def test_a_stop_that_names_a_winner_needs_the_right_to_deploy(
    build: Callable[..., Experiment],
):
    running = build("running")
    assert needed_permission(running, Verb.STOP, "treatment") is Permission.DEPLOY
    assert needed_permission(running, Verb.STOP) is Permission.EDIT
