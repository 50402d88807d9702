"""The tab of raw numbers: from the query to every number that is shown of a comparison."""

from __future__ import annotations

import streamlit as st

from experiments_core.services import inspecting
from experiments_core.services.inspecting import Written
from pages.parts import theme
from pages.parts.results_subject import Subject


def draw(subject: Subject) -> None:
    """Show formula, numbers put in, moments and query."""
    told = inspecting.explained(subject.view, subject.metric, subject.treatment)
    written(told)
    theme.lead("The moments the query returned")
    empty = {name for row in told.moments for name in row}
    empty -= {name for row in told.moments for name, cell in row.items() if cell is not None}
    theme.table(
        {name: cell for name, cell in row.items() if name not in empty} for row in told.moments
    )
    theme.lead("The query")
    st.code(told.sql, language="sql", wrap_lines=True)


def written(told: Written) -> None:
    """Formula and numbers of a comparison, and of what surrounds it."""
    theme.lead("How this was computed: difference, lift and p")
    _written(told.formula, told.numbers)
    for step in told.steps:
        theme.lead(step.title)
        _written(step.formula, step.numbers)


def _written(formula: str, numbers: str) -> None:
    st.code(formula, language=None, wrap_lines=True)
    st.code(numbers, language=None, wrap_lines=True)
