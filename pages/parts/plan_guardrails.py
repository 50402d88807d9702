"""The planner on guardrails: what shows that a metric is not worse by a margin."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.errors import UpshotError
from experiments_core.services import planning_guardrails
from experiments_core.services.planning_design import Design
from experiments_core.services.planning_guardrails import MARGINS, Guarded
from pages.parts import entry, plan_inputs, theme

WAYS = {"increase": "More is better", "decrease": "Less is better"}
MARGIN = "Harm you would accept"


def draw(design: Design, total: int = 0, unit: str = "user") -> None:
    """Units per margin; with a total, what so many units show instead.

    Args:
        design: The question; its effect does not matter.
        total: Units in all arms, where they are given.
        unit: What is randomised.
    """
    if design.as_relative(1.0) is None:
        return
    rows = f"power of {words.plural(total, unit)}" if total else f"{unit}s that show it safe"
    theme.lead(f"If this {design.kind} is a guardrail", f"{rows}, if nothing changes")
    fields = plan_inputs.Fields(keep={"bind": "query-params"})
    own, way = _asked(fields, design)
    if fields.faults:
        plan_inputs.show_faults(fields.faults)
        return
    margins = sorted({*MARGINS, own}) if own else MARGINS
    try:
        (_given if total else _needed)(design, margins, way, total, unit)
    except UpshotError as error:
        theme.refused(error)


def _asked(fields: plan_inputs.Fields, design: Design) -> tuple[float | None, str]:
    """A margin of one's own, and which change is good; for a rate that changes nothing."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        own = fields.typed(f"{MARGIN}, %", "margin", "", _optional_percent, width=190)
        way = "increase"
        if design.kind != "rate":
            way = fields.switched("Good direction", "good", WAYS)
    return own, way


def _optional_percent(label: str, text: str) -> float | None:
    if not text.strip():
        return None
    share = entry.percent(label, text)
    if not 0 < share < 1:
        message = "It is a percentage above 0 and below 100, such as 3."
        raise entry.out_of_range(label, text, message)
    return share


def _needed(
    design: Design, margins: tuple[float, ...] | list[float], way: str, _: int, unit: str
) -> None:
    found = planning_guardrails.guarded(design, margins, preferred_direction=way)
    theme.table(
        (
            {
                MARGIN: _margin(one.margin),
                f"{unit.capitalize()}s per arm": _per_arm(one),
                f"{unit.capitalize()}s in total": _count(one.total),
                "Days": words.NONE if one.days is None else words.count(one.days),
            }
            for one in found
        ),
        right=True,
    )


def _given(
    design: Design, margins: tuple[float, ...] | list[float], way: str, total: int, unit: str
) -> None:
    least = planning_guardrails.smallest_margin(design, total, preferred_direction=way)
    if isinstance(least, float):
        power = words.percent(design.power, 0)
        theme.note(
            f"With {power} power, {words.plural(total, unit)} show that it is not worse by "
            f"{words.percent(least, 1)} or more."
        )
    theme.table(
        (
            {MARGIN: _margin(margin), "Power": _power(design, margin, way, total)}
            for margin in margins
        ),
        right=True,
    )


def _power(design: Design, margin: float, way: str, total: int) -> str:
    found = planning_guardrails.margin_power(design, margin, total, preferred_direction=way)
    return words.percent(found, 0) if isinstance(found, float) else words.reason(found)


def _margin(margin: float) -> str:
    return words.percent(margin, 0 if abs(100 * margin - round(100 * margin)) < 1e-9 else 1)


def _per_arm(one: Guarded) -> str:
    if not isinstance(one.units, tuple):
        return words.reason(one.units)
    return " / ".join(words.count(units) for units in dict.fromkeys(one.units))


def _count(total: object) -> str:
    return words.count(total) if isinstance(total, int) else words.NONE
