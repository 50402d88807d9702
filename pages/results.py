"""Results: the verdict first, then whether to trust it, then every number."""

import streamlit as st

from experiments_core.domain.experiment import Experiment
from experiments_core.errors import UpshotError
from experiments_core.services import analyses, workspace
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import (
    header,
    markup,
    results_choices,
    results_decision,
    results_foot,
    results_head,
    results_holdout,
    results_looks,
    results_past,
    results_runs,
    results_scorecard,
    results_tabs,
    theme,
    who,
)


def page() -> None:
    """Draw the page."""
    ws = workspace.current()
    experiment = header.open_experiment(ws, who.actor())
    if experiment is None:
        theme.title_row("Results")
        theme.empty("Nothing here yet.", "A result needs an experiment with data.")
        if st.button("Go to experiments", type="primary"):
            st.switch_page("pages/experiments.py")
        return
    try:
        with st.spinner("Computing the results", show_time=True):
            number = results_past.asked()
            view = _view(ws, experiment, number)
    except UpshotError as error:
        theme.refused(error)
        results_past.way_back()
        return
    if number is not None:
        results_past.banner(view)
    verdict = results_head.verdict(view, experiment)
    if view.result.verdict.code == "no_data" or view.result.verdict.basis == "stored":
        markup.draw(verdict)
        results_head.no_data(view, experiment)
        results_decision.forecast_form(ws, who.actor(), experiment)
        if results_runs.are_apart(experiment):
            theme.note("Earlier runs are under “Look at it differently”.")
            _explore(ws, view, experiment)
        return
    results_looks.offer(view)
    markup.draw(verdict, results_looks.line(view), results_head.trust(view, experiment))
    shown = view
    if view.result.metrics and view.result.treatments:
        shown = _explore(ws, view, experiment, past=number is not None)
    if number is None:
        results_decision.draw(ws, who.actor(), view, experiment)
    results_foot.draw(ws, who.actor(), view, shown, experiment)


def _explore(
    ws: Workspace, view: LookView, experiment: Experiment, *, past: bool = False
) -> LookView:
    """The numbers, as the choices above them ask for them."""
    shown = results_choices.draw(ws, who.actor(), view, experiment)
    if shown.result.metrics and shown.result.treatments:
        results_scorecard.draw(ws, who.actor(), shown, experiment, view)
        if shown.result.holdout is not None:
            results_holdout.draw(shown, experiment)
        results_tabs.draw(ws, who.actor(), shown, experiment, past=past)
    return shown


def _view(ws: Workspace, experiment: Experiment, number: int | None) -> LookView:
    """The look that the address names, else the newest."""
    if number is not None:
        return analyses.past_look(ws, who.actor(), experiment.id, number)
    fresh = results_looks.wants_new(experiment.id)
    return analyses.look(ws, who.actor(), experiment.id, fresh=fresh)


page()
