from __future__ import annotations

from dataclasses import replace
from datetime import date

from plotly.graph_objects import Figure

from experiments_core.analysis.results import SeriesPoint
from experiments_core.charts.findings import series_alt, series_title
from experiments_core.charts.series import LookMark, NoteMark, PhaseMark, cumulative
from experiments_core.charts.tables import series_table
from experiments_core.charts.theme import LIGHT
from experiments_core.stats.estimate import Undefined
from tests.charts import examples
from tests.charts.figures import plain, points, texts

NONE = Undefined("zero_control")


def without_lift(point: SeriesPoint):
    return replace(
        point, relative_lift=NONE, relative_lift_ci_lower=NONE, relative_lift_ci_upper=NONE,
        always_valid_lower=NONE, always_valid_upper=NONE,
    )  # fmt: skip


def ribbons(figure: Figure):
    return [trace.fillcolor for trace in figure.data if trace.fill == "toself"]


def test_both_bands_and_the_line_are_labelled_at_the_end():
    figure = cumulative(examples.cumulative_points(), LIGHT)
    assert ribbons(figure) == [LIGHT.ribbon_pale, LIGHT.ribbon]
    for label in ("<b>+7.5 %</b>", "95 % interval", "always-valid"):
        assert label in texts(figure)


def test_without_sequential_numbers_there_is_no_pale_band():
    points_only = [
        replace(p, always_valid_lower=NONE, always_valid_upper=NONE)
        for p in examples.cumulative_points()
    ]
    figure = cumulative(points_only, LIGHT)
    assert ribbons(figure) == [LIGHT.ribbon]
    assert "always-valid" not in texts(figure)


def test_a_phase_is_an_ink_line_with_words_above():
    phases = (
        PhaseMark(date(2026, 5, 6), "phase 1"),
        PhaseMark(date(2026, 5, 12), "phase 2", "split 50/50 → 20/80"),
    )
    figure = cumulative(examples.cumulative_points(), LIGHT, phases=phases)
    assert "<b>phase 2</b>: split 50/50 → 20/80" in texts(figure)
    assert [s.x0 for s in figure.layout.shapes if s.line.color == LIGHT.text] == [5.5]


def test_looks_are_numbered_triangles_on_the_time_axis():
    figure = cumulative(
        examples.cumulative_points(), LIGHT, looks=(LookMark(date(2026, 5, 10), 1),)
    )
    assert points(figure, "triangle-up") == [4.0]
    assert "look 1" in texts(figure)


def test_days_without_a_lift_leave_a_gap():
    points_given = list(examples.cumulative_points())
    points_given[3] = without_lift(points_given[3])
    lines = [
        t
        for t in cumulative(points_given, LIGHT).data
        if t.mode == "lines" and t.line.width == 2.2
    ]
    assert [len(line.x) for line in lines] == [3, 10]


def test_one_day_is_enough_to_draw():
    figure = cumulative(examples.cumulative_points()[:1], LIGHT, narrow=True)
    assert points(figure) == [0.0]


def test_the_interval_of_a_day_without_neighbours_can_be_seen():
    alone = cumulative(examples.cumulative_points()[:1], LIGHT)
    drawn = [trace for trace in alone.data if trace.fill == "toself"]
    assert len(drawn) == 2
    for ribbon in drawn:
        assert max(ribbon.x) > min(ribbon.x)
        assert max(ribbon.y) > min(ribbon.y)


def test_the_title_says_whether_the_lift_has_settled():
    course = examples.cumulative_points()
    assert plain(series_title(course)) == "The lift has stayed near +8 % from the first day"
    jump = [replace(course[0], relative_lift=0.4), *course[1:]]
    assert (
        plain(series_title(jump)) == "The lift settled near +8 % on day 2 and has stayed there"
    )
    late = [*course[:-1], replace(course[-1], relative_lift=0.3)]
    assert plain(series_title(late)) == "The lift is still moving; it stands at +30.0 %"
    assert plain(series_title(course[:1])) == "One day of data: +6.9 %"
    assert series_title([without_lift(course[0])]) == "No lift can be computed on any day"


def test_the_course_in_words_and_as_a_table():
    course = examples.cumulative_points()
    assert "19 May: +7.5 % (1.0 % to 14.0 %)" in plain(series_alt(course))
    rows = series_table(course)
    assert len(rows) == 14
    assert rows[0]["Control n"] == "1\u202f400"


def test_what_happened_is_a_dotted_line_with_its_letter_and_a_range_is_shaded():
    notes = (
        NoteMark(date(2026, 5, 8), "A"),
        NoteMark(date(2026, 5, 10), "B", until=date(2026, 5, 12)),
        NoteMark(date(2020, 1, 1), "C"),
    )
    figure = cumulative(examples.cumulative_points(), LIGHT, notes=notes)
    assert {"<b>A</b>", "<b>B</b>"} <= set(texts(figure))
    assert "<b>C</b>" not in texts(figure)
    dotted = [s.x0 for s in figure.layout.shapes if s.line.dash == "2px,3px" and s.x0 == s.x1]
    shaded = [(s.x0, s.x1) for s in figure.layout.shapes if s.fillcolor == LIGHT.tint_grey]
    assert dotted == [2.0, 4.0]
    assert shaded == [(4.0, 6.0)]


def test_a_course_by_the_time_since_the_start_has_numbers_on_its_axis():
    course = [
        replace(point, day=1.0 + number / 2)
        for number, point in enumerate(examples.cumulative_points())
    ]
    figure = cumulative(course, LIGHT)
    shown = texts(figure)
    last = course[-1].day
    assert "2" in shown
    assert not any("May" in text for text in shown)
    assert series_table(course)[-1]["Since the start"] == f"{last:g}"
    assert f"{last:g}: " in plain(series_alt(course))
