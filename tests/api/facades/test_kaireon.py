"""KaireonAI: experiments made, changed, listed and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import experiments, projects
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import World
from tests.api.facades.kaireon import (
    BODY,
    CREATE,
    DELETE,
    DELETE_BY_QUERY,
    HERE,
    LIST,
    PUT,
    READ,
    RESULTS,
    is_refused,
    made,
    put,
    told,
)
from tests.api.facades.rules import holds

FIELDS = {
    "id", "key", "name", "description", "status", "championModelId", "championModel",
    "trafficSplit", "challengers", "autoPromote", "promoteThreshold", "promoteAfterDays",
    "holdoutPercent", "results", "createdAt", "updatedAt",
}  # fmt: skip


@holds(CREATE, READ, LIST, rule="an experiment has every field, its models among them")
def test_every_field_is_answered_as_it_was_sent(world: World):
    more = {
        "description": "Which offer", "autoPromote": True, "promoteThreshold": 0.05,
        "promoteAfterDays": 7, "holdoutPercent": 12.5,
    }  # fmt: skip
    one = made(world, **more)
    assert set(one) == FIELDS
    assert {name: one[name] for name in more} == more
    assert {name: one[name] for name in ("key", "name", "championModelId")} == {
        name: BODY[name] for name in ("key", "name", "championModelId")
    }
    assert (one["championModel"], one["trafficSplit"]) == ({"id": "m1"}, {"championPct": 50})
    (challenger,) = one["challengers"]
    assert set(challenger) == {"id", "modelId", "trafficPct"}
    assert (challenger["modelId"], challenger["trafficPct"]) == ("m2", 50)
    assert world("GET", f"{HERE}/{one['id']}").json() == one
    assert world("GET", HERE).json()["data"] == [one]


@holds(CREATE, rule="defaults: draft, promoteThreshold 0.02, promoteAfterDays 14, no promotion")
@holds(CREATE, rule="without split and challengers the champion has 100 % (R12)")
@holds(PUT, rule="a draft without a challenger cannot become active: 400")
def test_defaults_and_a_draft_without_challengers_gives_the_champion_everything(world: World):
    answer = world("POST", HERE, {"key": "k", "name": "n"})
    assert answer.status_code == 201, answer.text
    one = answer.json()
    assert one["trafficSplit"] == {"championPct": 100}
    assert (one["status"], one["challengers"], one["championModel"]) == ("draft", [], None)
    assert (one["autoPromote"], one["promoteThreshold"], one["promoteAfterDays"]) == (
        False, 0.02, 14,
    )  # fmt: skip
    is_refused(put(world, one, status="active"), 400)
    assert len(told(world, one)["variants"]) == 1


WRONG: tuple[dict[str, Any], ...] = (
    {"trafficSplit": {"championPct": 60}}, {"trafficSplit": {"championPct": 50.0001}},
    {"status": "running"}, {"key": None}, {"name": None}, {"name": ""}, {"challengers": []},
    {"trafficSplit": {}}, {"colour": 1}, {"championModelId": "m2"}, {"promoteAfterDays": 0},
    {"promoteThreshold": 1.01}, {"holdoutPercent": 51}, {"autoPromote": "yes"},
    {"challengers": [{"modelId": "m2"}]}, {"challengers": "m2"}, {"key": "no blanks"},
    {"challengers": [{"modelId": "m2", "trafficPct": 150},
                     {"modelId": "m3", "trafficPct": -100}]},
)  # fmt: skip


@holds(CREATE, rule="every body that breaks a rule is 400, and nothing is made")
@holds(CREATE, rule="championPct and trafficPct that do not make exactly 100: 400")
def test_a_body_that_breaks_a_rule_is_400_and_nothing_is_made(world: World):
    for wrong in WRONG:
        is_refused(world("POST", HERE, BODY | wrong), 400)
    assert world("GET", HERE).json()["data"] == []


@holds(CREATE, PUT, rule="a body that is no JSON object is 400")
def test_what_is_no_object_is_400(world: World):
    one = made(world)
    for content in (b"", b"{", b"[]", b'"x"', b'{"name": NaN}', b"\xff"):
        is_refused(world.send("POST", HERE, content=content), 400)
        if content:
            is_refused(world.send("PUT", f"{HERE}/{one['id']}", content=content), 400)


@holds(CREATE, rule="championPct is 80 where only challengers are given")
@holds(CREATE, PUT, rule="a key that is taken is 400, in another case too")
def test_80_is_literal_with_challengers_and_a_key_is_used_once(world: World):
    body = {"key": "k", "name": "n", "challengers": [{"modelId": "b", "trafficPct": 20}]}
    assert world("POST", HERE, body).json()["trafficSplit"] == {"championPct": 80}
    is_refused(world("POST", HERE, body), 400, "DUPLICATE_KEY")
    is_refused(world("POST", HERE, body | {"key": "K"}), 400, "DUPLICATE_KEY")
    other = made(world)
    is_refused(put(world, other, key="k"), 400, "DUPLICATE_KEY")
    body |= {"key": "k2", "challengers": [{"modelId": "b", "trafficPct": 30}]}
    is_refused(world("POST", HERE, body), 400)


@holds(
    CREATE,
    rule="status: draft, active (create and start), paused (start and pause), archived "
    "(historical)",
)
def test_a_status_on_creation_is_kept(ws: Workspace, world: World):
    stored = {"draft": "draft", "active": "running", "paused": "paused", "archived": "archived"}
    for status, ours in stored.items():
        one = made(world, status=status, key=status)
        assert one["status"] == status
        found = experiments.get_experiment(ws, LOCAL, one["id"])
        assert (found.status, found.historical) == (ours, status == "archived")
    for status in ("active", "paused"):
        alone = {"key": "k", "name": "n", "status": status}
        is_refused(world("POST", HERE, alone), 400)


@holds(PUT, rule="status words run the verbs: active, paused, archived; others are 409")
def test_status_words_run_the_verbs(ws: Workspace, world: World):
    one = made(world)
    is_refused(put(world, one, status="paused"), 409)
    for word in ("active", "active", "paused", "active", "archived", "archived"):
        assert put(world, one, status=word).json()["status"] == word
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    assert (found.status, found.stopped_at is not None) == ("archived", True)
    for word in ("active", "paused", "draft"):
        is_refused(put(world, one, status=word), 409)
    is_refused(put(world, one, status="running"), 400)
    is_refused(put(world, one, name="Other"), 409)


CHANGES: tuple[dict[str, Any], ...] = (
    {"name": "Other"}, {"key": "other"}, {"description": "Why"}, {"autoPromote": True},
    {"promoteThreshold": 0.1}, {"promoteThreshold": 0}, {"promoteAfterDays": 30},
    {"holdoutPercent": 5},
    {"championModelId": "m7"}, {"results": {"lift": 0.1}}, {},
)  # fmt: skip


@holds(PUT, rule="all fields are optional: each alone changes itself and nothing else")
@holds(CREATE, PUT, rule="a model seen for the first time becomes a resource")
def test_each_field_can_be_put_alone(ws: Workspace, world: World):
    before = made(world)
    for change in CHANGES:
        answer = put(world, before, **change)
        assert answer.status_code == 200, answer.text
        wanted, after = before | change, answer.json()
        if "championModelId" in change:
            wanted |= {"championModel": {"id": "m7"}}
        assert after | {"updatedAt": None} == wanted | {"updatedAt": None}
        assert world("GET", f"{HERE}/{before['id']}").json() == after
        before = after
    (found,) = experiments.list_experiments(ws, LOCAL)
    models = {one.locator: one.id for one in projects.list_resources(ws, LOCAL)}
    assert (set(models), found.resource) == ({"m1", "m7"}, models["m7"])


@holds(PUT, rule="results is an object; null takes it away, anything else is 400")
def test_results_are_an_object(world: World):
    one = made(world)
    for wrong in ([], "won", 1, True):
        is_refused(put(world, one, results=wrong), 400)
    assert put(world, one, results={"lift": 0.1}).json()["results"] == {"lift": 0.1}
    assert put(world, one, results=None).json()["results"] is None


@holds(PUT, rule="challengers are replaced as a set; the same model keeps its id (R26)")
@holds(PUT, rule="what is not sent keeps its value, and the resulting sum is checked")
def test_challengers_are_replaced_as_a_set_and_keep_their_ids(world: World):
    one = made(world)
    two = [{"modelId": "m3", "trafficPct": 20}, {"modelId": "m2", "trafficPct": 30}]
    after = put(world, one, challengers=two).json()
    assert {c["modelId"]: c["trafficPct"] for c in after["challengers"]} == {"m3": 20, "m2": 30}
    assert after["challengers"][1]["id"] == one["challengers"][0]["id"]
    is_refused(put(world, one, trafficSplit={"championPct": 60}), 400)
    is_refused(put(world, one, challengers=[{"modelId": "m2", "trafficPct": 20}]), 400)
    assert put(world, one, name="Other").json()["trafficSplit"] == {"championPct": 50}
    alone = [{"modelId": "m3", "trafficPct": 50}]
    assert [c["modelId"] for c in put(world, one, challengers=alone).json()["challengers"]] == [
        "m3"
    ]
    without = put(world, one, challengers=[], trafficSplit={"championPct": 100})
    assert without.json()["challengers"] == []


@holds(PUT, rule="shares of an active or paused one open a phase; other models are 409")
@pytest.mark.parametrize("status", ("active", "paused"))
def test_new_shares_of_a_started_one_are_a_phase_and_new_models_are_409(
    ws: Workspace, world: World, status: str
):
    one = made(world, status=status, holdoutPercent=10)
    moved = [{"modelId": "m2", "trafficPct": 40}]
    split = {"championPct": 60}
    after = put(world, one, trafficSplit=split, challengers=moved, holdoutPercent=5)
    assert (after.json()["trafficSplit"], after.json()["holdoutPercent"]) == (split, 5)
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    assert [(p.kind, p.weights_bp["m2"], p.holdout_bp) for p in found.phases] == [
        ("start", 5000, 1000), ("traffic", 4000, 500),
    ]  # fmt: skip
    is_refused(put(world, one, challengers=[{"modelId": "m9", "trafficPct": 40}]), 409)
    is_refused(put(world, one, championModelId="m9"), 409)
    same = put(world, one, trafficSplit=split)
    assert same.status_code == 200
    assert len(experiments.get_experiment(ws, LOCAL, one["id"]).phases) == 2


@holds(DELETE, rule="204, and the experiment is gone with its challengers")
@holds(DELETE_BY_QUERY, rule="?id= does the same; without an id 400")
@holds(DELETE, DELETE_BY_QUERY, rule="an active or paused one is 409")
def test_delete_by_path_and_by_query(world: World):
    one, other = made(world), made(world, key="other")
    for status in ("active", "paused"):
        kept = made(world, key=status, status=status)
        is_refused(world("DELETE", f"{HERE}/{kept['id']}"), 409)
        is_refused(world("DELETE", f"{HERE}?id={kept['id']}"), 409)
    gone = world("DELETE", f"{HERE}/{one['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert world("DELETE", f"{HERE}?id={other['id']}").status_code == 204
    is_refused(world("DELETE", HERE), 400)
    is_refused(world("DELETE", f"{HERE}?id="), 400)
    for path in (f"{HERE}/{one['id']}", f"{HERE}/{one['id']}/results"):
        is_refused(world("GET", path), 404)
    is_refused(world("DELETE", f"{HERE}?id=nothing"), 404)
    is_refused(put(world, one, name="x"), 404)


@holds(LIST, rule="pages by cursor: {data, pagination {total, hasMore, limit, cursor}}")
@holds(LIST, rule="limit is 20 unless said; a limit or cursor that is none is 400")
def test_pages(world: World):
    names = {made(world, key=f"k{i}")["key"] for i in range(3)}
    first = world("GET", f"{HERE}?limit=2").json()
    assert set(first) == {"data", "pagination"}
    assert (first["pagination"]["total"], first["pagination"]["hasMore"]) == (3, True)
    rest = world("GET", f"{HERE}?limit=2&cursor={first['pagination']['cursor']}").json()
    assert {one["key"] for one in first["data"] + rest["data"]} == names
    assert rest["pagination"] == {"total": 3, "hasMore": False, "limit": 2, "cursor": None}
    assert world("GET", HERE).json()["pagination"]["limit"] == 20
    for wrong in ("cursor=x", "limit=0", "limit=x", "colour=red", "cursor=WzFd"):
        is_refused(world("GET", f"{HERE}?{wrong}"), 400)


@holds(*(LIST, CREATE, READ, PUT, DELETE, DELETE_BY_QUERY, RESULTS), rule="a slash at the end")
def test_trailing_slashes_are_taken(world: World):
    answer = world("POST", f"{HERE}/", BODY)
    assert answer.status_code == 201, answer.text
    path = f"{HERE}/{answer.json()['id']}"
    assert world("GET", f"{path}/").json() == answer.json()
    assert world("GET", f"{HERE}/").json()["data"] == [answer.json()]
    assert world("GET", f"{path}/results/").json() == world("GET", f"{path}/results").json()
    assert world("PUT", f"{path}/", {"name": "Other"}).json()["name"] == "Other"
    assert world("DELETE", f"{path}/").status_code == 204
    other = made(world, key="other")
    assert world("DELETE", f"{HERE}/?id={other['id']}").status_code == 204


@holds(LIST, READ, RESULTS, rule="any role reads")
@holds(CREATE, PUT, DELETE, DELETE_BY_QUERY, rule="admin and editor write; a viewer is 403")
def test_a_viewer_reads_and_an_editor_writes(ws: Workspace, world: World):
    one = made(world)
    viewer, editor = world.as_role(ws, "viewer"), world.as_role(ws, "editor")
    for path in (HERE, f"{HERE}/{one['id']}", f"{HERE}/{one['id']}/results"):
        assert viewer("GET", path).status_code == 200
    is_refused(viewer("POST", HERE, BODY | {"key": "x"}), 403)
    is_refused(put(viewer, one, name="x"), 403)
    is_refused(viewer("DELETE", f"{HERE}/{one['id']}"), 403)
    is_refused(viewer("DELETE", f"{HERE}?id={one['id']}"), 403)
    mine = made(editor, key="y")
    assert put(editor, mine, name="Other").json()["name"] == "Other"
    assert editor("DELETE", f"{HERE}/{mine['id']}").status_code == 204


@holds(
    PUT,
    rule="a challenger left out of a started one is gone for clients, and comes back as it was",
)
def test_a_challenger_that_is_taken_out_of_a_started_one_is_gone(world: World):
    both_of_them = [{"modelId": "m2", "trafficPct": 30}, {"modelId": "m3", "trafficPct": 20}]
    one = made(world, status="active", challengers=both_of_them)
    alone = [{"modelId": "m2", "trafficPct": 50}]
    after = put(world, one, challengers=alone).json()
    assert [(c["modelId"], c["trafficPct"]) for c in after["challengers"]] == [("m2", 50)]
    again = put(world, one, challengers=both_of_them).json()
    assert again["challengers"] == one["challengers"]
