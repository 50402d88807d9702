"""Projects and their settings, resources, namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from experiments_core.domain import checks
from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.project import (
    DEFAULT_PROJECT,
    Namespace,
    Project,
    ProjectSettings,
    Resource,
    project_problems,
    resource_problems,
    settings_problems,
)
from experiments_core.domain.text import clean, slugify, text_problems, unused
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, NotFoundError, Problem, VersionStaleError
from experiments_core.services import pseudonyms
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import projects as rows

_SETTINGS = frozenset(field.name for field in fields(ProjectSettings))


def list_projects(ws: Workspace, actor: Actor) -> list[Project]:
    """Every project of the organisation; there is always the default one."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        found = rows.projects(cursor, actor.org_id)
    if not any(one.key == DEFAULT_PROJECT for one in found):
        found = [_default(ws, actor), *found]
    return [one for one in found if not actor.projects or one.key in actor.projects]


def get_project(ws: Workspace, actor: Actor, reference: str) -> Project:
    """Find a project by id or key.

    Raises:
        NotFoundError: there is none in this organisation.
    """
    for one in list_projects(ws, actor):
        if reference == one.id or reference.lower() == one.key.lower():
            return one
    raise NotFoundError(f"There is no project “{reference}”.", hint="List the projects.")


def create_project(ws: Workspace, actor: Actor, values: Mapping[str, Any]) -> Project:
    """Make a project.

    Args:
        ws: The workspace.
        actor: An admin.
        values: ``name``, perhaps ``key``, and settings by their names.

    Raises:
        InvalidInputError: fields that break a rule.
        ConflictError: ``DUPLICATE_KEY``; ``UNITS_STORED``: other projects keep ids otherwise.
    """
    require(actor, Permission.ADMIN)
    refuse(project_problems(values))
    settings = _settings(ProjectSettings(), values)
    now = ws.now()
    with ws.db.write() as cursor:
        taken = {one.key.lower() for one in rows.projects(cursor, actor.org_id)}
        taken.add(DEFAULT_PROJECT)
        wanted = clean(values.get("key", ""))
        if wanted.lower() in taken:
            raise _duplicate(wanted)
        key = wanted or unused(slugify(values["name"], "project"), frozenset(taken))
        made = Project(
            ws.new_id(), actor.org_id, key, clean(values["name"]), 1, actor.name, now, now,
            settings,
        )  # fmt: skip
        pseudonyms.check_may_change(cursor, None, made)
        rows.insert_project(cursor, made)
        event = event_by(
            actor, now, "create", "project", made.id,
            after={"key": key, "name": made.name, **asdict(settings)},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    return made


def edit_project(
    ws: Workspace, actor: Actor, reference: str, changes: Mapping[str, Any], *, version: int
) -> Project:
    """Change name or settings.

    Raises:
        VersionStaleError: somebody saved since that version.
        InvalidInputError: fields that break a rule.
        ConflictError: ``UNITS_STORED``: their ids are kept in one way already.
    """
    require(actor, Permission.ADMIN)
    refuse(project_problems(changes))
    with ws.db.write() as cursor:
        before = get_project(ws, actor, reference)
        if version != before.version:
            raise VersionStaleError(
                f"This project is at version {before.version}.", current=before,
                fields=tuple(changes),
            )  # fmt: skip
        after = replace(
            before,
            name=clean(changes.get("name", before.name)),
            settings=_settings(before.settings, changes),
            version=before.version + 1,
            updated_at=ws.now(),
        )
        pseudonyms.check_may_change(cursor, before, after)
        if before.id == DEFAULT_PROJECT and not _is_kept(cursor, before):
            after = replace(after, id=ws.new_id())
            rows.insert_project(cursor, after)
        else:
            rows.update_project(cursor, after, before.version)
        old, new = _flat(before), _flat(after)
        told = [name for name in new if old[name] != new[name]]
        event = event_by(
            actor, ws.now(), "edit", "project", after.id,
            before={name: old[name] for name in told},
            after={name: new[name] for name in told},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    return after


def list_resources(ws: Workspace, actor: Actor) -> list[Resource]:
    """Every resource of the organisation, the newest first."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        return rows.resources(cursor, actor.org_id)


def create_resource(
    ws: Workspace, actor: Actor, *, kind: str, locator: str, fallback: Any = None
) -> Resource:
    """Make a resource.

    Raises:
        InvalidInputError: fields that break a rule.
        ConflictError: ``DUPLICATE_RESOURCE``.
    """
    require(actor, Permission.EDIT)
    refuse(resource_problems(kind, locator))
    made = Resource(ws.new_id(), kind, clean(locator), fallback, actor.name, ws.now())
    with ws.db.write() as cursor:
        known = rows.resources(cursor, actor.org_id)
        if any((one.kind, one.locator) == (kind, made.locator) for one in known):
            raise ConflictError(
                f"There is a {kind} “{made.locator}” already.", code="DUPLICATE_RESOURCE"
            )
        rows.insert_resource(cursor, actor.org_id, made)
        event = event_by(
            actor, ws.now(), "create", "resource", made.id,
            after={"kind": kind, "locator": made.locator},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    return made


def resource_at(ws: Workspace, actor: Actor, *, kind: str, locator: str) -> Resource:
    """The resource at a locator, made on first use."""
    with ws.db.write():
        for one in list_resources(ws, actor):
            if (one.kind, one.locator) == (kind, clean(locator)):
                return one
        return create_resource(ws, actor, kind=kind, locator=locator)


def list_namespaces(ws: Workspace, actor: Actor) -> list[Namespace]:
    """Every namespace of the organisation, by key."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        return rows.namespaces(cursor, actor.org_id)


def create_namespace(ws: Workspace, actor: Actor, *, key: str, name: str = "") -> Namespace:
    """Make a namespace.

    Raises:
        InvalidInputError: fields that break a rule.
        ConflictError: ``DUPLICATE_KEY``.
    """
    require(actor, Permission.EDIT)
    refuse([*checks.key("key", key), *text_problems("name", name, longest=200)])
    made = Namespace(ws.new_id(), clean(key), clean(name) or clean(key), actor.name, ws.now())
    with ws.db.write() as cursor:
        known = rows.namespaces(cursor, actor.org_id)
        if any(one.key.lower() == made.key.lower() for one in known):
            raise _duplicate(made.key)
        rows.insert_namespace(cursor, actor.org_id, made)
        event = event_by(
            actor, ws.now(), "create", "namespace", made.id, after={"key": made.key}
        )
        audit.append_event(cursor, ws.db.secret, event)
    return made


def _default(ws: Workspace, actor: Actor) -> Project:
    """The project that is there before anybody has changed it."""
    now = ws.now()
    return Project(
        DEFAULT_PROJECT, actor.org_id, DEFAULT_PROJECT, "Default", 1, "upshot", now, now
    )


def _is_kept(cursor: Any, project: Project) -> bool:
    return any(one.id == project.id for one in rows.projects(cursor, project.org_id))


def _settings(before: ProjectSettings, values: Mapping[str, Any]) -> ProjectSettings:
    given = {name: value for name, value in values.items() if name in _SETTINGS}
    for name in ("environments", "checklist"):
        if name in given:
            given[name] = tuple(map(clean, given[name]))
    settings = replace(before, **given)
    refuse(settings_problems(settings))
    return settings


def _flat(project: Project) -> dict[str, Any]:
    return {"name": project.name, "version": project.version, **asdict(project.settings)}


def _duplicate(key: str) -> ConflictError:
    return ConflictError(
        f"The key “{key}” is taken.",
        code="DUPLICATE_KEY",
        details=(Problem("key", key, "NOT_UNIQUE", "keys are unique in any spelling"),),
    )
