"""How numbers came about: formula, numbers put in, moments, query, rows."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.errors import UpshotError
from experiments_core.services import explaining, rows_behind
from experiments_core.services.explaining import Step, Written
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import theme


def behind(ws: Workspace, actor: Actor, view: LookView, number: tuple[str, str]) -> None:
    """All that lies behind a number of the scorecard: a metric of one treatment."""
    told = explaining.explained(view, *number)
    written(told)
    theme.lead("The moments the query returned")
    empty = {name for row in told.moments for name in row}
    empty -= {name for row in told.moments for name, cell in row.items() if cell is not None}
    theme.table(
        {name: cell for name, cell in row.items() if name not in empty} for row in told.moments
    )
    theme.lead("The query")
    st.code(told.sql, language="sql", wrap_lines=True)
    _rows(ws, actor, view, number)


def _rows(ws: Workspace, actor: Actor, view: LookView, number: tuple[str, str]) -> None:
    """The first units, as they were counted."""
    theme.lead("The rows")
    try:
        found = rows_behind.rows_behind(ws, actor, view, *number)
    except UpshotError as error:
        theme.refused(error)
        return
    if found is None:
        theme.muted("The data came as totals, so there are no rows.")
        return
    theme.note(
        f"The first {words.plural(len(found.rows), 'unit')} by id, values before any cap"
        + ("." if found.named else "; ids are shown to editors and admins.")
    )
    st.dataframe(
        {
            words.plain(name, 60): [row[place] for row in found.rows]
            for place, name in enumerate(found.columns)
        },
        hide_index=True,
        height=280,
    )
    st.code(found.sql, language="sql", wrap_lines=True)


def wanted(scope: str) -> bool:
    """The switch that opens how the numbers above it came about."""
    return st.toggle("How this was computed", key=f"explain-{scope}")


def written(told: Written) -> None:
    """Formula and numbers of a comparison, and of what surrounds it."""
    theme.lead("How this was computed: difference, lift and p")
    _written(told.formula, told.numbers)
    steps(told.steps)


def steps(told: Iterable[Step]) -> None:
    """Formula and numbers of what stands for itself."""
    for step in told:
        theme.lead(step.title)
        _written(step.formula, step.numbers)


def _written(formula: str, numbers: str) -> None:
    st.code(formula, language=None, wrap_lines=True)
    st.code(numbers, language=None, wrap_lines=True)
