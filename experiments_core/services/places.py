"""Where an experiment belongs: project, environment, resource, its ids elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment, NamespaceSlot
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.project import Project
from experiments_core.errors import ConflictError, NotFoundError, Problem
from experiments_core.services import projects
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog


def place_problems(ws: Workspace, actor: Actor, fields: Mapping[str, Any]) -> list[Problem]:
    """What does not exist among project, resource and namespace that were named."""
    return list(_problems(ws, actor, fields))


def check_external_ids(
    cursor: Any, actor: Actor, experiment_id: str, ids: Mapping[str, str]
) -> None:
    """Refuse an id of another system that another experiment has.

    Raises:
        ConflictError: ``DUPLICATE_EXTERNAL_ID``.
    """
    for system, external in ids.items():
        known = catalog.find_by_external(
            cursor, actor.org_id, system, external, other_than=experiment_id
        )
        if known is not None:
            raise ConflictError(
                f"“{external}” of {system} is the experiment “{known.name}” already.",
                code="DUPLICATE_EXTERNAL_ID",
                details=(
                    Problem(f"external_ids.{system}", external, "NOT_UNIQUE", "it is taken"),
                ),
            )


def environment_of(ws: Workspace, actor: Actor, project: str) -> str:
    """Where a test of a project runs when nobody says; of none that there is, any."""
    try:
        return projects.get_project(ws, actor, project).settings.default_environment
    except NotFoundError:
        return "production"


def check_strict(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Refuse a change of traffic in a running test of a strict project.

    Raises:
        ConflictError: ``STRICT_TRAFFIC``.
    """
    if experiment.status not in {Status.RUNNING, Status.PAUSED}:
        return
    if project_of(ws, actor, experiment).settings.strict_traffic:
        raise ConflictError(
            "This project does not allow traffic changes in a running test. Stop it and start "
            "a new run.",
            code="STRICT_TRAFFIC",
            allowed_actions=("stop",),
        )


def project_of(ws: Workspace, actor: Actor, experiment: Experiment) -> Project:
    """The project of an experiment, with its settings."""
    return projects.get_project(ws, actor, experiment.project)


def _problems(ws: Workspace, actor: Actor, fields: Mapping[str, Any]) -> Iterator[Problem]:
    named = fields.get("project")
    try:
        projects.get_project(ws, actor, str(named))
    except NotFoundError as missing:
        yield Problem("project", named, "NOT_FOUND", missing.message.rstrip("."))
    resource = fields.get("resource")
    if resource is not None:
        found = projects.list_resources(ws, actor)
        if not any(one.id == resource for one in found):
            message = f"there is no resource “{resource}”"
            yield Problem("resource", resource, "NOT_FOUND", message)
    slot = fields.get("namespace")
    if isinstance(slot, NamespaceSlot):
        yield from _namespace_problems(ws, actor, slot.key)


def _namespace_problems(ws: Workspace, actor: Actor, key: str) -> Iterator[Problem]:
    """The range is of a namespace that exists, in its own spelling: the hash starts with it."""
    known = [one.key for one in projects.list_namespaces(ws, actor)]
    if key in known:
        return
    twin = next((one for one in known if one.lower() == key.lower()), None)
    listed = ", ".join(f"“{one}”" for one in known) or "none yet"
    message = (
        f"the namespace is written “{twin}”, not “{key}”"
        if twin
        else f"there is no namespace “{key}” (there are: {listed}); make it first"
    )
    yield Problem("namespace.key", key, "NOT_FOUND", message)
