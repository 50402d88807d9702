"""The baseline of a plan from the data of an earlier test, instead of from memory."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import UpshotError
from experiments_core.services import experiments, workspace
from experiments_core.services.planning_baseline import Baseline, baseline_of, plan_kind
from pages.parts import create_form as form
from pages.parts import theme, who

NOTE = "create-baseline-note"


def offer(kind: str) -> None:
    """A small door to earlier tests with a metric of this kind; says where numbers are from."""
    choices = _choices(kind)
    if choices:
        with st.popover(
            "Take it from earlier data", type="tertiary", icon=":material/database:"
        ):
            chosen = st.selectbox(
                "Metric of an earlier test",
                list(choices),
                format_func=lambda one: words.plain(choices[one], 100),
                key="create-baseline-from",
            )
            st.button("Use what control did", on_click=_use, args=(chosen, choices[chosen]))
    note = st.session_state.get(NOTE)
    if note:
        theme.note(note)


def _choices(kind: str) -> dict[tuple[str, str], str]:
    base = form.base()
    known = [
        one
        for one in experiments.list_experiments(workspace.current(), who.actor())
        if one.first_started_at and (base is None or one.id != base.id)
    ]
    return {
        (one.id, metric.key): f"{metric.name}, {one.name}"
        for one in known
        for metric in one.metrics
        if plan_kind(metric.kind) == kind
    }


def _use(chosen: tuple[str, str], label: str) -> None:
    try:
        found = baseline_of(workspace.current(), who.actor(), *chosen)
    except UpshotError as error:
        st.session_state[NOTE] = error.message
        return
    if found is None:
        st.session_state[NOTE] = f"{label}: there are no data yet."
        return
    _fill(found)
    unit = _unit(experiments.get_experiment(workspace.current(), who.actor(), chosen[0]))
    shown = words.rate(found.value) if found.kind == "rate" else words.amount(found.value)
    units = words.plural(found.units, unit)
    st.session_state[NOTE] = f"{label}: {shown} over {units} of control."


def _fill(found: Baseline) -> None:
    if found.kind == "rate":
        form.put("baseline", f"{found.value * 100:.4g}{words.NARROW}%")
    else:
        form.put("mean", f"{found.value:.6g}")
        form.put("sd", f"{found.standard_deviation or 0:.6g}")
    if found.daily_units and not form.text("daily"):
        form.put("daily", words.count(round(found.daily_units)))


def _unit(experiment: Experiment) -> str:
    return words.plain(experiment.unit, 20)
