"""A scheduled ramp: rises of the allocation that happen by themselves, and only upward."""

from __future__ import annotations

from datetime import UTC, datetime, time

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.experiment import WHOLE_BP, Experiment, RampStep
from experiments_core.errors import UpshotError
from experiments_core.services import ramping
from experiments_core.services.workspace import Workspace
from pages.parts import entry, theme


def stopped(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Say that the ramp stopped by itself, until somebody plans anew or takes note."""
    event = ramping.stopped_ramps(ws, actor).get(experiment.id)
    if event is None:
        return
    with st.container(border=True, key="ramp-stopped"):
        when = f"{words.day(event.ts, year=True)} {event.ts:%H:%M} UTC"
        theme.badge("!", "Ramp stopped", "worse")
        st.markdown(f"**{theme.text(event.note, 500)}**")
        theme.muted(
            f"Stopped by itself on {when}: no step of it is taken any more, and whoever is in "
            "the test stays. Look at the results, then plan the ramp anew or pause the test."
        )
        if may(actor, Permission.EDIT) and st.button("Taken note", key="ramp-noted"):
            ramping.take_note(ws, actor, experiment.id)
            st.rerun()


def draw(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """The steps that are planned; one more; none at all."""
    theme.muted(
        "Each step lets more in; nobody is thrown out. A harmed guardrail or a red health "
        "check stops the ramp."
    )
    steps = experiment.ramp
    now = words.percent(experiment.allocation_bp / WHOLE_BP, 2)
    rows: list[dict[str, object]] = [{"When": "now", "Allocation": now}]
    rows += [
        {"When": f"{words.day(step.at, year=True)} {step.at:%H:%M} UTC",
         "Allocation": words.percent(step.allocation_bp / WHOLE_BP, 2)}
        for step in steps
    ]  # fmt: skip
    theme.table(rows)
    highest = steps[-1].allocation_bp if steps else experiment.allocation_bp
    if highest >= WHOLE_BP:
        theme.note(
            "The last step lets everybody in." if steps
            else "Everybody is let in; there is nothing left to raise."
        )  # fmt: skip
    else:
        _add(ws, actor, experiment, highest)
    if steps and st.button("Cancel the ramp", key=f"no-ramp-{experiment.id}"):
        _save(ws, actor, experiment, ())


def _add(ws: Workspace, actor: Actor, experiment: Experiment, highest: int) -> None:
    today = ws.now().date()
    with st.form(f"ramp-{experiment.id}", border=False):
        with st.grid(3, min_column_width=150, gap="medium"):
            day = st.date_input("Day (UTC)", value=None, min_value=today)
            hour = st.time_input("Time (UTC)", value=time(9))
            share = st.text_input(f"Allocation, above {entry.share(highest)} %", max_chars=12)
        pressed = st.form_submit_button("Add this step")
    if not pressed:
        return
    if day is None:
        theme.muted("Choose a day for the step.")
        return
    try:
        basis = entry.basis_points("Allocation", share)
    except UpshotError as error:
        theme.refused(error)
        return
    at = datetime.combine(day, hour, UTC)
    _save(ws, actor, experiment, (*experiment.ramp, RampStep(at, basis)))


def _save(
    ws: Workspace, actor: Actor, experiment: Experiment, steps: tuple[RampStep, ...]
) -> None:
    try:
        ramping.set_ramp(ws, actor, experiment.id, steps, version=experiment.version)
    except UpshotError as error:
        theme.refused(error)
    else:
        st.rerun()
