"""What a plan answers: head line, four figures, two charts, tables, formula."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from experiments_core.charts import words
from experiments_core.charts.axis import lift_tick
from experiments_core.charts.bars import mde_by_week
from experiments_core.charts.curves import power_curve
from experiments_core.charts.findings import power_alt, weeks_alt
from experiments_core.charts.tables import power_table, weeks_table
from experiments_core.services.planning import PlanResult
from experiments_core.services.planning_design import Design
from pages.parts import theme

CHART_WIDTH = 300
"""Pixels that a chart needs for its words; with fewer, one stands below the other."""


def headline(result: PlanResult, unit: str = "user") -> None:
    """``56 200 users, 14 days`` and the four figures below it."""
    days = "" if result.days is None else f", {words.plural(result.days, 'day')}"
    theme.section(f"{words.plural(result.total, unit)}{days}")
    arms = [words.count(units) for units in dict.fromkeys(result.units)]
    figures = [
        (f"{unit.capitalize()}s in total", words.count(result.total)),
        (f"{unit.capitalize()}s per arm", " / ".join(arms)),
        ("Days", words.NONE if result.days is None else words.count(result.days)),
        effect_figure(result.design, result.design.effect),
    ]
    figures_row(figures)


def figures_row(figures: list[tuple[str, str]]) -> None:
    """Figures side by side; they wrap where the page is narrow."""
    with st.grid(len(figures), min_column_width=135, gap="medium"):
        for label, value in figures:
            st.metric(label, value)


def effect_figure(design: Design, effect: float) -> tuple[str, str]:
    """The effect in the form that was not typed: points for a lift, a lift for points."""
    relative = design.as_relative(effect)
    if not design.relative and relative is not None:
        return "As a lift", words.lift(relative)
    if design.kind == "rate":
        return "Lift in points", words.points(effect)
    return "Lift in its unit", words.amount(effect, signed=True)


def charts(result: PlanResult, *, key: str, unit: str = "user") -> None:
    """Power by true lift, and the smallest visible lift by week."""
    with st.grid(2, min_column_width=CHART_WIDTH, gap="medium"):
        with st.container():
            _curve(result, key)
        with st.container():
            _weeks(result, key, unit)


def _curve(result: PlanResult, key: str) -> None:
    design = result.design
    points = [(one.effect, one.power) for one in result.curve]
    power_chart(design, points, (design.effect, design.power), key=key)


def power_chart(
    design: Design,
    points: Sequence[tuple[float, float]],
    marked: tuple[float, float],
    *,
    key: str,
) -> None:
    """Power by true effect; as lifts where there is a baseline above 0.

    Args:
        design: The question.
        points: Absolute effect and power.
        marked: The one point that is labelled.
        key: Begins the keys of the elements.
    """
    theme.lead("Power by true lift")
    scale = design.as_relative(1.0)
    relative = scale is not None
    drawn = sorted((effect * (scale or 1.0), power) for effect, power in points)
    planned = (marked[0] * (scale or 1.0), marked[1])
    drawing = power_curve(
        drawn,
        theme.tokens(),
        planned=planned,
        tick=lift_tick if relative else _plain_tick,
        caption="true lift" if relative else "true difference",
    )
    theme.figure(drawing, key=f"{key}-power", alt=power_alt(planned, drawn))
    if relative:
        theme.numbers(power_table(drawn))


def _plain_tick(value: float) -> str:
    return words.number(value, words.amount_decimals(value), signed=True) if value else "0"


def _weeks(result: PlanResult, key: str, unit: str) -> None:
    theme.lead("Smallest visible lift by week")
    daily = result.design.daily_entering
    if daily is None:
        theme.muted(f"Say how many {unit}s come a day to see weeks.")
        return
    if result.design.relative_effect is None:
        theme.muted("A lift needs a mean above 0.")
        return
    shown = result.mde_by_week
    weeks = [
        (one.week, abs(one.relative_effect) if isinstance(one.relative_effect, float)
         else one.relative_effect)
        for one in shown
    ]  # fmt: skip
    planned = next((one.week for one in shown if one.planned), None)
    caption = f"weeks at {words.count(daily)} {unit}s a day"
    drawing = mde_by_week(weeks, theme.tokens(), planned_week=planned, caption=caption)
    theme.figure(drawing, key=f"{key}-weeks", alt=weeks_alt(weeks))
    theme.numbers(weeks_table(weeks))


def assumptions(result: PlanResult) -> None:
    """What the number rests on, and advice."""
    for sentence in result.notes:
        st.markdown(f":orange[**!**] {theme.text(sentence, 500)}")
    theme.note(" ".join(result.assumptions))


def formula(result: PlanResult) -> None:
    """The formula, with symbols and with the numbers put in."""
    with st.expander(
        "The formula, with these numbers", icon=":material/function:", type="compact"
    ):
        st.code(result.formula, language=None, wrap_lines=True)
        if result.formula_with_numbers:
            st.code(result.formula_with_numbers, language=None, wrap_lines=True)
