"""What every run needs again is no garbage: keep it out of the search that follows each run."""

from __future__ import annotations

import streamlit as st

from experiments_core.services.memory import keep_what_is_loaded


@st.cache_resource(show_spinner=False)
def settle(page: str) -> None:  # noqa: ARG001  once per page: each loads modules of its own
    """Take what is alive after the first run of a page out of the search for cycles.

    Streamlit looks through all of memory after each run and lets nobody else run meanwhile:
    with our libraries loaded that took longer than most pages, and the browser waited for it.
    """
    keep_what_is_loaded()
