"""Decisions, forecasts, annotations: what is kept, refused, and told in the trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from experiments_core.services import acting, analyses, experiments, noting
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock

VIEWER = Actor("Vera", Role.VIEWER)
EDITOR = Actor("Emil", Role.EDITOR)
STRANGER = Actor("Eve", Role.ADMIN, org_id="other")


def prepared(ws: Workspace, clock: Clock, lift: float = 0.6) -> Experiment:
    clock.now = START + timedelta(days=11)
    experiment = make(ws)
    upload(ws, experiment, rows(2000, lift=lift))
    return experiments.get_experiment(ws, LOCAL, experiment.id)


def rules_of(refused: pytest.ExceptionInfo[InvalidInputError]) -> list[tuple[str, str]]:
    return [(problem.field, problem.rule) for problem in refused.value.details]


# Decisions ----------------------------------------------------------------------------------


def test_a_decision_rests_on_the_look_and_remembers_what_was_recommended(
    ws: Workspace, clock: Clock
):
    experiment = prepared(ws, clock)
    decided = noting.decide(ws, EDITOR, experiment.key, action="extend", note=" One week. ")
    assert (decided.look, decided.recommended, decided.departs) == (1, "keep_running", False)
    assert (decided.note, decided.by) == ("One week.", "Emil")
    assert noting.decisions(ws, VIEWER, experiment.id) == (decided,)
    with ws.db.read() as cursor:
        (event,) = audit.events_of(cursor, "default", "decision", decided.id)
    assert (event.verb, event.note) == ("decide", "One week.")


def test_a_decision_that_departs_has_to_say_why(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    with pytest.raises(InvalidInputError, match="departs from the recommendation") as refused:
        noting.decide(ws, EDITOR, experiment.id, action="ship", variant="B")
    assert rules_of(refused) == [("note", "REQUIRED")]
    decided = noting.decide(
        ws, EDITOR, experiment.id, action="ship", variant="B", note="The sale starts."
    )
    assert decided.departs


@pytest.mark.parametrize(
    ("said", "rules"),
    (
        ({"action": "dance"}, [("action", "UNKNOWN_CHOICE"), ("note", "REQUIRED")]),
        ({"action": "ship", "note": "because"}, [("variant", "REQUIRED")]),
        ({"action": "extend", "variant": "C"}, [("variant", "UNKNOWN_CHOICE")]),
        ({"action": "extend", "note": "x" * 5001}, [("note", "LENGTH")]),
    ),
)
def test_a_decision_is_checked_all_at_once(
    ws: Workspace, clock: Clock, said: dict[str, Any], rules: list[tuple[str, str]]
):
    experiment = prepared(ws, clock)
    with pytest.raises(InvalidInputError) as refused:
        noting.decide(ws, EDITOR, experiment.id, **said)
    assert rules_of(refused) == rules
    assert noting.decisions(ws, EDITOR, experiment.id) == ()


# Forecasts ----------------------------------------------------------------------------------


def test_a_guess_before_the_first_look_stands_beside_the_outcome(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    near = noting.forecast(
        ws, VIEWER, experiment.id, metric="converted", guess=0.5, lower=0.3, upper=0.8
    )
    far = noting.forecast(ws, EDITOR, experiment.id, metric="converted", guess=-0.1)
    assert (near.variant, near.by) == ("B", "Vera")
    view = analyses.look(ws, LOCAL, experiment.id)
    first, second = noting.outcomes(ws, VIEWER, experiment.id, view.result)
    lift = view.result.metric("converted").arm("B").contrast
    assert lift is not None
    assert (first.forecast, first.lift, first.inside) == (near, lift.relative_lift, True)
    assert (second.forecast, second.inside) == (far, None)


def test_after_the_first_look_a_guess_is_refused(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    analyses.look(ws, LOCAL, experiment.id)
    with pytest.raises(ConflictError) as refused:
        noting.forecast(ws, EDITOR, experiment.id, metric="converted", guess=0.1)
    assert refused.value.code == "FORECAST_CLOSED"
    assert noting.forecasts(ws, EDITOR, experiment.id) == ()


@pytest.mark.parametrize(
    ("said", "rules"),
    (
        ({"metric": "nothing"}, [("metric", "UNKNOWN_CHOICE")]),
        ({"variant": "control"}, [("variant", "UNKNOWN_CHOICE")]),
        ({"variant": "C"}, [("variant", "UNKNOWN_CHOICE")]),
        ({"guess": None}, [("guess", "REQUIRED")]),
        ({"guess": True}, [("guess", "TYPE")]),
        ({"guess": float("nan")}, [("guess", "NOT_FINITE")]),
        ({"guess": 12.0}, [("guess", "RANGE")]),
        ({"lower": 0.0}, [("upper", "REQUIRED")]),
        ({"lower": 0.2, "upper": 0.3}, [("guess", "RANGE")]),
    ),
)
def test_a_guess_is_a_number_about_a_treatment(
    ws: Workspace, clock: Clock, said: dict[str, Any], rules: list[tuple[str, str]]
):
    experiment = prepared(ws, clock)
    with pytest.raises(InvalidInputError) as refused:
        noting.forecast(
            ws, EDITOR, experiment.id, **{"metric": "converted", "guess": 0.1} | said
        )
    assert rules_of(refused) == rules


# Annotations --------------------------------------------------------------------------------


def test_annotations_are_listed_by_the_time_they_are_about(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    later = noting.annotate(ws, EDITOR, experiment.id, text="Now")
    range_ = noting.annotate(
        ws, EDITOR, experiment.id, text=" Payment was down ", kind="incident",
        starts=START, ends=START + timedelta(hours=3),
    )  # fmt: skip
    assert (range_.text, later.kind, later.starts) == ("Payment was down", "note", clock.now)
    assert noting.annotations_of(ws, VIEWER, experiment.id) == (range_, later)


def test_a_viewer_may_comment_and_take_back_only_what_is_theirs(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    mine = noting.annotate(ws, VIEWER, experiment.id, text="Nice.", kind="comment")
    other = noting.annotate(ws, EDITOR, experiment.id, text="Release 7", kind="release")
    with pytest.raises(ForbiddenError):
        noting.annotate(ws, VIEWER, experiment.id, text="Release 8", kind="release")
    with pytest.raises(ForbiddenError):
        noting.remove_annotation(ws, VIEWER, experiment.id, other.id)
    noting.remove_annotation(ws, VIEWER, experiment.id, mine.id)
    assert noting.annotations_of(ws, VIEWER, experiment.id) == (other,)
    with ws.db.read() as cursor:
        gone = audit.events_of(cursor, "default", "annotation", mine.id)[-1]
    assert (gone.verb, (gone.before or {})["text"]) == ("remove", "Nice.")
    with pytest.raises(NotFoundError):
        noting.remove_annotation(ws, EDITOR, experiment.id, mine.id)


@pytest.mark.parametrize(
    ("said", "rules"),
    (
        ({"text": " "}, [("text", "REQUIRED")]),
        ({"text": "x" * 2001}, [("text", "LENGTH")]),
        ({"kind": "poem"}, [("kind", "UNKNOWN_CHOICE")]),
        ({"starts": START.replace(tzinfo=None)}, [("starts", "TYPE")]),
        ({"starts": START, "ends": START - timedelta(days=1)}, [("ends", "RANGE")]),
    ),
)
def test_an_annotation_is_checked(
    ws: Workspace, clock: Clock, said: dict[str, Any], rules: list[tuple[str, str]]
):
    experiment = prepared(ws, clock)
    with pytest.raises(InvalidInputError) as refused:
        noting.annotate(ws, EDITOR, experiment.id, **{"text": "x"} | said)
    assert rules_of(refused) == rules


def test_the_archive_takes_annotations_and_the_bin_takes_nothing(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=1)
    experiment = make(ws)
    for verb in ("stop", "archive"):
        experiment = acting.transition(
            ws, LOCAL, experiment.id, verb, version=experiment.version
        )
    assert noting.annotate(ws, EDITOR, experiment.id, text="Seen again.")
    deleted = acting.transition(ws, LOCAL, experiment.id, "delete", version=experiment.version)
    for call in (
        lambda: noting.annotate(ws, EDITOR, deleted.id, text="x"),
        lambda: noting.forecast(ws, EDITOR, deleted.id, metric="converted", guess=0.1),
        lambda: noting.decide(ws, EDITOR, deleted.id, action="invalidate"),
    ):
        with pytest.raises(ConflictError, match="Restore it"):
            call()


def test_another_organisation_sees_and_writes_nothing(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    for call in (
        lambda: noting.decisions(ws, STRANGER, experiment.id),
        lambda: noting.forecasts(ws, STRANGER, experiment.id),
        lambda: noting.annotations_of(ws, STRANGER, experiment.id),
        lambda: noting.annotate(ws, STRANGER, experiment.id, text="x"),
        lambda: noting.forecast(ws, STRANGER, experiment.id, metric="converted", guess=0.1),
        lambda: noting.decide(ws, STRANGER, experiment.id, action="extend"),
    ):
        with pytest.raises(NotFoundError):
            call()
