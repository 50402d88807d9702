"""Sentences of the contract that outsiders would try first, each over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Client

ARMS = [
    {"key": "control", "weight_bp": 5000, "value": {"fields": 9}},
    {"key": "short", "weight_bp": 5000, "value": {"fields": 4}, "name": "Short form"},
]


def at(version: int) -> dict[str, str]:
    return {"If-Match": f'"v{version}"'}


def made(api: Client, **fields: Any) -> Any:
    answer = api.post("/experiments", {"name": "Checkout", "variants": ARMS, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize("name", ("", "   ", "x" * 201))
def test_a_name_that_is_too_short_or_long_has_a_code_of_its_own(api: Client, name: str):
    error = api.post("/experiments", {"name": name}).json()["error"]
    assert (error["code"], error["details"][0]["field"]) == ("NAME_LENGTH", "name")


def test_rules_of_the_fields_and_their_types_are_refused_at_once(api: Client):
    body = {
        "name": "", "key": "-a", "type": "poem", "tags": ["x" * 41], "holdout_bp": 9000,
        "promote_after_days": 0, "colour": "red",
    }  # fmt: skip
    error = api.post("/experiments", body).json()["error"]
    assert {(one["field"], one["rule"]) for one in error["details"]} == {
        ("name", "NAME_LENGTH"), ("key", "PATTERN"), ("type", "UNKNOWN_CHOICE"),
        ("tags[0]", "LENGTH"), ("holdout_bp", "RANGE"), ("promote_after_days", "RANGE"),
        ("colour", "UNKNOWN_FIELD"),
    }  # fmt: skip


def test_a_threshold_of_a_rate_is_at_most_the_whole(api: Client):
    rate = {"key": "paid", "kind": "proportion", "role": "primary"}
    amount = {"key": "revenue", "kind": "mean", "role": "primary"}
    too_much = {"name": "A", "promote_threshold": 1.5, "metrics": [rate]}
    error = api.post("/experiments", too_much).json()["error"]
    assert [(one["field"], one["rule"]) for one in error["details"]] == [
        ("promote_threshold", "RANGE")
    ]
    one = made(api, promote_threshold=1.5, metrics=[amount])
    changed = api.patch(f"/experiments/{one['id']}", {"metrics": [rate]}, headers=at(1))
    assert changed.status_code == 422


def test_what_a_patch_leaves_out_of_plan_and_arms_stays(api: Client):
    plan = {"method": "sequential", "planned_units": 5000, "baseline": 0.1}
    path = f"/experiments/{made(api, plan=plan)['id']}"
    change = {"plan": {"alpha": 0.1, "baseline": None}}
    after = api.patch(path, change, headers=at(1)).json()["data"]["plan"]
    assert (after["alpha"], after["baseline"]) == (0.1, None)
    assert (after["method"], after["planned_units"]) == ("sequential", 5000)
    split = [{"key": "control", "weight_bp": 2000}, {"key": "short", "weight_bp": 8000}]
    arms = api.patch(path, {"variants": split}, headers=at(2)).json()["data"]["variants"]
    assert [(v["weight_bp"], v["value"], v["name"]) for v in arms] == [
        (2000, {"fields": 9}, "control"), (8000, {"fields": 4}, "Short form"),
    ]  # fmt: skip
    crowned = [{"key": "control"}, {"key": "short", "is_control": True, "value": None}]
    arms = api.patch(path, {"variants": crowned}, headers=at(3)).json()["data"]["variants"]
    assert [(v["weight_bp"], v["value"], v["is_control"]) for v in arms] == [
        (2000, {"fields": 9}, False), (8000, None, True),
    ]  # fmt: skip


def test_a_metric_reads_the_event_it_names_or_the_one_of_its_key(api: Client):
    named = {"name": "Paid", "key": "paid", "kind": "proportion", "event": "order_paid"}
    own = {"name": "Refund", "key": "refund", "kind": "mean"}
    assert api.post("/metrics", named).json()["data"]["event"] == "order_paid"
    assert api.post("/metrics", own).json()["data"]["column"] == "refund"
    nameless = {"name": "Refund", "kind": "mean"}
    assert api.post("/metrics", nameless).json()["error"]["details"][0]["field"] == "column"
    one = made(api, metrics=[{"metric": "paid"}, {"key": "likes", "kind": "count"}])
    shown = {metric["key"]: metric for metric in one["metrics"]}
    assert shown["paid"]["role"] == "primary"
    assert shown["likes"]["column"] == "likes"
    assert shown["likes"]["preferred_direction"] == "increase"


def test_phases_count_their_units_and_a_change_says_who_stays(api: Client):
    one = made(api, metrics=[{"key": "paid", "kind": "proportion"}], holdout_bp=1000)
    path = f"/experiments/{one['id']}"
    api.post(f"{path}/start", headers=at(1))
    units = [{"unit_id": f"u{i}"} for i in range(60)]
    got = api.post("/assign", {"units": units, "experiments": [one["key"]]}).json()
    arms = [answer["variant"] for answer in got["data"]["results"]]
    (phase,) = api.get(f"{path}/phases").json()["data"]
    assert phase["counts"] == {arm: arms.count(arm) for arm in ("control", "short")}
    assert phase["held_out"] == 60 - sum(phase["counts"].values()) > 0
    said = {"weights_bp": {"control": 2000, "short": 8000}, "dry_run": True}
    preview = api.post(f"{path}/traffic", said, headers=at(2)).json()["data"]["preview"]
    assert preview["units"] == 60
    assert "60 users keep their version" in preview["sentence"]


def test_null_lets_everybody_in_again(api: Client):
    one = made(api, targeting={"countries": ["DE"]})
    path = f"/experiments/{one['id']}"
    opened = api.post(f"{path}/traffic", {"targeting": None}, headers=at(1))
    assert opened.status_code == 200, opened.text
    assert api.get(path).json()["data"]["targeting"] is None


def test_an_experiment_is_found_by_the_ids_that_clients_know(api: Client):
    one = made(api, external_ids={"krafter": "3c4d", "shortkit": "exp_abc123"})
    for name in (f"exp_{one['id'].replace('-', '')}", "exp_abc123", "3c4d", "checkout"):
        assert api.get(f"/experiments/{name}").json()["data"]["id"] == one["id"], name
    made(api, name="Other", external_ids={"stamn": "3c4d"})
    assert api.get("/experiments/3c4d").status_code == 404  # whose would it be?
    assert api.get("/experiments/exp_00").status_code == 404


def test_a_look_that_is_taken_can_be_read_again(api: Client):
    one = made(api, metrics=[{"key": "paid", "kind": "proportion"}])
    path = f"/experiments/{one['id']}"
    assert api.post(f"{path}/looks").json()["data"]["look"] is None
    api.post(f"{path}/start", headers=at(1))
    seen = {"event_id": "x", "type": "exposure", "experiment": one["id"], "unit_id": "u"}
    api.post("/events", {"events": [seen]})
    taken = api.post(f"{path}/looks").json()["data"]
    again = api.get(f"/looks/{taken['id']}").json()["data"]
    assert (again["no"], again["results"]["verdict"]) == (taken["look"], taken["verdict"])


def test_a_wrong_method_names_every_right_one(api: Client):
    refused = api("PUT", "/experiments/some")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "DELETE, GET, PATCH")
    assert refused.headers["X-Request-Id"] == refused.json()["error"]["request_id"]


def test_a_test_runs_in_the_environment_of_its_project(api: Client):
    shop = {"key": "shop", "name": "Shop", "environments": ["qa"], "default_environment": "qa"}
    assert api.post("/projects", shop).status_code == 201
    assert made(api, project="shop")["environment"] == "qa"
    assert made(api, project="shop", environment="live")["environment"] == "live"
    assert made(api)["environment"] == "production"


def test_a_preview_tells_that_the_project_is_strict(api: Client):
    api.post("/projects", {"key": "shop", "name": "Shop", "strict_traffic": True})
    one = made(api, project="shop", metrics=[{"key": "paid", "kind": "proportion"}])
    path = f"/experiments/{one['id']}"
    api.post(f"{path}/start", headers=at(1))
    said = {"weights_bp": {"control": 2000, "short": 8000}, "dry_run": True}
    preview = api.post(f"{path}/traffic", said, headers=at(2)).json()["data"]["preview"]
    assert preview["problems"] == [preview["sentence"]]
    assert "does not allow traffic changes" in preview["sentence"]


def test_the_weight_of_one_arm_is_made_up_by_the_control(api: Client):
    path = f"/experiments/{made(api)['id']}"
    third = api.post(f"{path}/variants", {"key": "third", "weight_bp": 2000}, headers=at(1))
    assert (third.status_code, third.json()["data"]["weight_bp"]) == (201, 2000)
    api.patch(f"{path}/variants/short", {"weight_bp": 1000}, headers=at(2))
    arms = api.get(path).json()["data"]["variants"]
    assert [v["weight_bp"] for v in arms] == [7000, 1000, 2000]
    api.patch(f"{path}/variants/control", {"weight_bp": 4000}, headers=at(3))
    arms = api.get(path).json()["data"]["variants"]
    assert [v["weight_bp"] for v in arms] == [4000, 4000, 2000]
    refused = api.patch(f"{path}/variants/third", {"weight_bp": 6001}, headers=at(4))
    assert refused.json()["error"]["code"] == "SPLIT_SUM"


def test_one_unit_gets_a_version_without_a_version_of_the_experiment(api: Client):
    one = made(api, metrics=[{"key": "paid", "kind": "proportion"}])
    path = f"/experiments/{one['id']}"
    api.post(f"{path}/start", headers=at(1))
    said = {"variant": "short", "target": "participant", "unit_id": "u1", "reason": "a demo"}
    assert api.post(f"{path}/deployments", said).status_code == 201
    assert api.post(f"{path}/deployments", said, headers=at(1)).status_code == 412
    everybody = {"variant": "short", "target": "production", "reason": "a demo"}
    assert api.post(f"{path}/deployments", everybody).status_code == 428
    assert api.post(f"{path}/assign", {"unit_id": "u1"}).json()["data"]["variant"] == "short"


def test_an_unknown_verdict_is_refused_with_those_there_are(api: Client):
    error = api.get("/experiments?verdict=good").json()["error"]
    assert (error["details"][0]["field"], error["details"][0]["rule"]) == (
        "verdict", "UNKNOWN_CHOICE",
    )  # fmt: skip
    assert "no_clear_difference" in error["message"]


@pytest.mark.parametrize("sought", ("units", "days", "effect", "power"))
def test_every_plan_tells_arms_days_curve_and_assumptions(api: Client, sought: str):
    asked = {
        "baseline": 0.1, "minimum_detectable_effect": 0.02, "daily_units": 1000,
        "weights_bp": [2000, 8000], "solve_for": sought,
    }  # fmt: skip
    asked |= {"units": 12_000} if sought in {"effect", "power"} else {}
    told = api.post("/plan", asked).json()["data"]
    assert [arm["weight_bp"] for arm in told["per_arm"]] == [2000, 8000]
    assert sum(arm["units"] for arm in told["per_arm"]) == told["total"]
    assert told["days"] == -(-told["total"] // 1000)
    assert len(told["curve"]) > 10
    assert any("10.00" in sentence for sentence in told["assumptions"])


def test_the_right_to_deploy_needs_no_other(api: Client):
    one = made(api, metrics=[{"key": "paid", "kind": "proportion"}])
    path = f"/experiments/{one['id']}"
    for version, verb in enumerate(("start", "stop"), 1):
        api.post(f"{path}/{verb}", headers=at(version))
    made_key = api.post("/keys", {"name": "ops", "role": "admin", "scopes": ["deploy"]})
    own = {"Authorization": f"Bearer {made_key.json()['data']['secret']}"}
    said: dict[str, Any] = {"variant": "short", "target": "production", "reason": "go"}
    unmet = api.post(f"{path}/deployments", said, headers=own | at(3)).json()["error"]
    assert unmet["code"] == "DEPLOY_NOT_SUPPORTED"
    said["acknowledge"] = [one["value"] for one in unmet["details"]]
    done = api.post(f"{path}/deployments", said, headers=own | at(3))
    assert done.status_code == 201, done.text
    back = api.post(f"/deployments/{done.json()['data']['id']}/revert", headers=own)
    assert back.status_code == 200, back.text
    refused = api.post(f"{path}/unarchive", headers=own | at(5))
    assert refused.json()["error"]["code"] == "SCOPE_MISSING"


def test_a_winner_needs_the_rights_to_write_and_to_deploy(api: Client):
    one = made(api, metrics=[{"key": "paid", "kind": "proportion"}])
    path = f"/experiments/{one['id']}"
    api.post(f"{path}/start", headers=at(1))
    for scopes, status in (
        (["experiments:write"], 403),
        (["experiments:write", "deploy"], 200),
    ):
        asked = {"name": "ops", "role": "admin", "scopes": scopes}
        own = {"Authorization": f"Bearer {api.post('/keys', asked).json()['data']['secret']}"}
        stopped = api.post(f"{path}/stop", {"winner": "short"}, headers=own | at(2))
        assert stopped.status_code == status, stopped.text


def test_results_from_elsewhere_without_counts_say_nothing(api: Client):
    one = made(api, stored_results={"lift": 0.1})
    path = f"/experiments/{one['id']}"
    told = api.get(f"{path}/results").json()["data"]
    assert (told["verdict"]["code"], told["verdict"]["reason"], told["verdict"]["basis"]) == (
        "cannot_say", "stored_only", "stored",
    )  # fmt: skip
    assert (told["look"], told["metrics"]) == (None, [])
    api.patch(path, {"stored_results": None}, headers=at(1))
    assert api.get(f"{path}/results").json()["data"]["verdict"]["code"] == "no_data"


def test_arms_carry_the_version_and_the_model_they_stand_for(api: Client):
    arms = [
        {"key": "control", "weight_bp": 5000, "version_hash": "h1", "model_id": "m1"},
        {"key": "b", "weight_bp": 5000, "version_hash": "h2"},
    ]
    one = made(api, variants=arms)
    path = f"/experiments/{one['id']}"
    told = [(v["version_hash"], v["model_id"], v["position"]) for v in one["variants"]]
    assert told == [("h1", "m1", 0), ("h2", "", 1)]
    renamed = api.patch(f"{path}/variants/control", {"name": "Old"}, headers=at(1))
    assert renamed.json()["data"] == one["variants"][0] | {"name": "Old"}
    split = [{"key": "control", "weight_bp": 4000}, {"key": "b", "weight_bp": 6000}]
    after = api.patch(path, {"variants": split}, headers=at(2)).json()["data"]["variants"]
    assert [(v["version_hash"], v["model_id"]) for v in after] == [("h1", "m1"), ("h2", "")]
    moved = api.patch(f"{path}/variants/b", {"version_hash": "h3"}, headers=at(3))
    assert moved.json()["data"]["version_hash"] == "h3"


def test_an_id_of_another_system_is_free_while_its_experiment_is_in_the_bin(api: Client):
    known = {"external_ids": {"shortkit": "exp_abc123"}}
    first = made(api, **known)
    assert api.post("/experiments", {"name": "Second", **known}).status_code == 409
    api("DELETE", f"/experiments/{first['id']}", headers=at(1))
    second = made(api, name="Second", **known)
    assert api.get("/experiments/exp_abc123").json()["data"]["id"] == second["id"]
    back = f"/experiments/{first['id']}/restore"
    assert api.post(back, headers=at(2)).json()["error"]["code"] == "DUPLICATE_EXTERNAL_ID"
    api("DELETE", f"/experiments/{second['id']}", headers=at(1))
    assert api.post(back, headers=at(2)).status_code == 200
