"""Traffic: who gets what, and changing it while the test runs."""

import streamlit as st

from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.services import workspace
from experiments_core.services.workspace import Workspace
from pages.parts import (
    header,
    theme,
    traffic_audit,
    traffic_change,
    traffic_days,
    traffic_flow,
    traffic_named,
    traffic_namespace,
    traffic_phases,
    traffic_ramp,
    traffic_try,
    who,
)

UNDER_WAY = {Status.RUNNING, Status.PAUSED}
CHANGEABLE = {Status.DRAFT, Status.RUNNING, Status.PAUSED}


def draw() -> None:
    """What holds now, the change, the phases so far."""
    ws = workspace.current()
    experiment = header.open_experiment(ws, who.actor())
    if experiment is None:
        theme.title_row("Traffic")
        theme.empty("No experiment yet.", "Traffic belongs to a test. Create one first.")
        if st.button("Create an experiment", icon=":material/add:", type="primary"):
            st.switch_page("pages/create.py")
        return
    theme.title_row(f"Traffic: {traffic_phases.shares(experiment.weights_bp)}")
    theme.muted(traffic_phases.situation(experiment))
    changeable = (
        experiment.status in CHANGEABLE
        and experiment.deleted_at is None
        and who.can(Permission.EDIT)
    )
    if experiment.status in UNDER_WAY:
        traffic_ramp.stopped(ws, who.actor(), experiment)
    if changeable:
        traffic_change.box(ws, who.actor(), experiment)
    else:
        traffic_change.as_it_is(experiment)
    traffic_flow.draw(ws, who.actor(), experiment)
    traffic_days.draw(ws, who.actor(), experiment)
    traffic_phases.draw(experiment, ws.now())
    _more(ws, experiment, changeable=changeable)


def _more(ws: Workspace, experiment: Experiment, *, changeable: bool) -> None:
    """Less often needed: the tester, the ramp, who gets an arm by name, the audit."""
    with st.expander(f"Try a {experiment.unit} id: would it enter, and why?"):
        traffic_try.draw(ws, who.actor(), experiment)
        traffic_try.draw_list(ws, who.actor(), experiment)
    if changeable:
        with st.expander("Scheduled ramp: only upward"):
            traffic_ramp.draw(ws, who.actor(), experiment)
        with st.expander("Overrides for testers"):
            traffic_named.overrides(ws, who.actor(), experiment)
    with st.expander("Namespace: tests that share nobody"):
        traffic_namespace.draw(ws, who.actor(), experiment)
    if experiment.assignment_mode == "listed":
        with st.expander("Named participants"):
            traffic_named.participants(ws, who.actor(), experiment)
    with st.expander("Assignment audit: was everybody served what the hash says?"):
        traffic_audit.draw(ws, who.actor(), experiment)


draw()
