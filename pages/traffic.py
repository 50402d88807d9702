"""Traffic: who gets what, and changing it while the test runs."""

import streamlit as st

from experiments_core.domain.access import LOCAL
from experiments_core.domain.lifecycle import Status
from experiments_core.services import workspace
from pages.parts import header, theme, traffic_change, traffic_phases

CHANGEABLE = {Status.DRAFT, Status.RUNNING, Status.PAUSED}


def draw() -> None:
    """What holds now, the change, the phases so far."""
    ws = workspace.current()
    experiment = header.open_experiment(ws, LOCAL)
    if experiment is None:
        theme.title_row("Traffic")
        theme.empty("No experiment yet.", "Traffic belongs to a test. Create one first.")
        st.page_link("pages/create.py", label="Create an experiment", icon=":material/add:")
        return
    theme.title_row(f"Traffic: {traffic_phases.shares(experiment.weights_bp)}")
    theme.muted(traffic_phases.situation(experiment))
    if experiment.status in CHANGEABLE and experiment.deleted_at is None:
        traffic_change.box(ws, LOCAL, experiment)
    else:
        traffic_change.as_it_is(experiment)
    traffic_phases.draw(experiment, ws.now())


draw()
