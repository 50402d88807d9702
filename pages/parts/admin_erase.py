"""Admin: erase everything that is kept about one person."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.errors import UpshotError
from experiments_core.services import erasing
from experiments_core.services.erasing import Erased
from experiments_core.services.workspace import Workspace
from pages.parts import theme

GONE = "_erased_unit"
KINDS = {
    "assignments": "assignment",
    "participants": "list entry",
    "overrides": "override",
    "events": "event",
    "deployments": "version given by hand",
    "units": "row of results data",
    "rows_left_out": "row that an import left out",
}


def draw(ws: Workspace, actor: Actor) -> None:
    """What will go, the id, and one button that says it is for good."""
    theme.section("Erase a person")
    theme.muted(
        "Everything kept under one unit id goes, in every experiment: assignments, events, "
        "overrides, rows of uploads and stored files it stands in. Results count without it "
        "from the next look on; totals of looks that were taken stay. It cannot be taken back."
    )
    done = st.session_state.pop(GONE, None)
    if done is not None:
        st.success(_sentence(done), icon=":material/person_remove:")
    with st.form("erase-unit", border=False):
        unit = st.text_input(
            "Unit id", key="erase-unit-id", help="Exactly as it was sent, or its pseudonym."
        )
        sure = st.checkbox("Erase for good", key="erase-unit-sure")
        if st.form_submit_button("Erase this unit"):
            _erase(ws, actor, unit, sure=sure)


def _erase(ws: Workspace, actor: Actor, unit: str, *, sure: bool) -> None:
    if not sure:
        st.warning("Tick “Erase for good” first.")
        return
    try:
        st.session_state[GONE] = erasing.erase_unit(ws, actor, unit)
    except UpshotError as error:
        theme.refused(error)
        return
    st.rerun()


def _sentence(gone: Erased) -> str:
    parts = [words.plural(number, KINDS[kind]) for kind, number in gone.rows.items()]
    parts += [words.plural(gone.texts, "stored file")] if gone.texts else []
    parts += [words.plural(gone.drafts, "unfinished upload")] if gone.drafts else []
    held = ""
    if gone.backups:
        copies = words.plural(len(gone.backups), "backup")
        held = f" {copies} made before still hold it, until they are removed."
    return f"Erased: {', '.join(parts)}.{held}"
