"""Projects, keys, people, the audit trail, results and webhooks over HTTP."""

from __future__ import annotations

import csv
import io
import json

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import segmenting
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client


def at(version: int) -> dict[str, str]:
    return {"If-Match": f'"v{version}"'}


def test_the_default_project_is_there_and_can_be_changed(api: Client):
    (default,) = api.get("/projects").json()["data"]
    assert (default["key"], default["version"]) == ("default", 1)
    change = {"strict_traffic": True, "global_holdout_bp": 500}
    saved = api.patch("/projects/default", change, headers=at(1)).json()["data"]
    assert (saved["strict_traffic"], saved["global_holdout_bp"]) == (True, 500)
    stale = api.patch("/projects/default", {"name": "x"}, headers=at(1))
    assert stale.status_code == 412
    assert stale.json()["error"]["current"]["global_holdout_bp"] == 500
    assert api.get("/projects").json()["pagination"]["total"] == 1


def test_projects_resources_and_namespaces_are_made_once(api: Client):
    assert api.post("/projects", {"name": "Shop"}).json()["data"]["key"] == "shop"
    again = api.post("/projects", {"name": "Other", "key": "SHOP"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "DUPLICATE_KEY")
    wrong = {"name": "x", "environments": ["a"]}  # without the default environment
    assert api.post("/projects", wrong).status_code == 422
    flag = {"kind": "flag", "locator": "checkout", "fallback": False}
    made = api.post("/resources", flag)
    assert made.json()["data"]["fallback"] is False
    assert api.post("/resources", flag).status_code == 409
    placed = api.post("/experiments", {"name": "x", "resource": made.json()["data"]["id"]})
    assert placed.status_code == 201
    assert api.post("/experiments", {"name": "y", "resource": "nothing"}).status_code == 422
    assert api.post("/namespaces", {"key": "checkout"}).status_code == 201
    assert api.post("/namespaces", {"key": "Checkout"}).status_code == 409
    assert [one["key"] for one in api.get("/namespaces").json()["data"]] == ["checkout"]


def test_a_key_is_shown_once_and_ends_when_it_is_revoked(api: Client, ws: Workspace):
    made = api.post("/keys", {"name": "svc", "role": "editor", "scopes": ["flags:write"]})
    data = made.json()["data"]
    assert data["scopes"] == ["experiments:write"]
    assert data["key"].startswith(data["shown"])
    own = {"Authorization": f"Bearer {data['key']}"}
    assert api.get("/experiments", headers=own).status_code == 200
    assert api.get("/keys", headers=own).status_code == 403
    ws.writer.close()  # the last use is written behind the answer
    listed = api.get("/keys").json()["data"]
    assert {one["key"] for one in listed} == {None}
    used = next(one for one in listed if one["id"] == data["id"])
    assert used["last_used_at"] is not None
    assert api("DELETE", f"/keys/{data['id']}").json()["data"]["revoked_at"] is not None
    assert api.get("/experiments", headers=own).status_code == 401
    assert api("DELETE", f"/keys/{data['id']}").status_code == 409


def test_making_a_key_again_under_one_idempotency_key_does_not_show_it_again(api: Client):
    header = {"Idempotency-Key": "once"}
    first = api.post("/keys", {"name": "svc"}, headers=header).json()["data"]
    second = api.post("/keys", {"name": "svc"}, headers=header).json()["data"]
    assert first["key"] is not None
    assert first["secret"] == first["key"]
    assert second == first | {"key": None, "secret": None}
    assert api.get("/keys").json()["pagination"]["total"] == 2


def test_people_come_and_go_but_the_last_admin_stays(api: Client):
    mira = api.post("/users", {"email": "Mira@example.com", "role": "admin"}).json()["data"]
    assert mira["email"] == "mira@example.com"
    assert api.post("/users", {"email": "mira@example.com"}).status_code == 409
    path = f"/users/{mira['id']}"
    refused = api.patch(path, {"role": "viewer"}, headers=at(1))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "LAST_ADMIN")
    api.post("/users", {"email": "jo@example.com", "role": "admin"})
    assert api.patch(path, {"active": False}, headers=at(1)).json()["data"]["active"] is False
    assert api.post(f"{path}/link").status_code == 409
    link = api.post("/users/jo@example.com/link").json()["data"]["path"]
    assert link.startswith("/sign-in?link=")
    assert [one["email"] for one in api.get("/users").json()["data"]] == [
        "jo@example.com", "mira@example.com",
    ]  # fmt: skip
    assert api.post("/users", {"email": "no address"}).status_code == 422


