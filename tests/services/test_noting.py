"""Decisions, forecasts, annotations: what is kept, refused, and told in the trail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.errors import ConflictError, NotFoundError
from experiments_core.services import acting, annotating, deciding, forecasting
from experiments_core.services.workspace import Workspace
from tests.services.checkout import START, make
from tests.services.conftest import Clock
from tests.services.noted import prepared
from tests.services.people import EDITOR, STRANGER


def test_the_archive_takes_annotations_and_the_bin_takes_nothing(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=1)
    experiment = make(ws)
    for verb in ("stop", "archive"):
        experiment = acting.transition(
            ws, LOCAL, experiment.id, verb, version=experiment.version
        )
    assert annotating.annotate(ws, EDITOR, experiment.id, text="Seen again.")
    deleted = acting.transition(ws, LOCAL, experiment.id, "delete", version=experiment.version)
    for call in (
        lambda: annotating.annotate(ws, EDITOR, deleted.id, text="x"),
        lambda: forecasting.forecast(ws, EDITOR, deleted.id, metric="converted", guess=0.1),
        lambda: deciding.decide(ws, EDITOR, deleted.id, action="invalidate"),
    ):
        with pytest.raises(ConflictError, match="Restore it"):
            call()


def test_another_organisation_sees_and_writes_nothing(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    for call in (
        lambda: deciding.decisions(ws, STRANGER, experiment.id),
        lambda: forecasting.forecasts(ws, STRANGER, experiment.id),
        lambda: annotating.annotations_of(ws, STRANGER, experiment.id),
        lambda: annotating.annotate(ws, STRANGER, experiment.id, text="x"),
        lambda: forecasting.forecast(
            ws, STRANGER, experiment.id, metric="converted", guess=0.1
        ),
        lambda: deciding.decide(ws, STRANGER, experiment.id, action="extend"),
    ):
        with pytest.raises(NotFoundError):
            call()
