"""Imports of one experiment, each with its counts, undo and redo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import UpshotError
from experiments_core.services import ingestion, workspace
from experiments_core.services.ingestion import ImportRecord
from pages.parts import data_report, theme, who

FAILED = "data-undo-failed"


def draw(experiment: Experiment) -> None:
    """A row per import; the newest first."""
    found = ingestion.imports_of(workspace.current(), who.actor(), experiment.id)
    kept = [one for one in found if one.state != "draft"]
    error = st.session_state.pop(FAILED, None)
    if isinstance(error, UpshotError):
        theme.refused(error)
    if not kept:
        theme.muted("No imports yet.")
        return
    used = sum(one.rows_used or 0 for one in kept if one.state == "committed")
    theme.section(f"Imports: {words.plural(used, 'row')} in use")
    for one in kept:
        line(one)
    if any(one.rows_left_out for one in kept):
        data_report.plain_switch()


def line(one: ImportRecord) -> None:
    """One import: its file, counts and time, undo or redo, and the rows left out."""
    moment = one.committed_at or one.created_at
    with st.container(
        horizontal=True, vertical_alignment="center", key=f"import-{one.id}", gap="small"
    ):
        st.markdown(f"**{theme.text(one.file_name)}**", width="content")
        theme.muted(_words(one), width="content")
        theme.muted(
            f"{words.day(moment, year=True)} {moment:%H:%M} UTC, {one.by}", width="content"
        )
        if not who.can(Permission.IMPORT):
            pass
        elif one.state == "committed":
            with st.popover(
                "Undo", type="tertiary", icon=":material/undo:", key=f"take-out-{one.id}"
            ):
                _undo(one)
        elif ingestion.can_redo(workspace.current(), one):
            with st.popover(
                "Redo", type="tertiary", icon=":material/redo:", key=f"bring-back-{one.id}"
            ):
                _redo(one)
        if one.rows_left_out:
            st.download_button(
                "Left-out rows",
                partial(
                    ingestion.rejects_csv,
                    workspace.current(),
                    who.actor(),
                    one.id,
                    for_spreadsheet=data_report.for_spreadsheet(),
                ),
                file_name="rejects.csv",
                mime="text/csv",
                type="tertiary",
                icon=":material/download:",
                key=f"rejects-{one.id}",
                on_click="ignore",
            )


def _words(one: ImportRecord) -> str:
    counts = (
        f"{words.count(one.rows_read or 0)} read = {words.count(one.rows_used or 0)} used + "
        f"{words.count(one.rows_left_out or 0)} left out"
    )
    return {"undone": f"undone; {counts}", "failed": "failed"}.get(one.state, counts)


def _undo(one: ImportRecord) -> None:
    rows = words.plural(one.rows_used or 0, "row")
    st.markdown(
        f"Takes exactly the {rows} of this import out. The record stays, and what was read "
        "from them stays marked as withdrawn."
    )
    st.button(f"Undo {rows}", key=f"undo-{one.id}", on_click=_do, args=(one.id,))


def _redo(one: ImportRecord) -> None:
    st.markdown(
        "Reads the stored file again, as it was read before, and brings its rows back. "
        "The file is kept for 30 days after the undo."
    )
    if st.button(f"Redo {words.plural(one.rows_used or 0, 'row')}", key=f"redo-{one.id}"):
        with st.spinner("Reading every row again"):
            _try(lambda: ingestion.redo(workspace.current(), who.actor(), one.id))
        st.rerun()


def _try(act: Callable[[], object]) -> None:
    try:
        act()
    except UpshotError as error:
        st.session_state[FAILED] = error


def _do(import_id: str) -> None:
    _try(lambda: ingestion.undo(workspace.current(), who.actor(), import_id))
