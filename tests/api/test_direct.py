"""A request without a query is given the same by the short way as by FastAPI's own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Header, Query
from fastapi.dependencies.utils import get_dependant, solve_dependencies
from starlette.requests import Request

from experiments_core.api import experiments as resource
from experiments_core.api.app import FACADES, build_api
from experiments_core.api.direct import given_without_query
from experiments_core.api.frame import FramedRoute, build
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.services.experiments import create_experiment, edit_experiment
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client

FEWEST = 60
"""The short way is no use if it is taken for a few routes only."""


def every_route() -> list[FramedRoute]:
    apps: list[FastAPI] = [build_api(), *(build(door.tag, (door,)) for _, door in FACADES)]
    return [route for app in apps for route in app.routes if isinstance(route, FramedRoute)]


def request_to(route: FramedRoute) -> Request:
    words = {word: f"a {word}" for word in route.param_convertors}
    request = Request({
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [],
        "path_params": words,
    })  # fmt: skip
    request.state.call = object()
    return request


async def by_fastapi(route: FramedRoute, request: Request) -> tuple[dict[str, Any], list[Any]]:
    async with AsyncExitStack() as stack:
        request.scope["fastapi_inner_astack"] = stack
        request.scope["fastapi_function_astack"] = stack
        solved = await solve_dependencies(
            request=request,
            dependant=route.dependant,
            async_exit_stack=stack,
            embed_body_fields=False,
        )
        return solved.values, solved.errors


def test_every_route_is_given_what_fastapi_would_give():
    async def compare() -> int:
        short = 0
        for route in every_route():
            given = given_without_query(route.dependant)
            if given is None:
                continue
            short += 1
            request = request_to(route)
            values, errors = await by_fastapi(route, request)
            assert (await given(request), []) == (values, errors), route.path
        return short

    assert asyncio.run(compare()) >= FEWEST


def plain(_a: str, _b: int = 3, _c: str | None = None) -> None: ...
def needs_a_number(_a: int) -> None: ...
def needs_a_query(_q: str) -> None: ...
def takes_a_header(_h: Annotated[str, Header()] = "") -> None: ...
def takes_a_list(_q: Annotated[list[str], Query(default_factory=list)]) -> None: ...


@pytest.mark.parametrize(
    ("path", "handler", "short"),
    (
        ("/{_a}", plain, True),
        ("/{_a}", needs_a_number, False),
        ("/", needs_a_query, False),
        ("/", takes_a_header, False),
        ("/", takes_a_list, False),
    ),
)
def test_what_has_to_be_checked_is_left_to_fastapi(path: str, handler: Any, *, short: bool):
    dependant = get_dependant(path=path, call=handler)
    assert (given_without_query(dependant) is not None) is short


def test_what_is_kept_is_answered_without_a_thread(
    api: Client, ws: Workspace, monkeypatch: pytest.MonkeyPatch
):
    made = create_experiment(ws, LOCAL, ExperimentDraft("Kept", key="kept"))
    here: list[bool] = []
    body = resource.experiment_body

    def noting(*arguments: Any) -> dict[str, Any]:
        here.append(threading.current_thread() is threading.main_thread())
        return body(*arguments)

    monkeypatch.setattr(resource, "experiment_body", noting)
    first, second = api.get("/experiments/kept"), api.get("/experiments/kept")
    assert here == [False, True]
    assert first.json() == second.json()
    edit_experiment(ws, LOCAL, "kept", {"name": "Changed"}, version=made.version)
    assert api.get("/experiments/kept").json()["data"]["name"] == "Changed"
    assert here == [False, True, False]
