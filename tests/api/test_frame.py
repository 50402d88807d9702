"""What the frame does around every handler, on an application of two routes of its own."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.frame import CLIENT_LEFT, build
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Body, Moment, One
from experiments_core.domain.access import LOCAL, Permission
from experiments_core.errors import ConflictError, VersionStaleError
from experiments_core.services import keys
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client

door = Door("Things")


class Thing(Body):
    name: str
    share: float = 0.5
    number: Annotated[int, Field(ge=0, le=10)] = 1
    at: Moment | None = None
    value: Any = None
    tags: Annotated[list[str], Field(min_length=1, max_length=2)] | None = None
    owners: Annotated[dict[str, str], Field(max_length=1)] | None = None


@door.post(
    "/things", Rule(permission=Permission.EDIT, answer=One[Thing], status=201, secret=("at",))
)
def make(call: The, body: Thing) -> Response:
    with call.ws.db.write() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('thing', ?)", [body.name])
    if body.name == "bad":
        raise ConflictError("It is bad.", allowed_actions=("leave",))
    if body.name == "broken":
        raise RuntimeError("a secret of the inside")
    return one(body.model_dump(mode="json"), status=201, version=1)


@door.patch(
    "/things/{thing}", Rule(permission=Permission.EDIT, answer=One[Thing], version=True)
)
def change(call: The, thing: str, body: Thing) -> Response:
    if call.version() != 7:
        raise VersionStaleError("Mira was faster.", current=None, fields=("name",))
    return one({"name": thing, "merge": call.merge, **body.given()}, version=8)


@door.get("/things", Rule(permission=Permission.READ, rate="compute"))
def read(call: The, q: str = "") -> Response:
    return one({"q": q, "who": call.actor.name, "request": call.actor.request_id})


@pytest.fixture
def api(ws: Workspace) -> Client:
    token = keys.create_key(ws, LOCAL, "ci", role="admin").secret or ""
    return Client(build("Things", (door,), openapi="/openapi.json"), token)


def things(ws: Workspace) -> list[str]:
    with ws.db.read() as cursor:
        rows = cursor.execute("SELECT value FROM meta WHERE name = 'thing'").fetchall()
    return [value for (value,) in rows]


def send(api: Client, text: str | bytes, **headers: str) -> Any:
    return api(
        "POST", "/things", content=text, headers={"Content-Type": "application/json", **headers}
    )


def test_an_answer_carries_the_request_id_the_rate_and_is_not_cached(api: Client):
    answer = api.get("/things?q=a")
    assert answer.json()["data"]["request"] == answer.headers["x-request-id"]
    assert answer.json()["data"]["who"] == "key:ci"
    assert answer.headers["ratelimit-limit"] == "60"
    assert answer.headers["ratelimit-remaining"] == "59"
    assert answer.headers["cache-control"] == "no-store"


def test_x_api_key_is_taken_as_well(api: Client):
    token, api.token = api.token, ""
    assert api.get("/things").status_code == 401
    assert api.get("/things").headers["www-authenticate"] == "Bearer"
    assert api.get("/things", headers={"X-API-Key": token}).status_code == 200
    assert api.get("/things", headers={"Cookie": f"key={token}"}).status_code == 401


@pytest.mark.parametrize(
    ("text", "status", "code"),
    (
        (b"{", 400, "BAD_JSON"),
        (b'{"name": "a", "name": "b"}', 400, "DUPLICATE_JSON_KEY"),
        (b'{"name": "a", "value": {"x": 1, "x": 2}}', 400, "DUPLICATE_JSON_KEY"),
        (b'{"name": "a", "share": NaN}', 400, "BAD_JSON"),
        (b'{"name": "a", "share": -Infinity}', 400, "BAD_JSON"),
        (b'{"name": "a", "share": 1e400}', 400, "BAD_JSON"),
        (b'{"name": "a", "number": 9223372036854775808}', 400, "BAD_JSON"),
        (b'{"name": "a", "number": ' + b"9" * 5000 + b"}", 400, "BAD_JSON"),
        (b'{"name": "\xff"}', 400, "BAD_JSON"),
        (b'{"name": "\\ud800"}', 400, "BAD_JSON"),
        (b'{"name": "a", "value": ' + b"[" * 32 + b"]" * 32 + b"}", 413, "JSON_TOO_DEEP"),
        (b"[" * 1_000, 413, "JSON_TOO_DEEP"),
        (b'{"a":' * 100_000, 413, "JSON_TOO_DEEP"),
        (b'{"name": "a", "share": false}', 422, "INVALID_INPUT"),
        (b'{"name": "a", "number": "1"}', 422, "INVALID_INPUT"),
        (b'{"name": "a", "number": 1.0}', 422, "INVALID_INPUT"),
        (b'{"name": "a", "at": 3}', 422, "INVALID_INPUT"),
        (b'{"name": "a", "at": "2026-05-04T09:00:00"}', 422, "INVALID_INPUT"),
        (b'{"name": "a", "role": "admin"}', 422, "INVALID_INPUT"),
        (b"{}", 422, "INVALID_INPUT"),
        (b"[]", 422, "INVALID_INPUT"),
        (b"null", 422, "INVALID_INPUT"),
    ),
)
def test_a_body_that_is_not_exactly_what_is_asked_for_is_refused(
    api: Client, ws: Workspace, text: bytes, status: int, code: str
):
    answer = send(api, text)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert things(ws) == []


def test_texts_may_contain_brackets_and_quotes_at_will(api: Client):
    name = '"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\"{{{\\\\'
    answer = send(api, json.dumps({"name": name}))
    assert answer.status_code == 201
    assert answer.json()["data"]["name"] == name


def test_a_million_keys_are_refused_quickly(api: Client):
    begun = time.monotonic()
    for number, status in ((180_000, 413), (9_999, 422)):
        text = "{" + ",".join(f'"k{i}":1' for i in range(number)) + "}"
        assert send(api, text).status_code == status
    assert time.monotonic() - begun < 10  # a guard against hanging
    assert send(api, "[" + "1," * 1_100_000 + "1]").status_code == 413


def test_every_field_at_fault_is_named_at_once(api: Client):
    details = send(api, '{"share": true, "number": 11, "z": 1}').json()["error"]["details"]
    assert {(one["field"], one["rule"]) for one in details} == {
        ("name", "REQUIRED"), ("share", "TYPE"), ("number", "RANGE"), ("z", "UNKNOWN_FIELD"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    (
        ('"tags": []', "tags: it needs at least 1, not 0."),
        ('"tags": ["a", "b", "c"]', "tags: it takes at most 2, not 3."),
        ('"owners": {"a": "x", "b": "y"}', "owners: it takes at most 1, not more."),
    ),
)
def test_a_list_that_is_too_short_or_long_is_told_in_our_words(
    api: Client, text: str, said: str
):
    answer = send(api, f'{{"name": "a", {text}}}')
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["message"] == said


def test_a_body_of_another_type_is_refused_and_none_needs_no_type(api: Client):
    form = api("POST", "/things", content=b"name=a", headers={"Content-Type": "text/plain"})
    assert form.status_code == 415
    assert api("POST", "/things", content=b'{"name": "a"}').status_code == 415
    assert api("POST", "/things").json()["error"]["details"][0]["rule"] == "REQUIRED"


def test_a_query_parameter_that_does_not_exist_is_refused(api: Client):
    answer = api.get("/things?limit=3")
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["rule"] == "UNKNOWN_FIELD"


def test_a_change_names_the_version_it_was_made_from(api: Client):
    body = {"name": "a"}
    missing = api.patch("/things/x", body)
    assert (missing.status_code, missing.json()["error"]["code"]) == (428, "VERSION_REQUIRED")
    assert api.patch("/things/x", body, headers={"If-Match": "7"}).status_code == 400
    stale = api.patch("/things/x", body, headers={"If-Match": '"v6"'})
    assert stale.status_code == 412
    assert stale.json()["error"]["fields"] == ["name"]
    saved = api.patch("/things/x", body, headers={"If-Match": '"v7"', "Prefer": "merge"})
    assert (saved.status_code, saved.headers["etag"]) == (200, '"v8"')
    assert saved.json()["data"]["merge"] is True


def test_what_fails_inside_is_told_by_its_id_only(api: Client):
    answer = send(api, '{"name": "broken"}')
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "INTERNAL"
    assert "secret" not in answer.text


def test_a_client_that_leaves_in_the_middle_is_no_failure_of_ours(
    ws: Workspace, api: Client, caplog: pytest.LogCaptureFixture
):
    sent: list[Any] = []
    waiting = iter(
        [
            {"type": "http.request", "body": b'{"na', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(waiting)

    async def answered(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/things",
        "raw_path": b"/things",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", f"Bearer {api.token}".encode())],
        "client": ("127.0.0.1", 1),
    }
    asyncio.run(api.app(scope, receive, answered))
    assert [one.get("status") for one in sent] == [CLIENT_LEFT, None]
    assert not caplog.records
    assert things(ws) == []


def test_an_unknown_path_and_an_unknown_method_are_json(api: Client):
    assert api.get("/nothing").json()["error"]["code"] == "NOT_FOUND"
    assert api.get("/things/").status_code == 404
    refused = api("DELETE", "/things")
    assert refused.status_code == 405
    assert refused.headers["allow"]


def test_repeating_a_post_gives_the_first_answer_and_one_effect(api: Client, ws: Workspace):
    text = '{"name": "a", "at": "2026-05-04T09:00:00Z"}'
    first = send(api, text, **{"Idempotency-Key": "k1"})
    second = send(api, text, **{"Idempotency-Key": "k1"})
    assert first.status_code == second.status_code == 201
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["etag"] == first.headers["etag"]
    assert second.json()["data"] == first.json()["data"] | {"at": None}  # a secret is not kept
    assert things(ws) == ["a"]
    other = send(api, '{"name": "b"}', **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert send(api, text, **{"Idempotency-Key": "x" * 129}).status_code == 422


def test_an_effect_without_its_answer_does_not_stay(api: Client, ws: Workspace):
    refused = send(api, '{"name": "bad"}', **{"Idempotency-Key": "k2"})
    assert refused.status_code == 409
    assert refused.json()["error"]["allowed_actions"] == ["leave"]
    assert things(ws) == []
    assert send(api, '{"name": "good"}', **{"Idempotency-Key": "k2"}).status_code == 201
    assert things(ws) == ["good"]


def test_too_many_requests_are_told_when_to_come_back(api: Client, ws: Workspace):
    ws.settings = replace(ws.settings, rate_limits={**ws.settings.rate_limits, "compute": 5})
    seen = [api.get("/things").status_code for _ in range(10)]
    assert seen.count(200) in {5, 6}  # one may have flowed in meanwhile
    refused = api.get("/things")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    told = {name: int(refused.headers[f"ratelimit-{name}"]) for name in ("limit", "remaining")}
    assert told == {"limit": 5, "remaining": 0}
    assert 1 <= int(refused.headers["ratelimit-reset"]) <= 60
    assert api.patch("/things/x", {"name": "a"}).status_code == 428  # another bucket


def test_keys_are_checked_before_anything_is_read(api: Client, ws: Workspace):
    viewer = keys.create_key(ws, LOCAL, "eyes", role="viewer", scopes=["experiments:write"])
    answer = send(api, "{", Authorization=f"Bearer {viewer.secret}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ROLE_TOO_LOW")
    narrow = keys.create_key(ws, LOCAL, "narrow", scopes=["assign"])
    answer = send(api, "{", Authorization=f"Bearer {narrow.secret}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "SCOPE_MISSING")


def test_the_document_tells_what_the_frame_does(api: Client):
    document = api.get("/openapi.json").json()
    operation = document["paths"]["/things/{thing}"]["patch"]
    assert (operation["x-role"], operation["x-scope"]) == ("editor", "experiments:write")
    assert {"412", "428", "415", "413"} <= set(operation["responses"])
    assert any(p["name"] == "If-Match" and p["required"] for p in operation["parameters"])
