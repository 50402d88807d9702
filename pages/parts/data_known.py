"""The same file again: when it came, and what to do instead."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.errors import NotFoundError
from experiments_core.services import experiments, workspace
from experiments_core.services.ingestion import ImportRecord
from pages.parts import data_draft, theme, who


def draw(before: ImportRecord) -> None:
    """Say when the file came, and where its results are."""
    moment = before.committed_at or before.created_at
    used = words.plural(before.rows_used or 0, "row")
    with st.container(border=True, key="already-imported"):
        theme.empty(
            f"You imported this file on {words.day(moment, year=True)}. Nothing to do.",
            f"{used} of it are in use. To read it in another way, undo that import first.",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            slug = _slug(before)
            if slug:
                st.page_link(
                    "pages/results.py",
                    label="Open the results",
                    icon=":material/arrow_forward:",
                    query_params={"exp": slug},
                )
            st.button("Choose another file", on_click=data_draft.forget)


def _slug(before: ImportRecord) -> str:
    if not before.experiment_id:
        return ""
    try:
        found = experiments.get_experiment(
            workspace.current(), who.actor(), before.experiment_id
        )
    except NotFoundError:
        return ""
    return found.slug
