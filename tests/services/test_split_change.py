"""The reference vector of a split that changed while the test ran, from end to end.

50/50 with 500 of 5,000 against 525 of 5,000, then 20/80 with 100 of 2,000 against 420 of
8,000: a true lift of +5 % twice, of which plain totals make a loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import experiments_core as ec
from experiments_core.analysis.body import to_dict
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, Plan
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import analyses, traffic, workspace
from experiments_core.services.workspace import Workspace
from tests.pages.words import tables
from tests.services.checkout import START, make, upload

CELLS = (  # day, arm, users, conversions
    (1, "control", 5000, 500),
    (1, "B", 5000, 525),
    (3, "control", 2000, 100),
    (3, "B", 8000, 420),
)


def units() -> Iterator[tuple[str, str, int, int]]:
    """One row per user: id, arm, day, converted."""
    for day, arm, users, conversions in CELLS:
        for i in range(users):
            yield f"{arm}-{day}-{i}", arm, day, int(i < conversions)


@pytest.fixture(scope="module")
def ws() -> Iterator[Workspace]:
    now = START + timedelta(days=9)
    opened = workspace.use(workspace.open_workspace(":memory:", clock=lambda: now))
    yield opened
    workspace.stop()


@pytest.fixture(scope="module")
def changed(ws: Workspace) -> Experiment:
    plan = Plan(planned_units=20_000, min_runtime_days=0)
    made = make(ws, metrics=(Proportion("converted"),), plan=plan)
    experiment = traffic.change_traffic(
        ws,
        LOCAL,
        made.id,
        version=made.version,
        weights_bp={"control": 2000, "B": 8000},
        reason="the winner seemed clear",
        at=START + timedelta(days=2),
    )
    rows = [
        f"{unit},{arm},{START + timedelta(days=day):%Y-%m-%d %H:%M:%S},{hit},0,DE"
        for unit, arm, day, hit in units()
    ]
    upload(ws, experiment, rows)
    return experiment


def holds(body: dict[str, Any]) -> None:
    """Every number of the vector, wherever the body came from."""
    arm = body["metrics"][0]["arms"][1]
    assert arm["difference"] == pytest.approx(0.00402, abs=5e-6)
    assert arm["difference_ci_lower"] == pytest.approx(-0.00443, abs=5e-6)
    assert arm["difference_ci_upper"] == pytest.approx(0.01229, abs=5e-6)
    assert arm["relative_lift"] == pytest.approx(0.05, abs=1e-12)
    assert arm["relative_lift_ci_lower"] == pytest.approx(-0.052, abs=5e-4)
    assert arm["relative_lift_ci_upper"] == pytest.approx(0.163, abs=5e-4)
    assert arm["statistic"] == pytest.approx(0.9389, abs=5e-5)
    assert arm["p_value"] == pytest.approx(0.348, abs=5e-4)
    assert (arm["verdict"], arm["significant"]) == ("no_clear_difference", False)
    assert (arm["test_method"], arm["interval_method"]) == ("stratified_score", "score")
    weights = [row["weight"] for row in arm["by_phase"]]
    assert weights == pytest.approx([0.6098, 0.3902], abs=5e-5)
    assert arm["heterogeneity_p_value"] == pytest.approx(0.76, abs=5e-3)
    by_size = arm["size_weighted"]
    assert by_size["difference"] == pytest.approx(0.00375, abs=1e-12)
    assert by_size["p_value"] == pytest.approx(0.359, abs=5e-4)
    plain = arm["plain_total"]
    assert plain["relative_lift"] == pytest.approx(-0.152, abs=5e-4)
    assert plain["p_value"] == pytest.approx(0.0010, abs=5e-5)
    assert plain["control_value"] == pytest.approx(0.08571, abs=5e-6)
    assert plain["treatment_value"] == pytest.approx(0.07269, abs=5e-6)
    assert plain["misleading"] is True
    cards = {card["check"]: card for card in body["health"]}
    assert cards["sample_ratio_mismatch"]["level"] == "pass"
    assert cards["sample_ratio_mismatch"]["p_value"] == pytest.approx(1.0)
    assert cards["split_changed"]["level"] in {"info", "warn"}


def test_the_workspace_gives_the_vector(ws: Workspace, changed: Experiment):
    view = analyses.look(ws, LOCAL, changed.id)
    assert view.result.final
    assert view.result.verdict.code == "no_clear_difference"
    holds(to_dict(view.result))


def test_the_notebook_gives_the_vector():
    rows = pd.DataFrame(units(), columns=["user", "group", "day", "converted"])
    half, fifth = {"control": 50, "B": 50}, {"control": 20, "B": 80}
    report = ec.analyze(
        rows,
        variant="group",
        unit="user",
        phases="day",
        split={"1": half, "3": fifth},
        metrics=[ec.Proportion("converted")],
    )
    holds(report.to_dict())
    against_last = ec.analyze(
        rows, variant="group", unit="user", phases="day",
        split={"1": fifth, "3": fifth}, metrics=[ec.Proportion("converted")],
    )  # fmt: skip
    alarm = against_last.health[0]
    assert (alarm.check, alarm.level) == ("sample_ratio_mismatch", "fail")
    chi_squares = alarm.facts["chi_square"]
    assert chi_squares == pytest.approx(5625.0)


@pytest.mark.usefixtures("ws")
def test_the_phases_tab_shows_the_vector_and_warns_of_the_plain_total(changed: Experiment):
    app = AppTest.from_file(Path("pages/results.py").resolve(), default_timeout=60)
    app.query_params["exp"] = changed.slug
    app.query_params["tab"] = "phases"
    app.run()
    assert not app.exception
    said = " ".join(one.value for one in app.markdown).replace("\\", "")
    assert "Inside each phase New leads" in said
    assert "The phases count 61\u202f% and 39\u202f% of the combined figure" in said
    assert "The plain total disagrees with the phases" in said
    assert "Do the phases differ from each other? p\u202f=\u202f0.7" in said
    (table,) = (one for one in tables(app) if "Weight" in one.columns)
    plain = table.astype(str).map(lambda cell: cell.replace("\\", ""))
    shown = {row["Rows"]: row for row in plain.to_dict("records")}
    assert shown["plain total (misleading)"]["Lift"].startswith("\u221215.2")
    assert shown["combined"]["Lift"].startswith("+5.0")
    assert shown["size-weighted"]["p"].endswith("0.359")
    assert shown["phase 1"]["Weight"].startswith("61.0")
