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
    "archive":   "archived  -          -          archived   archived   -         -",
    "unarchive": "-         -          -          -          -          =         -",
    "delete":    "bin       -          -          bin        bin        bin       -",
    "restore":   "-         -          -          -          -          -         =",
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
    act = Act(Verb(verb), before.created_at, "mira", reason="because", conclusion="won")
    if outcome == "-":
        with pytest.raises(ConflictError) as refused:
            perform(before, act)
        assert refused.value.code == "INVALID_TRANSITION"
        assert refused.value.allowed_actions == tuple(
            info.verb.value for info in allowed_actions(place)
        )
    else:
        after = perform(before, act)
        assert after.place == (BACK[place] if outcome == "=" else outcome)


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


def test_only_reopening_needs_more_than_the_right_to_edit(build: Callable[..., Experiment]):
    for place in (*Status, BIN):
        for verb in Verb:
            needed = needed_permission(build(place), verb)
            is_reopen = (place, verb) == (Status.COMPLETED, Verb.REOPEN)
            assert needed == (Permission.REOPEN if is_reopen else Permission.EDIT)
