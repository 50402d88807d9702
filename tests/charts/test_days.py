from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from plotly.graph_objects import Figure

from experiments_core.charts.days import DayCount, daily_units, units_by_day
from experiments_core.charts.findings import days_title
from experiments_core.charts.tables import days_table
from experiments_core.charts.theme import LIGHT
from tests.charts import examples
from tests.charts.figures import plain, texts


def boxes(figure: Figure, colour: str):
    return [s for s in figure.layout.shapes if s.fillcolor == colour]


def test_days_are_stacked_by_arm_and_expected_ones_pale():
    days = [
        DayCount(date(2026, 5, 6), (2100, 2200)),
        DayCount(date(2026, 5, 7), (800, 3400), expected=True),
    ]
    phases = ((date(2026, 5, 6), "phase 1"), (date(2026, 5, 7), "phase 2"))
    figure = units_by_day(days, ("Control", "B"), LIGHT, phases=phases)
    assert len(boxes(figure, LIGHT.accent)) == 1
    assert {"phase 1", "phase 2", "<b>Control</b>", "<b>B</b>"} <= set(texts(figure))
    assert days_table(days, ("Control", "B"))[0]["B"] == "2\u202f200"
    assert units_by_day([], ("Control", "B"), LIGHT, phases=phases, narrow=True)
    same_day = (*phases, (date(2026, 5, 7), "phase 3"))
    words = texts(units_by_day(days, ("Control", "B"), LIGHT, phases=same_day))
    assert [one for one in words if one.startswith("phase")] == ["phase 1", "phase 3"]


def test_daily_units_come_from_the_cumulative_counts():
    days = daily_units({"B": examples.cumulative_points()[:3]})
    assert [day.units for day in days] == [(1400, 2800)] * 3
    assert plain(days_title(days, "users")) == "About 4 200 users a day, most on 6 May (4 200)"
    assert plain(days_title(days[:1], "users")) == "About 4 200 users a day"
    assert days_title(daily_units({}), "users") == "No users on any day"


def test_an_arm_that_begins_later_has_no_units_before():
    points = examples.cumulative_points()[:3]
    days = daily_units({"B": points, "C": points[1:]})
    assert [day.units for day in days] == [
        (1400, 2800, 0),
        (1400, 2800, 5600),
        (1400, 2800, 2800),
    ]


def test_labels_of_phases_never_run_into_each_other():
    first = date(2026, 8, 20)
    days = [DayCount(first + timedelta(days=n), (10, 10)) for n in range(90)]
    begun = [first + timedelta(days=after) for after in (0, 30, 60, 61)]
    phases = [(day, f"phase {n} 20/16/16/16/16/16") for n, day in enumerate(begun, 1)]
    drawn = texts(units_by_day(days, ("Control", "B"), LIGHT, phases=phases, narrow=True))
    assert [one for one in drawn if one.startswith("phase")] == [
        "phase 1", "phase 2", "phase 4 20/16/16/16/16/16",
    ]  # fmt: skip
    assert any("Sept" in one for one in drawn)
    unchanged = texts(units_by_day(days, ("Control", "B"), LIGHT))
    assert not any(one.startswith("phase") for one in unchanged)


def names_beside(arms: int) -> dict[str, float]:
    day = DayCount(date(2026, 5, 6), (10,) * arms)
    figure = units_by_day([day], [f"arm {n}" for n in range(arms)], LIGHT)
    drawn = [
        pair
        for trace in figure.data
        if trace.mode == "text"
        for pair in zip(trace.text, trace.y, strict=True)
    ]
    return {text: y for text, y in drawn if "arm" in text or text.endswith("others")}


def test_names_of_many_arms_stand_a_line_apart_or_become_a_count():
    places = names_beside(8)
    assert set(places) == {f"<b>arm {n}</b>" for n in range(8)}
    assert min(b - a for a, b in pairwise(sorted(places.values()))) >= 14
    assert set(names_beside(20)) == {"<b>arm 0</b>", "19 others"}


def test_one_day_is_a_bar_and_no_wall():
    figure = units_by_day([DayCount(date(2026, 5, 6), (10, 12))], ("Control", "B"), LIGHT)
    low, high = figure.to_dict()["layout"]["xaxis"]["range"]
    bar = boxes(figure, LIGHT.accent)[0]
    assert (bar.x1 - bar.x0) / (high - low) < 0.15
