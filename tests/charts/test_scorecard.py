from __future__ import annotations

from dataclasses import replace

import pytest

from experiments_core.analysis.results import ExperimentResult
from experiments_core.charts.findings import scorecard_alt, scorecard_title
from experiments_core.charts.rows import axis_of, scorecard_groups
from experiments_core.charts.scorecard import scorecard
from experiments_core.charts.tables import scorecard_table
from experiments_core.charts.theme import DARK, LIGHT
from experiments_core.stats.estimate import Undefined
from tests.charts import examples
from tests.charts.figures import plain, points, segments, texts

NAMES = {"control": "Control", "B": "B"}
BAR, WING = 6.0, 1.2


def row_of(result: ExperimentResult, name: str, show: str = "lift"):
    rows = [row for group in scorecard_groups(result, show=show) for row in group.rows]
    return next(row for row in rows if row.metric.name == name)


def only(result: ExperimentResult, *names: str) -> ExperimentResult:
    return replace(result, metrics=tuple(m for m in result.metrics if m.name in names))


def test_every_number_of_a_row_is_written(result: ExperimentResult):
    written = texts(scorecard(result, LIGHT, names=NAMES))
    for text in (
        "<b>Paid order</b>",
        "8.09 %",
        "8.70 %",
        "n 19 430",
        "n 39 476",
        "+0.61 pp",
        "0.11 to 1.11",
        "<b>+7.5 %</b>",
        "1.3 to 14.3 %",
        "better",
        "p = 0.018",
    ):
        assert text in written


def test_metrics_stand_under_their_role_and_its_rule(result: ExperimentResult):
    groups = scorecard_groups(result)
    assert [(g.title, len(g.rows)) for g in groups] == [
        ("Primary", 1), ("Guardrails", 3), ("Secondary", 3),
    ]  # fmt: skip
    assert groups[2].rule == "corrected over 3 comparisons"


def test_the_axis_is_round_and_cuts_no_primary_bar(result: ExperimentResult):
    axis = axis_of(scorecard_groups(result))
    assert (axis.low, axis.high, axis.step) == pytest.approx((-0.2, 0.4, 0.1))


def test_bars_are_the_intervals(result: ExperimentResult):
    figure = scorecard(only(result, "Paid order"), LIGHT)
    assert (0.013, 0.143) in segments(figure, BAR)
    assert (-0.02, 0.183) in segments(figure, WING)
    assert 0.075 in points(figure)


def test_a_decided_point_is_filled_and_an_open_one_hollow(result: ExperimentResult):
    figure = scorecard(only(result, "Paid order", "Revenue per user"), LIGHT)
    colours = {
        t.x[0]: t.marker.color
        for t in figure.data
        if t.marker.symbol is None and t.mode == "markers"
    }
    assert colours[0.075] == LIGHT.better
    assert colours[0.050] == LIGHT.background


def test_colour_is_earned_by_the_verdict_never_by_the_sign(result: ExperimentResult):
    faster = row_of(result, "Time to pay")
    assert (faster.lift[0], faster.mark.reading.mark, faster.mark.reading.tone) == (
        "\u2212", "▲", "better",
    )  # fmt: skip
    unclear = row_of(result, "Revenue per user")
    assert (unclear.mark.reading.mark, unclear.mark.reading.tone) == ("●", "neutral")


def test_a_guardrail_shows_its_limit_on_the_harmful_side(result: ExperimentResult):
    row = row_of(result, "Refund within 7 days")
    assert row.limit is not None
    assert (row.limit.at, row.limit.side, plain(row.limit.label)) == (0.10, 1, "limit +10 %")
    figure = scorecard(only(result, "Paid order", "Refund within 7 days"), LIGHT)
    assert "limit +10 %" in texts(figure)
    tinted = [s for s in figure.layout.shapes if s.fillcolor == LIGHT.harm]
    assert [(s.x0, s.x1) for s in tinted] == [(0.10, pytest.approx(0.4))]


