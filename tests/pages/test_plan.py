"""The planner answers while one types, and says why it cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.words import button, field, said, tables


def test_the_plan_page_opens_with_an_answer(open_page: Callable[..., AppTest]) -> None:
    app = open_page("plan")
    assert not app.exception
    text = said(app)
    assert "56 160 users, 14 days" in text
    assert "Lift in points +0.66 pp" in text
    assert len(app.get("plotly_chart")) == 2
    assert "Why other calculators say something else" in text
    assert "If you want to look before the end" in text
    assert "If this rate is a guardrail" in text


def test_a_typed_baseline_changes_the_answer(open_page: Callable[..., AppTest]) -> None:
    app = open_page("plan")
    field(app, "Baseline").set_value("16.6 %").run()
    assert "25 426 users, 7 days" in said(app)


def test_what_cannot_be_read_is_named_and_kept(open_page: Callable[..., AppTest]) -> None:
    app = open_page("plan")
    field(app, "Baseline").set_value("eight").run()
    assert "Baseline: “eight” is not a number." in said(app)
    assert field(app, "Baseline").value == "eight"
    assert not app.get("plotly_chart")


def test_an_impossible_effect_is_explained(open_page: Callable[..., AppTest]) -> None:
    app = open_page("plan")
    field(app, "Baseline").set_value("60").run()
    field(app, "Smallest lift").set_value("80").run()
    assert not app.exception
    assert "outside 0 to 100 %" in said(app)


def test_the_other_two_questions_have_answers(open_page: Callable[..., AppTest]) -> None:
    app = open_page("plan", find="Lift")
    assert "56 000 users can show +8.0 %" in said(app)
    app = open_page("plan", find="Power")
    assert "Power 80 % with 56 000 users" in said(app)


def test_a_mean_is_planned_from_its_spread(open_page: Callable[..., AppTest]) -> None:
    app = open_page("plan", kind="Mean")
    assert not app.exception
    assert "Standard deviation" in [one.label for one in app.text_input]
    assert "What if the spread or the effect is different?" in said(app)


def test_a_ratio_and_its_guardrail_are_planned(open_page: Callable[..., AppTest]) -> None:
    app = open_page("plan", kind="Ratio", mean="0.45", sd="0.5")
    assert not app.exception
    assert "two ratios of sums" in said(app)
    assert "If this ratio is a guardrail" in said(app)
    field(app, "Harm you would accept, %").set_value("3").run()
    (row,) = [
        list(row)
        for one in tables(app)
        for row in one.to_numpy()
        if str(row[0]).startswith("3\u202f")
    ]
    # (1.959964 + 0.841621)² (1 + 0.97²) 0.5² / (0.03 · 0.45)² = 20 897, normal
    units = int("".join(one for one in str(row[1]) if one.isdigit()))
    assert units == pytest.approx(20_897, abs=3)
    field(app, "Harm you would accept, %").set_value("300").run()
    assert "is out of range" in said(app)
    button(app, "Create an experiment from this").click().run()
    assert app.session_state["create-metric0-kind"] == "ratio"
    assert app.session_state["create-sd"] == "0.5"


def test_a_plan_becomes_an_experiment(open_page: Callable[..., AppTest]) -> None:
    app = open_page("plan")
    button(app, "Create an experiment from this").click().run()
    assert not app.exception
    assert "New experiment" in said(app)
    assert "Your plan is filled in at step 4." in said(app)
    assert app.session_state["create-baseline"].startswith("8.3")
    assert app.session_state["create-lift"] == "8"
