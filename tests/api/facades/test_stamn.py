"""Stamn: every endpoint its document names, and every rule of its checklist."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import deploying, experiments, projects
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import World
from tests.api.facades.rules import holds

HERE = "/compat/stamn/v1/experiments"
LIST, CREATE = (f"{method} /v1/experiments" for method in ("GET", "POST"))
READ, CHANGE, DELETE = (
    f"{method} /v1/experiments/{{experimentId}}" for method in ("GET", "PATCH", "DELETE")
)
ADD = "POST /v1/experiments/{experimentId}/variants"
CHANGE_VARIANT, REMOVE = (
    f"{method} /v1/experiments/{{experimentId}}/variants/{{variantId}}"
    for method in ("PATCH", "DELETE")
)
STATUS, POST_STATUS = (
    f"{method} /v1/experiments/{{experimentId}}/status" for method in ("PATCH", "POST")
)
DEPLOY = "POST /v1/experiments/{experimentId}/deploy"
BODY: dict[str, Any] = {
    "name": "Tone of voice",
    "targetFile": "agents/support.md",
    "variants": [
        {"name": "plain", "content": "Be brief.", "isControl": True},
        {"name": "warm", "content": "Be warm."},
    ],
    "participantIds": [f"agent-{i}" for i in range(10)],
}
FIELDS = {"id", "name", "description", "targetFile", "status", "variants", "assignments"}


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def to(world: World, one: Any, status: str, method: str = "PATCH") -> Any:
    return world(method, f"{HERE}/{one['id']}/status", {"status": status})


def is_refused(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "requestId"}


def weighed(*weights: float | None) -> list[dict[str, Any]]:
    return [
        {"name": f"v{i}"} | ({} if weight is None else {"weight": weight})
        for i, weight in enumerate(weights)
    ]


@holds(CREATE, rule="201 with variants {id, name, content, weight, isControl} and assignments")
@holds(CREATE, rule="participants are assigned at once, cut at the weights, and stay")
@holds(CREATE, rule="listed participants only; the target file becomes a resource")
@holds(READ, rule="the same object")
def test_participants_are_cut_evenly_at_creation_and_stay(ws: Workspace, world: World):
    one = made(world, description="Which tone")
    assert set(one) == FIELDS
    assert {name: one[name] for name in ("name", "description", "targetFile", "status")} == {
        "name": BODY["name"], "description": "Which tone", "targetFile": BODY["targetFile"],
        "status": "draft",
    }  # fmt: skip
    shown = [{k: v for k, v in variant.items() if k != "id"} for variant in one["variants"]]
    assert shown == [
        {"name": "plain", "content": "Be brief.", "weight": 50, "isControl": True},
        {"name": "warm", "content": "Be warm.", "weight": 50, "isControl": False},
    ]
    assert [a["participantId"] for a in one["assignments"]] == BODY["participantIds"]
    counts = Counter(a["variantId"] for a in one["assignments"])
    assert counts == {variant["id"]: 5 for variant in one["variants"]}
    started = to(world, one, "running").json()["data"]
    assert started == one | {"status": "running"}
    assert world("GET", f"{HERE}/{one['id']}").json()["data"] == started
    is_refused(world("GET", f"{HERE}/nothing"), 404)
    (found,) = experiments.list_experiments(ws, LOCAL)
    assert found.assignment_mode == "listed"
    (file,) = projects.list_resources(ws, LOCAL)
    assert (file.kind, file.locator, file.id) == ("file", BODY["targetFile"], found.resource)
    path = f"/api/v1/experiments/{one['id']}/assign"
    stranger = world("POST", path, {"unit_id": "stranger"}).json()["data"]
    assert stranger["reason"] == "not_listed"


@holds(CREATE, rule="all weights missing: equal shares; some missing: 422; else exactly 100")
def test_weights_are_all_given_or_none(world: World):
    one = made(world, variants=weighed(70, 30))
    counts = Counter(a["variantId"] for a in one["assignments"])
    assert [counts[v["id"]] for v in one["variants"]] == [7, 3]
    thirds = made(world, variants=weighed(None, None, None))
    assert [v["weight"] for v in thirds["variants"]] == [33.34, 33.33, 33.33]
    for wrong in ((50, None), (50, 49), (60, 50), (101, -1)):
        is_refused(world("POST", HERE, BODY | {"variants": weighed(*wrong)}), 422)


@holds(LIST, rule="{data} with the experiments that the caller owns (R27)")
def test_the_list_holds_what_the_caller_owns(ws: Workspace, world: World):
    one, two = made(world), made(world)
    other = world.as_role(ws, "editor")
    theirs = made(other)
    assert world("GET", HERE).json() == {"data": [two, one]}
    assert other("GET", HERE).json() == {"data": [theirs]}


# place, wanted -> status code
MOVES = {
    ("draft", "running"): 200, ("draft", "paused"): 409, ("draft", "completed"): 409,
    ("running", "running"): 409, ("running", "paused"): 200, ("running", "completed"): 200,
    ("paused", "running"): 200, ("paused", "paused"): 409, ("paused", "completed"): 200,
    ("completed", "running"): 409, ("completed", "paused"): 409,
    ("completed", "completed"): 409,
}  # fmt: skip
WAYS = {
    "draft": (), "running": ("running",), "paused": ("running", "paused"),
    "completed": ("running", "completed"),
}  # fmt: skip


@holds(STATUS, POST_STATUS, rule="draft to running, running to paused and back; else 409")
@holds(STATUS, POST_STATUS, rule="running or paused to completed, the conclusion unstated")
@pytest.mark.parametrize("method", ("PATCH", "POST"))
def test_every_move_between_statuses(ws: Workspace, world: World, method: str):
    for (place, wanted), code in MOVES.items():
        one = made(world)
        for step in WAYS[place]:
            assert to(world, one, step).status_code == 200
        answer = to(world, one, wanted, method)
        if code == 409:
            is_refused(answer, 409)
            continue
        assert answer.status_code == code, answer.text
        assert (set(answer.json()["data"]), answer.json()["data"]["status"]) == (FIELDS, wanted)
        if wanted == "completed":
            found = experiments.get_experiment(ws, LOCAL, one["id"])
            assert (found.status, found.conclusion) == ("completed", None)


@holds(STATUS, POST_STATUS, rule="an unknown word is 422")
@holds(STATUS, POST_STATUS, rule="without participants a start is 409")
@pytest.mark.parametrize("method", ("PATCH", "POST"))
def test_without_participants_it_does_not_start_and_an_unknown_word_is_422(
    world: World, method: str
):
    one = made(world, participantIds=[])
    is_refused(to(world, one, "running", method), 409)
    for word in ("archived", "draft", "stopped", "", None, 7):
        is_refused(to(world, one, word, method), 422)  # type: ignore[arg-type]
    is_refused(world(method, f"{HERE}/{one['id']}/status", {}), 422)


WRONG: tuple[dict[str, Any], ...] = (
    {"name": None}, {"name": ""}, {"targetFile": None}, {"targetFile": 7},
    {"participantIds": None}, {"participantIds": ["a", "a"]}, {"participantIds": ["a", " a "]},
    {"participantIds": [7]}, {"participantIds": [""]}, {"participantIds": ["x" * 257]},
    {"variants": None}, {"variants": [{"name": "a"}]}, {"variants": weighed("50", "50")},
    {"variants": [{"name": "a"}, {"name": "A "}]}, {"variants": [{"name": "a"}, {}]},
    {"variants": [{"name": "a", "isControl": True}, {"name": "b", "isControl": True}]},
    {"variants": [{"name": "a", "isControl": "yes"}, {"name": "b"}]}, {"colour": "red"},
)  # fmt: skip


@holds(CREATE, rule="name, targetFile, variants and participantIds are required: 422")
@holds(CREATE, rule="a participant named twice, a second control, an unknown field: 422")
def test_a_body_that_breaks_a_rule_is_422_in_camel_case(world: World):
    for wrong in WRONG:
        is_refused(world("POST", HERE, BODY | wrong), 422)
    assert world("GET", HERE).json() == {"data": []}


@holds(ADD, rule="201 with the experiment; the control gives the share")
@holds(CHANGE_VARIANT, rule="name, content, weight, isControl")
@holds(REMOVE, rule="200 with the experiment; one may remain, but not none: 422")
@holds(STATUS, rule="one variant alone cannot start: 409")
@holds(CHANGE_VARIANT, REMOVE, rule="an unknown variant is 404")
def test_variants_of_a_draft_are_changed_and_one_remains(world: World):
    one = made(world)
    path = f"{HERE}/{one['id']}/variants"
    third = world("POST", path, {"name": "short", "content": "!", "weight": 20})
    assert third.status_code == 201, third.text
    assert [v["weight"] for v in third.json()["data"]["variants"]] == [30, 50, 20]
    short = third.json()["data"]["variants"][2]["id"]
    changed = world("PATCH", f"{path}/{short}", {"content": "?", "weight": 10, "name": "tiny"})
    assert [v["weight"] for v in changed.json()["data"]["variants"]] == [40, 50, 10]
    assert changed.json()["data"]["variants"][2] == {
        "id": short, "name": "tiny", "content": "?", "weight": 10, "isControl": False,
    }  # fmt: skip
    crowned = world("PATCH", f"{path}/{short}", {"isControl": True}).json()["data"]["variants"]
    assert [v["isControl"] for v in crowned] == [False, False, True]
    for wrong in ({"weight": 90}, {"weight": -1}, {"name": ""}, {"colour": 1}):
        is_refused(world("PATCH", f"{path}/{short}", wrong), 422)
    is_refused(world("POST", path, {"content": "?"}), 422)
    for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
        is_refused(world(method, f"{path}/nothing", body), 404)
    assert world("DELETE", f"{path}/{short}").status_code == 200
    assert world("DELETE", f"{path}/{one['variants'][1]['id']}").status_code == 200
    is_refused(world("DELETE", f"{path}/{one['variants'][0]['id']}"), 422)
    alone = to(world, one, "running")
    is_refused(alone, 409)
    assert alone.json()["error"]["code"] == "CHECKLIST"


@holds(REMOVE, rule="its participants are given the versions that remain")
def test_nobody_keeps_a_variant_that_is_gone(world: World):
    one = made(world, variants=weighed(40, 30, 30))
    gone = one["variants"][2]["id"]
    after = world("DELETE", f"{HERE}/{one['id']}/variants/{gone}")
    assert after.status_code == 200, after.text
    left = {variant["id"] for variant in after.json()["data"]["variants"]}
    assert {a["variantId"] for a in after.json()["data"]["assignments"]} <= left
    assert len(after.json()["data"]["assignments"]) == 10
    assert to(world, one, "running").status_code == 200


@holds(ADD, CHANGE_VARIANT, REMOVE, rule="in a draft only; else 409")
def test_variants_of_a_started_one_are_fixed(world: World):
    for status in ("running", "paused", "completed"):
        one = made(world, variants=weighed(40, 30, 30))
        for step in WAYS[status]:
            to(world, one, step)
        path = f"{HERE}/{one['id']}/variants"
        is_refused(world("POST", path, {"name": "late"}), 409)
        first = f"{path}/{one['variants'][1]['id']}"
        is_refused(world("PATCH", first, {"content": "?"}), 409)
        is_refused(world("DELETE", first), 409)


@holds(CHANGE, rule="name and description; targetFile in a draft only, else 409")
def test_words_change_any_time_and_the_file_in_a_draft(world: World):
    one = made(world)
    path = f"{HERE}/{one['id']}"
    change = {"targetFile": "agents/sales.md", "name": "Tone", "description": "Why"}
    moved = world("PATCH", path, change).json()["data"]
    assert moved == one | change
    for wrong in ({"status": "running"}, {"name": ""}, {"targetFile": ""}, {"variants": []}):
        is_refused(world("PATCH", path, wrong), 422)
    for status in ("running", "paused", "completed"):
        to(world, one, status)
        assert world("PATCH", path, {"description": status}).status_code == 200
        assert world("PATCH", path, {"name": status}).json()["data"]["name"] == status
        is_refused(world("PATCH", path, {"targetFile": "other.md"}), 409)
    is_refused(world("PATCH", f"{HERE}/nothing", {"name": "x"}), 404)


@holds(DELETE, rule="204; running or paused 409 (R9)")
def test_a_running_one_is_not_deleted(world: World):
    for status, ways in WAYS.items():
        one = made(world)
        for step in ways:
            to(world, one, step)
        answer = world("DELETE", f"{HERE}/{one['id']}")
        if status in {"running", "paused"}:
            is_refused(answer, 409)
        else:
            assert (answer.status_code, answer.content) == (204, b"")
            is_refused(world("GET", f"{HERE}/{one['id']}"), 404)


@holds(DEPLOY, rule="200; one participant gets the version, the experiment's status stays")
@holds(READ, DEPLOY, rule="assignments show what was deployed to a participant")
@holds(DEPLOY, rule="without the deploy right 403")
@holds(DEPLOY, rule="participantId and variantId are required: 422; a foreign variantId: 404")
def test_one_participant_gets_a_version_and_the_status_stays(ws: Workspace, world: World):
    for status, ways in WAYS.items():
        one, other = made(world), made(world)
        for step in ways:
            to(world, one, step)
        path, warm = f"{HERE}/{one['id']}/deploy", one["variants"][1]["id"]
        body = {"participantId": "agent-3", "variantId": warm}
        is_refused(world.as_role(ws, "editor")("POST", path, body), 403)
        for foreign in ("nothing", other["variants"][1]["id"]):
            is_refused(world("POST", path, body | {"variantId": foreign}), 404)
        for wrong in ({"variantId": warm}, {"participantId": "agent-3"}, body | {"x": 1}):
            is_refused(world("POST", path, wrong), 422)
        assert deploying.deployments(ws, LOCAL, one["id"]) == ()
        answer = world("POST", path, body)
        assert answer.status_code == 200, answer.text
        told = answer.json()["data"]
        assert (told["experimentId"], told["participantId"], told["variantId"]) == (
            one["id"], "agent-3", warm,
        )  # fmt: skip
        shown = world("GET", f"{HERE}/{one['id']}").json()["data"]
        assert shown["status"] == status
        given = {a["participantId"]: a["variantId"] for a in shown["assignments"]}
        before = {a["participantId"]: a["variantId"] for a in one["assignments"]}
        assert given == before | {"agent-3": warm}
        (row,) = deploying.deployments(ws, LOCAL, one["id"])
        assert (row.target, row.unit_id) == ("participant", "agent-3")
        if status == "running":
            served = world("POST", f"/api/v1/experiments/{one['id']}/assign",
                           {"unit_id": "agent-3"})  # fmt: skip
            assert served.json()["data"]["variant"] == "warm"


@holds(DEPLOY, LIST, CREATE, rule="a key always; a JWT of an issuer that nobody set up is 401")
def test_a_jwt_of_an_unknown_issuer_is_401(world: World):
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJkaWQ6cHJpdnk6MSJ9.c2lnbmF0dXJl"  # noqa: S105
    stranger = World(world.server, token)
    one = made(world)
    body = {"participantId": "a", "variantId": one["variants"][0]["id"]}
    is_refused(stranger("GET", HERE), 401)
    is_refused(stranger("POST", HERE, BODY), 401)
    is_refused(stranger("POST", f"{HERE}/{one['id']}/deploy", body), 401)


@holds(CREATE, rule="errors name the fields of Stamn: participantIds")
def test_errors_name_the_fields_of_the_client(world: World):
    body = {
        "name": "Tone", "targetFile": "a.md", "variants": [{"name": "a"}, {"name": "b"}],
        "participantIds": ["one", "one"],
    }  # fmt: skip
    twice = world("POST", HERE, body)
    is_refused(twice, 422)
    (problem,) = twice.json()["error"]["details"]
    assert (problem["field"], problem["rule"]) == ("participantIds", "DUPLICATE_PARTICIPANT")
