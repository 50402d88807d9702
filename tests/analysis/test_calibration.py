"""Self-calibration: sound methods pass, a failing one is flagged and a sound one named."""

from __future__ import annotations

import numpy as np
import pytest

from experiments_core.analysis.calibration import calibrate, enough
from experiments_core.charts import calibration as charts
from experiments_core.charts.theme import DARK, LIGHT
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.stats.shuffles import Phase


def one(metric: Metric, seed: int = 1, n: int = 4000) -> list[Phase]:
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    before = rng.gamma(2, 10, n)
    columns = {
        "converted": [(rng.random(n) < 0.2).astype(float)],
        "revenue": [before + rng.gamma(2, 5, n), before],
        "clicks": [rng.binomial(20, 0.3, n).astype(float), rng.poisson(6, n) + 1.0],
        "wait": [rng.gamma(3, 1, n)],
    }[metric.key]
    return [Phase(treated, np.column_stack(columns))]


@pytest.mark.parametrize(
    "metric",
    (
        Proportion("converted"), Mean("revenue", "before"), Ratio("clicks", "views"),
        Quantile("wait", 0.8),
    ),
    ids=lambda metric: metric.key,
)  # fmt: skip
def test_every_kind_holds_on_ordinary_data_and_sees_large_lifts(metric: Metric):
    found = calibrate(metric, one(metric), variant="B", alpha=0.05, number=400, seed=3)
    assert found.planned.holds
    assert found.sound == found.planned
    assert "holds" in charts.title(found)
    powers = [power for _, power in found.planned.power]
    assert powers == sorted(powers)
    assert powers[-1] > 0.3
    assert sum(found.planned.histogram) == 400
    again = calibrate(metric, one(metric), variant="B", alpha=0.05, number=400, seed=3)
    assert again == found


def test_a_lopsided_split_of_heavy_tails_fails_and_a_cap_is_named():
    rng = np.random.default_rng(5)
    n = 8000
    values = rng.lognormal(0, 2.5, n)
    phases = [Phase(rng.random(n) < 0.1, values[:, None])]
    found = calibrate(Mean("revenue"), phases, variant="B", alpha=0.05, number=600, seed=1)
    assert not found.planned.holds
    assert found.planned.less > found.planned.side_band[1]
    assert found.sound is not None
    assert found.sound.cap == "99%"
    assert "does not hold here" in charts.title(found)
    assert "capped at 99%" in charts.title(found)
    rows = charts.table(found)
    assert rows[0]["Holds"] == "no"
    for tokens in (LIGHT, DARK):
        assert charts.histogram(found, tokens).layout.height > 100


def test_a_planned_effect_is_planted_at_half_itself_and_double():
    metric = Proportion("converted", relative_minimum_detectable_effect=0.1)
    found = calibrate(metric, one(metric), variant="B", alpha=0.05, number=100, seed=1)
    assert [lift for lift, _ in found.planned.power] == [0.05, 0.1, 0.2]


def test_phases_with_few_units_are_left_out():
    few = Phase(np.array([True] * 5 + [False] * 50), np.zeros((55, 1)))
    many = Phase(np.array([True] * 50 + [False] * 50), np.zeros((100, 1)))
    assert enough([few, many]) == [many]
