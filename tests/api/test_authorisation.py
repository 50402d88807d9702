"""Every route of the OpenAPI document × role × scope × organisation: all cells."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from experiments_core.api import frame
from experiments_core.domain.access import (
    LOCAL,
    READING,
    REQUIRED,
    Actor,
    Permission,
    Role,
    Scope,
    holds,
)
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.services import experiments, keys, people, projects, workspace
from experiments_core.services.workspace import Workspace, open_workspace

OTHER = Actor("other", Role.ADMIN, "other")
MARK = "Zanzibar"
"""Stands in every object of our organisation; no answer to another one may contain it."""


@dataclass(frozen=True)
class Route:
    """One operation of the document."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def permission(self) -> str | None:
        """The right that the document says it needs."""
        found = self.operation.get("x-permission")
        return None if found is None else str(found)

    @property
    def public(self) -> bool:
        """Whether no key is needed."""
        return "security" not in self.operation


@dataclass
class World:
    """An API with two organisations, a key for every role and scope, and one object of each."""

    app: FastAPI
    ws: Workspace
    tokens: dict[tuple[str, str], str]
    foreign: str
    ids: dict[str, str]
    routes: list[Route]

    def path(self, route: Route) -> str:
        """The path with the ids of our own objects put in."""
        return re.sub(
            r"\{(\w+)\}", lambda m: self.ids.get(m[1], self.ids["experiment"]), route.path
        )


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    from experiments_core.api.app import build_api  # noqa: PLC0415  after the collection

    with open_workspace(":memory:") as ws:
        workspace.use(ws)
        limits = dict.fromkeys(ws.settings.rate_limits, 10**9)
        ws.settings = replace(ws.settings, rate_limits=limits)
        made = experiments.create_experiment(ws, LOCAL, ExperimentDraft(MARK, key=MARK))
        project = projects.create_project(ws, LOCAL, {"name": MARK})
        projects.create_resource(ws, LOCAL, kind="flag", locator=MARK)
        projects.create_namespace(ws, LOCAL, key=MARK)
        user = people.add_user(ws, LOCAL, f"{MARK}@example.com", role="admin")
        key = keys.create_key(ws, LOCAL, MARK)
        tokens = {
            (role.name.lower(), scope.value): keys.create_key(
                ws, LOCAL, f"{role.name} {scope}", role=role.name.lower(), scopes=[scope]
            ).secret
            or ""
            for role in Role
            for scope in Scope
        }
        foreign = keys.create_key(ws, OTHER, "foreign", role="admin").secret or ""
        app = build_api()
        routes = [
            Route(method.upper(), path, operation)
            for path, methods in app.openapi()["paths"].items()
            for method, operation in methods.items()
        ]
        ids = {
            "experiment": made.id, "variant": made.variants[0].id, "project": project.id,
            "user": user.id, "key": key.id,
        }  # fmt: skip
        yield World(app, ws, tokens, foreign, ids, routes)
    workspace.stop()


def send(world: World, asked: list[tuple[Route, str]]) -> list[httpx.Response]:
    """Send many requests over one connection."""

    async def all_of_them() -> list[httpx.Response]:
        transport = httpx.ASGITransport(world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return [await _one(client, world, route, token) for route, token in asked]

    return asyncio.run(all_of_them())


async def _one(
    client: httpx.AsyncClient, world: World, route: Route, token: str
) -> httpx.Response:
    headers = {"If-Match": '"v999"', "Authorization": f"Bearer {token}"}
    content = next(iter(route.operation.get("requestBody", {}).get("content", {"": ""})))
    body: dict[str, Any] = {}
    if content == "application/json":
        body = {"json": {}}
    elif content:
        body = {"files": {"file": ("x.csv", "a,b\n", "text/csv")}}
    return await client.request(route.method, world.path(route), headers=headers, **body)


def allowed(route: Route, role: str, scope: str) -> bool:
    if route.permission is None:
        return True
    right = REQUIRED[Permission(route.permission)]
    if right.operator:
        return False
    reads = right.scope in READING
    enough = Role[role.upper()] >= right.role and holds(frozenset({Scope(scope)}), right.scope)
    return enough and (reads or role != "viewer")


def test_the_document_names_the_right_of_every_route_that_is_not_open(world: World):
    open_to_all = {"/health"}
    any_key = {"/me"}
    for route in world.routes:
        assert route.public == (route.path in open_to_all), route.path
        if not route.public and route.path not in any_key:
            assert route.permission in set(Permission), route.path
    assert len(world.routes) > 50


def test_without_a_key_nothing_is_answered(world: World):
    closed = [route for route in world.routes if not route.public]
    for token in ("", "up_live_nothing", f"{world.foreign[:-1]}!"):
        answers = send(world, [(route, token) for route in closed])
        assert {answer.status_code for answer in answers} == {401}


@pytest.mark.parametrize("role", [role.name.lower() for role in Role])
def test_every_route_asks_for_exactly_its_role_and_scope(world: World, role: str):
    cells = [(route, scope) for route in world.routes for scope in Scope if not route.public]
    answers = send(world, [(route, world.tokens[role, scope]) for route, scope in cells])
    for (route, scope), answer in zip(cells, answers, strict=True):
        cell = f"{role} with {scope}: {route.method} {route.path} -> {answer.status_code}"
        if allowed(route, role, scope):
            assert answer.status_code not in {401, 500}, cell
            if answer.status_code == 403:  # the service may ask for more, by what is sent
                assert answer.json()["error"]["code"] in {"ROLE_TOO_LOW", "SCOPE_MISSING"}, cell
        else:
            assert answer.status_code == 403, cell


def test_the_services_refuse_by_themselves(world: World, monkeypatch: pytest.MonkeyPatch):
    """With the guard of the frame taken away, nothing that was refused gets through."""
    monkeypatch.setattr(frame, "require", lambda *_: None)
    refused = 0
    for role in ("viewer", "editor"):
        cells = [
            (route, scope)
            for route in world.routes
            for scope in (Scope.ASSIGN, Scope.EXPERIMENTS_READ)
            if not route.public and not allowed(route, role, scope)
        ]
        answers = send(world, [(route, world.tokens[role, scope]) for route, scope in cells])
        for (route, scope), answer in zip(cells, answers, strict=True):
            assert answer.status_code >= 400, (
                f"{role} with {scope}: {route.method} {route.path}"
            )
            refused += answer.status_code == 403
    assert refused > 60


def test_another_organisation_sees_nothing_and_reaches_nothing(world: World):
    closed = [route for route in world.routes if not route.public]
    answers = send(world, [(route, world.foreign) for route in closed])
    for route, answer in zip(closed, answers, strict=True):
        cell = f"{route.method} {route.path} -> {answer.status_code}"
        assert answer.status_code < 500, cell
        assert MARK.lower() not in answer.text.lower(), cell
        if "{" in route.path and route.method in {"GET", "DELETE"}:
            assert answer.status_code == 404, cell
