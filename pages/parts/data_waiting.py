"""Files that came in and were not imported: say so, go on with them or throw them away."""

from __future__ import annotations

import contextlib

import streamlit as st

from experiments_core.charts import words
from experiments_core.errors import UpshotError
from experiments_core.services import ingestion, workspace
from experiments_core.services.ingestion import ImportRecord
from pages.parts import data_draft, theme, who

SHOWN = 5


def draw() -> None:
    """A row per file; nothing when there is none."""
    found = ingestion.unfinished(workspace.current(), who.actor())
    if not found:
        return
    theme.lead("Not imported yet", "nothing of these files is among the data")
    for one in found[:SHOWN]:
        _line(one)


def _line(one: ImportRecord) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", key=f"waiting-{one.id}", gap="medium"
    ):
        st.markdown(theme.text(one.file_name), width="content")
        theme.muted(
            f"came in {words.day(one.created_at, year=True)} {one.created_at:%H:%M} UTC",
            width="content",
        )
        st.button(
            "Go on", type="tertiary", key=f"go-on-{one.id}",
            on_click=data_draft.carry_on, args=(one.id, one.experiment_id),
        )  # fmt: skip
        st.button(
            "Throw away", type="tertiary", key=f"throw-{one.id}",
            on_click=_throw_away, args=(one.id,),
        )  # fmt: skip


def _throw_away(import_id: str) -> None:
    with contextlib.suppress(UpshotError):  # somebody else was quicker
        ingestion.discard(workspace.current(), who.actor(), import_id)
