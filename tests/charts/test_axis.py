from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.charts.axis import common_axis, lift_tick, points_tick, round_step
from tests.charts.figures import plain

ENDS = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(ENDS, min_size=1, max_size=20), st.lists(ENDS, max_size=20))
def test_nothing_that_must_be_seen_is_cut_and_ticks_stay_few(
    must: list[float], may: list[float]
):
    axis = common_axis(must, may)
    reach = max(map(abs, must), default=0)
    assert all(axis.low - 1e-9 * reach <= end <= axis.high + 1e-9 * reach for end in must)
    assert axis.low < 0 < axis.high
    assert 3 <= len(axis.ticks) <= 7


def test_a_far_end_of_a_lesser_metric_does_not_flatten_the_rest():
    assert common_axis([0.05], [5.0]).high < 0.2


@pytest.mark.parametrize(
    ("raw", "step"), ((0.0087, 0.01), (0.011, 0.02), (0.21, 0.5), (6, 10), (1, 1))
)
def test_steps_are_round(raw: float, step: float):
    assert round_step(raw) == pytest.approx(step)


def test_ticks_have_the_decimals_their_step_needs():
    assert plain(lift_tick(0.1)) == "+10 %"
    assert plain(lift_tick(-0.025)) == "-2.5 %"
    assert lift_tick(0.0) == "0"
    assert plain(points_tick(0.005)) == "+0.5"
