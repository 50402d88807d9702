"""Runs on Results: after units were assigned afresh the earlier run is a choice away."""

from __future__ import annotations

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import acting, assigning, experiments
from experiments_core.services.events import receive_events
from experiments_core.services.workspace import Workspace
from pages.parts import results_choices, results_runs
from tests.charts.figures import plain
from tests.pages.conftest import Open
from tests.pages.words import said, tables


def test_an_earlier_run_is_shown_before_the_new_one_has_units(ws: Workspace, open_page: Open):
    draft = ExperimentDraft("Checkout", metrics=(Proportion("paid"),))
    made = experiments.create_experiment(ws, LOCAL, draft)
    test = acting.transition(ws, LOCAL, made.id, "start", version=made.version)
    assert results_runs.options(test) == {}
    people = [f"u{n}" for n in range(80)]
    for unit in people:
        assigning.assign(ws, LOCAL, test.id, unit)
    receive_events(ws, LOCAL, [
        {"event_id": f"{kind}{unit}", "unit_id": unit, "experiment": "checkout", "type": kind,
         **({"name": "paid"} if kind == "metric" else {})}
        for unit in people for kind in ("exposure", "metric")
    ])  # fmt: skip
    for verb, more in (("stop", {}), ("start", {"reassign": "fresh"})):
        test = acting.transition(ws, LOCAL, test.id, verb, version=test.version, **more)
    app = open_page("results", exp="checkout", tab="raw")
    assert not app.exception
    assert not tables(app)
    assert "Earlier runs are under" in said(app)
    app.session_state[results_choices.OPEN] = True
    app.run()
    (runs,) = [box for box in app.selectbox if box.label == "Runs"]
    assert len(runs.options) == 2
    runs.set_value("1").run()
    assert not app.exception
    assert sum(int(plain(str(n))) for n in tables(app)[0]["n"]) == 80
    assert "run 1 only" in plain(" ".join(str(one.value) for one in app.markdown))
