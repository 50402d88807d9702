"""Results looked at otherwise over HTTP: a prior, other analyses, shuffled arms."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import analyses, experiments, keys
from experiments_core.services.calibration import calibration
from experiments_core.services.exploring import PRIORS
from experiments_core.services.robustness import robustness
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client
from tests.pages.test_results_real import TOTALS, imported, units
from tests.services.checkout import rows, upload


@pytest.fixture
def tested(ws: Workspace) -> str:
    return imported(ws, units(), "Units")


def asked(**more: Any) -> dict[str, Any]:
    return {"metric": "converted", "variant": "B", **more}


def test_the_bayesian_view_stands_beside_the_verdict(api: Client, tested: str):
    path = f"/experiments/{tested}/results"
    plain = api.get(path).json()["data"]
    body = api.get(f"{path}?bayes=jeffreys").json()["data"]
    shown = body["metrics"][0]["arms"][1]
    assert shown["bayes"]["prior"] == "Beta(0.5, 0.5) for each rate"
    assert 0.5 < shown["bayes"]["probability_better"] <= 1
    assert "bayes" not in plain["metrics"][0]["arms"][1]
    assert body["verdict"] == plain["verdict"]
    assert body["look"] == plain["look"] == 1
    assert api.get(f"{path}?bayes=flat").status_code == 422
    for name in PRIORS:
        assert api.get(f"{path}?bayes={name}").status_code == 200


def test_other_analyses_are_those_of_the_page(api: Client, ws: Workspace, tested: str):
    answer = api.post(f"/experiments/{tested}/robustness", asked())
    assert answer.status_code == 200, answer.text
    body = answer.json()["data"]
    found = robustness(ws, LOCAL, tested, "converted", "B")
    assert (body["holds"], body["analyses"]) == (found.holds, len(found.variations))
    (planned,) = (one for one in body["variations"] if one["planned"])
    contrast = analyses.look(ws, LOCAL, tested).result.metric("converted").arm("B").contrast
    assert contrast is not None
    assert planned["p_value"] == pytest.approx(contrast.p_value, rel=1e-12)
    assert {one["days"] for one in body["variations"]} == {"all", "without the first day"}
    assert "setting" not in planned


def test_arms_are_shuffled_with_a_seed(api: Client, ws: Workspace, tested: str):
    answer = api.post(f"/experiments/{tested}/calibrate", asked(shuffles=100, seed=7))
    assert answer.status_code == 200, answer.text
    body = answer.json()["data"]
    found = calibration(ws, LOCAL, tested, "converted", "B", shuffles=100, seed=7)
    planned = body["methods"][0]
    assert (body["units"], body["shuffles"], body["seed"]) == (4000, 100, 7)
    assert planned["false_alarms"] == found.planned.greater + found.planned.less
    assert planned["planned"] is True
    assert sum(planned["histogram"]) == 100
    assert planned["power"][0] == {
        "lift": found.planned.power[0][0], "found": found.planned.power[0][1],
    }  # fmt: skip
    assert body["sound"] == (found.sound and found.sound.method)


@pytest.mark.parametrize("verb", ("robustness", "calibrate"))
def test_what_cannot_be_rechecked_is_refused(
    api: Client, ws: Workspace, tested: str, verb: str
):
    totals = imported(ws, TOTALS, "Totals")
    key = analyses.look(ws, LOCAL, totals).result.metrics[0].key
    refused = api.post(f"/experiments/{totals}/{verb}", asked(metric=key))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "NO_UNIT_ROWS")
    path = f"/experiments/{tested}/{verb}"
    assert api.post(path, asked(metric="nothing")).status_code == 404
    assert api.post(path, asked(variant="nobody")).status_code == 404
    assert api.post(path, {}).status_code == 422
    reader = keys.create_key(ws, LOCAL, "r", role="admin", scopes=["experiments:read"]).secret
    headers = {"Authorization": f"Bearer {reader}"}
    assert api.post(path, asked(), headers=headers).status_code == 403


def test_the_number_of_shuffles_has_its_limits(api: Client, tested: str):
    for number in (99, 1001):
        answer = api.post(f"/experiments/{tested}/calibrate", asked(shuffles=number))
        (problem,) = answer.json()["error"]["details"]
        assert (answer.status_code, problem["field"]) == (422, "shuffles")


def test_a_part_of_the_data_is_shown_by_its_name_and_a_look_stays_whole(
    api: Client, tested: str
):
    path = f"/experiments/{tested}/results"
    whole = api.get(path).json()["data"]
    body = api.get(f"{path}?exclude=first_day").json()["data"]
    assert body["exploring"] == ["without 1\u202fMay 2026"]
    counted = [sum(arm["n"] for arm in one["metrics"][0]["arms"]) for one in (whole, body)]
    assert 0 < counted[1] < counted[0] == 4000
    early = api.get(f"{path}?as_of=2000-01-01T00:00:00Z").json()["data"]
    assert early["verdict"]["code"] == "no_data"
    for query, status in (
        ("as_of=yesterday", 422), ("as_of=2026-05-01", 422), ("run=9", 404), ("run=now", 422),
        ("exclude=monday", 422), ("look=1&run=1", 422),
    ):  # fmt: skip
        answer = api.get(f"{path}?{query}")
        assert answer.status_code == status, (query, answer.text)
        assert status == 404 or answer.json()["error"]["details"][0]["field"] in query


def test_locked_results_say_so_and_show_health_and_progress_only(api: Client, ws: Workspace):
    made = api.post("/experiments", {
        "name": "Shut", "plan": {"lock_results": True, "planned_units": 9000},
        "metrics": [{"kind": "proportion", "column": "converted"}],
        "variants": [{"key": "control", "weight_bp": 5000}, {"key": "B", "weight_bp": 5000}],
    }).json()["data"]  # fmt: skip
    assert made["plan"]["lock_results"] is True
    etag = {"If-Match": f'"v{made["version"]}"'}
    path = f"/experiments/{made['slug']}"
    assert api.post(f"{path}/start", headers=etag).status_code == 200
    upload(ws, experiments.get_experiment(ws, LOCAL, made["id"]), rows(2000))
    body = api.get(f"{path}/results").json()["data"]
    assert (body["locked"], body["metrics"]) == (True, [])
    assert body["progress"]["units"] == 2000
    assert body["health"]
    assert api.get(f"{path}/results?metric=converted&exclude=first_day").json()["data"][
        "locked"
    ]
    refused = api.post(f"{path}/robustness", asked())
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "RESULTS_LOCKED")
