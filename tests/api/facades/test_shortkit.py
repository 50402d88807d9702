"""ShortKit's rules, one by one; its printed examples are in test_examples.py."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import acting, deploying, experiments
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import Clock, World
from tests.api.facades.rules import holds

HERE = "/compat/shortkit/v1/experiments"
LIST, CREATE = (f"{method} /v1/experiments" for method in ("GET", "POST"))
READ, CHANGE, DELETE = (
    f"{method} /v1/experiments/{{experiment_id}}" for method in ("GET", "PATCH", "DELETE")
)
START, STOP = (f"POST /v1/experiments/{{experiment_id}}/{verb}" for verb in ("start", "stop"))
RESULTS = "GET /v1/experiments/{experiment_id}/results"
BODY: dict[str, Any] = {
    "name": "Engagement weight test",
    "description": "Testing higher engagement weight in ranking",
    "type": "ranking",
    "traffic": 0.20,
    "variants": [
        {"id": "control", "name": "Control", "traffic": 0.5,
         "config": {"weights": {"recency": 0.25}}},
        {"id": "high_engagement", "name": "High engagement", "traffic": 0.5,
         "config": {"weights": {"recency": 0.20}}},
    ],
    "metrics": ["completionRate", "watchTime", "sessionsPerUser"],
}  # fmt: skip
FIELDS = {
    "id", "name", "description", "status", "type", "traffic", "variants", "metrics",
    "startedAt", "createdAt",
}  # fmt: skip
NORMAL = NormalDist()


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def do(world: World, one: Any, verb: str, body: Any = None) -> Any:
    return world("POST", f"{HERE}/{one['id']}/{verb}", body)


def told(world: World, one: Any) -> Any:
    answer = world("GET", f"{HERE}/{one['id']}/results")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def ours(ws: Workspace, one: Any) -> Any:
    """The experiment behind an ``exp_…`` id."""
    hexadecimal = one["id"].removeprefix("exp_")
    return next(
        found
        for found in experiments.list_experiments(ws, LOCAL, include_archived=True)
        if found.id.replace("-", "") == hexadecimal
    )


def is_refused(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "requestId"}


def split(*shares: Any) -> dict[str, Any]:
    return {"variants": [
        {"id": f"v{i}", "name": f"V{i}", "traffic": share} for i, share in enumerate(shares)
    ]}  # fmt: skip


@holds(CREATE, rule="201 {data}, a draft with the sent fields; ids are exp_ and 32 digits")
@holds(READ, rule="the same with config and participants of each variant")
@holds(LIST, rule="{data, meta {total}}")
def test_every_field_is_answered(world: World):
    one = made(world)
    assert set(one) == FIELDS
    same = ("name", "description", "type", "traffic", "metrics")
    assert {name: one[name] for name in same} == {name: BODY[name] for name in same}
    assert one["variants"] == [
        {k: v for k, v in arm.items() if k != "config"} for arm in BODY["variants"]
    ]
    assert (one["status"], one["startedAt"]) == ("draft", None)
    assert one["id"].startswith("exp_")
    assert len(one["id"]) == 36
    shown = world("GET", f"{HERE}/{one['id']}").json()["data"]
    assert shown == one | {"variants": [arm | {"participants": 0} for arm in BODY["variants"]]}
    assert world("GET", HERE).json() == {"data": [one], "meta": {"total": 1}}
    is_refused(world("GET", f"{HERE}/exp_nothing"), 404)


@holds(LIST, rule="?status draft, running, completed or stopped filters; another word is 422")
@holds(LIST, rule="limit is 20 unless said, from 1 to 100; total counts them all")
def test_the_list_is_filtered_and_cut(ws: Workspace, world: World):
    names = [made(world, name=f"n{i}")["name"] for i in range(21)]
    whole = world("GET", HERE).json()
    assert [one["name"] for one in whole["data"]] == names[:0:-1]
    assert whole["meta"] == {"total": 21}
    assert len(world("GET", f"{HERE}?limit=100").json()["data"]) == 21
    two = world("GET", f"{HERE}?limit=2&status=draft").json()
    assert ([one["name"] for one in two["data"]], two["meta"]) == (
        ["n20", "n19"],
        {"total": 21},
    )
    ways: dict[str, tuple[str, ...]] = {
        "running": ("start",), "stopped": ("start", "stop"),
        "completed": ("start", "stop", "complete"),
    }  # fmt: skip
    for status, verbs in ways.items():
        one = made(world, name=status)
        for verb in verbs:
            found = ours(ws, one)
            acting.transition(
                ws, LOCAL, found.id, verb, version=found.version,
                unstated=verb == "complete", reason="as asked",
            )  # fmt: skip
        listed = world("GET", f"{HERE}?status={status}").json()
        assert [(x["name"], x["status"]) for x in listed["data"]] == [(status, status)]
        assert listed["meta"] == {"total": 1}
    for wrong in ("status=paused", "limit=0", "limit=101", "limit=x", "colour=red"):
        is_refused(world("GET", f"{HERE}?{wrong}"), 422)


WRONG: tuple[dict[str, Any], ...] = (
    {"name": None}, {"name": ""}, {"type": None}, {"type": "page"}, {"traffic": None},
    {"traffic": 1.2}, {"traffic": -0.1}, {"traffic": True}, {"traffic": "0.2"},
    {"traffic": 0.12345}, {"variants": None}, {"variants": "two"}, split(0.5, 0.4),
    split(0.5, 0.6), split(1.0), split(1.5, -0.5), split("0.5", "0.5"), split(True, 0),
    {"variants": [{"id": "a", "name": "A", "traffic": 0.5},
                  {"id": "A", "name": "B", "traffic": 0.5}]},
    {"variants": [{"name": "A", "traffic": 0.5}, {"id": "b", "name": "B", "traffic": 0.5}]},
    {"targetingRules": {"mood": ["happy"]}}, {"targetingRules": []},
    {"metrics": ["no blanks"]}, {"metrics": "watchTime"}, {"metrics": [7]},
    {"metrics": ["watchTime", "watchTime"]}, {"colour": "red"}, {"status": "running"},
)  # fmt: skip


@holds(CREATE, rule="name, type, traffic and variants are required; type is one of three: 422")
@holds(CREATE, rule="traffic is a fraction from 0 to 1 with four decimals at most: 422")
@holds(CREATE, rule="the variants' traffic makes 1, ids differ, nothing unknown is sent: 422")
def test_a_body_that_breaks_a_rule_is_422_and_nothing_is_made(world: World):
    for wrong in WRONG:
        is_refused(world("POST", HERE, BODY | wrong), 422)
    assert world("GET", HERE).json() == {"data": [], "meta": {"total": 0}}


@holds(CREATE, rule="shares within 1e-9 of 1 are taken, rounded by largest remainder (R11)")
@holds(CREATE, rule="traffic is the allocation of units to the test (R14)")
def test_thirds_make_exactly_one(ws: Workspace, world: World):
    for kind in ("ranking", "config", "feature"):
        one = made(world, type=kind, traffic=0.1234, **split(1 / 3, 1 / 3, 1 / 3))
        assert [arm["traffic"] for arm in one["variants"]] == [0.3334, 0.3333, 0.3333]
        assert (one["type"], one["traffic"], ours(ws, one).allocation_bp) == (
            kind,
            0.1234,
            1234,
        )
    is_refused(world("POST", HERE, BODY | split(1 / 3, 1 / 3, 0.33333)), 422)


@holds(CREATE, rule="metrics by name: rates, a mean, a count; another name is a mean")
@holds(CREATE, rule="without metrics completionRate; the first is primary")
def test_metrics_are_what_their_names_say(ws: Workspace, world: World):
    names = ["retention", "completionRate", "watchTime", "sessionsPerUser", "likes"]
    found = ours(ws, made(world, metrics=names)).metrics
    assert [(one.key, one.kind.value, one.role.value) for one in found] == [
        ("retention", "proportion", "primary"), ("completionRate", "proportion", "secondary"),
        ("watchTime", "mean", "secondary"), ("sessionsPerUser", "count", "secondary"),
        ("likes", "mean", "secondary"),
    ]  # fmt: skip
    rest = {name: value for name, value in BODY.items() if name != "metrics"}
    assert world("POST", HERE, rest).json()["data"]["metrics"] == ["completionRate"]


@holds(CREATE, rule="targetingRules: countries, devices, userSegments, or a tree of conditions")
def test_targeting_keeps_others_out(ws: Workspace, world: World):
    tree = {"all": [
        {"attribute": "country", "op": "in", "value": ["DE"]},
        {"attribute": "device", "op": "eq", "value": "ios"},
        {"attribute": "segments", "op": "contains_any", "value": ["new"]},
    ]}  # fmt: skip
    short = {"countries": ["DE"], "devices": ["ios"], "userSegments": ["new"]}
    inside: dict[str, Any] = {"country": "DE", "device": "ios"}
    for rules, named in ((short, "user_segments"), (tree, "segments")):
        one = made(world, targetingRules=rules, traffic=1.0)
        assert do(world, one, "start").status_code == 200
        path = f"/api/v1/experiments/{ours(ws, one).key}/assign"
        for attributes, enters in (
            (inside | {named: ["new", "x"]}, True), (inside | {named: ["old"]}, False),
            (inside | {named: ["new"], "country": "FR"}, False),
        ):  # fmt: skip
            body = {"unit_id": "u1", "attributes": attributes, "dry_run": True}
            answer = world("POST", path, body).json()["data"]
            assert (answer["in_experiment"], answer["reason"] == "not_targeted") == (
                enters, not enters,
            ), (rules, attributes, answer)  # fmt: skip


@holds(CHANGE, rule="name, description, traffic of a draft; in any other status 409")
@holds(CHANGE, rule="what a creation refuses, a change refuses: 422")
@holds(DELETE, rule="204; running 409")
@holds(START, rule="{data {id, status, startedAt}}, from draft or stopped; else 409")
@holds(STOP, rule="the same with stoppedAt; from running, to stopped; else 409")
def test_what_each_status_allows(clock: Clock, world: World):
    one = made(world)
    path = f"{HERE}/{one['id']}"
    change = {"name": "Other", "description": "Why", "traffic": 0.1}
    assert world("PATCH", path, change).json()["data"] == one | change
    assert world("PATCH", path, {"traffic": 0.3}).json()["data"]["traffic"] == 0.3
    for wrong in ({"traffic": 1.2}, {"traffic": 0.12345}, {"name": ""}, {"type": "config"},
                  {"variants": BODY["variants"]}, {"status": "running"}):  # fmt: skip
        is_refused(world("PATCH", path, wrong), 422)
    is_refused(do(world, one, "stop"), 409)
    began = []
    for _ in range(2):
        clock.wait(hours=1)
        started = do(world, one, "start").json()["data"]
        assert (set(started), started["status"]) == ({"id", "status", "startedAt"}, "running")
        began.append(started["startedAt"])
        for refused in (do(world, one, "start"), world("PATCH", path, {"name": "x"}),
                        world("DELETE", path)):  # fmt: skip
            is_refused(refused, 409)
        stopped = do(world, one, "stop", {"reason": "Enough"}).json()["data"]
        assert set(stopped) == {"id", "status", "startedAt", "stoppedAt"}
        assert (stopped["status"], stopped["stoppedAt"] >= began[-1]) == ("stopped", True)
        for refused in (do(world, one, "stop"), world("PATCH", path, {"traffic": 0.5})):
            is_refused(refused, 409)
    assert began[0] < began[1]
    gone = world("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    is_refused(world("GET", path), 404)


@holds(START, rule="with traffic 0 nobody could enter: refused")
def test_nobody_can_enter_a_test_with_traffic_0(world: World):
    one = made(world, traffic=0)
    answer = do(world, one, "start")
    assert answer.status_code in {409, 422}
    is_refused(answer, answer.status_code)
    assert world("GET", f"{HERE}/{one['id']}").json()["data"]["status"] == "draft"


@holds(STOP, rule="winner and reason are optional, so is the body; other fields are 422")
@holds(STOP, rule="a winner: stop, conclusion and deployment in one transaction (R8)")
@holds(STOP, rule="an unknown winner is 422, no deploy right 403, and nothing changes")
def test_a_winner_needs_the_right_and_has_to_exist(ws: Workspace, world: World):
    one = made(world)
    do(world, one, "start")
    editor = world.as_role(ws, "editor")
    winner = {"winner": "high_engagement", "reason": "Statistical significance reached"}
    is_refused(do(editor, one, "stop", winner), 403)
    for wrong in ({"winner": "nobody"}, {"winner": 7}, {"winner": ""}, {"colour": 1}, []):
        is_refused(do(world, one, "stop", wrong), 422)
    assert world("GET", f"{HERE}/{one['id']}").json()["data"]["status"] == "running"
    assert deploying.deployments(ws, LOCAL, ours(ws, one).id) == ()
    assert do(world, one, "stop", winner).json()["data"]["status"] == "stopped"
    found = ours(ws, one)
    assert (found.status, found.winner, found.conclusion, found.stop_reason) == (
        "stopped", "high_engagement", "won", winner["reason"],
    )  # fmt: skip
    (row,) = deploying.deployments(ws, LOCAL, found.id)
    assert (row.variant, row.target, row.state) == ("high_engagement", "production", "active")
    path = f"/api/v1/experiments/{found.key}/assign"
    served = world("POST", path, {"unit_id": "anybody"}).json()["data"]
    assert served["value"] == BODY["variants"][1]["config"]


@holds(RESULTS, rule="without data numbers are null, never 0")
def test_results_without_data_are_null(world: World):
    body = told(world, made(world))
    assert set(body) == {"experimentId", "status", "duration", "variants", "recommendation"}
    assert body["duration"] == {"days": 0, "startedAt": None}
    assert [arm["participants"] for arm in body["variants"]] == [0, 0]
    assert {number for arm in body["variants"] for one in arm["metrics"].values()
            for name, number in one.items() if name in {"value", "lift"}} <= {None}  # fmt: skip
    assert body["recommendation"] == {
        "winner": None, "confidence": None, "minimumDetectableEffect": None,
    }  # fmt: skip


@holds(RESULTS, rule="duration: whole days elapsed since the first start, until the stop")
def test_the_duration_counts_whole_days_from_the_first_start(clock: Clock, world: World):
    one = made(world)
    first = do(world, one, "start").json()["data"]["startedAt"]
    assert told(world, one)["duration"] == {"days": 0, "startedAt": first}
    clock.wait(days=7, hours=23)
    assert told(world, one)["duration"] == {"days": 7, "startedAt": first}
    do(world, one, "stop")
    clock.wait(days=3)
    assert told(world, one)["duration"] == {"days": 7, "startedAt": first}
    again = do(world, one, "start").json()["data"]["startedAt"]
    assert again > first
    assert told(world, one)["duration"] == {"days": 10, "startedAt": first}


def z_of(control: tuple[int, int], treated: tuple[int, int]) -> float:
    (n, x), (m, y) = control, treated
    pooled = (x + y) / (n + m)
    return (y / m - x / n) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))


def units_for(p: float, q: float, ratio: float) -> float:
    """Control's units that see q against p in 80 of 100 tests at 5 %."""
    pooled = (p + ratio * q) / (1 + ratio)
    root = NORMAL.inv_cdf(0.975) * math.sqrt((1 + 1 / ratio) * pooled * (1 - pooled))
    root += NORMAL.inv_cdf(0.8) * math.sqrt(p * (1 - p) + q * (1 - q) / ratio)
    return (root / (q - p)) ** 2


