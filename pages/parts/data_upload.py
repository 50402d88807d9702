"""The way in: which experiment, a file from the browser, a file from the inbox."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.errors import NotFoundError, UpshotError
from experiments_core.services import experiments as service
from experiments_core.services import ingestion, workspace
from pages.parts import data_draft, theme, who

NEW = ""
TARGET = "data-target"


def targets() -> list[Experiment]:
    """Experiments that can take data."""
    known = service.list_experiments(workspace.current(), who.actor())
    return [one for one in known if one.status is not Status.ARCHIVED]


def target(known: Sequence[Experiment], *, brings: bool = True) -> Experiment | None:
    """Ask where the rows go; the address names it. None means a new experiment.

    Args:
        known: Experiments that take data.
        brings: Whether the reader may bring some; if not, they choose whose imports they see.
    """
    by_slug = {one.slug: one for one in known}
    names = {NEW: "A new experiment" if brings else words.NONE} | {
        one.slug: one.name for one in known
    }
    asked = _asked()
    st.session_state[TARGET] = asked if asked in names else NEW
    if asked not in names:
        theme.note(
            f"“{words.plain(asked, 60)}” takes no data: it was archived or deleted, or the "
            "link is old. Choose where the rows go."
        )
    chosen = st.selectbox(
        "The rows belong to" if brings else "Imports of",
        list(names),
        format_func=lambda slug: words.plain(names[slug], 80),
        key=TARGET,
        on_change=_chosen,
        width=420,
    )
    return by_slug.get(chosen)


def _asked() -> str:
    """What the address names, by its slug, key or id."""
    asked = st.query_params.get("exp", NEW)
    if not asked:
        return NEW
    try:
        return service.get_experiment(workspace.current(), who.actor(), asked).slug
    except NotFoundError:
        return asked


def chosen(experiment_id: str | None) -> Experiment | None:
    """The experiment that a file was dropped for."""
    if experiment_id is None:
        return None
    return service.get_experiment(workspace.current(), who.actor(), experiment_id)


def _chosen() -> None:
    slug = st.session_state[TARGET]
    if slug:
        st.query_params["exp"] = slug
    else:
        st.query_params.pop("exp", None)


def drop(into: Experiment | None) -> None:
    """The drop zone, the inbox below it, and why the last file was refused."""
    error = st.session_state.get(data_draft.FAILED)
    if isinstance(error, UpshotError):
        with st.container(border=True, key="refusal"):
            theme.refused(
                error, "Nothing of this file was stored. Correct it, or choose another one."
            )
    megabytes = workspace.current().settings.max_upload_bytes // (1024 * 1024)
    found = st.file_uploader(
        f"One file, or several that belong together, up to {megabytes} MB: "
        ".csv, .tsv, .txt, also packed as .gz, or .xlsx",
        key=f"upload-{st.session_state.get(data_draft.UPLOAD, 0)}",
        max_upload_size=megabytes,
        accept_multiple_files=True,
    )
    experiment_id = into.id if into else None
    if found:
        data_draft.receive([(one, one.name) for one in found], experiment_id)
        st.rerun()
    _inbox(experiment_id)


def _inbox(experiment_id: str | None) -> None:
    folder = ingestion.inbox_folder(workspace.current(), who.actor())
    files = ingestion.inbox_files(workspace.current(), who.actor())
    if not files:
        where = (
            f"put them into {folder}" if folder else "ask an admin to put them into the inbox"
        )
        theme.note(f"Larger files: {where}. They appear here.")
        return
    theme.lead("In the inbox", "files that need not go through the browser")
    for number, one in enumerate(files):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(theme.text(one.name), width="content")
            theme.muted(size(one.bytes), width="content")
            pressed = st.button("Take it", key=f"inbox-{number}", type="tertiary")
        if pressed:
            data_draft.receive_inbox(one.name, experiment_id)
            st.rerun()


def size(count: int) -> str:
    """``4.1 MB``."""
    if count < 1_000_000:
        return f"{words.number(max(count / 1000, 0.1), 1)}{words.NARROW}kB"
    return f"{words.number(count / 1_000_000, 1)}{words.NARROW}MB"
