"""crewkit's own examples, and every rule of its checklist."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from experiments_core.domain.access import LOCAL
from experiments_core.services import deploying, experiments, keys
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import World

HERE = "/compat/crewkit/default/experiments"
BODY = {
    "name": "Rails expert v2 test",
    "resource_id": "resource_abc123",
    "control_version_hash": "hash_control...",
    "variant_version_hash": "hash_variant...",
    "traffic_split": 50,
}


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def do(world: World, one: Any, verb: str, body: Any = None) -> Any:
    return world("POST", f"{HERE}/{one['id']}/{verb}", body)


def at_status(world: World, status: str) -> Any:
    one = made(world)
    for verb in {"draft": (), "running": ("start",), "stopped": ("start", "stop"),
                 "archived": ("start", "stop", "archive")}[status]:  # fmt: skip
        assert do(world, one, verb).status_code == 200
    return one


def test_the_example_is_made_and_shown_with_every_field(world: World):
    one = made(world)
    assert {name: one[name] for name in BODY} == BODY
    assert set(one) == {
        *BODY, "id", "status", "started_at", "stopped_at", "created_at", "updated_at", "_links",
    }  # fmt: skip
    assert (one["status"], set(one["_links"])) == ("draft", {"self", "start"})
    assert world("GET", f"{HERE}/{one['id']}").json()["data"] == one
    listed = world("GET", HERE).json()
    assert listed["data"] == [one]
    assert listed["meta"] == {
        "total_count": 1, "current_page": 1, "total_pages": 1, "per_page": 20,
    }  # fmt: skip


def test_the_split_is_the_share_of_the_variant_and_50_unless_said(ws: Workspace, world: World):
    one = made(world, traffic_split=70)
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    assert found.weights_bp == {"control": 3000, "variant": 7000}
    rest = {name: value for name, value in BODY.items() if name != "traffic_split"}
    assert world("POST", HERE, rest).json()["data"]["traffic_split"] == 50


@pytest.mark.parametrize(
    "wrong",
    ({"traffic_split": 101}, {"traffic_split": -1}, {"traffic_split": 50.5},
     {"traffic_split": True}, {"name": None}, {"resource_id": None}, {"colour": "red"}),
)  # fmt: skip
def test_a_body_that_breaks_a_rule_is_422(world: World, wrong: dict[str, Any]):
    answer = world("POST", HERE, BODY | wrong)
    assert answer.status_code == 422, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "request_id"}


# status -> verbs that are accepted there; everything else is 409
ACCEPTED = {
    "draft": {"start"}, "running": {"stop", "deploy"},
    "stopped": {"start", "archive", "deploy"}, "archived": set(),
}  # fmt: skip


@pytest.mark.parametrize("verb", ("start", "stop", "archive", "deploy"))
@pytest.mark.parametrize("status", tuple(ACCEPTED))
def test_every_status_and_verb(world: World, status: str, verb: str):
    one = at_status(world, status)
    links = set(world("GET", f"{HERE}/{one['id']}").json()["data"]["_links"])
    assert links == {"self", *ACCEPTED[status]}
    answer = do(world, one, verb, {"variant": "variant"} if verb == "deploy" else None)
    assert answer.status_code == (200 if verb in ACCEPTED[status] else 409), answer.text


def test_a_paused_one_shows_as_stopped_and_resumes(ws: Workspace, world: World):
    one = at_status(world, "running")
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    experiments.transition(ws, LOCAL, one["id"], "pause", version=found.version)
    assert world("GET", f"{HERE}/{one['id']}").json()["data"]["status"] == "stopped"
    assert do(world, one, "archive").status_code == 409
    assert do(world, one, "start").json()["data"]["status"] == "running"
    assert experiments.get_experiment(ws, LOCAL, one["id"]).run_no == 1


def test_the_split_of_a_running_test_is_a_change_of_traffic(ws: Workspace, world: World):
    one = at_status(world, "running")
    patched = world("PATCH", f"{HERE}/{one['id']}", {"traffic_split": 70})
    assert patched.json()["data"]["traffic_split"] == 70
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    assert (found.phases[-1].kind, found.phases[-1].reason) == ("traffic", "via crewkit API")
    assert do(world, one, "stop").status_code == 200
    stopped = world("PATCH", f"{HERE}/{one['id']}", {"traffic_split": 60})
    assert stopped.status_code == 409
    renamed = world("PATCH", f"{HERE}/{one['id']}", {"name": "Other"})
    assert renamed.json()["data"]["name"] == "Other"


def test_a_running_one_is_not_deleted(world: World):
    running, draft = at_status(world, "running"), made(world)
    assert world("DELETE", f"{HERE}/{running['id']}").status_code == 409
    assert world("DELETE", f"{HERE}/{draft['id']}").status_code == 204
    assert world("GET", f"{HERE}/{draft['id']}").status_code == 404


def test_a_deployment_stops_archives_and_notes_what_was_not_met(ws: Workspace, world: World):
    one = at_status(world, "running")
    deployed = do(world, one, "deploy", {"variant": "variant", "version": 7})
    assert deployed.json()["data"]["status"] == "archived"
    (row,) = deploying.deployments(ws, LOCAL, one["id"])
    assert (row.variant, row.state) == ("variant", "active")
    assert "not_significant" in row.acknowledged
    assert do(world, one, "deploy", {"variant": "control"}).status_code == 409
    assert do(world, made(world), "deploy", {"variant": "other"}).status_code == 422


def test_without_the_right_to_deploy_nothing_changes(
    ws: Workspace, server: Starlette, world: World
):
    one = at_status(world, "running")
    editor = World(server, keys.create_key(ws, LOCAL, "e", role="editor").secret or "")
    assert do(editor, one, "deploy", {"variant": "variant"}).status_code == 403
    assert world("GET", f"{HERE}/{one['id']}").json()["data"]["status"] == "running"


def test_another_organisation_in_the_path_is_404(world: World):
    one = made(world)
    for path in ("", f"/{one['id']}", f"/{one['id']}/metrics"):
        assert world("GET", f"/compat/crewkit/other/experiments{path}").status_code == 404


def test_metrics_without_data_are_null_and_never_zero(world: World):
    told = world("GET", f"{HERE}/{made(world)['id']}/metrics").json()
    empty = {
        "total_sessions": 0, "success_rate": None, "avg_cost": None, "avg_turns": None,
        "p95_cost": None,
    }  # fmt: skip
    assert told == {
        "control": empty, "variant": empty,
        "significance": {"p_value": None, "significant": False, "confidence": 0.95},
    }  # fmt: skip


def test_metrics_come_from_events_and_a_session_without_a_score_is_in_no_rate(world: World):
    one = at_status(world, "running")
    arms: dict[str, str] = {}
    for i in range(60):
        answer = world("POST", f"/api/v1/experiments/{one['id']}/assign", {"unit_id": f"s{i}"})
        arms[f"s{i}"] = answer.json()["data"]["variant"]
    scored = [f"s{i}" for i in range(50)]
    world.events(
        *({"type": "exposure", "unit_id": unit, "experiment": one["id"]} for unit in arms),
        *({"type": "metric", "unit_id": unit, "name": "success", "value": float(i % 3 == 0)}
          for i, unit in enumerate(scored)),
        *({"type": "metric", "unit_id": unit, "name": "cost", "value": 0.01 * (i + 1)}
          for i, unit in enumerate(scored)),
    )  # fmt: skip
    told = world("GET", f"{HERE}/{one['id']}/metrics").json()
    for arm in ("control", "variant"):
        units = [unit for unit in arms if arms[unit] == arm]
        known = [i for i, unit in enumerate(scored) if arms[unit] == arm]
        assert told[arm]["total_sessions"] == len(units)
        rate = 100 * sum(i % 3 == 0 for i in known) / len(known)
        assert told[arm]["success_rate"] == pytest.approx(rate)
        mean = sum(0.01 * (i + 1) for i in known) / len(known)
        assert told[arm]["avg_cost"] == pytest.approx(mean)
        assert told[arm]["avg_turns"] is None
        assert told[arm]["p95_cost"] > told[arm]["avg_cost"]
    assert isinstance(told["significance"]["p_value"], float)
