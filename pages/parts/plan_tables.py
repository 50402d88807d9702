"""Tables of the planner: other assumptions, and why other calculators say something else."""

from __future__ import annotations

from typing import cast

import pandas as pd
import streamlit as st

from experiments_core.charts import words
from experiments_core.services.planning import (
    OtherSize,
    PlanResult,
    Sensitivity,
    SensitivityCell,
    SensitivityRow,
)
from pages.parts import screen, theme


def sensitivity(result: PlanResult) -> None:
    """Days (or units) for neighbouring baselines and effects; this plan's cell is marked."""
    daily = result.design.daily_entering
    table = result.sensitivity
    what = "baseline" if table.varies == "baseline" else "spread"
    counted = f"days needed at {words.count(daily)} users a day" if daily else "users in total"
    theme.lead(f"What if the {what} or the effect is different?", counted)
    rate = result.design.kind == "rate"
    heads = [_effect(table, effect, rate=rate) for effect in table.effects]
    rows = {_label(row, rate=rate): [_cell(c, days=bool(daily)) for c in row.cells]
            for row in table.rows}  # fmt: skip
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=heads)
    frame.index.name = what.capitalize()
    planned = next(_label(row, rate=rate) for row in table.rows if row.planned)
    _marked(frame, planned, heads[len(heads) // 2])


def _marked(frame: pd.DataFrame, row: str, column: str) -> None:
    accent = theme.tokens().accent
    style = frame.style.format(_count)
    style = style.map(
        lambda _: f"color: {accent}; font-weight: 700", subset=pd.IndexSlice[[row], [column]]
    )
    with st.container(key="numbers-sensitivity"):
        st.table(style, border="horizontal")


def _count(cell: object) -> str:
    return words.count(cell) if isinstance(cell, int) else str(cell)


def _effect(table: Sensitivity, effect: float, *, rate: bool) -> str:
    if table.relative:
        return words.percent(effect, _decimals(effect * 100), signed=True)
    return words.points(effect) if rate else words.amount(effect, signed=True)


def _decimals(number: float) -> int:
    return 0 if abs(number - round(number)) < 1e-9 else 1


def _label(row: SensitivityRow, *, rate: bool) -> str:
    return words.percent(row.value, 1) if rate else words.amount(row.value)


def _cell(cell: SensitivityCell, *, days: bool) -> int | str:
    number = cell.days if days else cell.total
    return number if isinstance(number, int) else words.NONE


def other_calculators(result: PlanResult) -> None:
    """What other formulas say for the same inputs, and why."""
    theme.lead("Why other calculators say something else", "control users, same inputs")
    if screen.is_narrow():
        for one in result.other_calculators:
            _in_words(one)
        return
    rows = [
        {
            "Formula or reading": f"{one.name}{' (this plan)' if one.ours else ''}",
            "Where": one.who,
            "Users": words.count(one.units),
            "Against this plan": words.percent(one.ratio - 1, 1, signed=True),
            "Why": one.why,
        }
        for one in result.other_calculators
    ]
    theme.table(cast("list[dict[str, object]]", rows), right=True, texts=("Where", "Why"))


def _in_words(one: OtherSize) -> None:
    """A line of the table where there is no room for its columns."""
    name = f"{one.name}{' (this plan)' if one.ours else ''}"
    against = words.percent(one.ratio - 1, 1, signed=True)
    st.markdown(
        f"**{theme.text(name)}**, {theme.text(one.who)}: **{words.count(one.units)}** "
        f"({against}). :gray[{theme.text(one.why)}]"
    )
