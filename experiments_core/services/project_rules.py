"""What a project decides for the traffic of all of its tests."""

from __future__ import annotations

from typing import Any

from experiments_core.domain.assignment import ProjectRules, check_overlap
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.errors import ConflictError
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog

LIVING = frozenset({Status.DRAFT, Status.RUNNING, Status.PAUSED})
"""Where a test holds its range of a namespace."""


def rules_for(cursor: Any, experiment: Experiment) -> ProjectRules:
    """The global holdout of an experiment's project."""
    settings = catalog.project_settings(cursor, experiment.org_id, project_key(experiment))
    return ProjectRules(project_key(experiment), int(settings.get("global_holdout_bp", 0)))


def check_strict(ws: Workspace, experiment: Experiment) -> None:
    """Refuse a change of traffic where the project allows none in a started test.

    Raises:
        ConflictError: ``STRICT_TRAFFIC``.
    """
    with ws.db.read() as cursor:
        key = project_key(experiment)
        settings = catalog.project_settings(cursor, experiment.org_id, key)
    if experiment.first_started_at is not None and settings.get("strict_traffic"):
        raise ConflictError(
            "This project does not allow traffic changes in a running test.",
            code="STRICT_TRAFFIC",
            hint="Stop it and start a new run.",
        )


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


def project_key(experiment: Experiment) -> str:
    """Key of an experiment's project."""
    return str(getattr(experiment, "project", "default"))
