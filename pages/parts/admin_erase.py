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
ID, SURE = "erase-unit-id", "erase-unit-sure"
KINDS = {
    "assignments": "assignment",
    "participants": "list entry",
    "overrides": "override",
    "events": "event",
    "deployments": "deployment",
    "units": "results row",
    "rows_left_out": "left-out row",
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
    if isinstance(done, Erased):
        st.success(_sentence(done), icon=":material/person_remove:")
    elif isinstance(done, UpshotError):
        theme.refused(done)
    elif done is not None:
        st.warning(done)
    with st.form("erase-unit", border=False):
        st.text_input("Unit id", key=ID, help="Exactly as it was sent, or its pseudonym.")
        st.checkbox("Erase for good", key=SURE)
        st.form_submit_button("Erase this unit", on_click=_erase, args=(ws, actor))


def _erase(ws: Workspace, actor: Actor) -> None:
    """Erase, and take the id off the screen; what was typed stays where it is refused."""
    if not st.session_state[SURE]:
        st.session_state[GONE] = "Tick “Erase for good” first."
        return
    try:
        st.session_state[GONE] = erasing.erase_unit(ws, actor, st.session_state[ID])
    except UpshotError as error:
        st.session_state[GONE] = error
        return
    st.session_state[ID], st.session_state[SURE] = "", False


def _sentence(gone: Erased) -> str:
    parts = [words.plural(number, KINDS[kind]) for kind, number in gone.rows.items()]
    parts += [words.plural(gone.texts, "stored file")] if gone.texts else []
    parts += [words.plural(gone.drafts, "unfinished upload")] if gone.drafts else []
    told = f"Erased: {', '.join(parts)}."
    if not gone.backups:
        return told
    copies = words.plural(len(gone.backups), "backup")
    verb = "holds" if len(gone.backups) == 1 else "hold"
    return f"{told} {copies} made before still {verb} it, until removed."
