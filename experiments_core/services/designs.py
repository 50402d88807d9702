"""The designs that assignment needs, made ready once per version of an experiment."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from experiments_core.domain.assignment import NO_PROJECT, ProjectRules, Rules, rules_of
from experiments_core.domain.experiment import Experiment, Phase

MOST = 500
_READY: OrderedDict[tuple[str, int, int, ProjectRules], Rules] = OrderedDict()
_LOCK = Lock()


def ready(
    experiment: Experiment,
    *,
    project: ProjectRules = NO_PROJECT,
    phase: Phase | None = None,
) -> Rules:
    """The rules of an experiment as it is now, or as a phase had them."""
    key = (experiment.id, experiment.version, phase.seq if phase else 0, project)
    with _LOCK:
        found = _READY.get(key)
        if found is not None:
            _READY.move_to_end(key)
            return found
    made = rules_of(experiment, project=project, phase=phase)
    with _LOCK:
        _READY[key] = made
        while len(_READY) > MOST:
            _READY.popitem(last=False)
    return made
