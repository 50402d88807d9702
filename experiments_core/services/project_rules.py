"""What a project decides for the traffic of all of its tests."""

from __future__ import annotations

from typing import Any

from experiments_core.domain.assignment import ProjectRules, check_overlap
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.store import catalog
from experiments_core.store import projects as rows

LIVING = frozenset({Status.DRAFT, Status.RUNNING, Status.PAUSED})
"""Where a test holds its range of a namespace."""


def rules_for(cursor: Any, experiment: Experiment) -> ProjectRules:
    """The global holdout of an experiment's project."""
    for project in rows.projects(cursor, experiment.org_id):
        if project.key.lower() == experiment.project.lower():
            return ProjectRules(project.key, project.settings.global_holdout_bp)
    return ProjectRules(experiment.project)


def check_slot(cursor: Any, experiment: Experiment) -> None:
    """Refuse a range of a namespace that another living test has.

    Raises:
        ConflictError: ``NAMESPACE_OVERLAP``.
    """
    slot = experiment.namespace
    if slot is None:
        return
    others = [
        (one.name, one.namespace)
        for one in catalog.all_experiments(cursor, experiment.org_id)
        if one.id != experiment.id and one.place in LIVING and one.namespace is not None
    ]
    check_overlap(slot, others)
