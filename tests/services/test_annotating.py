"""What happened is written down at its time, by who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from experiments_core.errors import ForbiddenError, InvalidInputError, NotFoundError
from experiments_core.services import annotating
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from tests.services.checkout import START
from tests.services.conftest import Clock
from tests.services.noted import prepared, rules_of
from tests.services.people import EDITOR, VIEWER


def test_annotations_are_listed_by_the_time_they_are_about(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    later = annotating.annotate(ws, EDITOR, experiment.id, text="Now")
    range_ = annotating.annotate(
        ws, EDITOR, experiment.id, text=" Payment was down ", kind="incident",
        starts=START, ends=START + timedelta(hours=3),
    )  # fmt: skip
    assert (range_.text, later.kind, later.starts) == ("Payment was down", "note", clock.now)
    assert annotating.annotations_of(ws, VIEWER, experiment.id) == (range_, later)


def test_a_viewer_may_comment_and_take_back_only_what_is_theirs(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    mine = annotating.annotate(ws, VIEWER, experiment.id, text="Nice.", kind="comment")
    other = annotating.annotate(ws, EDITOR, experiment.id, text="Release 7", kind="release")
    with pytest.raises(ForbiddenError):
        annotating.annotate(ws, VIEWER, experiment.id, text="Release 8", kind="release")
    with pytest.raises(ForbiddenError):
        annotating.remove_annotation(ws, VIEWER, experiment.id, other.id)
    annotating.remove_annotation(ws, VIEWER, experiment.id, mine.id)
    assert annotating.annotations_of(ws, VIEWER, experiment.id) == (other,)
    with ws.db.read() as cursor:
        gone = audit.events_of(cursor, "default", "annotation", mine.id)[-1]
    assert (gone.verb, (gone.before or {})["text"]) == ("remove", "Nice.")
    with pytest.raises(NotFoundError):
        annotating.remove_annotation(ws, EDITOR, experiment.id, mine.id)


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
        annotating.annotate(ws, EDITOR, experiment.id, **{"text": "x"} | said)
    assert rules_of(refused) == rules
