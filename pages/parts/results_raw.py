"""The tab of raw numbers: from the query to the number on the scorecard."""

from __future__ import annotations

import streamlit as st

from experiments_core.services import analyses
from pages.parts import theme
from pages.parts.results_subject import Subject


def draw(subject: Subject) -> None:
    """Show formula, numbers put in, moments and query."""
    told = analyses.explained(subject.view, subject.metric, subject.treatment)
    theme.lead("From rows to this number")
    st.code(told.formula, language=None, wrap_lines=True)
    st.code(told.numbers, language=None, wrap_lines=True)
    theme.lead("The moments the query returned")
    theme.table(told.moments)
    theme.lead("The query")
    st.code(told.sql, language="sql", wrap_lines=True)
