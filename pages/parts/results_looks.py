"""Looks on Results: which one this is, how many there were, and when the next is due."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import notes
from experiments_core.services.viewing import LookView
from pages.parts import markup, theme
from pages.parts.markup import Html

WANTED = "wanted-look"


def wants_new(experiment_id: str) -> bool:
    """Whether somebody has just asked for a new look at this experiment."""
    return bool(st.session_state.pop(WANTED, None) == experiment_id)


def line(view: LookView) -> Html:
    """One line about the look and the method behind it."""
    told = [_which(view), notes.looks_note(view.result)]
    return markup.note(" ".join(part for part in told if part))


def offer(view: LookView) -> None:
    """A button when newer data wait."""
    if not view.newer_data:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        theme.note(
            "! Data have come since. This plan spends part of its alpha at every look, so "
            "the next one is taken tomorrow, or now if you need it."
        )
        st.button(
            "Take a new look now",
            icon=":material/refresh:",
            on_click=_ask,
            args=(view.experiment.id,),
        )


def _which(view: LookView) -> str:
    number = view.result.look
    if not number:
        return ""
    if view.views == 1:
        return f"Look {number}, opened once."
    return f"Look {number}, opened {view.views} times."


def _ask(experiment_id: str) -> None:
    st.session_state[WANTED] = experiment_id
