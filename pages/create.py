"""Create: from an idea to a draft that can start, in five steps."""

import streamlit as st

from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment
from pages.parts import (
    create_arms,
    create_checklist,
    create_form,
    create_idea,
    create_metrics,
    create_plan,
    create_steps,
    theme,
    who,
)

DRAW = {
    "idea": create_idea.draw,
    "arms": create_arms.draw,
    "metrics": create_metrics.draw,
    "plan": create_plan.draw,
    "checklist": create_checklist.draw,
}


def draw() -> None:
    """Title, steps, the present step, back and next."""
    if not who.can(Permission.EDIT):
        theme.title_row("Create")
        theme.empty("Creating a test needs the editor role.", who.whom_to_ask())
        return
    started = create_steps.open_form()
    if started is not None:
        _begun(started)
        return
    actions = theme.title_row(create_steps.title())
    actions.markdown(f":gray[{theme.text(create_steps.saved_note())}]", width="content")
    if create_form.base() is not None:
        actions.button("Begin another", on_click=_another)
    step = create_steps.strip()
    create_steps.failure()
    DRAW[step]()
    if step == "plan":
        create_checklist.box()
    create_steps.buttons(step, last=create_checklist.start_button)


def _begun(experiment: Experiment) -> None:
    theme.title_row(experiment.name)
    theme.empty(
        f"This experiment is {experiment.status}.",
        "Hypothesis, metrics and plan were sealed when it started. Change its split on "
        "Traffic, give it data on Data.",
    )
    link = {"exp": experiment.slug}
    with st.container(horizontal=True):
        st.page_link("pages/data.py", label="Add data", query_params=link)
        st.page_link("pages/traffic.py", label="Open Traffic", query_params=link)
        st.button("New experiment", on_click=_another)


def _another() -> None:
    create_form.reset()
    st.query_params.clear()


draw()
