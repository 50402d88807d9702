"""The tab of segments: does the effect differ between kinds of units?"""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import findings, tables, words
from experiments_core.charts.segments import Cut, segment_forest
from experiments_core.charts.theme import Figure
from experiments_core.domain.access import Actor
from experiments_core.services import segmenting
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import links, results_behind, theme
from pages.parts.results_daily import Key
from pages.parts.results_subject import Subject


@st.cache_data(max_entries=64, show_spinner=False)
def _cut(
    _ws: Workspace, _actor: Actor, _view: LookView, key: Key, metric: str, column: str
) -> Cut:
    return segmenting.segments(_ws, _actor, key[0], metric, column, shown=_view)


def draw(subject: Subject) -> None:
    """Let the viewer choose a column and draw its segments."""
    columns = segmenting.segment_columns(subject.ws, subject.actor, subject.experiment.id)
    if not columns:
        theme.muted("The data have no segment column. Map one on the page Data.")
        return
    options = {column: words.plain(column.replace("_", " "), 40) for column in columns}
    with subject.choices:
        column = links.box("Segment", options, param="segment", scope=subject.experiment.slug)
    with st.spinner(f"Computing the segments of {words.plain(column, 40)}"):
        found = _cut(
            subject.ws, subject.actor, subject.view, subject.key, subject.metric, column
        )
    if not found:
        theme.muted("No segment has enough units yet.")
        return
    _forest(subject, found)
    _explained(subject, column, found)


def _explained(subject: Subject, column: str, found: Cut) -> None:
    """The way to the numbers of one segment, when somebody asks for it."""
    if not results_behind.wanted(f"segment-{subject.experiment.id}"):
        return
    values = [one.value for one in found]
    value = st.selectbox(
        "Segment to write out", values, format_func=lambda text: words.plain(text, 60),
        key=f"explained-segment-{subject.experiment.id}-{column}",
    )  # fmt: skip
    told = segmenting.explained_segment(
        subject.ws, subject.actor, subject.view, subject.metric, column,
        value=value, variant=subject.treatment,
    )  # fmt: skip
    if told is None:
        theme.muted("This segment has too few units to be judged.")
        return
    results_behind.written(told)


def _counted(subject: Subject, found: Cut) -> str:
    """How many slices of this experiment were opened, and what that does to chance."""
    opened = segmenting.opened_slices(subject.ws, subject.actor, subject.experiment.id)
    segments = sum(one.segments for one in opened) or len(found)
    slices = words.plural(max(1, len(opened)), "slice")
    return (
        f"{slices} of this experiment opened so far, {words.plural(segments, 'segment')} in "
        "all. By chance alone about one in twenty looks significant; the p-values here are "
        f"corrected over these {words.plural(len(found), 'segment')} (Benjamini-Hochberg). "
        "“Works here, not there” needs the test above, not two verdicts."
    )


def _forest(subject: Subject, found: Cut) -> None:
    result, metric = subject.view.result, subject.view.result.metric(subject.metric)
    theme.lead(findings.segments_title(found, subject.treatment))
    told = found[0].interaction_p_value
    theme.note(
        "Does the effect differ between segments at all? "
        f"{words.p(told) if isinstance(told, float) else words.reason(told)} "
        "(Cochran’s Q over the segments)."
    )
    palette = theme.tokens()

    def forest(*, narrow: bool) -> Figure:
        return segment_forest(
            found,
            metric,
            palette,
            treatment=subject.treatment,
            reference=result.reference,
            names=subject.names,
            final=result.final,
            unit=subject.experiment.unit,
            narrow=narrow,
        )

    theme.fitting(
        forest,
        key="segments",
        alt=findings.segments_alt(found, subject.treatment),
        image=f"{subject.experiment.slug}-{subject.metric}-segments",
    )
    theme.note(_counted(subject, found))
    rows = tables.segments_table(found, metric, subject.treatment, result.reference)
    theme.numbers(rows)
