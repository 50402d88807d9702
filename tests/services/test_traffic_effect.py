"""Units by day, and what a change of the split does to the smallest lift."""

from __future__ import annotations

from datetime import timedelta
from math import sqrt

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.services import traffic, traffic_effect
from experiments_core.services.planning_baseline import Baseline
from experiments_core.services.workspace import Workspace
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock


def test_units_are_counted_by_day_and_arm_without_taking_a_look(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=11)
    experiment = make(ws)
    assert traffic_effect.units_by_day(ws, LOCAL, experiment.id) == {}
    upload(ws, experiment, rows(2000))
    found = traffic_effect.units_by_day(ws, LOCAL, experiment.id)
    assert list(found) == [(START + timedelta(days=n)).date() for n in range(10)]
    assert all(arms == {"control": 100, "B": 100} for arms in found.values())
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM looks").fetchone() == (0,)


def test_those_to_come_bring_the_information_of_the_new_split(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=11)
    experiment = make(ws)  # 4 000 users planned
    upload(ws, experiment, rows(2000))
    known = Baseline("rate", 0.2, None, 1000, None)

    def lift(control: int, treatment: int) -> traffic_effect.VisibleLift | None:
        weights = {"control": control, "B": treatment}
        preview = traffic.preview_traffic(ws, LOCAL, experiment.id, weights_bp=weights)
        return traffic_effect.visible_lift(experiment, known, preview)

    skewed, nearly = lift(2000, 8000), lift(5001, 4999)
    assert skewed is not None
    assert nearly is not None
    assert nearly.after == nearly.before == skewed.before
    # 2 000 users at full information and 2 000 at 64 % of it
    assert skewed.after / skewed.before == pytest.approx(sqrt(4000 / 3280), rel=0.01)
    assert lift(0, 10_000) is None
