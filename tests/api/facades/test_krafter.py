"""Krafter's rules, one by one; its printed examples are in test_examples.py."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import acting, experiments, keys, projects, traffic
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import Clock, World
from tests.api.facades.rules import holds

FLAG = "d4e5f6a7-8b9c-4d0e-9f1a-2b3c4d5e6f7a"
HERE = f"/compat/krafter/flags/{FLAG}/experiments"
LIST, CREATE = (f"{method} /flags/{{flag_id}}/experiments" for method in ("GET", "POST"))
START, STOP = (
    f"POST /flags/{{flag_id}}/experiments/{{experiment_id}}/{verb}"
    for verb in ("start", "stop")
)
BODY = {
    "name": "Hero Banner A/B Test",
    "environment": "production",
    "variants": [
        {"key": "control", "value": "old", "percentage": 50},
        {"key": "treatment", "value": "new", "percentage": 50},
    ],
}
FIELDS = {
    "id", "name", "environment", "status", "variants", "conversions", "started_at",
    "stopped_at", "created_at", "updated_at",
}  # fmt: skip


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def do(world: World, one: Any, verb: str) -> Any:
    return world("POST", f"{HERE}/{one['id']}/{verb}")


def is_refused(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "request_id"}


def pair(first: Any, second: Any, **changes: Any) -> dict[str, Any]:
    return {"variants": [
        {"key": "a", "value": 1, "percentage": first} | changes,
        {"key": "b", "value": 2, "percentage": second} | changes,
    ]}  # fmt: skip


@holds(CREATE, rule="201 with {data} and every field; a draft unless said, counters at 0")
@holds(LIST, rule="{data: [...]} with the same objects")
def test_every_field_is_answered(world: World):
    one = made(world)
    assert set(one) == FIELDS
    assert {name: one[name] for name in BODY} == BODY
    assert one["conversions"] == {"control": 0, "treatment": 0}
    assert (one["status"], one["started_at"], one["stopped_at"]) == ("draft", None, None)
    assert world("GET", HERE).json() == {"data": [one]}


@holds(LIST, CREATE, START, STOP, rule="/compat/krafter/api/v1 is the same as /compat/krafter")
def test_the_longer_base_is_the_same(world: World):
    long = f"/compat/krafter/api/v1/flags/{FLAG}/experiments"
    one = world("POST", long, BODY).json()["data"]
    assert world("GET", long).json() == world("GET", HERE).json() == {"data": [one]}
    for verb, status in (("start", "running"), ("stop", "stopped")):
        answer = world("POST", f"{long}/{one['id']}/{verb}")
        assert answer.json()["data"]["status"] == status


WRONG: tuple[dict[str, Any], ...] = (
    pair(50, 49), pair(50, 51), pair(50.5, 49.5), pair(50.0, 50.0), pair(True, 99),
    pair("50", "50"), pair(None, 100), pair(101, -1), pair(50, 50, key="a"),
    pair(50, 50, key=None), pair(50, 50, colour="red"), {"variants": []}, {"variants": None},
    {"variants": [{"key": "a", "value": 1, "percentage": 100}]},
    {"variants": [{"key": "a", "percentage": 50}, {"key": "b", "percentage": 50}]},
    {"name": None}, {"name": ""}, {"environment": None}, {"environment": "x" * 65},
    {"status": "paused"}, {"status": None}, {"colour": "red"},
)  # fmt: skip


@holds(CREATE, rule="percentages that do not sum to exactly 100: 422")
@holds(CREATE, rule="a percentage that is a fraction, a boolean or outside 0 to 100: 422")
@holds(CREATE, rule="a key that stands twice: 422")
@holds(CREATE, rule="a field that is missing, of another type or unknown: 422, nothing is made")
def test_a_body_that_breaks_a_rule_is_422_and_nothing_is_made(world: World):
    for wrong in WRONG:
        is_refused(world("POST", HERE, BODY | wrong), 422)
    assert world("GET", HERE).json() == {"data": []}


@holds(CREATE, rule="value is any JSON, answered as it was sent")
def test_a_value_may_be_anything(world: World):
    for value in (None, False, 0, 1.5, "", "Zoë 🙂", [], [1, {"a": None}], {"deep": {"er": 1}}):
        variants = [
            {"key": "off", "value": value, "percentage": 0},
            {"key": "on", "value": value, "percentage": 100},
        ]
        assert made(world, variants=variants)["variants"] == variants


@holds(CREATE, rule="status running is created and started")
@holds(CREATE, rule="status stopped and completed are recorded as historical (R25)")
def test_a_status_on_creation_is_kept(ws: Workspace, world: World):
    for status in ("draft", "running", "stopped", "completed"):
        one = made(world, status=status)
        found = experiments.get_experiment(ws, LOCAL, one["id"])
        assert (one["status"], found.status) == (status, status)
        assert found.historical == (status in {"stopped", "completed"})
        assert (one["started_at"] is None) == (status == "draft")


@holds(CREATE, rule="a flag seen for the first time becomes a resource")
@holds(LIST, rule="an unknown flag has none; other flags' experiments are not listed")
@holds(START, STOP, rule="the id of another flag's experiment is 404")
def test_a_flag_has_its_own_experiments(ws: Workspace, world: World):
    one = made(world)
    made(world)
    assert [(r.kind, r.locator) for r in projects.list_resources(ws, LOCAL)] == [("flag", FLAG)]
    other = "/compat/krafter/flags/other/experiments"
    assert world("GET", other).json() == {"data": []}
    for verb in ("start", "stop"):
        is_refused(world("POST", f"{other}/{one['id']}/{verb}"), 404)
        is_refused(world("POST", f"{HERE}/nothing/{verb}"), 404)
    assert world("GET", HERE).json()["data"][0]["status"] == "draft"


@holds(LIST, rule="the oldest first, all of them: there are no pages (R29)")
def test_the_list_is_whole_and_in_order(world: World):
    names = [f"n{i}" for i in range(23)]
    for name in names:
        made(world, name=name)
    assert [one["name"] for one in world("GET", HERE).json()["data"]] == names
    is_refused(world("GET", f"{HERE}?limit=5"), 422)


PLACES: dict[str, tuple[str, ...]] = {
    "draft": (), "running": ("start",), "paused": ("start", "pause"),
    "stopped": ("start", "stop"), "completed": ("start", "complete"),
    "archived": ("start", "stop", "archive"),
}  # fmt: skip
ACCEPTED = {"start": {"draft", "stopped", "paused"}, "stop": {"running"}}
SHOWN = {"paused": "stopped", "archived": "completed"}


@holds(START, rule="from draft or stopped, 200 with the whole object; else 409")
@holds(STOP, rule="from running, 200 with the whole object; else 409")
@holds(STOP, rule="the status is stopped, and stopped_at is now (R1)")
@holds(LIST, rule="a paused one shows as stopped, an archived one as completed")
@pytest.mark.parametrize("place", tuple(PLACES))
def test_every_status_and_verb(ws: Workspace, world: World, place: str):
    for verb, after in (("start", "running"), ("stop", "stopped")):
        one = made(world)
        for step in PLACES[place]:
            found = experiments.get_experiment(ws, LOCAL, one["id"])
            acting.transition(
                ws, LOCAL, one["id"], step, version=found.version,
                unstated=step == "complete", reason="as asked",
            )  # fmt: skip
        shown = world("GET", HERE).json()["data"][-1]
        assert shown["status"] == SHOWN.get(place, place)
        answer = do(world, one, verb)
        if place not in ACCEPTED[verb]:
            is_refused(answer, 409)
            continue
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        assert (set(data), data["status"]) == (FIELDS, after)
        assert (data["stopped_at"] is None) == (verb == "start")
        assert world("GET", HERE).json()["data"][-1] == data


@holds(STOP, rule="the flag answers its default value again")
def test_after_a_stop_everybody_gets_the_default(world: World):
    one = made(world, status="running")
    path = f"/api/v1/experiments/{one['id']}/assign"
    served = {
        world("POST", path, {"unit_id": f"u{i}"}).json()["data"]["value"] for i in range(12)
    }
    assert served == {"old", "new"}
    do(world, one, "stop")
    for i in range(12):
        told = world("POST", path, {"unit_id": f"u{i}"}).json()["data"]
        assert (told["value"], told["in_experiment"]) == ("old", False)


@holds(START, rule="a restart sets started_at to now, stopped_at to null, keeps counters (R15)")
@holds(LIST, rule="conversions: units that converted, by variant, over all runs")
def test_conversions_are_counted_and_kept_over_a_restart(clock: Clock, world: World):
    one = made(world, status="running")
    arms = world.exposures(one["id"], [f"u{i}" for i in range(20)])
    world.events(
        *({"type": "metric", "unit_id": f"u{i}", "name": "conversion"} for i in range(8)),
        {"type": "metric", "unit_id": "u0", "name": "conversion"},
        {"type": "metric", "unit_id": "stranger", "name": "conversion"},
    )
    true = {
        arm: sum(arms[f"u{i}"] == arm for i in range(8)) for arm in ("control", "treatment")
    }
    (listed,) = world("GET", HERE).json()["data"]
    assert listed["conversions"] == true
    clock.wait(hours=1)
    stopped = do(world, one, "stop").json()["data"]
    clock.wait(hours=1)
    again = do(world, one, "start").json()["data"]
    assert one["started_at"] == stopped["started_at"] < stopped["stopped_at"]
    assert stopped["stopped_at"] < again["started_at"]
    assert (again["conversions"], again["stopped_at"]) == (true, None)
    clock.wait(hours=1)
    more = [f"later{i}" for i in range(10)]
    arms |= world.exposures(one["id"], more)
    world.events(
        *({"type": "metric", "unit_id": unit, "name": "conversion"} for unit in more),
        prefix="more",
    )
    (listed,) = world("GET", HERE).json()["data"]
    assert listed["conversions"] == {
        arm: count + sum(arms[unit] == arm for unit in more) for arm, count in true.items()
    }


@holds(LIST, rule="with no exposures known, conversions alone are told, as uploaded (R23)")
@pytest.mark.parametrize("status", ("draft", "stopped"))
def test_conversions_that_were_uploaded_without_users(world: World, status: str):
    one = made(world, status=status)
    text = "variant,conversion\ncontrol,142\ntreatment,187\n"
    sent = world.send("POST", "/api/v1/imports", files={"file": ("c.csv", text, "text/csv")},
                      data={"experiment": one["id"]})  # fmt: skip
    assert sent.status_code == 201, sent.text
    path = f"/api/v1/imports/{sent.json()['data']['id']}"
    mapped = world("PUT", f"{path}/mapping", {"finished": True})
    assert mapped.status_code == 200, mapped.text
    done = world("POST", f"{path}/commit", {})
    assert done.status_code == 200, done.text
    (listed,) = world("GET", HERE).json()["data"]
    assert listed["conversions"] == {"control": 142, "treatment": 187}
    told = world("GET", f"/api/v1/experiments/{one['id']}/results").json()["data"]
    assert told["verdict"]["basis"] == "counts_only"


@holds(LIST, rule="scope flags:read")
@holds(CREATE, START, STOP, rule="scope flags:write; with flags:read 403")
def test_scopes_of_flags_are_enough_and_a_reader_only_reads(ws: Workspace, world: World):
    writer, reader = (
        World(world.server, keys.create_key(ws, LOCAL, scope, scopes=(scope,)).secret or "")
        for scope in ("flags:write", "flags:read")
    )
    one = made(writer)
    is_refused(reader("POST", HERE, BODY), 403)
    for verb in ("start", "stop"):
        is_refused(do(reader, one, verb), 403)
        assert do(writer, one, verb).status_code == 200
    for allowed in (writer, reader):
        assert allowed("GET", HERE).status_code == 200


@holds(LIST, rule="shares that whole percents cannot hold are rounded to make 100")
def test_a_share_that_a_whole_percent_cannot_hold_is_rounded_to_make_100(
    ws: Workspace, world: World
):
    thirds = [
        {"key": k, "value": k, "percentage": p}
        for k, p in zip("abc", (34, 33, 33), strict=True)
    ]
    one = made(world, variants=thirds)
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    traffic.change_traffic(
        ws, LOCAL, one["id"], version=found.version,
        weights_bp={"a": 3333, "b": 3334, "c": 3333}, reason="equal",
    )  # fmt: skip
    (listed,) = world("GET", HERE).json()["data"]
    assert [v["percentage"] for v in listed["variants"]] == [33, 34, 33]
