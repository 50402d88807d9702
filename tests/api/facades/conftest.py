"""The dialects beside the API, in this process, on a workspace in memory."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from experiments_core.api.app import routes
from experiments_core.domain.access import LOCAL
from experiments_core.services import keys, workspace
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.settings import read_settings


class World:
    """Sends requests to any path of the server."""

    def __init__(self, app: Starlette, token: str) -> None:
        self.app = app
        self.token = token

    def __call__(
        self, method: str, path: str, json: Any = None, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        return asyncio.run(self._send(method, path, given, json))

    async def _send(
        self, method: str, path: str, headers: dict[str, str], body: Any
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        options = {} if body is None else {"json": body}
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return await client.request(method, path, headers=headers, **options)

    def replay(self, curl: str, base: str, ours: str) -> httpx.Response:
        """Send a curl command as it was printed, with another base URL."""
        words = shlex.split(curl.replace("\\\n", " "))
        url = next(word for word in words if word.startswith("http"))
        assert url.startswith(base)
        headers = dict(re.split(r":\s*", words[i + 1], maxsplit=1)
                       for i, word in enumerate(words) if word == "-H")  # fmt: skip
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
        return self(method, ours + url.removeprefix(base), body, headers=headers)

    def events(self, *events: dict[str, Any]) -> None:
        """Send events as a service does."""
        numbered = [{"event_id": f"e{i}", **event} for i, event in enumerate(events)]
        answer = self("POST", "/api/v1/events", {"events": numbered})
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["rejected"] == []


@pytest.fixture(scope="session")
def server() -> Starlette:
    return Starlette(routes=routes())


@pytest.fixture
def ws() -> Iterator[Workspace]:
    settings = replace(read_settings(), test_keys=True)
    with open_workspace(":memory:", settings=settings) as opened:
        yield workspace.use(opened)
    workspace.stop()


@pytest.fixture
def world(server: Starlette, ws: Workspace) -> World:
    """A client with an admin's key."""
    return World(server, keys.create_key(ws, LOCAL, "ci", role="admin").secret or "")
