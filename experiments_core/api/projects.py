"""Projects, resources, namespaces."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from experiments_core.api import envelope
from experiments_core.api.answers import listed, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Key, Many, One, Text, moment
from experiments_core.domain.access import Permission
from experiments_core.domain.project import Namespace, Project, Resource
from experiments_core.services import projects

door = Door("Projects")

Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=20)
]


class ProjectFields(Body):
    """Settings that hold for every experiment of a project."""

    environments: Names | None = None
    default_environment: Key | None = None
    global_holdout_bp: Annotated[int, Field(ge=0, le=1_000)] | None = None
    strict_traffic: bool | None = None
    auto_promote_allowed: bool | None = None
    pseudonymise_units: bool | None = None
    checklist: Names | None = None


class NewProject(ProjectFields):
    """A project to be made."""

    name: Name
    key: Key | None = None


class ProjectChange(ProjectFields):
    """What changes about a project."""

    name: Name | None = None


class ProjectAnswer(Answer):
    """A project with its settings."""

    id: str
    key: str
    name: str
    version: int
    environments: list[str]
    default_environment: str
    global_holdout_bp: int
    strict_traffic: bool
    auto_promote_allowed: bool
    pseudonymise_units: bool
    checklist: list[str]
    created_by: str
    created_at: str
    updated_at: str


class NewResource(Body):
    """A thing under test."""

    kind: Literal["flag", "file", "model", "ranking", "config", "page", "email", "other"]
    locator: Annotated[str, Field(min_length=1, max_length=500)]
    fallback: Any = None


class ResourceAnswer(Answer):
    """A thing under test."""

    id: str
    kind: str
    locator: str
    fallback: Any
    created_by: str
    created_at: str


class NewNamespace(Body):
    """A namespace to be made."""

    key: Key
    name: Text = ""


class NamespaceAnswer(Answer):
    """Tests of one namespace share no unit."""

    id: str
    key: str
    name: str
    created_by: str
    created_at: str


@door.get("/projects", Rule(permission=Permission.READ, answer=Many[ProjectAnswer]))
def list_projects(call: The, page: Page) -> Response:
    """Every project, by key."""
    found = sorted(projects.list_projects(call.ws, call.actor), key=_key)
    return listed(call.request_id, found, page, _key, project_body)


@door.post(
    "/projects", Rule(permission=Permission.ADMIN, answer=One[ProjectAnswer], status=201)
)
def create_project(call: The, body: NewProject) -> Response:
    """Make a project."""
    made = projects.create_project(call.ws, call.actor, body.said())
    return one(project_body(made), status=201, version=made.version)


@door.get("/projects/{project}", Rule(permission=Permission.READ, answer=One[ProjectAnswer]))
def read_project(call: The, project: str) -> Response:
    """Read a project by id or key."""
    found = projects.get_project(call.ws, call.actor, project)
    return one(project_body(found), version=found.version)


@door.patch(
    "/projects/{project}",
    Rule(permission=Permission.ADMIN, answer=One[ProjectAnswer], version=True, errors=(409,)),
)
def change_project(call: The, project: str, body: ProjectChange) -> Response:
    """Change name or settings."""
    saved = projects.edit_project(
        call.ws, call.actor, project, body.said(), version=call.version()
    )
    return one(project_body(saved), version=saved.version)


@door.get("/resources", Rule(permission=Permission.READ, answer=Many[ResourceAnswer]))
def list_resources(call: The, page: Page) -> Response:
    """Every resource, the newest first."""
    found = projects.list_resources(call.ws, call.actor)
    return listed(call.request_id, found, page, _age, thing_body, down=True)


@door.post(
    "/resources", Rule(permission=Permission.EDIT, answer=One[ResourceAnswer], status=201)
)
def create_resource(call: The, body: NewResource) -> Response:
    """Make a resource."""
    made = projects.create_resource(
        call.ws, call.actor, kind=body.kind, locator=body.locator, fallback=body.fallback
    )
    return one(thing_body(made), status=201)


@door.get("/namespaces", Rule(permission=Permission.READ, answer=Many[NamespaceAnswer]))
def list_namespaces(call: The, page: Page) -> Response:
    """Every namespace, by key."""
    found = sorted(projects.list_namespaces(call.ws, call.actor), key=_key)
    return listed(call.request_id, found, page, _key, thing_body)


@door.post(
    "/namespaces", Rule(permission=Permission.EDIT, answer=One[NamespaceAnswer], status=201)
)
def create_namespace(call: The, body: NewNamespace) -> Response:
    """Make a namespace."""
    made = projects.create_namespace(call.ws, call.actor, key=body.key, name=body.name)
    return one(thing_body(made), status=201)


def project_body(project: Project) -> dict[str, Any]:
    """Render a project."""
    return {
        "id": project.id,
        "key": project.key,
        "name": project.name,
        "version": project.version,
        **asdict(project.settings),
        "created_by": project.created_by,
        "created_at": moment(project.created_at),
        "updated_at": moment(project.updated_at),
    }


def thing_body(thing: Resource | Namespace) -> dict[str, Any]:
    """Render a resource or a namespace."""
    return asdict(thing) | {"created_at": moment(thing.created_at)}


envelope.shows_current(Project, project_body)


def _key(thing: Project | Namespace) -> tuple[Any, ...]:
    return (thing.key.lower(), thing.id)


def _age(thing: Resource) -> tuple[Any, ...]:
    return (thing.created_at.timestamp(), thing.id)
