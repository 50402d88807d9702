"""The designs that assignment needs, made ready once per version of an experiment."""

from __future__ import annotations

from experiments_core.domain.assignment import NO_PROJECT, ProjectRules, Rules, rules_of
from experiments_core.domain.experiment import Experiment, Phase
from experiments_core.services.workspace import Workspace


def ready(
    ws: Workspace,
    experiment: Experiment,
    *,
    project: ProjectRules = NO_PROJECT,
    phase: Phase | None = None,
) -> Rules:
    """The rules of an experiment as it is now, or as a phase had them."""
    key = (experiment.id, experiment.version, phase.seq if phase else 0, project)
    return ws.known.once(
        "design", key, lambda: rules_of(experiment, project=project, phase=phase)
    )