@holds(RESULTS, rule="{id, name, participants, metrics} of each variant")
@holds(RESULTS, rule="a metric: value, confidence (the level), relative lift, significant")
@holds(RESULTS, rule="lift and significant are absent on control")
@holds(RESULTS, rule="recommendation: winner, its probability to be best, effect at 80 % power")
@holds(READ, rule="participants are the units analysed")
def test_results_come_from_events(ws: Workspace, world: World):
    one = made(world, traffic=1.0)
    do(world, one, "start")
    key = ours(ws, one).key
    arms = world.exposures(key, [f"u{i}" for i in range(80)])
    won = [u for u, arm in arms.items() if arm != "control" or int(u[1:]) % 5 == 0]
    seconds = {u: 10.0 + int(u[1:]) for u in arms}
    sessions = {
        u: i % 4
        for arm in ("control", "high_engagement")
        for i, u in enumerate(u for u in arms if arms[u] == arm)
    }
    world.events(
        *({"type": "metric", "unit_id": u, "name": "completionRate"} for u in won),
        *({"type": "metric", "unit_id": u, "name": "watchTime", "value": value}
          for u, value in seconds.items()),
        *({"type": "metric", "unit_id": u, "name": "sessionsPerUser"}
          for u, n in sessions.items() for _ in range(n)),
    )  # fmt: skip
    body = told(world, one)
    assert (body["experimentId"], body["status"]) == (one["id"], "running")
    values: dict[str, dict[str, float]] = {}
    counts = {}
    for shown, variant in zip(body["variants"], BODY["variants"], strict=True):
        arm = variant["id"]
        mine = [u for u in arms if arms[u] == arm]
        assert set(shown) == {"id", "name", "participants", "metrics"}
        assert (shown["id"], shown["name"], shown["participants"]) == (
            arm, variant["name"], len(mine),
        )  # fmt: skip
        assert list(shown["metrics"]) == BODY["metrics"]
        counts[arm] = len(mine), sum(u in won for u in mine)
        values[arm] = {
            "completionRate": counts[arm][1] / counts[arm][0],
            "watchTime": sum(seconds[u] for u in mine) / len(mine),
            "sessionsPerUser": sum(sessions[u] for u in mine) / len(mine),
        }
        for name, value in values[arm].items():
            metric = shown["metrics"][name]
            compared = {"lift", "significant"} if arm != "control" else set()
            assert set(metric) == {"value", "confidence"} | compared
            assert metric["value"] == pytest.approx(value)
            assert metric["confidence"] == 0.95
            if compared:
                assert metric["lift"] == pytest.approx(value / values["control"][name] - 1)
    treated = body["variants"][1]["metrics"]
    p = 2 * NORMAL.cdf(-abs(z_of(counts["control"], counts["high_engagement"])))
    assert treated["completionRate"]["significant"] is (p < 0.05) is True
    assert treated["sessionsPerUser"]["significant"] is False
    recommended = body["recommendation"]
    assert recommended["winner"] == "high_engagement"
    assert 0.99 < recommended["confidence"] <= 1
    (n, x), (m, _) = counts["control"], counts["high_engagement"]
    effect = recommended["minimumDetectableEffect"]
    assert units_for(x / n, x / n * (1 + effect), m / n) == pytest.approx(n, rel=1e-6)
    detail = world("GET", f"{HERE}/{one['id']}").json()["data"]["variants"]
    assert [(arm["id"], arm["participants"]) for arm in detail] == [
        (arm, n) for arm, (n, _) in counts.items()
    ]


