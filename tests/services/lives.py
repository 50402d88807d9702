"""An experiment, who works on it, and how it gets on."""

from __future__ import annotations

from typing import Any

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import acting
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace

MIRA = Actor("Mira", Role.EDITOR)


TOM = Actor("Tom", Role.EDITOR)


GUEST = Actor("Guest", Role.VIEWER)


def create(ws: Workspace, name: str = "Checkout", **fields: Any) -> Experiment:
    draft = ExperimentDraft(name, **{"metrics": (Proportion("paid"),)} | fields)
    return service.create_experiment(ws, MIRA, draft)


def go(ws: Workspace, experiment: Experiment, *verbs: str, **said: Any) -> Experiment:
    for verb in verbs:
        version = experiment.version
        experiment = acting.transition(
            ws, LOCAL, experiment.id, verb, version=version, **{"conclusion": "won"} | said
        )
    return experiment
