"""The cells by day that sparklines and the tab over time share: asked once."""

from __future__ import annotations

import streamlit as st

from experiments_core.domain.access import Actor
from experiments_core.services import courses
from experiments_core.services.courses import Daily
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace

Key = tuple[str, str, int | None, tuple[str, ...]]


def key_of(view: LookView) -> Key:
    """Experiment, data, look and choices: what numbers computed once belong to."""
    result = view.result
    return view.experiment.id, result.data_hash, result.look, result.exploring


@st.cache_resource(max_entries=16, show_spinner=False)
def cells(_ws: Workspace, _actor: Actor, _view: LookView, key: Key) -> Daily:  # noqa: ARG001  the cache
    """Every metric by day, as the look or the choices take the rows."""
    return courses.daily(_ws, _actor, _view)
