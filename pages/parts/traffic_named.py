"""Who gets an arm by name: overrides for testers, participants of a listed test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import UpshotError
from experiments_core.services import participants as service
from experiments_core.services.workspace import Workspace
from pages.parts import theme

MOST_SHOWN = 50


def overrides(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Set, see and take back the arms of testers."""
    known = service.overrides(ws, actor, experiment.id)
    names = {variant.key: variant.name or variant.key for variant in experiment.variants}
    theme.muted("A tester sees the arm you choose and is left out of the analysis.")
    with st.form(f"override-{experiment.id}", clear_on_submit=True, border=False):
        with st.grid(2, min_column_width=200, gap="medium"):
            unit = st.text_input(f"{experiment.unit.capitalize()} id", max_chars=256)
            variant = st.selectbox(
                "Sees", list(names), format_func=lambda key: words.plain(names[key], 60)
            )
        pressed = st.form_submit_button("Override")
    if pressed:
        _do(lambda: service.set_override(ws, actor, experiment.id, unit, variant))
    if not known:
        return
    theme.table([{"Unit": unit, "Sees": names.get(arm, arm)} for unit, arm in known.items()])
    chosen = st.selectbox(
        "Take back", list(known), index=None, key=f"back-{experiment.id}",
        format_func=lambda unit: words.plain(unit, 80), placeholder="Choose a unit",
    )  # fmt: skip
    if chosen and st.button("Take this override back"):
        _do(lambda: service.set_override(ws, actor, experiment.id, chosen, None))


def participants(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """See and add the named units of a listed test."""
    known = service.participants(ws, actor, experiment.id)
    arms = Counter(one.variant for one in known)
    listed = ", ".join(f"{arm} {words.count(n)}" for arm, n in sorted(arms.items()))
    theme.muted(f"{words.plural(len(known), 'participant')}{': ' + listed if listed else ''}.")
    if may(actor, Permission.EDIT):
        _add(ws, actor, experiment)
    if known:
        theme.table([
            {"Unit": one.unit_id, "Gets": one.variant, "Batch": one.batch}
            for one in known[:MOST_SHOWN]
        ])  # fmt: skip
    if len(known) > MOST_SHOWN:
        theme.note(f"The first {MOST_SHOWN} of {words.count(len(known))}.")


def _add(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    with st.form(f"participants-{experiment.id}", clear_on_submit=True, border=False):
        typed = st.text_area("Add a batch, one id a line", height=100)
        pressed = st.form_submit_button("Add these participants")
    if pressed:
        units = [line for line in typed.splitlines() if line.strip()]
        _do(lambda: service.add_participants(ws, actor, experiment.id, units))


def _do(act: Callable[[], object]) -> None:
    try:
        act()
    except UpshotError as error:
        theme.refused(error)
    else:
        st.rerun()
