"""What has to be known on every page: the workspace can only be read, and what to do."""

from __future__ import annotations

import streamlit as st

from experiments_core.services import workspace
from pages.parts import theme


def draw() -> None:
    """One line at the top; nothing while all is well."""
    damage = workspace.damage()
    if damage:
        with st.container(border=True, key="read-only"):
            st.markdown(f":red[**✕**] **{theme.text(damage, 1000)}**")
            st.markdown(theme.text(workspace.way_out(), 1000))
