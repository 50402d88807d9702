"""Imports over HTTP: files become data, step by step, within rights and limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from experiments_core.domain.access import LOCAL
from experiments_core.services import keys, projects
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client

TABLE = "user_id,group,converted\n" + "".join(
    f"u{i},{'control' if i % 2 else 'treatment'},{int(i % 7 == 0)}\n" for i in range(400)
)


def upload(api: Client, text: str, **fields: str) -> Any:
    return api("POST", "/imports", files={"file": ("t.csv", text, "text/csv")}, data=fields)


def test_a_file_becomes_data_step_by_step(api: Client):
    draft = upload(api, TABLE)
    assert draft.status_code == 201, draft.text
    data = draft.json()["data"]
    assert data["shape"] == "unit"
    assert {question["code"] for question in data["questions"]} >= {"FINISHED"}
    path = f"/imports/{data['id']}"
    early = api.post(f"{path}/commit", {"new_name": "From a file"})
    assert (early.status_code, early.json()["error"]["code"]) == (409, "NOT_CHECKED")
    told = api("PUT", f"{path}/mapping", json={"control": "control", "finished": True})
    report = told.json()["data"]
    assert report["questions"] == []
    assert report["rows_read"] == 400
    nameless = api.post(f"{path}/commit", {"less_is_better": ["converted"]})
    assert nameless.json()["error"]["details"][0]["field"] == "less_is_better"
    wrong = api.post(f"{path}/commit", {"new_name": "x", "less_is_better": ["nothing"]})
    assert wrong.json()["error"]["details"][0]["field"] == "less_is_better"
    done = api.post(
        f"{path}/commit", {"new_name": "From a file", "less_is_better": ["converted"]}
    )
    assert done.json()["data"]["state"] == "committed"
    (metric,) = api.get("/experiments/from-a-file").json()["data"]["metrics"]
    assert metric["preferred_direction"] == "decrease"
    results = api.get("/experiments/from-a-file/results").json()["data"]
    assert sum(arm["n"] for arm in results["metrics"][0]["arms"]) == 400
    assert api.get(f"{path}/rejects.csv").content.startswith(b"\xef\xbb\xbfline,")
    assert api.get(f"{path}/rejects.csv?form=plain").content.startswith(b"line,")
    assert api.get(f"{path}/quality.csv?form=plain").content.startswith(b"code,message")
    assert api.get("/imports?experiment=from-a-file").json()["pagination"]["total"] == 1
    again = upload(api, TABLE)
    assert again.json()["data"]["already_imported"] == data["id"]
    assert api.post(f"{path}/undo").json()["data"]["state"] == "undone"
    assert api.post(f"{path}/undo").status_code == 409
    assert api.get(path).json()["data"]["state"] == "undone"


def test_an_upload_sent_again_under_its_key_is_taken_once(api: Client):
    def sent(text: str) -> Any:
        files = {"file": ("t.csv", text, "text/csv")}
        return api("POST", "/imports", files=files, headers={"Idempotency-Key": "u1"})

    first, again = sent(TABLE), sent(TABLE)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert api.get("/imports").json()["pagination"]["total"] == 1
    other = sent(TABLE + "u400,treatment,1\n")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_files_that_belong_together_and_experiments_in_one_file_come_in(api: Client):
    rows = [
        f"{test},u{n},{'ab'[n % 2]},{value}\n"
        for test in ("one", "two", "three") for n in range(20) for value in (n, 2 * n)
    ]  # fmt: skip
    halves = [
        "".join(["exp,user_id,variant,revenue\n", *half]) for half in (rows[::2], rows[1::2])
    ]
    files = [("file", (f"{n}.csv", half, "text/csv")) for n, half in enumerate(halves)]
    draft = api("POST", "/imports", files=files).json()["data"]
    assert {question["code"] for question in draft["questions"]} == {"COMBINE"}
    path = f"/imports/{draft['id']}"
    said = {
        "answers": {"COMBINE": "append"}, "unit": "user_id", "control": "a",
        "finished": True, "blank": "exclude",
        "experiments": ["three", "one"], "repeats_of": {"revenue": "mean"},
    }  # fmt: skip
    report = api("PUT", f"{path}/mapping", json=said).json()["data"]
    assert report["questions"] == []
    done = api.post(f"{path}/commit", {"new_name": "Part"}).json()["data"]
    assert [one["rows_used"] for one in done["imports"]] == [39, 39]  # 0 is twice 0
    assert done["id"] == done["imports"][0]["id"]
    arms = api.get("/experiments/part-three/results").json()["data"]["metrics"][0]["arms"]
    assert [(arm["n"], arm["value"]) for arm in arms] == [(10, 13.5), (10, 15)]


def test_a_key_of_one_project_reaches_no_import_of_another(api: Client, ws: Workspace):
    for key in ("shop", "news"):
        projects.create_project(ws, LOCAL, {"name": key, "key": key})
        api.post("/experiments", {"name": f"In {key}", "project": key})
    ids = {
        key: upload(api, TABLE, experiment=f"in-{key}").json()["data"]["id"]
        for key in ("shop", "news")
    }
    loose = upload(api, TABLE).json()["data"]["id"]
    token = keys.create_key(ws, LOCAL, "narrow", projects=["shop"]).secret
    only = {"Authorization": f"Bearer {token}"}
    listed = api.get("/imports", headers=only).json()
    assert [one["id"] for one in listed["data"]] == [ids["shop"]]
    assert api.get(f"/imports/{ids['shop']}", headers=only).status_code == 200
    for hidden in (ids["news"], loose):
        path = f"/imports/{hidden}"
        assert api.get(path, headers=only).status_code == 404
        assert api.get(f"{path}/rejects.csv", headers=only).status_code == 404
        assert api("PUT", f"{path}/mapping", json={}, headers=only).status_code == 404
        for verb in ("commit", "undo"):
            assert api.post(f"{path}/{verb}", headers=only).status_code == 404
        assert api.get(path).status_code == 200
    own = api(
        "POST", "/imports", files={"file": ("t.csv", TABLE, "text/csv")}, headers=only
    ).json()["data"]["id"]
    assert api.get(f"/imports/{own}", headers=only).status_code == 200


def test_a_file_that_is_none_is_named_as_such(api: Client):
    assert upload(api, "").status_code == 422
    assert upload(api, "{}").status_code == 422
    assert api.post("/imports", {"file": "x"}).status_code == 422
    assert api("POST", "/imports", content="x").status_code == 415
    assert api("PUT", "/imports/x/mapping", json={"colour": 1}).status_code == 422
    assert api("PUT", "/imports/x/mapping", json={}).status_code == 404


def test_an_upload_is_cut_off_at_its_limit(api: Client, ws: Workspace):
    ws.settings = replace(ws.settings, max_upload_bytes=100_000)
    assert upload(api, "a,b\n" + "1,2\n" * 500_000).status_code == 413


def test_the_inbox_is_for_admins(api: Client, ws: Workspace):
    ws.db.inbox.mkdir(exist_ok=True)
    (ws.db.inbox / "t.csv").write_text(TABLE, encoding="utf-8")
    assert api.post("/imports", {"inbox": "t.csv"}).status_code == 201
    assert api.post("/imports", {"inbox": "../t.csv"}).status_code == 404
    editor = keys.create_key(ws, LOCAL, "ed", role="editor").secret
    own = {"Authorization": f"Bearer {editor}"}
    assert api.post("/imports", {"inbox": "t.csv"}, headers=own).status_code == 403
