"""Experiments over HTTP: made, found, changed, steered."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import keys, projects
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client

EXAMPLE: dict[str, Any] = {
    "name": "Shorter checkout",
    "type": "page",
    "hypothesis": "Fewer fields, more paid orders",
    "variants": [
        {"key": "control", "is_control": True, "weight_bp": 5000, "value": {"fields": 9}},
        {"key": "short", "weight_bp": 5000, "value": {"fields": 4}},
    ],
    "allocation_bp": 2000,
    "metrics": [
        {
            "kind": "proportion",
            "column": "paid_order",
            "role": "primary",
            "relative_minimum_detectable_effect": 0.08,
        },
        {
            "kind": "proportion",
            "column": "refund_rate",
            "role": "guardrail",
            "non_inferiority_margin": 0.01,
            "preferred_direction": "decrease",
        },
    ],
    "plan": {"method": "fixed", "power": 0.8, "planned_units": 56200},
}


@pytest.fixture
def made(api: Client) -> dict[str, Any]:
    answer = api.post("/experiments", EXAMPLE)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def at(version: int) -> dict[str, str]:
    return {"If-Match": f'"v{version}"'}


def verb(api: Client, name: str, version: int, body: Any = None) -> Any:
    return api.post(f"/experiments/shorter-checkout/{name}", body, headers=at(version))


def test_the_example_of_the_documentation_is_made(api: Client):
    answer = api.post("/experiments", EXAMPLE)
    assert answer.headers["etag"] == '"v1"'
    data = answer.json()["data"]
    assert (data["slug"], data["status"], data["version"]) == ("shorter-checkout", "draft", 1)
    assert [v["value"] for v in data["variants"]] == [{"fields": 9}, {"fields": 4}]
    assert data["plan"]["planned_units"] == 56200
    assert data["allowed_actions"] == ["start", "archive", "delete"]
    for reference in (data["id"], data["key"], data["slug"]):
        assert api.get(f"/experiments/{reference}").json()["data"] == data


def test_a_life_over_http(api: Client, made: dict[str, Any]):
    assert made["version"] == 1
    started = verb(api, "start", 1)
    assert (started.status_code, started.json()["data"]["status"]) == (200, "running")
    assert verb(api, "pause", 2).json()["data"]["status"] == "paused"
    assert verb(api, "resume", 3, {"reason": "it was fixed"}).headers["etag"] == '"v4"'
    assert verb(api, "stop", 4, {"reason": "enough"}).json()["data"]["status"] == "stopped"
    done = verb(api, "complete", 5, {"conclusion": "won", "winner": "short"})
    assert done.json()["data"]["winner_variant_id"] == made["variants"][1]["id"]
    assert verb(api, "archive", 6).json()["data"]["status"] == "archived"
    assert verb(api, "unarchive", 7).json()["data"]["status"] == "completed"
    assert verb(api, "reopen", 8, {"reason": "new data"}).json()["data"]["status"] == "stopped"
    gone = api("DELETE", "/experiments/shorter-checkout", headers=at(9))
    assert gone.status_code == 204
    assert gone.content == b""
    assert api.get("/experiments").json()["data"] == []
    assert len(api.get("/experiments?status=bin").json()["data"]) == 1
    assert verb(api, "restore", 10).json()["data"]["deleted_at"] is None
    phases = api.get("/experiments/shorter-checkout/phases").json()["data"]
    assert [phase["kind"] for phase in phases] == ["start", "resume"]
    history = api.get("/experiments/shorter-checkout/history?limit=2").json()
    assert [event["verb"] for event in history["data"]] == ["restore", "delete"]
    assert history["data"][0]["via"] == "api"
    assert history["data"][0]["request_id"].startswith("req_")


def test_a_verb_that_the_state_does_not_allow_says_what_is(api: Client, made: dict[str, Any]):
    verb(api, "start", made["version"])
    refused = api("DELETE", "/experiments/shorter-checkout", headers=at(2))
    assert refused.status_code == 409
    error = refused.json()["error"]
    assert error["code"] == "INVALID_TRANSITION"
    assert error["message"] == "This experiment is running. To delete it, stop it first."
    assert error["allowed_actions"][:3] == ["pause", "stop", "complete"]


def test_a_stale_change_shows_the_object_and_what_differs(api: Client, made: dict[str, Any]):
    path = f"/experiments/{made['id']}"
    assert api.patch(path, {"description": "first"}, headers=at(1)).status_code == 200
    stale = api.patch(path, {"description": "second"}, headers=at(1))
    error = stale.json()["error"]
    assert stale.status_code == 412
    assert error["current"]["description"] == "first"
    assert error["fields"] == ["description"]
    assert error["message"].startswith("key:ci changed the description")
    assert stale.headers["etag"] == '"v2"'
    merge = at(1) | {"Prefer": "merge"}
    assert api.patch(path, {"description": "second"}, headers=merge).status_code == 412
    merged = api.patch(path, {"tags": ["a"]}, headers=merge)
    assert (merged.status_code, merged.headers["etag"]) == (200, '"v3"')
    assert merged.json()["data"]["description"] == "first"
    assert api.patch(path, {"tags": ["a"]}, headers=at(2)).status_code == 412  # also a no-op


def test_what_the_start_sealed_is_refused(api: Client, made: dict[str, Any]):
    verb(api, "start", made["version"])
    refused = api.patch("/experiments/shorter-checkout", {"hypothesis": "x"}, headers=at(2))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "SEALED")
    assert api.patch("/experiments/shorter-checkout", {"tags": ["x"]}, headers=at(2)).is_success


def test_every_field_at_fault_is_told(api: Client):
    wrong = {"name": "x", "variants": [{"key": "a", "weight_bp": 5000}], "project": "nowhere"}
    error = api.post("/experiments", wrong).json()["error"]
    assert {one["rule"] for one in error["details"]} >= {"RANGE", "SPLIT_SUM", "NOT_FOUND"}
    metric = {"name": "x", "metrics": [{"metric": "unknown"}]}
    error = api.post("/experiments", metric).json()["error"]
    assert [(one["field"], one["rule"]) for one in error["details"]] == [
        ("metrics[0].metric", "NOT_FOUND")
    ]


def test_a_test_can_be_started_as_it_is_made(api: Client):
    begun = api.post("/experiments", EXAMPLE | {"status": "running"})
    assert begun.json()["data"]["status"] == "running"
    bare = api.post("/experiments", {"name": "bare", "status": "running"})
    assert (bare.status_code, bare.json()["error"]["code"]) == (409, "CHECKLIST")
    assert api.get("/experiments?q=bare").json()["pagination"]["total"] == 0  # one transaction
    over = api.post("/experiments", {"name": "old", "status": "stopped"})
    assert over.status_code == 422


def test_history_may_arrive_with_any_status(api: Client):
    body = {
        "name": "old",
        "status": "completed",
        "historical": True,
        "started_at": "2024-01-01T00:00:00Z",
        "stopped_at": "2024-02-01T00:00:00Z",
        "conclusion": "won",
        "stored_results": {"lift": 0.1},
        "external_ids": {"krafter": "3c4d"},
    }
    data = api.post("/experiments", body).json()["data"]
    assert (data["status"], data["historical"]) == ("completed", True)
    assert (data["started_at"], data["stopped_at"]) == (body["started_at"], body["stopped_at"])
    again = api.post("/experiments", {"name": "b", "external_ids": {"krafter": "3c4d"}})
    assert again.json()["error"]["code"] == "DUPLICATE_EXTERNAL_ID"


def test_a_change_of_traffic_can_be_previewed_and_made(api: Client, made: dict[str, Any]):
    verb(api, "start", made["version"])
    change = {"weights_bp": {"control": 2000, "short": 8000}, "reason": "it looks good"}
    told = verb(api, "traffic", 2, change | {"dry_run": True})
    assert told.json()["data"]["phase"] is None
    assert told.json()["data"]["preview"]["weights_after"] == change["weights_bp"]
    done = verb(api, "traffic", 2, change)
    assert done.json()["data"]["phase"]["weights_bp"] == change["weights_bp"]
    smaller = verb(api, "traffic", 3, {"allocation_bp": 100, "reason": "too many"})
    assert (smaller.status_code, smaller.json()["error"]["code"]) == (409, "ALLOCATION_SHRINKS")
    wrong = verb(
        api, "traffic", 3, {"weights_bp": {"control": 1, "short": 2}, "reason": "oops"}
    )
    assert wrong.json()["error"]["code"] == "SPLIT_SUM"


def test_a_strict_project_lets_nobody_change_traffic(
    api: Client, made: dict[str, Any], ws: Workspace
):
    verb(api, "start", made["version"])
    projects.edit_project(ws, LOCAL, "default", {"strict_traffic": True}, version=1)
    refused = verb(api, "traffic", 2, {"allocation_bp": 9000, "reason": "more"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "STRICT_TRAFFIC")


def test_arms_of_a_draft_come_change_and_go(api: Client, made: dict[str, Any]):
    path = f"/experiments/{made['id']}/variants"
    added = api.post(path, {"key": "third", "value": 3}, headers=at(1))
    assert (added.status_code, added.json()["data"]["weight_bp"]) == (201, 0)
    third = added.json()["data"]["id"]
    changed = api.patch(f"{path}/{third}", {"name": "The third"}, headers=at(2))
    assert changed.json()["data"] == added.json()["data"] | {"name": "The third"}
    short = made["variants"][1]["id"]
    assert api("DELETE", f"{path}/{short}", headers=at(3)).status_code == 204
    arms = api.get(f"/experiments/{made['id']}").json()["data"]["variants"]
    assert [(v["key"], v["weight_bp"]) for v in arms] == [("control", 10_000), ("third", 0)]
    assert api("DELETE", f"{path}/nothing", headers=at(4)).status_code == 404
    assert api("DELETE", f"{path}/{third}", headers=at(4)).status_code == 204
    alone = made["variants"][0]["id"]
    assert api("DELETE", f"{path}/{alone}", headers=at(5)).status_code == 422  # one remains
    assert api.patch(f"{path}/{alone}", {"name": "The one"}, headers=at(5)).status_code == 200
    held = api.post(f"/experiments/{made['id']}/start", headers=at(6))
    assert (held.status_code, held.json()["error"]["code"]) == (409, "CHECKLIST")


def test_the_list_is_filtered_sorted_and_paged_without_gaps(api: Client):
    for i in range(7):
        tags = ["even"] if i % 2 == 0 else []
        api.post("/experiments", {"name": f"Test {i}", "tags": tags, "type": "page"})
    seen, cursor = [], ""
    while True:
        answer = api.get(f"/experiments?limit=3&sort=-name{cursor}").json()
        seen += [one["name"] for one in answer["data"]]
        if len(seen) == 3:
            api.post("/experiments", {"name": "Test 9"})  # before the place of the cursor
        if not answer["pagination"]["has_more"]:
            break
        cursor = f"&cursor={answer['pagination']['next_cursor']}"
    assert seen == [f"Test {i}" for i in range(6, -1, -1)]
    names = [one["name"] for one in api.get("/experiments?tag=even&sort=name").json()["data"]]
    assert names == ["Test 0", "Test 2", "Test 4", "Test 6"]
    assert (
        api.get("/experiments?owner=me&type=page&q=test%203").json()["pagination"]["total"] == 1
    )
    assert api.get("/experiments?verdict=no_data").json()["pagination"]["total"] == 8
    assert api.get("/experiments?status=running").json()["data"] == []
    assert api.get("/experiments?updated_since=2000-01-01T00:00:00Z").json()["data"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    (
        ("sort=colour", 422, "INVALID_INPUT"),
        ("status=fine", 422, "INVALID_INPUT"),
        ("type=fine", 422, "INVALID_INPUT"),
        ("limit=0", 422, "INVALID_INPUT"),
        ("limit=101", 422, "INVALID_INPUT"),
        ("updated_since=yesterday", 422, "INVALID_INPUT"),
        ("cursor=nonsense", 400, "BAD_CURSOR"),
        ("cursor=WzEsMixbXV0", 400, "BAD_CURSOR"),
        ("cursor=%F0%9F%98%80", 400, "BAD_CURSOR"),
    ),
)
def test_a_list_refuses_what_it_does_not_know(api: Client, query: str, status: int, code: str):
    api.post("/experiments", {"name": "one"})
    answer = api.get(f"/experiments?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_the_checklist_says_what_to_mend(api: Client):
    api.post("/experiments", {"name": "bare"})
    lines = api.get("/experiments/bare/checklist").json()["data"]
    assert "block" in {line["level"] for line in lines}


def test_a_key_of_one_project_does_not_see_another(api: Client, ws: Workspace):
    projects.create_project(ws, LOCAL, {"name": "Shop"})
    api.post("/experiments", {"name": "outside"})
    api.post("/experiments", {"name": "inside", "project": "shop"})
    token = keys.create_key(ws, LOCAL, "narrow", projects=["shop"]).secret
    only = {"Authorization": f"Bearer {token}"}
    assert [x["name"] for x in api.get("/experiments", headers=only).json()["data"]] == [
        "inside"
    ]
    assert api.get("/experiments/outside", headers=only).status_code == 404
    refused = api.post("/experiments", {"name": "more"}, headers=only)
    assert refused.json()["error"]["details"][0]["rule"] == "NOT_FOUND"


def test_results_name_what_auto_promote_waits_for(api: Client):
    paid = {"key": "paid", "name": "Paid", "kind": "proportion", "event": "paid",
            "role": "primary"}  # fmt: skip
    api.post("/experiments", {
        "name": "Wishing", "status": "running", "metrics": [paid], "auto_promote": True,
    })  # fmt: skip
    met = [
        {"event_id": f"e{i}", "type": "exposure", "experiment": "wishing", "unit_id": f"u{i}"}
        for i in range(40)
    ]
    assert api.post("/events", {"events": met}).json()["data"]["accepted"] == 40
    told = api.get("/experiments/wishing/results").json()["data"]["auto_promote"]
    assert told["allowed"] is False
    waits = {one["code"]: one for one in told["conditions"]}
    assert not waits["days"]["met"]
    assert "14" in waits["days"]["text"]
    explored = api.get("/experiments/wishing/results?correction=none&method=newcombe").json()
    assert explored["data"].get("auto_promote") is None
