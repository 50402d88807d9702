from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import keys
from experiments_core.services.acting import transition
from experiments_core.services.experiments import create_experiment
from experiments_core.services.workspace import Workspace


def begin(ws: Workspace, **changes: Any) -> Experiment:
    known: dict[str, Any] = {"name": "Checkout", "metrics": (Proportion("paid"),)}
    made = create_experiment(ws, LOCAL, ExperimentDraft(**known | changes))
    return transition(ws, LOCAL, made.id, "start", version=made.version)


def test_a_unit_is_assigned_once_and_kept(api: Any, ws: Workspace):
    begin(ws)
    first = api.post("/experiments/checkout/assign", {"unit_id": "u1"})
    assert first.status_code == 200
    body = first.json()["data"]
    assert body["reason"] == "assigned"
    assert body["source"] == "hash"
    again = api.post("/experiments/checkout/assign", {"unit_id": "u1"}).json()["data"]
    assert again == body | {"reason": "stored"}


def test_an_idempotency_key_repeats_the_answer(api: Any, ws: Workspace):
    begin(ws)
    headers = {"Idempotency-Key": "k1"}
    first = api.post("/experiments/checkout/assign", {"unit_id": "u1"}, headers=headers)
    again = api.post("/experiments/checkout/assign", {"unit_id": "u1"}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"


def test_many_units_are_answered_in_order(api: Any, ws: Workspace):
    begin(ws)
    sent = {"units": [{"unit_id": "a"}, {"unit_id": " "}], "experiments": ["checkout", "none"]}
    results = api.post("/assign", sent).json()["data"]["results"]
    assert [(r["unit_id"], r["experiment"]) for r in results] == [
        ("a", "checkout"), ("a", "none"), (" ", "checkout"), (" ", "none"),
    ]  # fmt: skip
    assert [r.get("error", {}).get("code") for r in results] == [
        None, "NOT_FOUND", "INVALID_INPUT", "INVALID_INPUT",
    ]  # fmt: skip
    too_many = api.post("/assign", {"units": [{"unit_id": "a"}] * 1001})
    assert (too_many.status_code, too_many.json()["error"]["code"]) == (413, "TOO_LARGE")


def test_arms_from_elsewhere_are_not_assigned_here(api: Any, ws: Workspace):
    begin(ws, assignment_mode="external")
    refused = api.post("/experiments/checkout/assign", {"unit_id": "u1"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (
        409, "EXTERNAL_ASSIGNMENT",
    )  # fmt: skip


def test_the_snapshot_is_not_sent_twice(api: Any, ws: Workspace):
    begin(ws)
    first = api.get("/snapshot")
    assert [one["key"] for one in first.json()["data"]["experiments"]] == ["checkout"]
    again = api.get("/snapshot", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    api("PUT", "/experiments/checkout/overrides/qa", json={"variant": "treatment"})
    changed = api.get("/snapshot", headers={"If-None-Match": first.headers["etag"]})
    assert changed.json()["data"]["experiments"][0]["overrides"] == {"qa": "treatment"}


@pytest.mark.parametrize(
    ("unit", "written"), (("qa", "qa"), ("qa/1", "qa/1"), ("a b", "a%20b"))
)
def test_an_override_is_set_and_taken_back(api: Any, ws: Workspace, unit: str, written: str):
    begin(ws)
    path = f"/experiments/checkout/overrides/{written}"
    assert api("PUT", path, json={"variant": "purple"}).status_code == 422
    assert api("PUT", path, json={"variant": "treatment"}).status_code == 200
    told = api.post("/experiments/checkout/assign", {"unit_id": unit}).json()["data"]
    assert (told["variant"], told["source"]) == ("treatment", "override")
    assert api("DELETE", path).status_code == 204
    assert api("DELETE", path).status_code == 404


def test_participants_are_cut_in_batches(api: Any, ws: Workspace):
    create_experiment(
        ws, LOCAL, ExperimentDraft("Listed", assignment_mode="listed",
                                   metrics=(Proportion("paid"),))
    )  # fmt: skip
    path = "/experiments/listed/participants"
    named = api.post(path, {"unit_ids": ["a", "b", "c", "d"]}).json()["data"]["participants"]
    assert sorted(one["variant"] for one in named) == ["control"] * 2 + ["treatment"] * 2
    twice = api.post(path, {"unit_ids": ["a"]})
    assert twice.json()["error"]["code"] == "DUPLICATE_PARTICIPANT"
    page = api.get(f"{path}?limit=3").json()
    assert (page["data"], page["pagination"]["total"]) == (named[:3], 4)


def test_a_ramp_needs_the_version_and_only_goes_up(api: Any, ws: Workspace):
    begin(ws, allocation_bp=1000)
    path = "/experiments/checkout/ramp"
    steps = [{"at": "2999-01-01T00:00:00Z", "allocation_bp": 5000}]
    assert api("PUT", path, json=steps).status_code == 428
    etag = {"If-Match": api.get(path).headers["etag"]}
    down = [{"at": "2999-01-01T00:00:00Z", "allocation_bp": 900}]
    refused = api("PUT", path, json=down, headers=etag)
    assert refused.json()["error"]["code"] == "ALLOCATION_SHRINKS"
    planned = api("PUT", path, json=steps, headers=etag)
    assert planned.json()["data"] == api.get(path).json()["data"] == steps
    assert api("PUT", path, json={"steps": []}, headers=etag).status_code == 422


def test_events_are_taken_once(api: Any, ws: Workspace):
    begin(ws)
    events = [
        {"event_id": "1", "type": "exposure", "experiment": "checkout", "unit_id": "u1"},
        {"event_id": "2", "unit_id": "u1", "name": "paid"},
        {"event_id": "3", "unit_id": "u1"},
    ]
    first = api.post("/events", {"events": events}).json()["data"]
    assert (first["accepted"], first["duplicates"]) == (2, 0)
    assert [(one["index"], one["field"]) for one in first["rejected"]] == [(2, "name")]
    again = api.post("/events", {"events": events[:2]}).json()["data"]
    assert again == {"accepted": 0, "duplicates": 2, "rejected": []}
    changed = [events[1] | {"value": 3}]
    reused = api.post("/events?atomic=true", {"events": changed})
    assert (reused.status_code, reused.json()["error"]["code"]) == (422, "EVENT_ID_REUSED")


def test_a_key_for_events_may_not_ask_for_arms(api: Any, ws: Workspace):
    begin(ws)
    made = keys.create_key(ws, LOCAL, "sender", role="editor", scopes=["events:write"])
    api.token = made.secret or ""
    assert api.post("/events", {"events": []}).status_code == 200
    assert api.post("/experiments/checkout/assign", {"unit_id": "u"}).status_code == 403
    assert api.get("/snapshot").status_code == 403


def test_an_audit_names_the_hash_and_who_was_served_something_else(api: Any, ws: Workspace):
    begin(ws)
    given = [api.post("/experiments/checkout/assign", {"unit_id": f"u{i}"}) for i in range(30)]
    served = [{"unit_id": a["unit_id"], "variant": a["variant"]}
              for a in (one.json()["data"] for one in given)]  # fmt: skip
    path = "/experiments/checkout/assignment-audit"
    told = api.post(path, {"units": served}).json()["data"]
    assert told["fits"][0]["method"] == "upshot1"
    assert (told["known"], told["served_otherwise"]) == (30, [])
    refused = api.post(path, {"units": [{"unit_id": "u", "variant": "purple"}]})
    assert refused.status_code == 422