def test_a_guardrail_where_more_is_better_is_limited_from_below():
    higher = replace(examples.guardrails()[1], preferred_direction="increase")
    result = replace(examples.shorter_checkout(), metrics=(examples.paid_order(), higher))
    row = row_of(result, "Support contact")
    assert row.limit is not None
    assert (row.limit.at, row.limit.side) == (-0.10, -1)


def test_an_absolute_limit_is_moved_to_the_lift_axis():
    slower = replace(
        examples.guardrails()[2],
        non_inferiority_margin=None,
        non_inferiority_margin_absolute=0.143,
    )
    result = replace(examples.shorter_checkout(), metrics=(examples.paid_order(), slower))
    row = row_of(result, "Page load")
    assert row.limit is not None
    assert row.limit.at == pytest.approx(0.05)
    assert plain(row.limit.label) == "limit +0.14 s"


def test_the_p_of_a_guardrail_is_the_one_against_the_limit(result: ExperimentResult):
    note = row_of(result, "Refund within 7 days").mark.reading.note
    assert plain(note) == "vs limit p = 0.679"


def test_what_has_no_lift_says_so_in_the_panel(result: ExperimentResult):
    row = row_of(result, "Express pay used")
    assert row.sentence == "Control has none, so no relative lift exists."
    assert not row.mark.drawable
    assert row.lift == "–"


def test_a_difference_exists_where_a_lift_does_not(result: ExperimentResult):
    row = row_of(result, "Express pay used", show="difference")
    assert row.mark.drawable
    assert row.mark.bar_ends == (0.0181, 0.0167, 0.0194)


def test_other_units_are_not_drawn_on_the_axis_of_points(result: ExperimentResult):
    row = row_of(result, "Revenue per user", show="difference")
    assert (row.mark.drawable, row.sentence) == (False, "In USD: see the difference.")


def test_the_verdict_does_not_depend_on_what_is_shown(result: ExperimentResult):
    words = [
        [row.mark.reading.word for g in scorecard_groups(result, show=show) for row in g.rows]
        for show in ("lift", "difference")
    ]
    assert words[0] == words[1]


def test_an_interval_off_the_axis_ends_in_a_triangle(result: ExperimentResult):
    assert points(scorecard(result, LIGHT), "triangle-right") == [pytest.approx(0.4)]


def test_an_open_interval_runs_to_the_edge_and_says_at_least(result: ExperimentResult):
    found = result.metrics[0].arms[1].contrast
    assert found is not None
    open_up = replace(found, relative_lift_ci_upper=Undefined("unbounded"), sequential=None)
    arms = (result.metrics[0].arms[0], replace(result.metrics[0].arms[1], contrast=open_up))
    one = replace(result, metrics=(replace(result.metrics[0], arms=arms),))
    assert plain(row_of(one, "Paid order").lift_interval) == "at least 1.3 %"
    assert points(scorecard(one, LIGHT), "triangle-right")


def test_names_from_data_are_text_in_every_figure():
    for narrow in (False, True):
        figure = scorecard(examples.three_arms(), DARK, narrow=narrow)
        assert not any("<b>C</b>" in text for text in texts(figure))
        assert any("&lt;b&gt;C&lt;/b&gt; &amp; co" in text for text in texts(figure))


def test_a_closed_gate_greys_and_crosses_everything():
    figure = scorecard(examples.gate_closed(), LIGHT)
    assert "not usable" in texts(figure)
    assert len(points(figure, "x-thin")) == 6
    used = {t.line.color for t in figure.data if t.mode == "lines" and t.line.width == BAR}
    assert used == {LIGHT.bar}


def test_an_interim_look_decides_nothing():
    result = examples.interim()
    rows = [row for group in scorecard_groups(result) for row in group.rows]
    assert {row.mark.reading.word for row in rows} == {"interim"}
    assert all(row.mark.wings is None for row in rows)
    assert row_of(result, "Paid order").mark.reading.style == "hollow"


