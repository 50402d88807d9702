"""crewkit's own examples, and every rule of its checklist."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist, quantiles
from typing import Any

import pytest

from experiments_core.api.facades import common
from experiments_core.domain.access import LOCAL
from experiments_core.services import (
    acting,
    deploying,
    experiments,
    library,
    organisations,
    projects,
)
from experiments_core.services.workspace import Workspace
from tests.api.facades.conftest import World
from tests.api.facades.rules import holds

HERE = "/compat/crewkit/default/experiments"
LIST, CREATE = (f"{method} /{{org_id}}/experiments" for method in ("GET", "POST"))
READ, CHANGE, DELETE = (
    f"{method} /{{org_id}}/experiments/{{experiment_id}}"
    for method in ("GET", "PATCH", "DELETE")
)
START, STOP, ARCHIVE, DEPLOY = (
    f"POST /{{org_id}}/experiments/{{experiment_id}}/{verb}"
    for verb in ("start", "stop", "archive", "deploy")
)
METRICS = "GET /{org_id}/experiments/{experiment_id}/metrics"
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


def patch(world: World, one: Any, **body: Any) -> Any:
    return world("PATCH", f"{HERE}/{one['id']}", body)


def is_refused(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "request_id"}


WAYS: dict[str, tuple[str, ...]] = {
    "draft": (), "running": ("start",), "paused": ("start", "pause"),
    "stopped": ("start", "stop"), "completed": ("start", "complete"),
    "archived": ("start", "stop", "archive"),
}  # fmt: skip


def at_status(ws: Workspace, world: World, status: str) -> Any:
    one = made(world)
    for verb in WAYS[status]:
        found = experiments.get_experiment(ws, LOCAL, one["id"])
        acting.transition(
            ws, LOCAL, one["id"], verb, version=found.version,
            unstated=verb == "complete", reason="as asked",
        )  # fmt: skip
    return one


@holds(CREATE, rule="201 with the five fields, id, status, times and _links")
@holds(READ, rule="the same object")
def test_the_example_is_made_and_shown_with_every_field(world: World):
    one = made(world)
    assert {name: one[name] for name in BODY} == BODY
    assert set(one) == {
        *BODY, "id", "status", "started_at", "stopped_at", "created_at", "updated_at", "_links",
    }  # fmt: skip
    assert (one["status"], one["started_at"], one["stopped_at"]) == ("draft", None, None)
    assert set(one["_links"]) == {"self", "start"}
    assert world("GET", f"{HERE}/{one['id']}").json()["data"] == one
    is_refused(world("GET", f"{HERE}/nothing"), 404)


@holds(LIST, rule="{data, meta {total_count, current_page, total_pages, per_page}}")
def test_the_list_has_pages(world: World):
    assert world("GET", HERE).json() == {"data": [], "meta": {
        "total_count": 0, "current_page": 1, "total_pages": 1, "per_page": 20,
    }}  # fmt: skip
    known = [made(world, name=f"n{i}") for i in range(3)]
    first = world("GET", f"{HERE}?per_page=2").json()
    rest = world("GET", f"{HERE}?per_page=2&page=2").json()
    assert first["data"] + rest["data"] == known[::-1]
    assert rest["meta"] == {
        "total_count": 3, "current_page": 2, "total_pages": 2, "per_page": 2,
    }  # fmt: skip
    for wrong in ("page=0", "per_page=101", "page=x", "colour=red"):
        is_refused(world("GET", f"{HERE}?{wrong}"), 422)


@holds(CREATE, rule="traffic_split is the integer percent of variant; 50 unless said")
@holds(CREATE, rule="two variants are made, control and variant, control the reference")
def test_the_split_is_the_share_of_the_variant_and_50_unless_said(ws: Workspace, world: World):
    for share in (70, 0, 100):
        one = made(world, traffic_split=share)
        found = experiments.get_experiment(ws, LOCAL, one["id"])
        weights = {"control": 10_000 - 100 * share, "variant": 100 * share}
        assert (one["traffic_split"], found.weights_bp) == (share, weights)
        assert found.control.key == "control"
    rest = {name: value for name, value in BODY.items() if name != "traffic_split"}
    assert world("POST", HERE, rest).json()["data"]["traffic_split"] == 50


@holds(CREATE, rule="a resource_id seen for the first time becomes a resource")
def test_a_resource_is_made_once(ws: Workspace, world: World):
    made(world)
    made(world)
    known = projects.list_resources(ws, LOCAL)
    assert [one.locator for one in known] == ["resource_abc123"]


WRONG: tuple[dict[str, Any], ...] = (
    {"traffic_split": 101}, {"traffic_split": -1}, {"traffic_split": 50.5},
    {"traffic_split": True}, {"traffic_split": "50"}, {"traffic_split": None}, {"name": None},
    {"name": ""}, {"name": "x" * 201}, {"resource_id": None}, {"resource_id": 7},
    {"control_version_hash": None}, {"variant_version_hash": ""}, {"colour": "red"},
)  # fmt: skip


@holds(CREATE, rule="traffic_split outside 0 to 100, a fraction or a boolean: 422")
@holds(CREATE, rule="a field that is missing, of another type or unknown: 422")
@holds(CHANGE, rule="the same of name and traffic_split; nothing else may be sent")
def test_a_body_that_breaks_a_rule_is_422(world: World):
    for wrong in WRONG:
        is_refused(world("POST", HERE, BODY | wrong), 422)
    assert world("GET", HERE).json()["data"] == []
    one = made(world)
    for wrong in ({"traffic_split": 101}, {"traffic_split": 1.5}, {"name": ""},
                  {"resource_id": "other"}, {"status": "running"}):  # fmt: skip
        is_refused(patch(world, one, **wrong), 422)
    assert world("GET", f"{HERE}/{one['id']}").json()["data"] == one


# status -> verbs that are accepted there; everything else is 409
ACCEPTED = {
    "draft": {"start"}, "running": {"stop", "deploy"}, "paused": {"start", "stop", "deploy"},
    "stopped": {"start", "archive", "deploy"}, "completed": {"archive", "deploy"},
    "archived": set(),
}  # fmt: skip
AFTER = {"start": "running", "stop": "stopped", "archive": "archived", "deploy": "archived"}
SHOWN = {"paused": "stopped"}


@holds(START, rule="from draft and stopped, also where a paused one shows as stopped; else 409")
@holds(STOP, rule="from running and paused; else 409")
@holds(ARCHIVE, rule="from stopped and completed only; else 409")
@holds(DEPLOY, rule="from running (stopped first), stopped and completed; a draft is 409")
@holds(READ, START, STOP, ARCHIVE, DEPLOY, rule="_links lists the actions allowed now, only")
@pytest.mark.parametrize("status", tuple(ACCEPTED))
def test_every_status_and_verb(ws: Workspace, world: World, status: str):
    for verb, after in AFTER.items():
        one = at_status(ws, world, status)
        shown = world("GET", f"{HERE}/{one['id']}").json()["data"]
        assert shown["status"] == SHOWN.get(status, status)
        assert set(shown["_links"]) == {"self", *ACCEPTED[status]}
        answer = do(world, one, verb, {"variant": "variant"} if verb == "deploy" else None)
        if verb not in ACCEPTED[status]:
            is_refused(answer, 409)
            continue
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"data"}
        assert answer.json()["data"]["status"] == after
        links = {"self"} | (ACCEPTED[after] - ({"deploy"} if verb == "deploy" else set()))
        assert set(answer.json()["data"]["_links"]) == links


@holds(START, rule="a paused one resumes in the same run; a stopped one begins another")
def test_a_paused_one_resumes_and_a_stopped_one_runs_anew(ws: Workspace, world: World):
    for status, run in (("paused", 1), ("stopped", 2)):
        one = at_status(ws, world, status)
        assert do(world, one, "start").json()["data"]["stopped_at"] is None
        assert experiments.get_experiment(ws, LOCAL, one["id"]).run_no == run


@holds(STOP, rule="no new sessions are assigned: everybody gets control's version")
def test_after_a_stop_nobody_is_assigned(ws: Workspace, world: World):
    one = at_status(ws, world, "running")
    assert do(world, one, "stop").json()["data"]["stopped_at"] is not None
    path = f"/api/v1/experiments/{one['id']}/assign"
    told = world("POST", path, {"unit_id": "s1"}).json()["data"]
    assert (told["in_experiment"], told["value"]) == (
        False, {"version_hash": "hash_control..."},
    )  # fmt: skip


@holds(CHANGE, rule="name in any status but archived")
@holds(CHANGE, rule="traffic_split of a draft is an edit, and opens no phase")
@holds(CHANGE, rule="of a running or paused one a change of traffic: a phase with its reason")
@holds(CHANGE, rule="of a stopped, completed or archived one 409")
def test_what_may_change_in_each_status(ws: Workspace, world: World):
    for status in WAYS:
        one = at_status(ws, world, status)
        phases = len(experiments.get_experiment(ws, LOCAL, one["id"]).phases)
        moved = patch(world, one, traffic_split=70)
        if status in {"stopped", "completed", "archived"}:
            is_refused(moved, 409)
        else:
            assert moved.json()["data"]["traffic_split"] == 70
        found = experiments.get_experiment(ws, LOCAL, one["id"])
        if status in {"running", "paused"}:
            assert (found.phases[-1].kind, found.phases[-1].reason) == (
                "traffic", "via crewkit API",
            )  # fmt: skip
        else:
            assert len(found.phases) == phases
        renamed = patch(world, one, name="Other")
        assert renamed.status_code == (409 if status == "archived" else 200), renamed.text


@holds(CHANGE, rule="a strict project refuses a change of traffic: 409")
def test_a_strict_project_changes_no_traffic(ws: Workspace, world: World):
    one = at_status(ws, world, "running")
    project = projects.list_projects(ws, LOCAL)[0]
    projects.edit_project(
        ws, LOCAL, project.key, {"strict_traffic": True}, version=project.version
    )
    answer = patch(world, one, traffic_split=70)
    is_refused(answer, 409)
    assert answer.json()["error"]["code"] == "STRICT_TRAFFIC"


@holds(CHANGE, rule="name and split together, or neither of them")
def test_a_refused_split_keeps_the_name(ws: Workspace, world: World):
    one = at_status(ws, world, "stopped")
    is_refused(patch(world, one, name="Other", traffic_split=60), 409)
    assert world("GET", f"{HERE}/{one['id']}").json()["data"]["name"] == BODY["name"]


@holds(DELETE, rule="204; running or paused 409 (R9)")
def test_a_running_one_is_not_deleted(ws: Workspace, world: World):
    for status in WAYS:
        one = at_status(ws, world, status)
        answer = world("DELETE", f"{HERE}/{one['id']}")
        if status in {"running", "paused"}:
            is_refused(answer, 409)
        else:
            assert (answer.status_code, answer.content) == (204, b"")
            is_refused(world("GET", f"{HERE}/{one['id']}"), 404)


@holds(DEPLOY, rule="control or variant; any other word 422")
@holds(DEPLOY, rule="a production deployment, archived; unmet conditions acknowledged for you")
@holds(DEPLOY, rule="a version that a client sends is ignored")
@holds(DEPLOY, rule="a second deployment is 409")
def test_a_deployment_stops_archives_and_notes_what_was_not_met(ws: Workspace, world: World):
    for variant in ("control", "variant"):
        one = at_status(ws, world, "running")
        is_refused(do(world, one, "deploy", {"variant": "other"}), 422)
        is_refused(do(world, one, "deploy", {}), 422)
        deployed = do(world, one, "deploy", {"variant": variant, "version": 7})
        assert deployed.json()["data"]["status"] == "archived"
        (row,) = deploying.deployments(ws, LOCAL, one["id"])
        assert (row.variant, row.target, row.state) == (variant, "production", "active")
        assert ("not_significant" in row.acknowledged) == (variant == "variant")
        found = experiments.get_experiment(ws, LOCAL, one["id"])
        assert (found.stopped_at is not None, found.fallback.key) == (True, variant)
        is_refused(do(world, one, "deploy", {"variant": "control"}), 409)


@holds(DEPLOY, rule="without the deploy right 403, and nothing changes")
def test_without_the_right_to_deploy_nothing_changes(ws: Workspace, world: World):
    one = at_status(ws, world, "running")
    is_refused(do(world.as_role(ws, "editor"), one, "deploy", {"variant": "variant"}), 403)
    assert world("GET", f"{HERE}/{one['id']}").json()["data"]["status"] == "running"
    assert deploying.deployments(ws, LOCAL, one["id"]) == ()


@holds(LIST, CREATE, READ, METRICS, START, rule="org id or slug of the key's own; else 404")
def test_the_organisation_is_that_of_the_key(ws: Workspace, world: World):
    one = made(world)
    own = organisations.organisation_of(ws, LOCAL.org_id)
    for name in (own.id, own.slug):
        path = f"/compat/crewkit/{name}/experiments/{one['id']}"
        assert world("GET", path).json()["data"]["id"] == one["id"]
    for path in ("", f"/{one['id']}", f"/{one['id']}/metrics"):
        is_refused(world("GET", f"/compat/crewkit/other/experiments{path}"), 404)
    is_refused(world("POST", "/compat/crewkit/other/experiments", BODY), 404)
    is_refused(world("POST", f"/compat/crewkit/other/experiments/{one['id']}/start"), 404)


@holds(METRICS, rule="bare {control, variant, significance}; without data null, never 0")
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


@holds(METRICS, rule="total_sessions: units analysed; success_rate in percent")
@holds(METRICS, rule="avg_cost and avg_turns are means, p95_cost the 95th percentile")
@holds(METRICS, rule="a session without a score is in neither numerator nor denominator")
@holds(METRICS, rule="p_value: two-sided test of the success rates")
def test_metrics_come_from_events(ws: Workspace, world: World):
    one = at_status(ws, world, "running")
    arms = world.exposures(one["id"], [f"s{i}" for i in range(60)])
    scored = {f"s{i}": float(i % 3 == 0 or arms[f"s{i}"] == "variant") for i in range(50)}
    cost = {f"s{i}": 0.01 * (i + 1) for i in range(55)}
    world.events(
        *({"type": "metric", "unit_id": unit, "name": "success", "value": value}
          for unit, value in scored.items()),
        *({"type": "metric", "unit_id": unit, "name": "cost", "value": value}
          for unit, value in cost.items()),
        *({"type": "metric", "unit_id": f"s{i}", "name": "turns", "value": float(i)}
          for i in range(40)),
    )  # fmt: skip
    told = world("GET", f"{HERE}/{one['id']}/metrics").json()
    pairs = []
    for arm in ("control", "variant"):
        mine = {unit for unit in arms if arms[unit] == arm}
        known = [value for unit, value in scored.items() if unit in mine]
        costs = sorted(value for unit, value in cost.items() if unit in mine)
        turns = [i for i in range(40) if f"s{i}" in mine]
        assert told[arm]["total_sessions"] == len(mine) > len(known)
        assert told[arm]["success_rate"] == pytest.approx(100 * sum(known) / len(known))
        assert told[arm]["avg_cost"] == pytest.approx(sum(costs) / len(costs))
        assert told[arm]["avg_turns"] == pytest.approx(sum(turns) / len(turns))
        p95 = quantiles(costs, n=20, method="inclusive")[-1]
        assert told[arm]["p95_cost"] == pytest.approx(p95)
        pairs.append((len(known), sum(known)))
    (n, x), (m, y) = pairs
    pooled = (x + y) / (n + m)
    z = (y / m - x / n) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    p = 2 * NormalDist().cdf(-abs(z))
    assert told["significance"]["p_value"] == pytest.approx(p, rel=1e-6)
    assert told["significance"]["significant"] == (p < 0.05)


@holds(METRICS, rule="significant is p < 1 - confidence, strictly (R19)")
@holds(METRICS, rule="confidence is the plan's level")
def test_the_level_is_that_of_the_plan_and_p_has_to_be_below_it(
    ws: Workspace, world: World, monkeypatch: pytest.MonkeyPatch
):
    one = made(world)
    found = experiments.get_experiment(ws, LOCAL, one["id"])
    plan = replace(found.plan, alpha=0.1)
    experiments.edit_experiment(ws, LOCAL, found.id, {"plan": plan}, version=found.version)
    do(world, one, "start")
    arms = world.exposures(one["id"], [f"s{i}" for i in range(40)])
    world.events(*(
        {"type": "metric", "unit_id": u, "name": "success", "value": float(i % 2)}
        for i, u in enumerate(arms)
    ))  # fmt: skip
    real = common.numbers_of
    for p_value, significant in ((0.1, False), (0.0999, True), (0.5, False)):

        def numbers(call: Any, experiment: Any, p: float = p_value) -> Any:
            told = real(call, experiment)
            first, *rest = told.result.metrics
            control, treated = first.arms
            contrast = replace(treated.contrast, p_value=p)
            first = replace(first, arms=(control, replace(treated, contrast=contrast)))
            return replace(told, result=replace(told.result, metrics=(first, *rest)))

        monkeypatch.setattr(common, "numbers_of", numbers)
        told = world("GET", f"{HERE}/{one['id']}/metrics").json()["significance"]
        assert told == {"p_value": p_value, "significant": significant, "confidence": 0.9}


@holds(READ, rule="_links lists what the caller may do")
def test_links_are_those_of_the_caller(ws: Workspace, world: World):
    one = at_status(ws, world, "stopped")
    path = f"{HERE}/{one['id']}"
    for role, verbs in (("viewer", set()), ("editor", {"start", "archive"})):
        shown = world.as_role(ws, role)("GET", path).json()["data"]
        assert set(shown["_links"]) == {"self", *verbs}


@holds(METRICS, rule="a metric of the library that measures otherwise is left alone")
def test_a_success_of_the_library_that_counts_otherwise_is_not_taken(
    ws: Workspace, world: World
):
    other = {"key": "success", "name": "Any success", "kind": "proportion", "column": "success"}
    library.define_metric(ws, LOCAL, other)
    found = experiments.get_experiment(ws, LOCAL, made(world)["id"])
    assert found.metrics[0].aggregation == "max"
