"""What a project decides for the traffic of all of its tests."""

from __future__ import annotations

from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import ProjectRules
from experiments_core.domain.experiment import Experiment, NamespaceSlot
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.namespaces import check_overlap
from experiments_core.services.workspace import Workspace
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
        (one.name, other)
        for one, other in _holders(cursor, experiment.org_id)
        if one.id != experiment.id
    ]
    check_overlap(slot, others)


def holders(ws: Workspace, actor: Actor, key: str) -> list[tuple[Experiment, NamespaceSlot]]:
    """The living tests that hold a range of a namespace, in the order of their ranges."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        found = [pair for pair in _holders(cursor, actor.org_id) if pair[1].key == key]
    return sorted(found, key=lambda pair: pair[1].from_bp)


def _holders(cursor: Any, org_id: str) -> list[tuple[Experiment, NamespaceSlot]]:
    return [
        (one, one.namespace)
        for one in catalog.all_experiments(cursor, org_id)
        if one.place in LIVING and one.namespace is not None
    ]
