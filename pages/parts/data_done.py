"""What came of a file with several experiments: each with its counts, its results, its undo."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.errors import NotFoundError
from experiments_core.services import experiments, import_steps, workspace
from experiments_core.services.ingestion import ImportRecord
from pages.parts import data_draft, data_history, theme, who


def draw() -> None:
    """A row per experiment that was just made; nothing at other times."""
    made = st.session_state.get(data_draft.DONE)
    if not made:
        return
    with st.container(border=True, key="several-done"):
        ws, actor = workspace.current(), who.actor()
        records = [import_steps.read_import(ws, actor, import_id) for import_id in made]
        used = sum(one.rows_used or 0 for one in records if one.state == "committed")
        told = f"{words.plural(used, 'row')} in use"
        theme.section(f"{words.plural(len(records), 'experiment')} imported: {told}")
        for one in records:
            _link(one)
            data_history.line(one)
        st.button("Close", on_click=_close)


def _link(one: ImportRecord) -> None:
    try:
        found = experiments.get_experiment(
            workspace.current(), who.actor(), one.experiment_id or ""
        )
    except NotFoundError:
        return
    st.page_link(
        "pages/results.py",
        label=theme.text(found.name, 80),
        icon=":material/arrow_forward:",
        query_params={"exp": found.slug},
    )


def _close() -> None:
    st.session_state.pop(data_draft.DONE, None)
