"""The transition table over HTTP: every place, every verb, every role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import TRANSITIONS, Verb, action_names
from experiments_core.services import experiments, keys, workspace
from experiments_core.services.workspace import Workspace, open_workspace
from tests.api.conftest import Client
from tests.services.test_transitions import CELLS, CONDITIONS, ROLES, at_place

BACK = {"archived": "stopped", "bin": "stopped"}
SAID = {
    "complete": {"conclusion": "won", "reason": "because"},
    "deploy": {"variant": "treatment", "acknowledge": list(CONDITIONS), "reason": "because"},
    "archive": {}, "unarchive": {}, "restore": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Iterator[tuple[Workspace, dict[str, str]]]:
    with open_workspace(":memory:") as ws:
        ws.settings = replace(
            ws.settings, rate_limits=dict.fromkeys(ws.settings.rate_limits, 10**9)
        )
        tokens = {role: keys.create_key(ws, LOCAL, role, role=role).secret for role in ROLES}
        yield workspace.use(ws), {role: token or "" for role, token in tokens.items()}
    workspace.stop()


def send(api: Client, before: Experiment, verb: str) -> httpx.Response:
    headers = {"If-Match": f'"v{before.version}"'}
    path = f"/experiments/{before.id}"
    if verb in {"delete", "purge"}:
        return api("DELETE", f"{path}{'?purge=true' * (verb == 'purge')}", headers=headers)
    place = "deployments" if verb == "deploy" else verb
    said = SAID.get(verb, {"reason": "because"})
    return api.post(f"{path}/{place}", said, headers=headers)


@pytest.mark.parametrize(("place", "verb", "role", "needed"), CELLS)
def test_every_place_verb_and_role(
    app: FastAPI,
    house: tuple[Workspace, dict[str, str]],
    place: str,
    verb: str,
    role: str,
    needed: str,
):
    ws, tokens = house
    before = at_place(ws, place)
    answer = send(Client(app, tokens[role]), before, verb)
    admins_only = needed == "A" or verb == "deploy"  # its route asks before it looks where
    if role == "viewer" or (admins_only and role == "editor"):
        assert answer.status_code == 403, answer.text
        assert answer.json()["error"]["code"] in {"ROLE_TOO_LOW", "SCOPE_MISSING"}
    elif needed == "-":
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "INVALID_TRANSITION")
        assert error["allowed_actions"] == list(action_names(before.place))
    else:
        expect_step(ws, before, verb, answer)
        return
    assert experiments.get_experiment(ws, LOCAL, before.id) == before


def expect_step(ws: Workspace, before: Experiment, verb: str, answer: httpx.Response) -> None:
    expected = {"delete": 204, "purge": 204, "deploy": 201}.get(verb, 200)
    assert answer.status_code == expected, answer.text
    if verb == "purge":
        return
    after = experiments.get_experiment(ws, LOCAL, before.id)
    target = TRANSITIONS[before.place, Verb(verb)].target
    assert after.place == (BACK[before.place] if target == "previous" else target)
    if expected == 200:
        shown = answer.json()["data"]
        assert (shown["status"], shown["version"]) == (after.status, after.version)
        assert answer.headers["etag"] == f'"v{after.version}"'
