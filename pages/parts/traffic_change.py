"""The box that changes split and allocation: what is typed, what it would do, doing it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from experiments_core.charts import words
from experiments_core.charts.bars import split_bar
from experiments_core.charts.findings import split_alt
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.metric import MetricRole
from experiments_core.domain.traffic import TrafficPreview
from experiments_core.errors import UpshotError
from experiments_core.services import traffic, traffic_effect
from experiments_core.services.planning_baseline import Baseline, baseline_of
from experiments_core.services.workspace import Workspace
from pages.parts import theme, traffic_conflict, traffic_fields, traffic_phases
from pages.parts.traffic_fields import Typed, forget, percent


def box(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Fields on the left, their effect on the right."""
    with st.container(border=True):
        inputs, effect = st.columns([1, 1.75], gap="large")
        with inputs:
            opens = (
                "" if experiment.status is Status.DRAFT else f"opens phase {_next(experiment)}"
            )
            theme.lead("Change traffic", opens)
            typed = traffic_fields.ask(experiment)
        with effect:
            _effect(ws, actor, experiment, typed)


def as_it_is(experiment: Experiment) -> None:
    """The split of a test whose traffic cannot be changed any more."""
    names = _names(experiment)
    draw = partial(
        split_bar, None, experiment.weights_bp, theme.tokens(), names=names, alone=True,
        labels=("", "Planned split" if experiment.is_record else "Last split"),
    )  # fmt: skip
    theme.fitting(draw, key="split", alt=split_alt(None, experiment.weights_bp, names))


def _effect(ws: Workspace, actor: Actor, experiment: Experiment, typed: Typed) -> None:
    theme.lead("What would happen")
    for fault in typed.faults:
        theme.refused(fault)
    if typed.faults:
        return
    preview = traffic.preview_traffic(ws, actor, experiment.id, **typed.changes)
    _bars(experiment, typed)
    if preview.problems:
        theme.muted(_sentence(preview.problems[0].message))
    else:
        st.markdown(f"**{theme.text(preview.sentence, 400)}**")
        _beside(experiment, preview)
        _figures(preview)
        _visible(ws, actor, experiment, preview)
    _save(ws, actor, experiment, typed, refused=bool(preview.problems))


def _bars(experiment: Experiment, typed: Typed) -> None:
    names = _names(experiment)
    started = experiment.status is not Status.DRAFT
    old = experiment.weights_bp
    labels = ("Now", "New people") if started else ("Saved", "To save")
    notes = (f"phase {len(experiment.phases)}", f"phase {_next(experiment)}")
    notes = notes if started else ("", "")
    draw = partial(
        split_bar, old, typed.weights_bp, theme.tokens(), names=names, labels=labels,
        notes=notes,
    )  # fmt: skip
    theme.fitting(draw, key="split", alt=split_alt(old, typed.weights_bp, names))


def _beside(experiment: Experiment, preview: TrafficPreview) -> None:
    """What the change does besides the split."""
    unit = experiment.unit
    if preview.holdout_after != preview.holdout_before:
        before, after = percent(preview.holdout_before), percent(preview.holdout_after)
        theme.note(f"Holdout of new {unit}s: {before} → {after}.")
    if preview.targeting_changes:
        theme.note(f"Other new {unit}s may enter; nobody who is in the test leaves it.")


def _figures(preview: TrafficPreview) -> None:
    before, after = preview.days_before, preview.days_after
    with st.grid(3, min_column_width=130, gap="medium"):
        st.metric("Days to the plan", words.NONE if after is None else words.count(after))
        st.metric("Information per new user", words.percent(preview.efficiency_after, 0))
        same = words.NONE
        if preview.efficiency_after:
            ratio = preview.efficiency_before / preview.efficiency_after
            same = f"× {words.number(ratio, 2)}"
        st.metric("Users for the same power", same)
    if before is not None and after is not None and before != after:
        theme.note(f"With the present split it would take {words.plural(before, 'day')}.")
    elif after is None:
        theme.note("The plan names no users in total or per day, so there is no end to move.")


@st.cache_data(ttl=60, max_entries=64, show_spinner=False)
def _baseline(
    _ws: Workspace, _actor: Actor, experiment_id: str, metric: str
) -> Baseline | None:
    return baseline_of(_ws, _actor, experiment_id, metric)


def _visible(
    ws: Workspace, actor: Actor, experiment: Experiment, preview: TrafficPreview
) -> None:
    """The smallest lift that the planned users show, with this split and with the present."""
    first = next((one for one in experiment.metrics if one.role is MetricRole.PRIMARY), None)
    known = None if first is None else _baseline(ws, actor, experiment.id, first.key)
    if first is None or known is None:
        return
    found = traffic_effect.visible_lift(experiment, known, preview)
    if found is None or not isinstance(found.before, float):
        return
    name, before = words.plain(first.name, 60), words.percent(found.before)
    if not isinstance(found.after, float):
        theme.note(f"Smallest visible lift of {name}: {before} now, none with this split.")
        return
    after = words.percent(found.after)
    power = words.percent(experiment.plan.power, 0)
    text = f"{after}, as with the present split" if after == before else f"{before} → {after}"
    theme.note(f"Smallest visible lift of {name} at the plan's end, power {power}: {text}.")


def _save(
    ws: Workspace, actor: Actor, experiment: Experiment, typed: Typed, *, refused: bool
) -> None:
    started = experiment.status is not Status.DRAFT
    label = f"Open phase {_next(experiment)}" if started else "Save the split"
    shares = traffic_phases.shares(experiment.weights_bp)
    with st.container(horizontal=True):
        pressed = st.button(label, type="primary", disabled=refused)
        st.button(f"Keep {shares}", on_click=forget, args=[experiment])
    seen = traffic_conflict.version_of(ws, actor, experiment)
    if not pressed:
        return
    try:
        traffic.change_traffic(
            ws, actor, experiment.id, version=seen, reason=typed.reason, **typed.changes
        )
    except UpshotError as error:
        theme.refused(error)
    else:
        forget(experiment)
        st.rerun()


def _names(experiment: Experiment) -> dict[str, str]:
    return {variant.key: variant.name or variant.key for variant in experiment.variants}


def _next(experiment: Experiment) -> int:
    return len(experiment.phases) + 1


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}" + ("" if clause.endswith(".") else ".")
