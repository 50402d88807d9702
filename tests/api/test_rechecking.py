"""Results looked at otherwise over HTTP: a prior, other analyses, shuffled arms."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import analyses, keys
from experiments_core.services.calibration import calibration
from experiments_core.services.exploring import PRIORS
from experiments_core.services.robustness import robustness
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client
from tests.pages.test_results_real import TOTALS, imported, units


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
