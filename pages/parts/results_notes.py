"""What happened while the test ran: notes as marks on the course, and a form to add one."""

from __future__ import annotations

from datetime import UTC, datetime, time
from string import ascii_uppercase

import streamlit as st

from experiments_core.charts import words
from experiments_core.charts.series import NoteMark
from experiments_core.domain.access import Actor, Permission, may
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.notes import ANNOTATION_LENGTH, KINDS, Annotation
from experiments_core.errors import UpshotError
from experiments_core.services import annotating
from experiments_core.services.workspace import Workspace
from pages.parts import theme

LABELS = {
    "note": "Note", "incident": "Incident", "release": "Release", "comment": "Comment",
    "deviation": "Deviation from the sealed plan",
}  # fmt: skip


def marks(found: tuple[Annotation, ...]) -> list[NoteMark]:
    """One letter each, in the order of time; comments are words about the test, not events."""
    return [
        NoteMark(one.starts.date(), letter, one.ends.date() if one.ends else None)
        for letter, one in _lettered(found)
    ]


def draw(
    ws: Workspace, actor: Actor, experiment: Experiment, found: tuple[Annotation, ...]
) -> None:
    """List what was written down, and take more."""
    letters = {one.id: letter for letter, one in _lettered(found)}
    for one in found:
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            mark = f"**{letters[one.id]}** " if one.id in letters else ""
            told = f"{LABELS[one.kind]}, {_when(one)}: "
            st.markdown(
                f"{mark}:gray[{theme.text(told)}] {theme.text(one.text, 2000)} "
                f":small[:gray[{theme.text(one.by)}]]"
            )
            if may(actor, Permission.EDIT) or one.by == actor.name:
                st.button(
                    "Remove", type="tertiary", key=f"remove-{one.id}",
                    on_click=annotating.remove_annotation,
                    args=(ws, actor, experiment.id, one.id),
                )  # fmt: skip
    if (
        may(actor, Permission.COMMENT)
        and experiment.deleted_at is None
        and st.button("Write down what happened", icon=":material/edit_note:", type="tertiary")
    ):
        _form(ws, actor, experiment)


@st.dialog("Write down what happened")
def _form(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    kinds = list(KINDS) if may(actor, Permission.EDIT) else ["comment"]
    with st.form(f"annotate-{experiment.slug}", border=False):
        text = st.text_area("What happened", max_chars=ANNOTATION_LENGTH)
        kind = st.selectbox("Kind", kinds, format_func=LABELS.__getitem__)
        days = st.date_input("Day, or first and last day (UTC)", value=[], max_value="today")
        if not st.form_submit_button("Write it down"):
            return
        moments = [datetime.combine(day, time(), UTC) for day in days]
        try:
            annotating.annotate(
                ws, actor, experiment.id, text=text, kind=kind,
                starts=moments[0] if moments else None,
                ends=moments[1] if len(moments) > 1 and moments[1] > moments[0] else None,
            )  # fmt: skip
        except UpshotError as error:
            theme.refused(error)
        else:
            st.rerun()


def _lettered(found: tuple[Annotation, ...]) -> list[tuple[str, Annotation]]:
    events = [one for one in found if one.kind != "comment"]
    return list(zip(ascii_uppercase, events, strict=False))


def _when(one: Annotation) -> str:
    first = words.day(one.starts, year=True)
    return first if one.ends is None else words.days(one.starts, one.ends)
