"""The other two questions of the planner: what given units show, and with what power."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from experiments_core.charts import words
from experiments_core.services.planning import CURVE_STEPS, plan
from experiments_core.services.planning_design import Design
from experiments_core.services.planning_numbers import (
    DetectableEffect,
    days_for,
    detectable_effect,
    power_for,
    power_of,
)
from pages.parts import plan_outputs as outputs
from pages.parts import theme


def smallest_effect(design: Design, total: int) -> None:
    """What so many units can show, up and down."""
    found = detectable_effect(design, total)
    up, down = _shown(design, found, "increase"), _shown(design, found, "decrease")
    theme.section(f"{words.plural(total, 'user')} can show {up[0]}")
    outputs.figures_row(
        [
            ("Smallest increase", up[0]),
            ("The same, absolute", up[1]),
            ("Smallest decrease", down[0]),
            ("Days", _days(design, total)),
        ]
    )
    for value in (found.increase, found.decrease):
        if not isinstance(value, float):
            st.markdown(theme.text(words.reason(value)))
    power = words.percent(design.power, 0)
    theme.note(
        f"With {power} power at alpha {design.alpha:g}. A smaller effect may still be found, "
        "but less often than that. Full days, equal traffic every day."
    )
    shown = found.decrease if design.alternative == "less" else found.increase
    if isinstance(shown, float):
        outputs.charts(plan(replace(design, effect=shown, relative=True)), key="effect")


def _shown(design: Design, found: DetectableEffect, direction: str) -> tuple[str, str]:
    relative = getattr(found, f"relative_{direction}")
    absolute = getattr(found, direction)
    own = words.points(absolute) if design.kind == "rate" else words.amount(
        absolute, signed=True
    )  # fmt: skip
    return (words.lift(relative) if isinstance(relative, float) else own), own


def power(design: Design, total: int) -> None:
    """With what probability so many units show the effect."""
    found = power_for(design, total)
    shown = words.percent(found, 0) if isinstance(found, float) else words.NONE
    theme.section(f"Power {shown} with {words.plural(total, 'user')}")
    if not isinstance(found, float):
        st.markdown(theme.text(words.reason(found)))
    lift = design.relative_effect
    outputs.figures_row(
        [
            ("Power", shown),
            ("Missed", words.percent(1 - found, 0) if isinstance(found, float) else words.NONE),
            ("Smallest lift", words.NONE if lift is None else words.lift(lift)),
            ("Days", _days(design, total)),
        ]
    )
    theme.note(
        f"At alpha {design.alpha:g}. Power is the share of such tests that would find an "
        "effect of exactly this size; 80 % is the usual plan."
    )
    if isinstance(found, float):
        _curve(design, total, found)


def _curve(design: Design, total: int, found: float) -> None:
    units = design.split(total)
    effects = [design.effect * 2 * step / CURVE_STEPS for step in range(1, CURVE_STEPS + 1)]
    curve = [(effect, power_of(design, effect, units)) for effect in effects]
    points = [(effect, value) for effect, value in curve if isinstance(value, float)]
    outputs.power_chart(design, points, (design.effect, found), key="given")


def _days(design: Design, total: int) -> str:
    days = days_for(design, total)
    return words.NONE if days is None else words.count(days)
