"""The API without a server: the application in this process, on a workspace in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from experiments_core.api.app import build_api
from experiments_core.domain.access import LOCAL
from experiments_core.services import keys, samples, workspace
from experiments_core.services.workspace import Workspace, open_workspace


class Client:
    """Sends one request at a time; ``token`` may be changed."""

    def __init__(self, app: FastAPI, token: str = "") -> None:
        self.app = app
        self.token = token

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return asyncio.run(self._send(method, path, headers, options))

    async def _send(
        self, method: str, path: str, headers: dict[str, str], options: dict[str, Any]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return await client.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self("POST", path, **({} if json is None else {"json": json}), **options)

    def patch(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return self("PATCH", path, json=json, **options)


@pytest.fixture(scope="session")
def app() -> FastAPI:
    return build_api()


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as opened:
        yield workspace.use(opened)
    workspace.stop()


@pytest.fixture
def api(app: FastAPI, ws: Workspace) -> Client:
    """A client with an admin's key."""
    return Client(app, keys.create_key(ws, LOCAL, "ci", role="admin").secret or "")


@pytest.fixture
def sampled(ws: Workspace) -> Workspace:
    samples.load_samples(ws, LOCAL)
    return ws
