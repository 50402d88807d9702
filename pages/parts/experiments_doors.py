"""Ways in and out of the list: three doors on first use, samples, archive and bin."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import UpshotError
from experiments_core.services import acting, samples
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace
from pages.parts import create_form, theme, who

FAILED = "experiments-failed"


def title_actions(place: st.delta_generator.DeltaGenerator) -> None:
    """Drop a CSV, new experiment; for those who may."""
    if not who.can(Permission.EDIT):
        return
    if place.button("Drop a CSV", icon=":material/upload_file:"):
        st.switch_page("pages/data.py")
    if place.button("New experiment", icon=":material/add:", type="primary"):
        new_experiment()


def new_experiment() -> None:
    """An empty Create page."""
    create_form.reset()
    st.switch_page("pages/create.py")


def three_doors(ws: Workspace, actor: Actor) -> None:
    """The first use: the sample, an own file, or a plan."""
    with st.container(border=True, key="doors"):
        edits = may(actor, Permission.EDIT)
        theme.empty(
            "Nothing here yet.",
            "Open the sample, drop a CSV, or plan a test." if edits
            else "Editors bring tests and data; anybody may plan one.",
        )  # fmt: skip
        with st.container(horizontal=True):
            if edits and st.button("Open the sample", type="primary"):
                _open_sample(ws, actor)
            if edits and st.button("Drop a CSV"):
                st.switch_page("pages/data.py")
            if st.button("Plan a test"):
                st.switch_page("pages/plan.py")


def _open_sample(ws: Workspace, actor: Actor) -> None:
    with st.spinner("Loading the samples: five tests that ended differently, and a draft"):
        samples.load_samples(ws, actor)
    known = service.list_experiments(ws, actor)
    first = next((one for one in known if one.slug == "shorter-checkout"), None)
    if first is None:
        st.rerun()
    st.switch_page("pages/results.py", query_params={"exp": first.slug})


def sample_line(ws: Workspace, actor: Actor, known: Sequence[Experiment]) -> None:
    """How many samples there are, and one click to be rid of them."""
    count = sum(one.sample for one in known)
    if not count:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        verb = "is a sample" if count == 1 else "are samples"
        theme.muted(f"{count} of these {verb}.", width="content")
        pressed = may(actor, Permission.EDIT) and st.button(
            "Remove the samples", type="tertiary", icon=":material/delete:"
        )
    if pressed:
        samples.remove_samples(ws, actor)
        st.rerun()


def the_bin(ws: Workspace, actor: Actor) -> None:
    """Deleted experiments with their way back; the archive beside them."""
    binned = service.list_experiments(ws, actor, in_bin=True)
    archived = [
        one
        for one in service.list_experiments(ws, actor, include_archived=True)
        if one.status == "archived"
    ]
    error = st.session_state.pop(FAILED, None)
    if isinstance(error, UpshotError):
        theme.refused(error)
    for label, icon, found, verb, word in (
        ("Archive", ":material/inventory_2:", archived, "unarchive", "Unarchive"),
        ("Bin", ":material/delete:", binned, "restore", "Restore"),
    ):
        if not found:
            continue
        with st.expander(f"{label}, {words.count(len(found))}", icon=icon, type="compact"):
            for one in found:
                _way_back(ws, actor, one, verb, word)


def _way_back(ws: Workspace, actor: Actor, one: Experiment, verb: str, word: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(theme.text(one.name), width="content")
        if one.deleted_at is not None:
            theme.muted(f"deleted {words.day(one.deleted_at, year=True)}", width="content")
        if may(actor, Permission.EDIT):
            st.button(
                word,
                key=f"{verb}-{one.id}",
                type="tertiary",
                on_click=_do,
                args=(ws, actor, one, verb),
            )


def _do(ws: Workspace, actor: Actor, one: Experiment, verb: str) -> None:
    try:
        acting.transition(ws, actor, one.id, verb, version=one.version)
    except UpshotError as error:
        st.session_state[FAILED] = error
