"""Deployments, decisions, forecasts, annotations and the library of metrics over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import keys
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client
from tests.api.test_experiments import EXAMPLE, at

HERE = "/experiments/shorter-checkout"
ALL = ["not_significant", "plan_not_reached", "guardrail_not_safe"]


@pytest.fixture
def stopped(api: Client) -> dict[str, Any]:
    api.post("/experiments", EXAMPLE | {"status": "running"})
    version = api.get(HERE).json()["data"]["version"]
    answer = api.post(f"{HERE}/stop", headers=at(version))
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_deployment_names_what_is_not_met_is_made_and_reverted(
    api: Client, stopped: dict[str, Any]
):
    path, body = f"{HERE}/deployments", {"variant": "short", "reason": "Good enough."}
    assert error_of(api.post(path, body)) == (428, "VERSION_REQUIRED")
    refused = api.post(path, body, headers=at(stopped["version"]))
    assert error_of(refused) == (409, "DEPLOY_NOT_SUPPORTED")
    assert [one["value"] for one in refused.json()["error"]["details"]] == ALL[:2]
    made = api.post(path, body | {"acknowledge": ALL}, headers=at(stopped["version"]))
    assert made.status_code == 201, made.text
    deployment = made.json()["data"]
    assert (deployment["state"], deployment["acknowledged"]) == ("active", ALL[:2])
    assert api.get(HERE).json()["data"]["status"] == "archived"
    again = api.post(path, body, headers=at(stopped["version"] + 1))
    assert error_of(again) == (409, "ALREADY_DEPLOYED")
    revert = f"/deployments/{deployment['id']}/revert"
    assert api.post(revert).json()["data"]["state"] == "reverted"
    assert error_of(api.post(revert)) == (409, "ALREADY_REVERTED")
    assert error_of(api.post("/deployments/nothing/revert")) == (404, "NOT_FOUND")
    assert api.get(path).json()["pagination"]["total"] == 1


@pytest.mark.usefixtures("stopped")
def test_a_decision_that_departs_says_why(api: Client):
    path = f"{HERE}/decisions"
    assert error_of(api.post(path, {"action": "ship", "variant": "short"})) == (
        422, "INVALID_INPUT",
    )  # fmt: skip
    made = api.post(path, {"action": "ship", "variant": "short", "note": "The sale begins."})
    assert made.status_code == 201, made.text
    assert made.json()["data"]["departs_from_recommendation"] is True
    assert api.get(path).json()["data"] == [made.json()["data"]]
    unseen = {"action": "extend", "note": "One more week.", "look": 9}
    assert error_of(api.post(path, unseen)) == (404, "NOT_FOUND")


@pytest.mark.usefixtures("stopped")
def test_a_viewer_forecasts_and_comments_with_an_editors_scope_only(
    ws: Workspace, app: Any, api: Client
):
    editor = Client(app, keys.create_key(ws, LOCAL, "e", role="editor").secret or "")
    guess = {"metric": "paid_order", "guess": 0.05, "interval": [0.0, 0.1]}
    made = editor.post(f"{HERE}/forecasts", guess)
    assert made.status_code == 201, made.text
    assert made.json()["data"]["variant"] == "short"
    assert made.json()["data"]["interval"] == [0.0, 0.1]
    assert editor.post(f"{HERE}/forecasts", guess | {"guess": 12}).status_code == 422
    viewer = Client(app, keys.create_key(ws, LOCAL, "v", role="viewer").secret or "")
    assert viewer.post(f"{HERE}/forecasts", guess).status_code == 403
    assert api.get(f"{HERE}/forecasts").json()["pagination"]["total"] == 1


@pytest.mark.usefixtures("stopped")
def test_an_annotation_is_made_listed_and_removed(api: Client):
    path = f"{HERE}/annotations"
    said = {"text": "Payment was down", "kind": "incident", "at": "2026-05-04T09:00:00+02:00"}
    made = api.post(path, said)
    assert made.status_code == 201, made.text
    data = made.json()["data"]
    assert (data["at"], data["until"], data["kind"]) == (
        "2026-05-04T07:00:00Z",
        None,
        "incident",
    )
    assert api.post(path, said | {"until": "2026-05-01T00:00:00Z"}).status_code == 422
    assert api.post(path, {"text": "x", "at": "yesterday"}).status_code == 422
    assert [one["id"] for one in api.get(path).json()["data"]] == [data["id"]]
    assert api("DELETE", f"{path}/{data['id']}").status_code == 204
    assert error_of(api("DELETE", f"{path}/{data['id']}")) == (404, "NOT_FOUND")


def test_a_metric_is_defined_changed_and_used_by_its_key(api: Client):
    made = api.post("/metrics", {"name": "Paid order", "kind": "proportion", "column": "paid"})
    assert made.status_code == 201, made.text
    assert made.headers["etag"] == '"v1"'
    body = EXAMPLE | {"metrics": [{"metric": "paid-order", "role": "primary"}]}
    experiment = api.post("/experiments", body)
    assert experiment.status_code == 201, experiment.text
    (metric,) = experiment.json()["data"]["metrics"]
    assert (metric["key"], metric["column"]) == ("paid-order", "paid")
    path = "/metrics/paid-order/versions"
    second = api.post(path, {"column": "bought"}, headers=at(1))
    assert (second.status_code, second.json()["data"]["version"]) == (201, 2)
    stale = api.post(path, {"column": "third"}, headers=at(1))
    assert error_of(stale) == (412, "VERSION_STALE")
    detail = api.get("/metrics/paid-order").json()["data"]
    assert [(one["slug"], one["version"]) for one in detail["used_in"]] == [
        ("shorter-checkout", 1)
    ]
    unread = api.post(path, {"column": "third"})
    assert (unread.status_code, unread.json()["data"]["version"]) == (201, 3)
    assert [one["version"] for one in api.get(path).json()["data"]] == [3, 2, 1]
    assert api.get("/metrics").json()["pagination"]["total"] == 1


def test_an_unknown_metric_is_named_by_its_place_in_the_body(api: Client):
    answer = api.post("/experiments", EXAMPLE | {"metrics": [{"metric": "nothing"}]})
    assert answer.status_code == 422
    (problem,) = answer.json()["error"]["details"]
    assert (problem["field"], problem["rule"]) == ("metrics[0].metric", "NOT_FOUND")


@pytest.mark.usefixtures("stopped")
def test_a_preview_needs_data(api: Client):
    body = {"experiment": "shorter-checkout", "kind": "mean", "column": "revenue"}
    assert error_of(api.post("/metrics/preview", body)) == (409, "NO_DATA")
    assert api.post("/metrics/preview", body | {"kind": "mood"}).status_code == 422
