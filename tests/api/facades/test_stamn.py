"""Stamn: every endpoint its document names, and every rule of its checklist."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from starlette.applications import Starlette

from experiments_core.domain.access import LOCAL
from experiments_core.services import deploying, experiments, keys
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import World

HERE = "/compat/stamn/v1/experiments"
BODY: dict[str, Any] = {
    "name": "Tone of voice",
    "targetFile": "agents/support.md",
    "variants": [
        {"name": "plain", "content": "Be brief.", "isControl": True},
        {"name": "warm", "content": "Be warm."},
    ],
    "participantIds": [f"agent-{i}" for i in range(10)],
}


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def to(world: World, one: Any, status: str, method: str = "PATCH") -> Any:
    return world(method, f"{HERE}/{one['id']}/status", {"status": status})


def test_participants_are_cut_evenly_at_creation_and_stay(world: World):
    one = made(world)
    assert set(one) == {
        "id", "name", "description", "targetFile", "status", "variants", "assignments",
    }  # fmt: skip
    assert set(one["variants"][0]) == {"id", "name", "content", "weight", "isControl"}
    assert [v["weight"] for v in one["variants"]] == [50, 50]
    counts = Counter(a["variantId"] for a in one["assignments"])
    assert sorted(counts.values()) == [5, 5]
    started = to(world, one, "running").json()["data"]
    assert started["assignments"] == one["assignments"]
    assert world("GET", f"{HERE}/{one['id']}").json()["data"] == started


def test_the_list_holds_what_the_caller_owns(ws: Workspace, server: Starlette, world: World):
    one = made(world)
    other = World(server, keys.create_key(ws, LOCAL, "other", role="editor").secret or "")
    assert [x["id"] for x in world("GET", HERE).json()["data"]] == [one["id"]]
    assert other("GET", HERE).json() == {"data": []}


# place, wanted -> status code
MOVES = {
    ("draft", "running"): 200, ("draft", "paused"): 409, ("draft", "completed"): 409,
    ("running", "running"): 409, ("running", "paused"): 200, ("running", "completed"): 200,
    ("paused", "running"): 200, ("paused", "paused"): 409, ("paused", "completed"): 200,
    ("completed", "running"): 409, ("completed", "paused"): 409,
    ("completed", "completed"): 409,
}  # fmt: skip
WAYS = {
    "draft": (), "running": ("running",), "paused": ("running", "paused"),
    "completed": ("running", "completed"),
}  # fmt: skip


@pytest.mark.parametrize(("place", "wanted"), tuple(MOVES))
@pytest.mark.parametrize("method", ("PATCH", "POST"))
def test_every_move_between_statuses(world: World, place: str, wanted: str, method: str):
    one = made(world)
    for step in WAYS[place]:
        assert to(world, one, step).status_code == 200
    answer = to(world, one, wanted, method)
    assert answer.status_code == MOVES[place, wanted], answer.text
    if answer.status_code == 200:
        assert answer.json()["data"]["status"] == wanted


def test_completing_leaves_the_conclusion_unstated(ws: Workspace, world: World):
    one = made(world)
    to(world, one, "running")
    to(world, one, "completed")
    assert experiments.get_experiment(ws, LOCAL, one["id"]).conclusion is None


@pytest.mark.parametrize(
    "wrong",
    (
        {"name": None}, {"targetFile": None}, {"participantIds": ["a", "a"]},
        {"variants": [{"name": "a", "weight": 50}, {"name": "b"}]},
        {"variants": [{"name": "a", "weight": 50}, {"name": "b", "weight": 49}]},
        {"variants": [{"name": "a"}]}, {"colour": "red"},
    ),
)  # fmt: skip
def test_a_body_that_breaks_a_rule_is_422_in_camel_case(world: World, wrong: dict[str, Any]):
    answer = world("POST", HERE, BODY | wrong)
    assert answer.status_code == 422, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "requestId"}
    assert world("GET", HERE).json() == {"data": []}


def test_without_participants_it_does_not_start_and_an_unknown_word_is_422(world: World):
    one = made(world, participantIds=[])
    assert to(world, one, "running").status_code == 409
    assert to(world, one, "archived").status_code == 422


def test_variants_are_changed_in_a_draft_only_and_two_remain(world: World):
    one = made(world)
    path = f"{HERE}/{one['id']}/variants"
    third = world("POST", path, {"name": "short", "content": "!", "weight": 20})
    assert third.status_code == 201, third.text
    assert [v["weight"] for v in third.json()["data"]["variants"]] == [30, 50, 20]
    short = third.json()["data"]["variants"][2]["id"]
    changed = world("PATCH", f"{path}/{short}", {"content": "?", "weight": 10})
    assert [v["weight"] for v in changed.json()["data"]["variants"]] == [40, 50, 10]
    assert changed.json()["data"]["variants"][2]["content"] == "?"
    assert world("PATCH", f"{path}/{short}", {"weight": 90}).status_code == 422
    assert world("DELETE", f"{path}/{short}").status_code == 200
    assert world("DELETE", f"{path}/{one['variants'][1]['id']}").status_code == 422
    assert world("DELETE", f"{path}/nothing").status_code == 404
    to(world, one, "running")
    assert world("POST", path, {"name": "late"}).status_code == 409


def test_words_change_any_time_and_the_file_in_a_draft(world: World):
    one = made(world)
    path = f"{HERE}/{one['id']}"
    moved = world("PATCH", path, {"targetFile": "agents/sales.md", "name": "Tone"})
    assert (moved.json()["data"]["targetFile"], moved.json()["data"]["name"]) == (
        "agents/sales.md", "Tone",
    )  # fmt: skip
    to(world, one, "running")
    assert world("PATCH", path, {"description": "Now live."}).status_code == 200
    assert world("PATCH", path, {"targetFile": "other.md"}).status_code == 409


def test_a_running_one_is_not_deleted(world: World):
    one = made(world)
    to(world, one, "running")
    assert world("DELETE", f"{HERE}/{one['id']}").status_code == 409
    to(world, one, "completed")
    assert world("DELETE", f"{HERE}/{one['id']}").status_code == 204
    assert world("GET", f"{HERE}/{one['id']}").status_code == 404


def test_one_participant_gets_a_version_and_the_status_stays(
    ws: Workspace, server: Starlette, world: World
):
    one = made(world)
    to(world, one, "running")
    path, warm = f"{HERE}/{one['id']}/deploy", one["variants"][1]["id"]
    body = {"participantId": "agent-3", "variantId": warm}
    editor = World(server, keys.create_key(ws, LOCAL, "e", role="editor").secret or "")
    assert editor("POST", path, body).status_code == 403
    assert world("POST", path, body | {"variantId": "nothing"}).status_code == 404
    assert world("POST", path, {"variantId": warm}).status_code == 422
    answer = world("POST", path, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["participantId"] == "agent-3"
    assert world("GET", f"{HERE}/{one['id']}").json()["data"]["status"] == "running"
    (row,) = deploying.deployments(ws, LOCAL, one["id"])
    assert (row.target, row.unit_id) == ("participant", "agent-3")
    served = world("POST", f"/api/v1/experiments/{one['id']}/assign", {"unit_id": "agent-3"})
    assert served.json()["data"]["variant"] == "warm"
