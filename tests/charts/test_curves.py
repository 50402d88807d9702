from __future__ import annotations

from experiments_core.charts.curves import power_curve
from experiments_core.charts.findings import power_alt
from experiments_core.charts.tables import power_table
from experiments_core.charts.theme import LIGHT
from tests.charts.figures import plain, points, texts, written

CURVE = [(0.0, 0.05), (0.04, 0.3), (0.08, 0.8), (0.12, 0.97), (0.16, 0.999)]


def test_the_plan_is_the_one_marked_point():
    figure = power_curve(CURVE, LIGHT, planned=(0.08, 0.8))
    assert points(figure) == [0.08]
    assert "80 % to see +8 %" in texts(figure)
    assert "<b>your plan</b>" in texts(figure)


def test_without_a_plan_only_the_curve_is_drawn():
    assert points(power_curve(CURVE, LIGHT)) == []


def test_words_of_a_plan_at_the_right_end_stand_on_its_left():
    figure = power_curve(CURVE, LIGHT, planned=(0.15, 0.99))
    note = next(one for one in written(figure) if "your plan" in one.text)
    assert note.edge == "right"


def test_the_curve_in_words_and_numbers():
    assert plain(power_alt((0.08, 0.8), CURVE)).startswith("80 % power to see +8.0 %. Power")
    assert plain(power_alt(None, CURVE)).startswith("Power rises from 5 %")
    assert power_table(CURVE)[2] == {"True lift": "+8.0\u202f%", "Power": "80\u202f%"}


def test_effects_that_all_but_reach_the_ends_stand_under_the_axis():
    points = [(0.0005, 0.05), (0.05, 0.8), (0.0999, 0.99)]
    written = texts(power_curve(points, LIGHT, planned=(0.05, 0.8)))
    assert [text for text in written if text in {"+5 %", "+10 %"}] == ["+5 %", "+10 %"]
    assert written.count("0") == 2