@holds(RESULTS, rule="no winner where nothing is significant; confidence is no 1 - p (R18)")
def test_without_a_difference_nobody_wins(ws: Workspace, world: World):
    one = made(world, traffic=1.0, metrics=["completionRate"])
    do(world, one, "start")
    arms = world.exposures(ours(ws, one).key, [f"u{i}" for i in range(60)])
    won: list[str] = []
    for arm in ("control", "high_engagement"):
        mine = [u for u in arms if arms[u] == arm]
        won += mine[: len(mine) // 2]
    world.events(*({"type": "metric", "unit_id": u, "name": "completionRate"} for u in won))
    body = told(world, one)
    assert body["variants"][1]["metrics"]["completionRate"]["significant"] is False
    assert body["recommendation"]["winner"] is None
    assert 0.5 <= body["recommendation"]["confidence"] < 0.7


@holds(
    RESULTS, rule="events name the experiment by the id that clients know, ours or the old one"
)
def test_events_name_the_experiment_as_clients_know_it(ws: Workspace, world: World):
    one = made(world, traffic=1)
    do(world, one, "start")
    found = ours(ws, one)
    old = {"external_ids": {"shortkit": "exp_abc123"}}
    experiments.edit_experiment(ws, LOCAL, found.id, old, version=found.version)
    for number, name in enumerate((one["id"], "exp_abc123")):
        world.exposures(name, [f"u{number}"])
        shown = world("GET", f"{HERE}/exp_abc123/results").json()["data"]
        assert sum(arm["participants"] for arm in shown["variants"]) == number + 1


@holds(RESULTS, rule="an event with the value 0 says that it did not happen")
def test_a_completion_of_0_is_none(world: World):
    one = made(world, traffic=1, metrics=["completionRate"])
    do(world, one, "start")
    units = [f"u{i}" for i in range(40)]
    arms = world.exposures(one["id"], units)
    metric = {"type": "metric", "name": "completionRate"}
    world.events(*(
        metric | {"unit_id": unit} | ({} if i % 4 == 0 else {"value": float(i % 2)})
        for i, unit in enumerate(units)
    ))  # fmt: skip
    done = [unit for i, unit in enumerate(units) if i % 4 == 0 or i % 2]
    for arm in told(world, one)["variants"]:
        mine = [unit for unit in units if arms[unit] == arm["id"]]
        share = len([unit for unit in done if unit in mine]) / len(mine)
        assert arm["metrics"]["completionRate"]["value"] == pytest.approx(share)


@holds(RESULTS, rule="before there are data every metric is there, its numbers null")
@holds(CREATE, rule="an empty list of metrics is as good as none: completionRate")
@holds(
    CREATE, rule="errors name the fields of ShortKit; a broken sum is SPLIT_SUM, as everywhere"
)
def test_without_data_metrics_are_null(world: World):
    one = made(world)
    for arm in told(world, one)["variants"]:
        treated = arm["id"] != "control"
        nothing = {"lift": None, "significant": False} if treated else {}
        assert arm["metrics"] == {
            name: {"value": None, "confidence": 0.95, **nothing} for name in BODY["metrics"]
        }
    assert made(world, metrics=[])["metrics"] == ["completionRate"]
    wrong = world("POST", HERE, BODY | {"targetingRules": {"devices": ["fridge"]}})
    is_refused(wrong, 422)
    assert wrong.json()["error"]["details"][0]["field"] == "targetingRules.devices[0]"
    error = world("POST", HERE, BODY | split(0.5, 0.4)).json()["error"]
    assert error["code"] == "SPLIT_SUM"
