from __future__ import annotations

from dataclasses import replace

from experiments_core.charts.findings import phases_title, segments_alt, segments_title
from experiments_core.charts.forest import ForestGroup, ForestRow, draw_forest
from experiments_core.charts.marks import Mark
from experiments_core.charts.readings import BY_VERDICT
from experiments_core.charts.segments import phase_plot, segment_forest
from experiments_core.charts.tables import phases_table, segments_table
from experiments_core.charts.theme import LIGHT
from tests.charts import examples
from tests.charts.figures import plain, points, texts

ARMS = {"treatment": "B", "reference": "control"}


def test_segments_stand_under_their_column_with_the_interaction():
    written = texts(segment_forest(examples.segments(), examples.paid_order(), LIGHT, **ARMS))
    assert "<b>Device</b>" in written
    assert "do the segments differ? p = 0.161" in written
    assert "(blank)" in written
    assert "33 926" in written
    assert "&lt;i&gt;Oz&lt;/i&gt;" in written


def test_the_axis_names_the_corrected_level():
    written = texts(segment_forest(examples.segments(), examples.paid_order(), LIGHT, **ARMS))
    caption = "relative lift in Paid order, 99.5 % intervals (corrected for 5 segments)"
    assert caption in written


def test_a_wide_interval_of_a_small_segment_is_cut_not_the_decided_one():
    figure = segment_forest(examples.segments(), examples.paid_order(), LIGHT, **ARMS)
    assert len(points(figure, "triangle-right")) == 1


def test_estimates_near_zero_leave_room_for_their_intervals():
    marks = [Mark(v, v - 0.02, v + 0.02, BY_VERDICT["no_clear_difference"]) for v in (0, 0.004)]
    rows = tuple(ForestRow(("Welch", "", "", ""), one, "", "") for one in marks)
    options = {"headings": ("a", "b", "c", "d", "e"), "caption": ""}
    figure = draw_forest((ForestGroup(rows),), LIGHT, **options)
    assert points(figure, "triangle-right") == points(figure, "triangle-left") == []


def test_nothing_is_decided_in_segments_before_the_end():
    figure = segment_forest(
        examples.segments(), examples.paid_order(), LIGHT, final=False, narrow=True, **ARMS
    )
    filled = [t for t in figure.data if t.mode == "markers" and t.marker.color == LIGHT.better]
    assert filled == []


def test_a_segment_without_a_test_says_why():
    first = examples.segments()[0]
    bare = replace(first, arms=(first.arms[0], replace(first.arms[1], contrast=None)))
    figure = segment_forest((bare,), examples.paid_order(), LIGHT, **ARMS)
    assert "Too few units for a test yet." in texts(figure)


def test_titles_count_what_stands_out():
    segments = examples.segments()
    assert segments_title(segments, "B") == (
        "One of 5 segments stands out: Mobile. "
        "That segments differ among themselves is not established"
    )
    five = [replace(segments[0], value=f"m{n}", interaction_p_value=0.01) for n in range(5)]
    assert segments_title(five, "B") == "All 5 segments stand out"
    assert segments_title([*five, segments[1]], "B") == (
        "Five of 6 segments stand out: m0, m1, m2 and 2 more"
    )
    assert segments_title(segments[1:], "B") == "None of 4 segments stands out after correction"
    assert "Mobile: +13.7 %." in plain(segments_alt(segments, "B"))


def test_segments_as_a_table():
    row = segments_table(examples.segments(), examples.paid_order(), "B", "control")[0]
    assert (row["Value"], plain(str(row["Lift"]))) == ("Mobile", "+13.7 %")


def test_the_plain_total_is_crossed_muted_and_called_misleading():
    figure = phase_plot(examples.paid_order(), LIGHT, **ARMS)
    written = texts(figure)
    assert "misleading" in written
    assert "Plain total (do not use)" in written
    assert points(figure, "x-thin") == [-0.048]


def test_the_combined_row_stands_below_the_phases_in_bold():
    written = texts(phase_plot(examples.paid_order(), LIGHT, narrow=True, **ARMS))
    assert "<b>Combined over phases</b>" in written


def test_phases_and_total_are_compared_in_the_title():
    metric = examples.paid_order()
    assert phases_title(metric, "B", "B") == (
        "Inside each phase B leads. Only the plain total says otherwise"
    )
    assert phases_title(examples.guardrails()[0], "B", "B") == "There is only one phase"


def test_phases_as_a_table():
    rows = phases_table(examples.paid_order(), "B", "control")
    assert [row["Rows"] for row in rows] == [
        "phase 1", "phase 2", "combined", "plain total (misleading)",
    ]  # fmt: skip
