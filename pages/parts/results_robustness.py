"""The tab of robustness: does the answer hang on how it was analysed?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from experiments_core.charts import robustness as charts
from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.errors import UpshotError
from experiments_core.services import explaining
from experiments_core.services import robustness as service
from experiments_core.services.robustness import Robustness
from experiments_core.services.workspace import Workspace
from pages.parts import results_behind, theme
from pages.parts.results_daily import Key
from pages.parts.results_subject import Subject


@st.cache_data(max_entries=32, show_spinner=False)
def _sheet(_ws: Workspace, _actor: Actor, key: Key, metric: str, variant: str) -> Robustness:
    return service.robustness(_ws, _actor, key[0], metric, variant)


def draw(subject: Subject) -> None:
    """Every defensible analysis, sorted, the planned one marked."""
    planned = subject.view.result.metric(subject.metric).arm(subject.treatment).contrast
    if planned is None or planned.verdict == "cannot_say":
        why = words.reason(planned.verdict_reason or planned.p_value) if planned else ""
        theme.muted(f"The planned analysis says nothing that could hold or fall. {why}")
        return
    try:
        with st.spinner("Taking every analysis"):
            found = _sheet(
                subject.ws, subject.actor, subject.key, subject.metric, subject.treatment
            )
    except UpshotError as error:
        theme.refused(error)
        return
    theme.lead(charts.title(found))
    if charts.can_be_drawn(found):
        shown = (subject.view.result, subject.experiment, subject.metric, subject.treatment)
        theme.once(lambda: _figure(subject, found), "robustness", *shown)
    theme.note(
        "Bold: the planned analysis, the only one that decides. The others are answers that "
        "somebody else could have given with good reasons; choosing among them afterwards is "
        "not one of them."
    )
    for note in filter(None, (charts.about_crossovers(found), *found.notes)):
        theme.note(note)
    rows = charts.table(found, subject.view.result.metric(subject.metric))
    theme.numbers(rows)
    _explained(subject, found)


def _explained(subject: Subject, found: Robustness) -> None:
    """The way to the numbers of one analysis, when somebody asks for it."""
    if not results_behind.wanted(f"robustness-{subject.experiment.id}"):
        return
    known = dict(enumerate(found.variations))
    planned = found.variations.index(found.planned)
    number = st.selectbox(
        "Analysis to write out", known, index=planned,
        format_func=lambda place: charts.name_of(found, known[place]),
        key=f"explained-robustness-{subject.experiment.id}-{subject.metric}",
    )  # fmt: skip
    results_behind.written(explaining.explained_analysis(subject.view, found, known[number]))


def _figure(subject: Subject, found: Robustness) -> None:
    theme.fitting(
        partial(charts.robustness_sheet, found, theme.tokens()),
        key="robustness",
        alt=charts.title(found),
        image=f"{subject.experiment.slug}-{subject.metric}-robustness",
    )