def test_the_trail_is_paged_filtered_exported_and_checked(api: Client, ws: Workspace):
    for i in range(5):
        api.post("/experiments", {"name": f"x{i}"})
    first = api.get("/audit?limit=3&verb=create&object=experiment").json()
    assert first["pagination"]["total"] == 5
    cursor = first["pagination"]["next_cursor"]
    rest = api.get(f"/audit?limit=3&verb=create&object=experiment&cursor={cursor}").json()
    seqs = [event["seq"] for event in first["data"] + rest["data"]]
    assert len(seqs) == 5
    assert seqs == sorted(seqs, reverse=True)
    text = api.get("/audit.csv?object=experiment").content.decode("utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(text)))) == 5
    assert api.get("/audit/check").json()["data"] == {"intact": True, "first_bad_event": None}
    with ws.db.write() as cursor_:
        cursor_.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    assert api.get("/audit/check").json()["data"]["first_bad_event"] == 3
    assert api.get("/audit?cursor=WyJ4Il0").status_code == 400


def test_results_are_the_one_body_and_looks_are_kept(api: Client, sampled: Workspace):
    assert sampled is not None
    slug = api.get("/experiments?sort=created_at").json()["data"][0]["slug"]
    body = api.get(f"/experiments/{slug}/results").json()["data"]
    assert body["look"] == 1
    assert body["verdict"]["code"]
    key = body["metrics"][0]["key"]
    one = api.get(f"/experiments/{slug}/results?metric={key}&look=1").json()["data"]
    assert [metric["key"] for metric in one["metrics"]] == [key]
    assert api.get(f"/experiments/{slug}/results?metric=nothing").status_code == 404
    assert api.get(f"/experiments/{slug}/results?look=99").status_code == 404
    assert api.get(f"/experiments/{slug}/results?reference=nobody").status_code == 422
    (look,) = api.get(f"/experiments/{slug}/looks").json()["data"]
    full = api.get(f"/looks/{look['id']}").json()["data"]
    assert full["results"]["data_hash"] == body["data_hash"] == look["data_hash"]
    assert api.post(f"/experiments/{slug}/looks").json()["data"]["look"] == 1
    exported = api.get(f"/looks/{look['id']}/export.json")
    assert exported.json()["verdict"] == full["results"]["verdict"]
    for kind, begins in (("csv", b"\xef\xbb\xbf"), ("ipynb", b"{"), ("html", b"<!doctype")):
        answer = api.get(f"/looks/{look['id']}/export.{kind}")
        assert answer.content[:9].lower().startswith(begins)
        assert f".{kind}" in answer.headers["content-disposition"]
    assert api.get("/looks/nothing").status_code == 404


def test_a_segment_and_another_correction_can_be_asked_for(api: Client, sampled: Workspace):

    for found in api.get("/experiments").json()["data"]:
        columns = segmenting.segment_columns(sampled, LOCAL, found["slug"])
        if columns:
            path = f"/experiments/{found['slug']}/results"
            body = api.get(f"{path}?segment={columns[0]}&correction=none").json()["data"]
            assert body["metrics"][0]["segments"]
            assert api.get(f"{path}?segment=nothing").status_code == 404
            return
    pytest.fail("no sample has a segment")


def test_without_data_the_verdict_says_so(api: Client):
    api.post("/experiments", {"name": "bare"})
    body = api.get("/experiments/bare/results").json()["data"]
    assert body["verdict"]["code"] == "no_data"


def test_the_list_goes_to_a_spreadsheet(api: Client, sampled: Workspace):
    assert sampled is not None
    text = api.get("/export/experiments.csv").content.decode("utf-8-sig")
    assert (
        len(list(csv.DictReader(io.StringIO(text))))
        == api.get("/experiments").json()["pagination"]["total"]
    )


def test_no_answer_contains_what_is_no_json(api: Client, sampled: Workspace):
    assert sampled is not None

    def refuse(text: str) -> None:
        pytest.fail(f"{text} in an answer")

    for path in ("/experiments", "/projects", "/keys", "/users", "/audit", "/imports"):
        json.loads(api.get(path).text, parse_constant=refuse)
    for found in api.get("/experiments").json()["data"]:
        json.loads(api.get(f"/experiments/{found['slug']}/results").text, parse_constant=refuse)


def test_a_webhook_tells_its_secret_once(api: Client):
    made = api.post("/webhooks", {"url": "https://deploy.example.com/hook"})
    assert made.status_code == 201, made.text
    assert made.json()["data"]["secret"].startswith("whsec_")
    (listed,) = api.get("/webhooks").json()["data"]
    assert (listed["secret"], listed["last_delivery"]) == (None, None)
    assert api.post("/webhooks", {"url": "no address"}).status_code == 422
    assert api("DELETE", f"/webhooks/{listed['id']}").status_code == 204
    assert api("DELETE", f"/webhooks/{listed['id']}").status_code == 404


def test_a_person_is_erased_by_one_call_and_the_answer_does_not_repeat_the_id(api: Client):
    made = api.post("/experiments", {"name": "Checkout"}).json()["data"]
    api(
        "PUT",
        f"/experiments/{made['id']}/overrides/zoe@example.org",
        json={"variant": "control"},
    )
    gone = api("DELETE", "/units/zoe@example.org")
    assert gone.status_code == 200
    assert gone.json()["data"]["rows"] == {"overrides": 1}
    assert "zoe" not in gone.text
    assert api("DELETE", "/units/zoe@example.org").status_code == 404
    assert api("DELETE", "/units/a/b").json()["error"]["code"] == "NOT_FOUND"
    assert api("DELETE", "/units/%20").status_code == 422
