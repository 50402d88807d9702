"""Metrics: the library, what each number means, where it is used, what it would say."""

import streamlit as st

from experiments_core.domain.access import LOCAL
from experiments_core.services import library, workspace
from pages.parts import metrics_editor, metrics_library, metrics_one, theme


def page() -> None:
    """Draw the list, one metric, or the empty library."""
    ws = workspace.current()
    actions = theme.title_row("Metrics")
    known = library.list_metrics(ws, LOCAL)
    if known:
        metrics_library.actions(LOCAL, actions)
    if st.query_params.get("metric") == metrics_editor.NEW:
        metrics_editor.new(ws, LOCAL)
    elif not known:
        metrics_library.empty(ws, LOCAL)
    elif (chosen := metrics_library.chosen(known)) is not None:
        metrics_one.draw(ws, LOCAL, chosen)
    else:
        metrics_library.draw(ws, LOCAL, known)


page()
