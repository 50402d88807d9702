"""KaireonAI's rules, one by one; its document prints no example that survived."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette

from experiments_core.analysis.results import (
    ArmResult,
    HoldoutMetric,
    HoldoutResult,
    MetricResult,
)
from experiments_core.api.facades import common
from experiments_core.domain.access import LOCAL
from experiments_core.services import experiments, keys
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import World

HERE = "/compat/kaireon/api/v1/experiments"
BODY = {
    "key": "offer-model", "name": "Offer model", "championModelId": "m1",
    "trafficSplit": {"championPct": 50}, "challengers": [{"modelId": "m2", "trafficPct": 50}],
}  # fmt: skip


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


def put(world: World, one: Any, **body: Any) -> Any:
    return world("PUT", f"{HERE}/{one['id']}", body)


def test_defaults_and_a_draft_without_challengers_gives_the_champion_everything(world: World):
    answer = world("POST", HERE, {"key": "k", "name": "n"})
    assert answer.status_code == 201, answer.text
    one = answer.json()
    assert one["trafficSplit"] == {"championPct": 100}
    assert (one["status"], one["challengers"], one["championModel"]) == ("draft", [], None)
    assert (one["autoPromote"], one["promoteThreshold"], one["promoteAfterDays"]) == (
        False, 0.02, 14,
    )  # fmt: skip
    assert put(world, one, status="active").status_code == 400
    told = world("GET", f"{HERE}/{one['id']}/results").json()
    assert len(told["variants"]) == 1


@pytest.mark.parametrize(
    "wrong",
    ({"trafficSplit": {"championPct": 60}}, {"status": "running"}, {"key": None},
     {"challengers": []}, {"trafficSplit": {}}, {"colour": 1}, {"championModelId": "m2"},
     {"promoteAfterDays": 0}, {"holdoutPercent": 51}, {"autoPromote": "yes"}),
)  # fmt: skip
def test_a_body_that_breaks_a_rule_is_400_and_nothing_is_made(
    world: World, wrong: dict[str, Any]
):
    answer = world("POST", HERE, BODY | wrong)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "requestId"}
    assert world("GET", HERE).json()["data"] == []


def test_80_is_literal_with_challengers_and_a_key_is_used_once(world: World):
    body = {"key": "k", "name": "n", "challengers": [{"modelId": "b", "trafficPct": 20}]}
    assert world("POST", HERE, body).json()["trafficSplit"] == {"championPct": 80}
    again = world("POST", HERE, body)
    assert (again.status_code, again.json()["error"]["code"]) == (400, "DUPLICATE_KEY")
    body |= {"key": "k2", "challengers": [{"modelId": "b", "trafficPct": 30}]}
    assert world("POST", HERE, body).status_code == 400


@pytest.mark.parametrize(
    ("status", "stored"),
    (("draft", "draft"), ("active", "running"), ("paused", "paused"), ("archived", "archived")),
)
def test_a_status_on_creation_is_kept(ws: Workspace, world: World, status: str, stored: str):
    one = made(world, status=status)
    assert one["status"] == status
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    assert (found.status, found.historical) == (stored, status == "archived")


def test_status_words_run_the_verbs(world: World):
    one = made(world)
    assert put(world, one, status="paused").status_code == 409
    for word in ("active", "active", "paused", "active", "archived", "archived"):
        assert put(world, one, status=word).json()["status"] == word
    assert put(world, one, status="active").status_code == 409


def test_challengers_are_replaced_as_a_set_and_keep_their_ids(world: World):
    one = made(world)
    three = [{"modelId": "m3", "trafficPct": 20}, {"modelId": "m2", "trafficPct": 30}]
    after = put(world, one, challengers=three).json()
    assert {c["modelId"]: c["trafficPct"] for c in after["challengers"]} == {"m3": 20, "m2": 30}
    assert after["challengers"][1]["id"] == one["challengers"][0]["id"]
    assert put(world, one, trafficSplit={"championPct": 60}).status_code == 400
    assert put(world, one, name="Other").json()["trafficSplit"] == {"championPct": 50}


def test_new_shares_of_an_active_one_are_a_phase_and_new_models_are_409(
    ws: Workspace, world: World
):
    one = made(world, status="active")
    moved = [{"modelId": "m2", "trafficPct": 40}]
    after = put(world, one, trafficSplit={"championPct": 60}, challengers=moved)
    assert after.json()["trafficSplit"] == {"championPct": 60}
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    assert [p.kind for p in found.phases] == ["start", "traffic"]
    assert put(world, one, challengers=[{"modelId": "m9", "trafficPct": 40}]).status_code == 409


def test_delete_by_path_and_by_query(world: World):
    one, other = made(world), made(world, key="other")
    active = made(world, key="active", status="active")
    assert world("DELETE", f"{HERE}/{active['id']}").status_code == 409
    assert world("DELETE", f"{HERE}/{one['id']}").status_code == 204
    assert world("DELETE", f"{HERE}?id={other['id']}").status_code == 204
    assert world("DELETE", HERE).status_code == 400
    assert world("GET", f"{HERE}/{one['id']}").status_code == 404


def test_pages_and_trailing_slashes(world: World):
    names = {made(world, key=f"k{i}")["key"] for i in range(3)}
    first = world("GET", f"{HERE}/?limit=2").json()
    assert (first["pagination"]["total"], first["pagination"]["hasMore"]) == (3, True)
    rest = world("GET", f"{HERE}?limit=2&cursor={first['pagination']['cursor']}").json()
    assert {one["key"] for one in first["data"] + rest["data"]} == names
    assert rest["pagination"] == {"total": 3, "hasMore": False, "limit": 2, "cursor": None}
    assert world("GET", f"{HERE}/{first['data'][0]['id']}/").json() == first["data"][0]
    assert world("GET", f"{HERE}?cursor=x").status_code == 400


def test_a_viewer_reads_and_an_editor_writes(ws: Workspace, server: Starlette, world: World):
    one = made(world)
    viewer = World(server, keys.create_key(ws, LOCAL, "v", role="viewer").secret or "")
    editor = World(server, keys.create_key(ws, LOCAL, "e", role="editor").secret or "")
    assert viewer("GET", HERE).status_code == 200
    assert viewer("GET", f"{HERE}/{one['id']}/results").status_code == 200
    assert viewer("POST", HERE, BODY | {"key": "x"}).status_code == 403
    assert put(viewer, one, name="x").status_code == 403
    assert viewer("DELETE", f"{HERE}/{one['id']}").status_code == 403
    assert made(editor, key="y")


def test_stored_results_are_told_until_there_are_data(world: World):
    one = made(world)
    assert put(world, one, results={"lift": 0.1}).json()["results"] == {"lift": 0.1}
    told = world("GET", f"{HERE}/{one['id']}/results").json()
    assert (told["source"], told["lift"]) == ("stored", 0.1)


def test_results_come_from_events(world: World):
    one = made(world, status="active")
    arms = {}
    for i in range(60):
        path = f"/api/v1/experiments/{one['key']}/assign"
        arms[f"u{i}"] = world("POST", path, {"unit_id": f"u{i}"}).json()["data"]["variant"]
    won = [u for u, arm in arms.items() if arm == "m2" or int(u[1:]) % 5 == 0]
    world.events(
        *({"type": "exposure", "unit_id": u, "experiment": one["key"]} for u in arms),
        *({"type": "metric", "unit_id": u, "name": "conversion"} for u in won),
    )
    told = world("GET", f"{HERE}/{one['id']}/results").json()
    assert told["source"] == "computed"
    champion, challenger = told["variants"]
    n = sum(arm == "champion" for arm in arms.values())
    x = sum(arms[u] == "champion" for u in won)
    assert (champion["role"], champion["samples"], champion["conversions"]) == (
        "champion",
        n,
        x,
    )
    assert challenger["conversionRate"] == 1 == challenger["ciUpper"]
    m = challenger["samples"]
    assert challenger["ciLower"] == pytest.approx(m / (m + 1.959964**2), rel=1e-6)  # Wilson
    block, pooled = told["uplift"], (x + m) / (n + m)
    z = (1 - x / n) / (pooled * (1 - pooled) * (1 / n + 1 / m)) ** 0.5
    assert block["zScore"] == pytest.approx(z)
    assert block["uplift"] == pytest.approx(1 - x / n)
    assert (block["reference"], block["significant"], block["insufficientData"]) == (
        "champion", True, True,
    )  # fmt: skip
    assert told["requiredSampleSize"] > 1000


def test_with_numbers_of_a_holdout_everybody_is_compared_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    one = made(world, holdoutPercent=50)
    assert one["holdoutPercent"] == 50
    real = common.numbers_of
    held = HoldoutMetric(
        "conversion", 1000, 0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.95, 0.0, "none"
    )

    def numbers(call: Any, experiment: Any) -> Any:
        told = real(call, experiment)
        arm = ArmResult("champion", 1000, 130, 0.13, 0.1, 0.2)
        arms = (arm, replace(arm, variant="m2", conversions=150))
        metric = MetricResult(
            "conversion", "Conversion", "proportion", "primary", "increase", "", arms
        )
        block = HoldoutResult("holdout", randomised=True, metrics=(held,))
        return replace(told, result=replace(told.result, metrics=(metric,), holdout=block))

    monkeypatch.setattr(common, "numbers_of", numbers)
    told = world("GET", f"{HERE}/{one['id']}/results").json()["uplift"]
    assert (told["reference"], told["holdoutSamples"], told["treatmentSamples"]) == (
        "holdout", 1000, 2000,
    )  # fmt: skip
    assert told["holdoutConversionRate"] == 0.1
    assert told["treatmentConversionRate"] == pytest.approx(0.14)
    assert told["relativeUplift"] == pytest.approx(0.4)
    assert (told["significant"], told["insufficientData"]) == (True, False)
