"""The tab of looks, and the page of a past one: as it was seen, whatever has come since."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import looks as charts
from experiments_core.charts import words
from experiments_core.charts.series import LookMark
from experiments_core.services import past_looks
from experiments_core.services.past_looks import LookLine
from experiments_core.services.viewing import LookView
from pages.parts import links, theme
from pages.parts.results_subject import Subject

PARAM = "look"


def asked() -> int | None:
    """The look that the address names."""
    number = st.query_params.get(PARAM, "")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else None


def banner(view: LookView) -> None:
    """Say that this is a past look, and lead back."""
    with st.container(horizontal=True, vertical_alignment="center"):
        theme.badges([("…", f"Look {view.result.look}, as it was", "warning")])
        taken = f"{words.day(view.taken_at, year=True)} {view.taken_at:%H:%M} UTC"
        theme.note(f"Taken on {taken}; nothing that came later changes it.")
        st.button("Open the newest", type="tertiary", on_click=_leave)


def way_back() -> None:
    """From a look that cannot be shown to the one that can."""
    if asked() is not None:
        st.button("Open the newest look", on_click=_leave)


def marks(lines: tuple[LookLine, ...]) -> list[LookMark]:
    """Where the data of each look end on the time axis."""
    return [LookMark((line.newest or line.taken_at).date(), line.no) for line in lines]


def draw(subject: Subject) -> None:
    """List every look, and open one as it was."""
    lines = past_looks.listed(subject.ws, subject.actor, subject.experiment.id, subject.metric)
    if not lines:
        theme.muted("No look has been taken yet.")
        return
    theme.lead(charts.title(lines), charts.flips(lines, subject.treatment))
    alpha = subject.view.design.plan.alpha
    theme.note(charts.monitoring(lines, subject.treatment, alpha))
    theme.table(
        charts.rows(lines, subject.treatment, subject.experiment.unit),
        right=True,
        texts=("Taken (UTC)", "By", "Through", "Verdict of the look"),
    )
    theme.note(
        "A look is new data or new settings, judged once and kept. The same again is one more "
        "opening of it."
    )
    if len(lines) > 1:
        _open(subject, lines)


def _open(subject: Subject, lines: tuple[LookLine, ...]) -> None:
    options = {str(line.no): f"Look {line.no}" for line in reversed(lines)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = links.box("Past look", options, param="past", scope=subject.experiment.slug)
        if st.button("Open it as it was", icon=":material/history:"):
            st.query_params[PARAM] = chosen
            st.rerun()


def _leave() -> None:
    st.query_params.pop(PARAM, None)
