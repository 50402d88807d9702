"""Krafter's own examples, and every rule of its checklist."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette

from experiments_core.domain.access import LOCAL
from experiments_core.services import experiments, keys
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import World

BASE, OURS = "https://app.krafter.dev/api/v1", "/compat/krafter"
KEY = "kr_live_abc123def456"
FLAG = "d4e5f6a7-8b9c-4d0e-9f1a-2b3c4d5e6f7a"
OLD_ID = "3c4d5e6f-7a8b-4c9d-8e0f-1a2b3c4d5e6f"
HERE = f"{OURS}/flags/{FLAG}/experiments"
LIST = f"""curl {BASE}/flags/{FLAG}/experiments \\
  -H "Authorization: Bearer {KEY}\""""
BODY = {
    "name": "Hero Banner A/B Test",
    "environment": "production",
    "variants": [
        {"key": "control", "value": "old", "percentage": 50},
        {"key": "treatment", "value": "new", "percentage": 50},
    ],
}
CREATE = f"""curl -X POST {BASE}/flags/{FLAG}/experiments \\
  -H "Authorization: Bearer {KEY}" \\
  -H "Content-Type: application/json" \\
  -d '{json.dumps(BODY)}'"""
STEP = f"""curl -X POST {BASE}/flags/{FLAG}/experiments/{OLD_ID}/%s \\
  -H "Authorization: Bearer {KEY}\""""
FIELDS = {
    "id", "name", "environment", "status", "variants", "conversions", "started_at",
    "stopped_at", "created_at", "updated_at",
}  # fmt: skip


@pytest.fixture
def printed(ws: Workspace, world: World) -> World:
    """A world where the printed key and the printed experiment are known."""
    keys.register_key(ws, LOCAL, KEY, "krafter", role="editor")
    return world


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def test_every_example_runs_with_only_the_base_url_changed(ws: Workspace, printed: World):
    created = printed.replay(CREATE, BASE, OURS)
    assert created.status_code == 201, created.text
    data = created.json()["data"]
    assert set(data) == FIELDS
    assert data["variants"] == BODY["variants"]
    assert data["conversions"] == {"control": 0, "treatment": 0}
    assert (data["status"], data["started_at"], data["stopped_at"]) == ("draft", None, None)
    experiment = experiments.get_experiment(ws, LOCAL, data["id"])
    experiments.edit_experiment(
        ws, LOCAL, data["id"], {"external_ids": {"krafter": OLD_ID}}, version=experiment.version
    )
    started = printed.replay(STEP % "start", BASE, OURS)
    assert started.status_code == 200, started.text
    assert (started.json()["data"]["id"], started.json()["data"]["status"]) == (
        OLD_ID,
        "running",
    )
    stopped = printed.replay(STEP % "stop", BASE, OURS)
    assert stopped.json()["data"]["status"] == "stopped"
    listed = printed.replay(LIST, BASE, OURS)
    assert listed.status_code == 200
    assert set(listed.json()) == {"data"}
    assert [one["id"] for one in listed.json()["data"]] == [OLD_ID]


def test_the_longer_base_is_the_same(world: World):
    made(world)
    long = world("GET", f"{OURS}/api/v1/flags/{FLAG}/experiments")
    assert long.json() == world("GET", HERE).json()


@pytest.mark.parametrize(
    "body",
    (
        {"variants": [{"key": "a", "value": 1, "percentage": 50},
                      {"key": "b", "value": 2, "percentage": 49}]},
        {"variants": [{"key": "a", "value": 1, "percentage": 50.5},
                      {"key": "b", "value": 2, "percentage": 49.5}]},
        {"variants": [{"key": "a", "value": 1, "percentage": True},
                      {"key": "b", "value": 2, "percentage": 99}]},
        {"variants": [{"key": "a", "value": 1, "percentage": 50},
                      {"key": "a", "value": 2, "percentage": 50}]},
        {"variants": [{"key": "a", "value": 1, "percentage": 101},
                      {"key": "b", "value": 2, "percentage": -1}]},
        {"variants": [{"key": "a", "value": 1, "percentage": 100}]},
        {"name": None}, {"environment": None}, {"status": "paused"}, {"colour": "red"},
    ),
)  # fmt: skip
def test_a_body_that_breaks_a_rule_is_422_and_nothing_is_made(
    world: World, body: dict[str, Any]
):
    answer = world("POST", HERE, BODY | body)
    assert answer.status_code == 422, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "request_id"}
    assert world("GET", HERE).json() == {"data": []}


