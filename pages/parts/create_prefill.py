"""From the planner to a new experiment: what was planned there is filled in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from experiments_core.services.planning_design import Design
from pages.parts import plan_inputs

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

PLANNED = "create-planned"
CREATE = "pages/create.py"


def button(place: DeltaGenerator, question: plan_inputs.Question) -> None:
    """“Create an experiment from this”: remembers the design and opens Create."""
    pressed = place.button(
        "Create an experiment from this", type="primary", disabled=question.find != "size"
    )
    if pressed:
        st.session_state[PLANNED] = question.design
        st.switch_page(CREATE, query_params={})  # bound fields let nothing be cleared


def take() -> Design | None:
    """The design that was planned, once."""
    design = st.session_state.pop(PLANNED, None)
    return design if isinstance(design, Design) else None