def test_where_the_sequence_decides_its_interval_is_the_bar(result: ExperimentResult):
    control, treatment = result.metrics[0].arms
    found = treatment.contrast
    assert found is not None
    assert found.sequential is not None
    deciding = replace(found, sequential=replace(found.sequential, decides=True))
    one = replace(result.metrics[0], arms=(control, replace(treatment, contrast=deciding)))
    row = row_of(replace(result, metrics=(one,)), "Paid order")
    assert row.mark.bar_ends == (0.075, -0.020, 0.183)
    assert row.mark.wings is None
    assert plain(row.mark.reading.note) == "p = 0.060 any look"


def test_sparklines_are_drawn_where_there_are_points(result: ExperimentResult):
    lines = {("paid_order", "B"): (0.1, 0.08, 0.075)}
    figure = scorecard(result, LIGHT, sparklines=lines)
    assert "Over time" in texts(figure)
    drawn = [tuple(trace.y) for trace in figure.data if trace.mode == "lines"]
    assert (0.1, 0.08, 0.075) in drawn


def test_figures_stand_on_their_own_ground(result: ExperimentResult):
    for palette in (LIGHT, DARK):
        layout = scorecard(result, palette).layout
        assert layout.paper_bgcolor == palette.background
        assert layout.plot_bgcolor == "rgba(0,0,0,0)"  # the sheet's, which lies below the rules
        assert layout.showlegend is False


def test_the_title_states_the_finding(result: ExperimentResult):
    assert scorecard_title(result) == (
        "Scorecard: Paid order better, Refund within 7 days not shown safe, Time to pay better"
    )
    assert scorecard_title(examples.gate_closed()).endswith("until the cause is found")
    assert scorecard_title(examples.interim()).endswith("a look, not a result")
    assert scorecard_title(examples.no_metrics()).endswith("nothing to show yet")
    flat = only(result, "Revenue per user")
    assert scorecard_title(flat).endswith("no clear difference in any metric")


def test_the_title_names_treatments_together_and_says_when_nothing_can_be_said(
    result: ExperimentResult,
):
    three = examples.three_arms()
    names = {"B": "Mens", "<b>C</b> & co": "Womens"}
    first = replace(three, metrics=three.metrics[:1])
    assert scorecard_title(first, names) == "Scorecard: Paid order better in every treatment"
    none = replace(examples.paid_order().arms[1].contrast, verdict="cannot_say", guardrail=None)
    silent = tuple(
        replace(metric, arms=(metric.arms[0], replace(metric.arms[1], contrast=none)))
        for metric in result.metrics
    )
    told = scorecard_title(replace(result, metrics=silent))
    assert told == "Scorecard: nothing can be said"


def test_on_a_phone_each_metric_stands_above_its_treatments():
    written = texts(scorecard(examples.three_arms(), LIGHT, narrow=True, names=NAMES))
    heads = [text for text in written if text.startswith("<b>Paid order</b>")]
    assert len(heads) == 1
    assert "share of users" in heads[0]
    assert written.count("B") == 3


def test_a_limit_at_the_edge_of_the_axis_is_seen(result: ExperimentResult):
    limited = replace(row_of(result, "Support contact").metric, non_inferiority_margin=0.4)
    figure = scorecard(replace(result, metrics=(result.metrics[0], limited)), LIGHT)
    assert "limit +40 %" in texts(figure)


def test_the_words_for_a_screen_reader_hold_every_row(result: ExperimentResult):
    alt = plain(scorecard_alt(result, NAMES))
    assert "Paid order, B: 8.09 % to 8.70 %, +7.5 % (1.3 to 14.3 %). Better, p = 0.018." in alt
    assert "Control has none, so no relative lift exists." in alt


def test_the_table_holds_arm_intervals_and_both_p_values(result: ExperimentResult):
    rows = scorecard_table(result, NAMES)
    assert len(rows) == 14
    time_to_pay = rows[11]
    assert plain(str(time_to_pay["p"])) == "p = 0.016"
    assert plain(str(time_to_pay["Corrected p"])) == "p = 0.032"
    assert plain(str(rows[0]["Its interval"])) == "7.69 % to 8.49 %"
    assert rows[13]["Lift"] == "Control has none, so no relative lift exists."
