"""The library as a list, and its doors when it is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.definition import Definition
from experiments_core.services import library, metric_uses
from experiments_core.services.workspace import Workspace
from pages.parts import metrics_editor, theme

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

KINDS = {
    "proportion": "rate", "mean": "mean", "count": "count per unit", "ratio": "ratio",
    "quantile": "quantile",
}  # fmt: skip
DIRECTIONS = {"increase": "more is better", "decrease": "less is better", "neutral": "neither"}


def actions(actor: Actor, place: DeltaGenerator) -> None:
    """What can be done with the library as a whole."""
    if not may(actor, Permission.EDIT):
        return
    with place:
        kind: Literal["primary", "secondary"] = (
            "secondary" if "metric" in st.query_params else "primary"
        )
        if st.button("New metric", type=kind, icon=":material/add:"):
            open_metric(metrics_editor.NEW)
            st.rerun()


def empty(ws: Workspace, actor: Actor) -> None:
    """The first visit."""
    theme.empty(
        "A metric is one number per user.",
        "Start with: did the user convert? What is defined here has one meaning in every test, "
        "with an owner and a version.",
    )
    if not may(actor, Permission.EDIT):
        return
    with st.container(horizontal=True):
        if st.button("Define a metric", type="primary", icon=":material/add:"):
            open_metric(metrics_editor.NEW)
            st.rerun()
        if st.button("Add the usual ones", icon=":material/library_add:"):
            library.add_usual_ones(ws, actor)
            st.rerun()


def chosen(known: list[Definition]) -> Definition | None:
    """The metric that the address names; an unknown one says so."""
    asked = st.query_params.get("metric")
    if asked is None:
        return None
    found = next((one for one in known if one.key.lower() == asked.lower()), None)
    if found is None:
        theme.muted(f"There is no metric “{words.plain(asked, 60)}”. These are known:")
    return found


def draw(ws: Workspace, actor: Actor, known: list[Definition]) -> None:
    """One line per metric; a press opens it."""
    sought = st.text_input(
        "Search", placeholder="Search by name, key or owner", label_visibility="collapsed"
    ).casefold()
    shown = [one for one in known if sought in f"{one.name} {one.key} {one.owner}".casefold()]
    if not shown:
        theme.muted("No metric fits this search.")
        return
    used = metric_uses.uses_of_all(ws, actor)
    for one in shown:
        tests = len({use.slug for use in used.get(one.key.lower(), ())})
        with st.container(border=True, key=f"metric-{one.key}"):
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
            ):
                if st.button(
                    f"**{theme.text(one.name)}**", type="tertiary", key=f"open-{one.key}"
                ):
                    open_metric(one.key)
                    st.rerun()
                theme.muted(
                    f"version {one.version} · {words.plural(tests, 'test')}", width="content"
                )
            theme.note(summary(one))


def summary(one: Definition) -> str:
    """``mean of revenue · USD · more is better · Mira``."""
    direction = one.meaning.get("preferred_direction", "increase")
    parts = [
        f"{KINDS[one.kind]}: {one.source}",
        str(one.meaning.get("unit", "")),
        DIRECTIONS[direction],
        one.owner,
    ]
    return " · ".join(part for part in parts if part)


def open_metric(key: str) -> None:
    """Put a metric into the address."""
    st.query_params["metric"] = key
