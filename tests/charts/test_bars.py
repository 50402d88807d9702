from __future__ import annotations

import pytest
from plotly.graph_objects import Figure

from experiments_core.charts.bars import (
    mde_by_week,
    readable,
    rows_funnel,
    split_bar,
)
from experiments_core.charts.findings import rows_alt, split_alt, weeks_alt
from experiments_core.charts.tables import weeks_table
from experiments_core.charts.theme import DARK, LIGHT
from experiments_core.stats.estimate import Undefined
from tests.charts.figures import plain, texts

NAMES = {"control": "Control"}


def boxes(figure: Figure, colour: str):
    return [s for s in figure.layout.shapes if s.fillcolor == colour]


def test_old_and_new_split_carry_name_and_share():
    figure = split_bar(
        {"control": 5000, "B": 5000}, {"control": 2000, "B": 8000}, LIGHT, names=NAMES
    )
    written = texts(figure)
    for text in (
        "<b>Control 50 %</b>",
        "<b>B 50 %</b>",
        "<b>Control 20 %</b>",
        "<b>B 80 %</b>",
    ):
        assert text in written
    assert len(boxes(figure, LIGHT.accent)) == 1


def test_before_there_is_a_split_only_the_new_one_is_drawn():
    written = texts(
        split_bar(None, {"control": 3334, "B": 3333, "C": 3333}, LIGHT, narrow=True)
    )
    assert "<b>Now</b>" not in written
    assert any("33.34 %" in text for text in written)


def test_an_arm_without_traffic_takes_no_room():
    figure = split_bar(None, {"control": 0, "B": 10_000}, DARK)
    assert len(figure.layout.shapes) == 1


def test_a_long_name_is_cut_and_a_thin_arm_left_unlabelled():
    written = texts(split_bar(None, {"control": 100, "x" * 90: 9900}, LIGHT))
    assert any("…" in text for text in written)
    assert not any("1 %" in text for text in written)


def test_rows_read_are_used_plus_left_out():
    figure = rows_funnel(59_037, 58_906, 131, LIGHT)
    assert texts(figure) == [
        "<b>59 037</b> rows read", "<b>58 906</b> used", "<b>131</b> left out (0.2 %)",
    ]  # fmt: skip
    (lost,) = boxes(figure, LIGHT.warning)
    assert lost.x1 - lost.x0 == pytest.approx(0.004)


def test_nothing_left_out_draws_no_warning():
    assert boxes(rows_funnel(10, 10, 0, LIGHT), LIGHT.warning) == []
    assert boxes(rows_funnel(0, 0, 0, LIGHT), LIGHT.accent) == []


def test_the_planned_week_is_the_only_one_in_accent():
    weeks = [(1, 0.11), (2, 0.078), (3, Undefined("not_reachable"))]
    figure = mde_by_week(weeks, LIGHT, planned_week=2)
    assert len(boxes(figure, LIGHT.accent)) == 1
    assert "<b>7.8 %</b>" in texts(figure)
    assert "–" in texts(figure)
    assert plain(weeks_alt(weeks)) == "Week 1: 11.0 %. Week 2: 7.8 %. Week 3: –."
    assert len(weeks_table(weeks)) == 3


def test_ink_on_a_bar_is_the_one_that_can_be_read():
    assert readable(LIGHT.accent, LIGHT) == LIGHT.background
    assert readable(DARK.accent, DARK) == DARK.background
    assert readable("#EEEEEE", LIGHT) == LIGHT.text


def test_bars_in_words():
    assert plain(rows_alt(10, 8, 2)) == "10 rows read, 8 used, 2 left out."
    assert plain(split_alt({"control": 5000}, {"control": 3334}, NAMES)) == (
        "Now: Control 50.00 %. New people: Control 33.34 %."
    )
