"""Projects, keys, people, audit, results, imports and SQL over HTTP."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.services import inspecting, keys, projects, samples
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client


def at(version: int) -> dict[str, str]:
    return {"If-Match": f'"v{version}"'}


@pytest.fixture
def sampled(ws: Workspace) -> Workspace:
    samples.load_samples(ws, LOCAL)
    return ws


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
        columns = inspecting.segment_columns(sampled, LOCAL, found["slug"])
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


@pytest.mark.parametrize(
    ("asked", "field"),
    (
        ({"baseline": 0.1, "minimum_detectable_effect": 0.02}, "total"),
        ({"baseline": 0.1, "solve_for": "effect", "units": 10_000}, "increase"),
        (
            {"baseline": 0.1, "minimum_detectable_effect": 0.2, "relative": True,
             "solve_for": "power", "days": 10, "daily_units": 1000},
            "power",
        ),
        (
            {"kind": "mean", "standard_deviation": 10, "minimum_detectable_effect": 1,
             "weights_bp": [8000, 2000], "daily_units": 500, "solve_for": "days"},
            "days",
        ),
        (
            {"kind": "ratio", "standard_deviation": 0.3, "minimum_detectable_effect": 0.02},
            "total",
        ),
        (
            {"baseline": 0.1, "non_inferiority_margin": 0.05, "units": 1000,
             "solve_for": "power"},
            "power",
        ),
        ({"baseline": 0.1, "units": 1000, "solve_for": "margin"}, "non_inferiority_margin"),
    ),
)  # fmt: skip
def test_the_calculator_answers_each_of_its_questions(
    api: Client, asked: dict[str, Any], field: str
):
    data = api.post("/plan", asked).json()["data"]
    assert data[field] is not None


def test_the_calculator_agrees_with_the_printed_plan(api: Client):
    """Fleiss: 10 % against 12 %, alpha 5 %, power 80 %: 3 841 per arm without correction."""
    asked = {"baseline": 0.10, "minimum_detectable_effect": 0.02}
    data = api.post("/plan", asked).json()["data"]
    assert [arm["units"] for arm in data["per_arm"]] == [3841, 3841]
    assert data["design"]["kind"] == "proportion"
    assert (data["total"], data["days"]) == (7682, None)
    assert {"effect", "power"} <= data["curve"][0].keys()


def test_the_calculator_plans_a_guardrail(api: Client):
    """Chow, Shao & Wang 2008, ch. 4: (1.959964 + 0.841621)² 2 0.1 0.9 / 0.01² = 14 128."""
    asked = {"baseline": 0.10, "non_inferiority_margin_absolute": 0.01, "daily_units": 1000}
    data = api.post("/plan", asked).json()["data"]
    assert (data["units"], data["days"]) == ([14_128, 14_128], 29)
    mean = {"kind": "mean", "standard_deviation": 3, "non_inferiority_margin": 0.1}
    assert api.post("/plan", mean).status_code == 422


@pytest.mark.parametrize(
    "asked",
    (
        {},
        {"baseline": 0.1, "non_inferiority_margin": 0.1, "solve_for": "effect"},
        {"baseline": 0.1},
        {"baseline": 2, "minimum_detectable_effect": 0.1},
        {"baseline": 0.1, "minimum_detectable_effect": 0.1, "solve_for": "days"},
        {"baseline": 0.1, "solve_for": "effect"},
        {"minimum_detectable_effect": 0.1, "relative": True},
    ),
)
def test_the_calculator_names_what_is_missing(api: Client, asked: dict[str, Any]):
    answer = api.post("/plan", asked)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"]


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
    done = api.post(f"{path}/commit", {"new_name": "From a file"})
    assert done.json()["data"]["state"] == "committed"
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
    from dataclasses import replace  # noqa: PLC0415

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


def test_sql_reads_the_published_views(api: Client, sampled: Workspace):
    assert sampled is not None
    api.get("/experiments?verdict=better")  # takes the looks
    asked = {"sql": "SELECT e.slug, r.metric, r.n FROM results r JOIN experiments e "
                    "ON e.id = r.experiment_id ORDER BY ALL"}  # fmt: skip
    data = api.post("/sql", asked).json()["data"]
    assert data["columns"] == ["slug", "metric", "n"]
    assert data["rows"]
    assert data["truncated"] is False
    many = api.post("/sql", {"sql": "SELECT * FROM range(100001)"}).json()["data"]
    assert (len(many["rows"]), many["truncated"]) == (100_000, True)
    odd = "SELECT 'nan'::DOUBLE, DATE '2026-05-04', [1, NULL], {'a': 1.5}, 2::UTINYINT"
    assert api.post("/sql", {"sql": odd}).json()["data"]["rows"] == [
        [None, "2026-05-04", [1, None], {"a": 1.5}, 2]
    ]


@pytest.mark.parametrize(
    "sql",
    (
        "DROP TABLE experiments",
        "SELECT 1; SELECT 2",
        "SELECT * FROM users",
        "SELECT * FROM api_keys",
        "SELECT * FROM upshot.main.users",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY experiments TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.duckdb'",
        "INSTALL httpfs",
        "SET memory_limit = '10GB'",
        "SELECT getenv('HOME')",
        "CREATE TABLE x AS SELECT 1",
        "PRAGMA database_list",
        "SELECT",
        "nonsense",
    ),
)
def test_sql_refuses_everything_else(api: Client, ws: Workspace, sql: str):
    answer = api.post("/sql", {"sql": sql})
    assert answer.status_code == 422, answer.text
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM experiments").fetchone() == (0,)


def test_sql_shows_the_own_organisation_only(api: Client, ws: Workspace, sampled: Workspace):
    assert sampled is ws
    other = Actor("x", Role.ADMIN, "other")
    token = keys.create_key(ws, other, "foreign", role="admin").secret
    own = {"Authorization": f"Bearer {token}"}
    for view in ("experiments", "variants", "phases", "looks", "results", "imports"):
        answer = api.post("/sql", {"sql": f"SELECT * FROM {view}"}, headers=own)
        assert answer.json()["data"]["rows"] == []


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
