"""The dialects behind a real socket, each test with a workspace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import keys, workspace
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.settings import read_settings
from tests.api.facades.table import Recorder
from tests.api.live import served


class World:
    """Sends requests to any path of the server with one key."""

    def __init__(self, server: httpx.Client, token: str) -> None:
        self.server = server
        self.token = token

    def __call__(
        self, method: str, path: str, json: Any = None, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        options = {} if json is None else {"json": json}
        return self.server.request(method, path, headers=given, **options)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request that httpx can make, with the key unless other headers say it."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.server.request(method, path, headers=headers, **options)

    def as_role(self, ws: Workspace, role: str) -> World:
        """The same server for somebody with a key of this role."""
        return World(self.server, keys.create_key(ws, LOCAL, role, role=role).secret or "")

    def events(self, *events: dict[str, Any], prefix: str = "e") -> None:
        """Send events as a service does."""
        numbered = [{"event_id": f"{prefix}{i}", **event} for i, event in enumerate(events)]
        answer = self("POST", "/api/v1/events", {"events": numbered})
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["rejected"] == []

    def exposures(self, experiment: str, units: list[str]) -> dict[str, str]:
        """Let units enter an experiment, and say which arm each got."""
        arms = {}
        for unit in units:
            path = f"/api/v1/experiments/{experiment}/assign"
            arms[unit] = self("POST", path, {"unit_id": unit}).json()["data"]["variant"]
        self.events(
            *({"type": "exposure", "unit_id": u, "experiment": experiment} for u in units),
            prefix=f"x-{units[0]}-",
        )
        return arms


class Clock:
    """The present moment of the server, moved by hand."""

    def __init__(self) -> None:
        self.waited = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.waited

    def wait(self, **time: float) -> None:
        self.waited += timedelta(**time)


@pytest.fixture(scope="session")
def server() -> Iterator[httpx.Client]:
    """The front door on a port of this machine; workspaces come and go behind it."""
    with served() as url, httpx.Client(base_url=url.removesuffix("/api/v1")) as client:
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ws(clock: Clock) -> Iterator[Workspace]:
    settings = replace(read_settings(), test_keys=True)
    with open_workspace(":memory:", settings=settings, clock=clock) as opened:
        yield workspace.use(opened)
    workspace.stop()


@pytest.fixture
def world(server: httpx.Client, ws: Workspace) -> World:
    """A client with an admin's key."""
    return World(server, keys.create_key(ws, LOCAL, "ci", role="admin").secret or "")


RECORDER = pytest.StashKey[Recorder]()


def pytest_configure(config: pytest.Config) -> None:
    """Note what the tests of the dialects give, for the table."""
    config.stash[RECORDER] = Recorder()
    config.pluginmanager.register(config.stash[RECORDER])


@pytest.fixture
def recorder(request: pytest.FixtureRequest) -> Recorder:
    """What the tests of the dialects have given so far, in this process."""
    return request.config.stash[RECORDER]
