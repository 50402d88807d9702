"""Data: drop a file, say what its columns mean, see what is used, import, undo."""

import streamlit as st

from experiments_core.domain.access import Permission
from pages.parts import (
    data_commit,
    data_difference,
    data_done,
    data_draft,
    data_history,
    data_known,
    data_mapping,
    data_report,
    data_upload,
    data_waiting,
    theme,
    who,
)
from pages.parts.data_import import Import


def draw() -> None:
    """The drop zone and the history, or the file on its way in."""
    known = data_draft.current()
    if known is None:
        _empty()
    else:
        _import(known)


def _empty() -> None:
    theme.title_row("Data")
    data_done.draw()
    brings = who.can(Permission.IMPORT)
    theme.muted(
        "Drop a CSV with one row per user, an event log, or just totals per variant." if brings
        else f"Bringing data in needs the editor role. {who.whom_to_ask()}"
    )  # fmt: skip
    into = data_upload.target(data_upload.targets(), brings=brings)
    if brings:
        data_upload.drop(into)
        data_waiting.draw()
    if into is not None:
        data_history.draw(into)


def _import(known: Import) -> None:
    into = data_upload.chosen(known.experiment_id)
    top = st.container()  # drawn last: the counts are exact once every row was read
    found = None
    if known.draft.already_imported is not None:
        data_known.draw(known.draft.already_imported)
    else:
        found = data_report.board(known)
    with top:
        theme.title_row(data_mapping.title(known))
        data_mapping.head(known.draft, into)
        if known.draft.already_imported is None:
            data_mapping.steps(known)
    if found is not None:
        data_difference.draw(found)
        data_report.preview(found)
        data_commit.draw(known, found, into)
    elif known.draft.already_imported is None:
        st.button("Choose another file", on_click=data_draft.forget)


draw()
