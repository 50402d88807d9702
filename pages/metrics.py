"""Metrics: the library, what each number means, where it is used, what it would say."""

import streamlit as st

from experiments_core.services import library, workspace
from pages.parts import metrics_editor, metrics_library, metrics_one, theme, who


def page() -> None:
    """Draw the list, one metric, or the empty library."""
    ws = workspace.current()
    actions = theme.title_row("Metrics")
    known = library.list_metrics(ws, who.actor())
    if known:
        metrics_library.actions(who.actor(), actions)
    if st.query_params.get("metric") == metrics_editor.NEW:
        metrics_editor.new(ws, who.actor())
    elif not known:
        metrics_library.empty(ws, who.actor())
    elif (chosen := metrics_library.chosen(known)) is not None:
        metrics_one.draw(ws, who.actor(), chosen)
    else:
        metrics_library.draw(ws, who.actor(), known)


page()
