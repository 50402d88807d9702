"""A test with a lift that is there, and the rules that a refusal names."""

from __future__ import annotations

from datetime import timedelta

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import InvalidInputError
from experiments_core.services import experiments
from experiments_core.services.workspace import Workspace
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock


def prepared(ws: Workspace, clock: Clock, lift: float = 0.6) -> Experiment:
    clock.now = START + timedelta(days=11)
    experiment = make(ws)
    upload(ws, experiment, rows(2000, lift=lift))
    return experiments.get_experiment(ws, LOCAL, experiment.id)


def rules_of(refused: pytest.ExceptionInfo[InvalidInputError]) -> list[tuple[str, str]]:
    return [(problem.field, problem.rule) for problem in refused.value.details]
