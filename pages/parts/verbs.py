"""The verbs of an experiment's life: a button each, and a dialog that asks before it acts."""

from __future__ import annotations

from typing import Any

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.deployment import CONDITIONS
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status, Verb, VerbInfo
from experiments_core.errors import UpshotError, VersionStaleError
from experiments_core.services import acting, deploying
from experiments_core.services.workspace import Workspace
from pages.parts import theme

CONCLUSIONS = {
    "won": "won",
    "lost": "lost",
    "inconclusive": "inconclusive",
    "stopped_early": "stopped early",
    "invalid": "invalid, do not use",
}
WITH_REASON = {Verb.PAUSE, Verb.STOP, Verb.COMPLETE, Verb.REOPEN, Verb.DEPLOY}
REASSIGN = {
    "keep": "Units that took part keep their version; results count all runs",
    "fresh": "Everybody is assigned anew (recorded); results count the new run",
}
LAST = "experiment-last"
CLOSED = "more-verbs-closed"


def button(ws: Workspace, actor: Actor, experiment: Experiment, info: VerbInfo) -> None:
    """One verb; a press opens its dialog."""
    pressed = st.button(
        info.label,
        key=f"verb-{info.verb}",
        help=theme.text(info.what_happens, 400),
        on_click=_close_more,
    )
    if pressed:
        st.dialog(info.label)(_confirm)(ws, actor, experiment, info)


def more_key() -> str:
    """Key of the list of further verbs; another key draws it closed."""
    return f"more-verbs-{st.session_state.get(CLOSED, 0)}"


def _close_more() -> None:
    """The list would cover the dialog that a press opens."""
    st.session_state[CLOSED] = st.session_state.get(CLOSED, 0) + 1


def _confirm(ws: Workspace, actor: Actor, experiment: Experiment, info: VerbInfo) -> None:
    """Say what will happen, ask what has to be known, do it or say why not."""
    st.markdown(f"**{theme.text(experiment.name)}**. {theme.text(info.what_happens, 500)}")
    answers = _questions(ws, actor, experiment, info)
    if not st.button(info.label, type="primary", key=f"confirm-{info.verb}"):
        return
    try:
        acting.transition(
            ws, actor, experiment.id, info.verb, version=experiment.version, **answers
        )
    except VersionStaleError as error:
        theme.refused(error)
        st.button("Show it as it is now", key="reload", on_click=st.rerun)
    except UpshotError as error:
        theme.refused(error)
    else:
        if info.verb is Verb.PURGE:
            st.query_params.clear()
            st.session_state[LAST] = ""
        st.rerun()


def _questions(
    ws: Workspace, actor: Actor, experiment: Experiment, info: VerbInfo
) -> dict[str, Any]:
    """Ask what goes with the verb; the service says what is missing."""
    answers: dict[str, Any] = {}
    if "conclusion" in info.asks:
        answers["conclusion"] = st.selectbox(
            "Conclusion", list(CONCLUSIONS), index=None, format_func=CONCLUSIONS.__getitem__
        )
        if answers["conclusion"] == "won":
            answers["winner"] = _won(experiment)
        answers["note"] = st.text_area("Note", placeholder="What was learnt", max_chars=5000)
    if info.verb is Verb.START and experiment.status is Status.STOPPED:
        answers["reassign"] = st.radio(
            "Who gets what", list(REASSIGN), format_func=REASSIGN.__getitem__
        )
    if info.verb is Verb.DEPLOY:
        answers |= _deployment(ws, actor, experiment)
    if info.verb is Verb.STOP and may(actor, Permission.DEPLOY):
        answers["winner"] = _version(
            experiment, "Version for everyone from now on", "Control, as before the test"
        )
    if info.verb in WITH_REASON:
        answers["reason"] = st.text_input("Reason", max_chars=500)
    return answers


def _won(experiment: Experiment) -> str | None:
    """Which version won; where there is one beside control, that one."""
    names = {
        one.key: words.plain(one.name, 60) for one in experiment.variants if not one.is_control
    }
    return st.selectbox(
        "Winner", list(names), index=0 if len(names) == 1 else None,
        format_func=names.__getitem__, placeholder="Choose a version",
        help="Remembered with the conclusion. To give it to everybody, deploy it afterwards.",
    )  # fmt: skip


def _deployment(ws: Workspace, actor: Actor, experiment: Experiment) -> dict[str, Any]:
    """Which version; and every condition that the results do not meet, to be confirmed."""
    chosen = _version(experiment, "Version for everyone", "Choose a version")
    if chosen is None:
        return {"winner": None}
    unmet = deploying.conditions(ws, actor, experiment.id, chosen)
    if unmet:
        st.markdown("The results do not carry this. Confirm each point to go on all the same.")
    known = [
        code for code in unmet if st.checkbox(f"{CONDITIONS[code]}.", key=f"condition-{code}")
    ]
    return {"winner": chosen, "acknowledge": known}


def _version(experiment: Experiment, label: str, none: str) -> str | None:
    names = {one.key: words.plain(one.name, 60) for one in experiment.variants}
    return st.selectbox(
        label, list(names), index=None, format_func=names.__getitem__, placeholder=none
    )
