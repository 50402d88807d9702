"""Toggles of Results: another reference, level, correction, side or method than the plan's."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import UpshotError
from experiments_core.services import analyses, exploring
from experiments_core.services.cutting import FIRST_DAY, Cut
from experiments_core.services.exploring import Choices
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import links, results_runs, theme
from pages.parts.results_daily import Key
from pages.parts.results_scorecard import names_of

PLAN = "plan"
LEVELS = {"0.9": 0.9, "0.95": 0.95, "0.99": 0.99, "0.999": 0.999}
METHODS = {
    "newcombe": "Difference: Newcombe",
    "agresti_caffo": "Difference: Agresti-Caffo",
    "miettinen_nurminen": "Difference: Miettinen-Nurminen",
    "log_delta": "Lift: log-delta",
    "clopper_pearson": "Each rate: Clopper-Pearson",
    "jeffreys": "Each rate: Jeffreys",
    "fisher": "Test: Fisher, exact",
    "barnard": "Test: Barnard, exact (few units)",
    "boschloo": "Test: Boschloo, exact (few units)",
}
DAYS = {PLAN: "Days: all", FIRST_DAY: "Days: without the first"}
OPEN = "choices-open"
PARAMS = ("ref", "level", "correction", "side", "method", "covariate", "days", "run")


@st.cache_resource(max_entries=16, show_spinner=False)
def _explored(
    _ws: Workspace,
    _actor: Actor,
    _view: LookView,
    _choices: Choices,
    _cut: Cut,
    key: Key,  # noqa: ARG001  names the cache
) -> LookView:
    part = analyses.cut_look(_ws, _actor, _view, _cut)
    return exploring.explored(_ws, _actor, part, _choices)


def draw(ws: Workspace, actor: Actor, view: LookView, experiment: Experiment) -> LookView:
    """Let the viewer choose, and give back the look as the choices show it."""
    row = st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center"
    )
    left = row.container(horizontal=True, vertical_alignment="center", width="content")
    choices, cut = _choices(view, experiment, row)
    if not cut and choices == Choices(reference=view.design.reference):
        return view
    result = view.result
    key = experiment.id, result.data_hash, result.look, (repr(choices), repr(cut))
    try:
        with st.spinner("Computing it differently"):
            explored = _explored(ws, actor, view, choices, cut, key)
    except UpshotError as error:
        theme.refused(error)
        return view
    if explored.result.exploring:
        with left:
            theme.badges([("!", "Exploring, not the plan", "warning")], "")
            told = ", ".join(words.plain(one, 80) for one in explored.result.exploring)
            theme.note(f"{told}. The verdict above stays as planned.")
            st.button("Back to the plan", type="tertiary", on_click=_reset, args=(experiment,))
    return explored


def _choices(
    view: LookView, experiment: Experiment, row: DeltaGenerator
) -> tuple[Choices, Cut]:
    plan, scope = view.design.plan, experiment.slug
    names = {key: words.plain(name, 40) for key, name in names_of(experiment).items()}
    planned = view.design.reference
    references = {planned: f"Compare with {names.get(planned, planned)}"} | {
        arm: f"Compare with {names.get(arm, arm)}" for arm in view.design.arms if arm != planned
    }
    if view.result.holdout is not None:
        references[view.result.holdout.arm] = "Compare with the holdout"
    levels = {PLAN: f"Level: {words.level(1 - plan.alpha)}, as planned"} | {
        text: f"Level: {words.level(value)}"
        for text, value in LEVELS.items()
        if abs(1 - value - plan.alpha) > 1e-9
    }
    corrections = {PLAN: f"{_shown(plan.correction)}, as planned"} | {
        key: _shown(key) for key in exploring.CORRECTION_NAMES if key != plan.correction
    }
    sides = {PLAN: f"{exploring.SIDES[plan.alternative].capitalize()}, as planned"} | {
        key: told.capitalize()
        for key, told in exploring.SIDES.items()
        if key != plan.alternative
    }
    popover = row.popover(
        "Look at it differently",
        icon=":material/tune:",
        type="tertiary",
        key=OPEN,
        on_change="rerun",
    )
    box = links.box if popover.open else links.kept
    with popover:
        if popover.open:
            theme.note("Choices other than the plan explore; they never change the verdict.")
        reference = box("Reference", references, param="ref", scope=scope)
        level = box("Interval level", levels, param="level", scope=scope)
        correction = box("Correction", corrections, param="correction", scope=scope)
        side = box("Side", sides, param="side", scope=scope)
        default = {PLAN: "Methods: the defaults"}
        method = box("Method", default | METHODS, param="method", scope=scope)
        covariate = box("Covariate", _covariates(view), param="covariate", scope=scope)
        runs, run = results_runs.options(experiment), PLAN
        if runs:
            run = box("Runs", runs, param="run", scope=scope)
        days = PLAN
        if view.data_as_of is not None:
            days = box("Days", DAYS, param="days", scope=scope)
    choices = Choices(
        reference=reference,
        confidence_level=LEVELS.get(level),
        correction=None if correction == PLAN else correction,
        alternative=None if side == PLAN else side,
        methods=() if method == PLAN else (method,),
        covariate=None if covariate == PLAN else covariate,
    )
    cut = Cut(run=None if run == PLAN else run, exclude=() if days == PLAN else (days,))
    return choices, cut


def _covariates(view: LookView) -> dict[str, str]:
    """As planned; none where some are planned; every number from before the test."""
    planned = {name for metric in view.design.metrics for name in metric.covariates}
    named = ", ".join(words.plain(name, 24) for name in sorted(planned)) or "none"
    options = {PLAN: f"Adjusted by: {named}, as planned"}
    if planned:
        options[exploring.NO_COVARIATE] = "Adjusted by: nothing, raw numbers"
    return options | {
        name: f"Adjusted by: {words.plain(name, 40)}"
        for name in view.covariates
        if planned != {name}
    }


def _shown(correction: str) -> str:
    name = exploring.CORRECTION_NAMES[correction]
    return f"Correction: {'none' if correction == 'none' else name}"


def _reset(experiment: Experiment) -> None:
    for param in PARAMS:
        st.query_params.pop(param, None)
        st.session_state.pop(f"{param}-{experiment.slug}", None)
