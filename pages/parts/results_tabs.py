"""Below the scorecard: one tab at a time, each in a module of its own."""

from __future__ import annotations

import streamlit as st

from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import (
    links,
    results_bayes,
    results_calibration,
    results_past,
    results_phases,
    results_raw,
    results_robustness,
    results_segments,
    results_subject,
    results_time,
)

SHOWS = {
    "time": ("Over time", results_time.draw),
    "segments": ("Segments", results_segments.draw),
    "phases": ("Phases", results_phases.draw),
    "bayes": ("Bayesian", results_bayes.draw),
    "robustness": ("Robustness", results_robustness.draw),
    "calibration": ("Calibration", results_calibration.draw),
    "looks": ("Looks", results_past.draw),
    "raw": ("Raw numbers and SQL", results_raw.draw),
}
OF_NOW = frozenset({"robustness", "calibration"})
"""They ask the rows as they are now, so a past look has none."""


@st.fragment
def draw(
    ws: Workspace, actor: Actor, view: LookView, experiment: Experiment, *, past: bool = False
) -> None:
    """Draw the tabs and what the open one shows."""
    labels = {
        slug: label
        for slug, (label, _) in SHOWS.items()
        if (slug != "phases" or view.result.phases > 1) and not (past and slug in OF_NOW)
    }
    shown = links.segments("What to look at", labels, param="tab", scope=experiment.slug)
    SHOWS[shown][1](results_subject.choose(ws, actor, view, experiment))