@pytest.mark.parametrize("status", ("draft", "running", "stopped", "completed"))
def test_a_status_on_creation_is_kept(world: World, status: str):
    assert made(world, status=status)["status"] == status


def test_start_and_stop_answer_409_where_they_do_not_fit(world: World):
    one = made(world)
    assert world("POST", f"{HERE}/{one['id']}/stop").status_code == 409
    assert world("POST", f"{HERE}/{one['id']}/start").status_code == 200
    assert world("POST", f"{HERE}/{one['id']}/start").status_code == 409
    over = made(world, status="completed")
    assert world("POST", f"{HERE}/{over['id']}/start").status_code == 409


def test_another_flag_has_other_experiments(world: World):
    one = made(world)
    other = f"{OURS}/flags/other/experiments"
    assert world("GET", other).json() == {"data": []}
    assert world("POST", f"{other}/{one['id']}/start").status_code == 404
    assert world("POST", f"{HERE}/nothing/start").status_code == 404


def test_conversions_are_counted_and_kept_over_a_restart(world: World):
    one = made(world, status="running")
    at = {"experiment": one["id"]}
    arms = {}
    for i in range(20):
        answer = world("POST", f"/api/v1/experiments/{one['id']}/assign", {"unit_id": f"u{i}"})
        arms[f"u{i}"] = answer.json()["data"]["variant"]
    world.events(
        *({"type": "exposure", "unit_id": unit, **at} for unit in arms),
        *({"type": "metric", "unit_id": f"u{i}", "name": "conversion"} for i in range(8)),
    )
    true = {
        arm: sum(arms[f"u{i}"] == arm for i in range(8)) for arm in ("control", "treatment")
    }
    (listed,) = world("GET", HERE).json()["data"]
    assert listed["conversions"] == true
    stopped = world("POST", f"{HERE}/{one['id']}/stop").json()["data"]
    again = world("POST", f"{HERE}/{one['id']}/start").json()["data"]
    assert stopped["stopped_at"] is not None
    assert (again["conversions"], again["stopped_at"]) == (true, None)
    assert again["started_at"] >= one["started_at"]


def test_scopes_of_flags_are_enough_and_a_reader_only_reads(
    ws: Workspace, server: Starlette, world: World
):
    writer = World(
        server, keys.create_key(ws, LOCAL, "w", scopes=("flags:write",)).secret or ""
    )
    reader = World(server, keys.create_key(ws, LOCAL, "r", scopes=("flags:read",)).secret or "")
    one = made(writer)
    assert writer("POST", f"{HERE}/{one['id']}/start").status_code == 200
    assert reader("GET", HERE).status_code == 200
    assert reader("POST", HERE, BODY).status_code == 403
    assert world("GET", HERE, headers={}).status_code == 401


def test_a_share_that_a_whole_percent_cannot_hold_is_rounded_to_make_100(
    ws: Workspace, world: World
):
    thirds = [
        {"key": k, "value": k, "percentage": p}
        for k, p in zip("abc", (34, 33, 33), strict=True)
    ]
    one = made(world, variants=thirds)
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    experiments.change_traffic(
        ws, LOCAL, one["id"], version=found.version,
        weights_bp={"a": 3334, "b": 3333, "c": 3333}, reason="equal",
    )  # fmt: skip
    (listed,) = world("GET", HERE).json()["data"]
    assert [v["percentage"] for v in listed["variants"]] == [34, 33, 33]
