"""A workspace in memory whose clock the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.services import experiments
from experiments_core.services.workspace import Workspace, open_workspace
from tests.services.checkout import START, make, rows, upload


class Clock:
    """The present moment, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ws(clock: Clock) -> Iterator[Workspace]:
    with open_workspace(":memory:", clock=clock) as workspace:
        yield workspace


@pytest.fixture
def running(ws: Workspace, clock: Clock) -> Experiment:
    clock.now = START + timedelta(days=11)
    experiment = make(ws)
    upload(ws, experiment, rows(2000, lift=0.3))
    return experiments.get_experiment(ws, LOCAL, experiment.id)
