"""ShortKit's own examples, and every rule of its checklist."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette

from experiments_core.domain.access import LOCAL
from experiments_core.services import deploying, experiments, keys
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import World

BASE, OURS = "https://api.shortkit.dev", "/compat/shortkit"
KEY = "sk_live_your_secret_key"
HERE = f"{OURS}/v1/experiments"
OLD_ID = "exp_abc123"
RANKING: dict[str, Any] = {
    "name": "Engagement weight test",
    "description": "Testing higher engagement weight in ranking",
    "type": "ranking",
    "traffic": 0.20,
    "variants": [
        {"id": "control", "name": "Control", "traffic": 0.5,
         "config": {"weights": {"recency": 0.25, "engagement": 0.20, "topicAffinity": 0.20,
                                "geoRelevance": 0.15, "completionRate": 0.10,
                                "creatorAffinity": 0.10}}},
        {"id": "high_engagement", "name": "High engagement", "traffic": 0.5,
         "config": {"weights": {"recency": 0.20, "engagement": 0.35, "topicAffinity": 0.15,
                                "geoRelevance": 0.15, "completionRate": 0.10,
                                "creatorAffinity": 0.05}}},
    ],
    "metrics": ["completionRate", "watchTime", "sessionsPerUser"],
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "name": "Ad frequency test",
    "description": "Testing different ad frequencies",
    "type": "config",
    "traffic": 0.30,
    "variants": [
        {"id": "control", "name": "Every 5 videos", "traffic": 0.33,
         "config": {"ads.frequency.interval": 5}},
        {"id": "frequent", "name": "Every 4 videos", "traffic": 0.33,
         "config": {"ads.frequency.interval": 4}},
        {"id": "sparse", "name": "Every 7 videos", "traffic": 0.34,
         "config": {"ads.frequency.interval": 7}},
    ],
    "metrics": ["completionRate", "sessionsPerUser", "retention"],
}  # fmt: skip
AUTH = f'-H "Authorization: Bearer {KEY}"'
JSON = '-H "Content-Type: application/json"'
LIST = f'curl "{BASE}/v1/experiments?status=running" \\\n  {AUTH}'
START = f"curl -X POST {BASE}/v1/experiments/{OLD_ID}/start \\\n  {AUTH}"
STOP_BODY = {"winner": "high_engagement", "reason": "Statistical significance reached"}
STOP = (
    f"curl -X POST {BASE}/v1/experiments/{OLD_ID}/stop \\\n  {AUTH} \\\n  {JSON} \\\n"
    f"  -d '{json.dumps(STOP_BODY)}'"
)
RESULTS = f"curl {BASE}/v1/experiments/{OLD_ID}/results \\\n  {AUTH}"
PATCH = (
    f"curl -X PATCH {BASE}/v1/experiments/{OLD_ID} \\\n  {AUTH} \\\n  {JSON} \\\n"
    "  -d '{\"traffic\": 0.30}'"
)
DELETE = f"curl -X DELETE {BASE}/v1/experiments/{OLD_ID} \\\n  {AUTH}"


def create_command(body: dict[str, Any]) -> str:
    return (
        f"curl -X POST {BASE}/v1/experiments \\\n  {AUTH} \\\n  {JSON} \\\n"
        f"  -d '{json.dumps(body)}'"
    )


@pytest.fixture
def printed(ws: Workspace, world: World) -> World:
    """A world where the printed key is known."""
    keys.register_key(ws, LOCAL, KEY, "shortkit", role="admin")
    return world


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, RANKING | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def known_as(ws: Workspace, one: Any, external: str = OLD_ID) -> None:
    """Give an experiment the id that the examples print."""
    found = experiments.find_external(ws, LOCAL, "shortkit", external)
    if found is not None:
        experiments.edit_experiment(
            ws, LOCAL, found.id, {"external_ids": {}}, version=found.version
        )
    reference = one["id"].removeprefix("exp_")
    dashed = "-".join(
        (reference[:8], reference[8:12], reference[12:16], reference[16:20], reference[20:])
    )
    mine = experiments.get_experiment(ws, LOCAL, dashed)
    experiments.edit_experiment(
        ws, LOCAL, mine.id, {"external_ids": {"shortkit": external}}, version=mine.version
    )


@pytest.mark.parametrize("body", (RANKING, CONFIG))
def test_both_creation_examples_run_as_printed(printed: World, body: dict[str, Any]):
    answer = printed.replay(create_command(body), BASE, OURS)
    assert answer.status_code == 201, answer.text
    one = answer.json()["data"]
    assert {name: one[name] for name in ("name", "type", "traffic", "metrics")} == {
        name: body[name] for name in ("name", "type", "traffic", "metrics")
    }
    shown = [{k: v for k, v in arm.items() if k != "config"} for arm in body["variants"]]
    assert one["variants"] == shown
    assert (one["status"], one["startedAt"]) == ("draft", None)
    assert one["id"].startswith("exp_")
    assert len(one["id"]) == 36


def test_the_other_examples_run_with_only_the_base_url_changed(ws: Workspace, printed: World):
    known_as(ws, made(printed))
    patched = printed.replay(PATCH, BASE, OURS)
    assert (patched.status_code, patched.json()["data"]["traffic"]) == (200, 0.3)
    started = printed.replay(START, BASE, OURS)
    assert started.status_code == 200, started.text
    assert set(started.json()["data"]) == {"id", "status", "startedAt"}
    assert started.json()["data"]["id"] == OLD_ID
    listed = printed.replay(LIST, BASE, OURS).json()
    assert [one["id"] for one in listed["data"]] == [OLD_ID]
    assert listed["meta"] == {"total": 1}
    results = printed.replay(RESULTS, BASE, OURS)
    assert results.status_code == 200, results.text
    assert results.json()["data"]["status"] == "running"
    stopped = printed.replay(STOP, BASE, OURS)
    assert stopped.status_code == 200, stopped.text
    assert stopped.json()["data"]["status"] == "stopped"
    assert stopped.json()["data"]["stoppedAt"] is not None
    found = experiments.find_external(ws, LOCAL, "shortkit", OLD_ID)
    assert found is not None
    assert (found.winner, found.conclusion, found.deployed) == (
        "high_engagement", "won", "high_engagement",
    )  # fmt: skip
    known_as(ws, made(printed))
    assert printed.replay(DELETE, BASE, OURS).status_code == 204


@pytest.mark.parametrize(
    "wrong",
    (
        {"name": None}, {"type": "page"}, {"traffic": 1.2}, {"traffic": 0.12345},
        {"variants": [{"id": "a", "name": "A", "traffic": 0.5},
                      {"id": "b", "name": "B", "traffic": 0.4}]},
        {"variants": [{"id": "a", "name": "A", "traffic": 0.5},
                      {"id": "A", "name": "B", "traffic": 0.5}]},
        {"variants": [{"id": "a", "name": "A", "traffic": 1.0}]},
        {"targetingRules": {"mood": ["happy"]}}, {"metrics": ["no blanks"]}, {"colour": "red"},
    ),
)  # fmt: skip
def test_a_body_that_breaks_a_rule_is_422_and_nothing_is_made(
    world: World, wrong: dict[str, Any]
):
    answer = world("POST", HERE, RANKING | wrong)
    assert answer.status_code == 422, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "requestId"}
    assert world("GET", HERE).json() == {"data": [], "meta": {"total": 0}}


def test_thirds_make_exactly_one(world: World):
    third = 1 / 3
    arms = [{"id": k, "name": k, "traffic": third} for k in "abc"]
    one = made(world, variants=arms)
    assert [arm["traffic"] for arm in one["variants"]] == [0.3334, 0.3333, 0.3333]


def test_shorthands_of_targeting_are_taken(ws: Workspace, world: World):
    rules = {"countries": ["DE"], "devices": ["ios"], "userSegments": ["new"]}
    one = made(world, targetingRules=rules)
    world("POST", f"{HERE}/{one['id']}/start")
    path = f"/api/v1/experiments/{experiments.list_experiments(ws, LOCAL)[0].key}/assign"
    outside = world("POST", path, {"unit_id": "u1", "attributes": {"country": "FR"}})
    assert outside.json()["data"]["reason"] == "not_targeted"


def test_only_a_draft_is_changed_and_a_running_one_is_not_deleted(world: World):
    one = made(world)
    path = f"{HERE}/{one['id']}"
    assert world("PATCH", path, {"name": "Other", "traffic": 0.1}).json()["data"]["name"] == (
        "Other"
    )
    assert world("POST", f"{path}/start").status_code == 200
    assert world("POST", f"{path}/start").status_code == 409
    assert world("PATCH", path, {"traffic": 0.5}).status_code == 409
    assert world("DELETE", path).status_code == 409
    assert world("POST", f"{path}/stop").json()["data"]["status"] == "stopped"
    assert world("POST", f"{path}/stop").status_code == 409
    assert world("POST", f"{path}/start").status_code == 200
    assert world("POST", f"{path}/stop", {}).status_code == 200
    assert world("DELETE", path).status_code == 204
    assert world("GET", path).status_code == 404


def test_a_winner_needs_the_right_and_has_to_exist(
    ws: Workspace, server: Starlette, world: World
):
    one = made(world)
    path = f"{HERE}/{one['id']}"
    world("POST", f"{path}/start")
    editor = World(server, keys.create_key(ws, LOCAL, "e", role="editor").secret or "")
    refused = editor("POST", f"{path}/stop", {"winner": "high_engagement"})
    assert refused.status_code == 403
    assert world("POST", f"{path}/stop", {"winner": "nobody"}).status_code == 422
    assert world("GET", path).json()["data"]["status"] == "running"
    (experiment,) = experiments.list_experiments(ws, LOCAL)
    assert deploying.deployments(ws, LOCAL, experiment.id) == ()


def test_results_without_data_are_null(world: World):
    one = made(world)
    told = world("GET", f"{HERE}/{one['id']}/results").json()["data"]
    assert told["duration"] == {"days": 0, "startedAt": None}
    assert [arm["participants"] for arm in told["variants"]] == [0, 0]
    assert told["recommendation"] == {
        "winner": None, "confidence": None, "minimumDetectableEffect": None,
    }  # fmt: skip


def test_results_come_from_events(world: World):
    one = made(world, traffic=1.0)
    path = f"{HERE}/{one['id']}"
    world("POST", f"{path}/start")
    own = f"/api/v1/experiments/{key_of(world)}/assign"
    arms = {}
    for i in range(80):
        arms[f"u{i}"] = world("POST", own, {"unit_id": f"u{i}"}).json()["data"]["variant"]
    won = [u for u, arm in arms.items() if arm != "control" or int(u[1:]) % 5 == 0]
    world.events(
        *({"type": "exposure", "unit_id": u, "experiment": key_of(world)} for u in arms),
        *({"type": "metric", "unit_id": u, "name": "completionRate"} for u in won),
        *({"type": "metric", "unit_id": u, "name": "watchTime", "value": 10.0 + int(u[1:])}
          for u in arms),
    )  # fmt: skip
    told = world("GET", f"{path}/results").json()["data"]
    control, treated = told["variants"]
    assert set(control["metrics"]["completionRate"]) == {"value", "confidence"}
    rate = sum(arms[u] == "control" for u in won) / sum(a == "control" for a in arms.values())
    assert control["metrics"]["completionRate"]["value"] == pytest.approx(rate)
    shown = treated["metrics"]["completionRate"]
    assert shown["lift"] == pytest.approx(shown["value"] / rate - 1)
    assert shown["significant"] is True
    assert shown["confidence"] == 0.95
    assert told["recommendation"]["winner"] == "high_engagement"
    assert 0.99 < told["recommendation"]["confidence"] <= 1
    assert told["recommendation"]["minimumDetectableEffect"] > 0
    detail = world("GET", path).json()["data"]["variants"]
    assert [arm["participants"] for arm in detail] == [
        sum(a == arm["id"] for a in arms.values()) for arm in detail
    ]


def key_of(world: World) -> str:
    listed = world("GET", "/api/v1/experiments").json()["data"]
    return str(listed[0]["key"])
