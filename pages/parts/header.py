"""The head of every page about one experiment: picker, status, what can be done with it."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status, Verb, VerbInfo
from experiments_core.errors import NotFoundError
from experiments_core.services import acting
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace
from pages.parts import theme, verbs
from pages.parts.verbs import CONCLUSIONS

PICKER = "experiment-picker"
LAST = verbs.LAST
BEGIN = "Start"
EDITABLE = {Status.DRAFT, Status.STOPPED, Status.COMPLETED}


def open_experiment(ws: Workspace, actor: Actor) -> Experiment | None:
    """Draw picker, status and verbs; return the experiment the address or the picker names.

    Returns:
        None when the workspace has no experiments: the page then draws its empty state. An
        address that names no experiment says so and stops the page.
    """
    known = service.list_experiments(ws, actor)
    chosen = _named(ws, actor, known)
    if chosen is None and not known:
        return None
    if chosen is not None and all(one.slug != chosen.slug for one in known):
        known = [chosen, *known]
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        _picker(known, chosen)
        if chosen is not None:
            _status_and_verbs(ws, actor, chosen)
    if chosen is None:
        theme.empty(
            f"There is no experiment “{words.plain(st.query_params['exp'], 60)}”.",
            "The link may be old, or the experiment was deleted. Choose another one above.",
        )
        st.stop()
    return chosen


def _named(ws: Workspace, actor: Actor, known: list[Experiment]) -> Experiment | None:
    asked = st.query_params.get("exp")
    if asked is None:
        asked = st.session_state.get(LAST, "")
        found = next((one for one in known if one.slug == asked), None)
        return found or (known[0] if known else None)
    found = next((one for one in known if one.slug == asked), None)
    if found is not None:
        return found
    try:
        return service.get_experiment(ws, actor, asked)
    except NotFoundError:
        return None


def _picker(known: list[Experiment], chosen: Experiment | None) -> None:
    names = {one.slug: one.name for one in known}
    st.session_state[PICKER] = chosen.slug if chosen else None
    st.session_state[LAST] = chosen.slug if chosen else ""
    if chosen is not None:
        st.query_params["exp"] = chosen.slug
    st.selectbox(
        "Experiment",
        list(names),
        format_func=lambda slug: words.plain(names[slug], 80),
        key=PICKER,
        label_visibility="collapsed",
        placeholder="Choose an experiment",
        on_change=_picked,
        width=300,
    )


def _picked() -> None:
    st.query_params.from_dict({"exp": st.session_state[PICKER]})


def _status_and_verbs(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    allowed = sorted(acting.allowed_verbs(experiment, actor), key=_is_new_run)
    with st.container(
        horizontal=True,
        horizontal_alignment="left",
        vertical_alignment="center",
        width="content",
        key="lifecycle",
    ):
        theme.muted(status_line(experiment, ws.now()), width="content")
        for info in allowed[:2]:
            verbs.button(ws, actor, experiment, info)
        if len(allowed) > 2:
            more = st.popover("More", type="tertiary", key=verbs.more_key(), on_change="rerun")
            if more.open:
                with more:
                    _more(ws, actor, experiment, allowed[2:])


def _more(ws: Workspace, actor: Actor, experiment: Experiment, further: list[VerbInfo]) -> None:
    """What is asked for more rarely, each with what it does."""
    for info in further:
        verbs.button(ws, actor, experiment, info)
        theme.note(info.what_happens)
    if experiment.place in EDITABLE and not experiment.is_sealed:
        _edit_link(experiment)


def _is_new_run(info: VerbInfo) -> bool:
    """After a test has ended its conclusion comes first, another run last."""
    return info.verb is Verb.START and info.label != BEGIN


def _edit_link(experiment: Experiment) -> None:
    if st.button("Change the design"):
        st.switch_page("pages/create.py", query_params={"exp": experiment.slug})
    theme.note("Name, hypothesis, variants, metrics and plan: nothing is sealed yet.")


def status_line(experiment: Experiment, now: datetime) -> str:
    """``Running, day 6 of 14 · user``: state with its date, and the unit."""
    status = experiment.status
    moments = {
        Status.STOPPED: experiment.stopped_at,
        Status.COMPLETED: experiment.completed_at,
        Status.ARCHIVED: experiment.archived_at,
    }
    moment = moments.get(status)
    text = status.value.capitalize()
    if experiment.deleted_at is not None:
        return f"In the bin since {words.day(experiment.deleted_at, year=True)}"
    if status is Status.RUNNING:
        text += _day_of(experiment, now)
    elif moment is not None:
        text += f" {words.day(moment, year=True)}"
    if experiment.is_record and status in {Status.STOPPED, Status.COMPLETED}:
        text += ", recorded from its data"
    if status is Status.COMPLETED and experiment.conclusion:
        text += f", {CONCLUSIONS.get(experiment.conclusion, experiment.conclusion)}"
    parts = [text, experiment.unit, *(["sample"] if experiment.sample else [])]
    return " · ".join(parts)


def _day_of(experiment: Experiment, now: datetime) -> str:
    if experiment.started_at is None:
        return ""
    day = (now.date() - experiment.started_at.date()).days + 1
    end = experiment.plan.planned_end
    if end is None:
        return f", day {day}"
    return f", day {day} of {(end - experiment.started_at.date()).days + 1}"
