from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from plotly.graph_objects import Figure

from experiments_core.charts.theme import LIGHT, faded
from experiments_core.charts.timeline import OUTCOMES, Run, timeline
from tests.charts.figures import points, texts, written

TODAY = date(2026, 5, 20)


def run(outcome: str, end: date | None = None, **more: Any) -> Run:
    return Run("A <i>test</i>", date(2026, 5, 4), end, outcome, **more)


def fills(figure: Figure):
    return {s.fillcolor for s in figure.layout.shapes if s.type == "rect"}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_is_a_letter_and_a_tone(outcome: str):
    written = texts(timeline([run(outcome, date(2026, 5, 18))], LIGHT, today=TODAY))
    letter, _ = OUTCOMES[outcome]
    assert not letter or f"<b>{letter}</b>" in written
    assert "A &lt;i&gt;test&lt;/i&gt;" in written


def test_a_finished_run_is_filled_and_a_running_one_pale():
    finished = timeline([run("won", date(2026, 5, 18))], LIGHT, today=TODAY)
    assert fills(finished) == {LIGHT.better}
    running = timeline([run("running")], LIGHT, today=TODAY)
    assert fills(running) == {faded(LIGHT.accent, 0.2, LIGHT.background)}


def test_the_dotted_line_runs_to_the_planned_end():
    figure = timeline([run("running", planned_end=date(2026, 6, 2))], LIGHT, today=TODAY)
    assert len(points(figure, "line-ns")) == 1
    overdue = timeline([run("running", planned_end=date(2026, 5, 8))], LIGHT, today=TODAY)
    assert points(overdue, "line-ns") == []


def test_a_change_of_split_is_a_gap():
    figure = timeline(
        [run("won", date(2026, 5, 18), changes=(date(2026, 5, 12),))], LIGHT, today=TODAY
    )
    gaps = [s for s in figure.layout.shapes if s.line.width == 2.5]
    assert len(gaps) == 1


def test_the_narrow_calendar_shows_eight_weeks():
    old = Run("Old", date(2025, 1, 1), date(2025, 2, 1), "lost")
    figure = timeline([old, run("running")], LIGHT, today=TODAY, narrow=True)
    assert len(fills(figure)) == 1
    assert "<b>today</b>" in texts(figure)


def test_an_empty_calendar_can_be_drawn():
    assert "<b>today</b>" in texts(timeline([], LIGHT, today=TODAY))


def test_today_stays_inside_and_no_month_is_written_over_it():
    run_ = Run("Run 1", date(2026, 5, 4), None, "running")
    november = date(2026, 11, 28)
    figure = timeline([run_], LIGHT, today=november, narrow=True, whole=True)
    today = next(one for one in written(figure) if one.text == "<b>today</b>")
    assert today.edge == "right"
    assert "Oct" in texts(figure)
    assert "Nov" not in texts(figure)


def test_what_is_over_fills_its_own_calendar():
    over = Run("Run 1", date(2026, 5, 4), date(2026, 5, 18), "won")
    figure = timeline([over], LIGHT, today=date(2026, 11, 28), whole=True)
    (box,) = [s for s in figure.layout.shapes if s.type == "rect"]
    assert box.x1 - box.x0 == 15
    assert box.x0 == 1
    assert {"4 May", "10 May", "18 May"} <= set(texts(figure))
    assert "<b>today</b>" not in texts(figure)


def test_the_letter_stands_in_the_longest_piece():
    figure = timeline(
        [run("won", date(2026, 5, 18), changes=(date(2026, 5, 6),))], LIGHT, today=TODAY
    )
    letter = next(one for one in written(figure) if one.text == "<b>W</b>")
    (gap,) = [s.x0 for s in figure.layout.shapes if s.line.width == 2.5]
    assert letter.x > gap + 5
