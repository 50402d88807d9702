"""Below the scorecard: over time, segments, phases, raw numbers; one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from experiments_core.charts import findings, tables, words
from experiments_core.charts.days import daily_units, units_by_day
from experiments_core.charts.segments import Cut, phase_plot, segment_forest
from experiments_core.charts.series import Course, PhaseMark, cumulative
from experiments_core.charts.theme import Figure
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment, Phase
from experiments_core.services import analyses
from experiments_core.services.analyses import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import links, theme
from pages.parts.results_scorecard import names_of


@dataclass(frozen=True, slots=True)
class Subject:
    """What a tab is about: one metric, one treatment."""

    ws: Workspace
    actor: Actor
    view: LookView
    experiment: Experiment
    metric: str
    treatment: str
    choices: DeltaGenerator  # the row that holds what can be chosen

    @property
    def key(self) -> tuple[str, str, int | None]:
        """Experiment, data and look: what numbers computed once belong to."""
        result = self.view.result
        return self.experiment.id, result.data_hash, result.look

    @property
    def names(self) -> dict[str, str]:
        """Variant key -> name."""
        return names_of(self.experiment)


@st.cache_data(max_entries=64, show_spinner=False)
def _course(
    _ws: Workspace, _actor: Actor, key: tuple[str, str, int | None], metric: str
) -> Course:
    return analyses.series(_ws, _actor, key[0], metric)


@st.cache_data(max_entries=64, show_spinner=False)
def _cut(
    _ws: Workspace, _actor: Actor, key: tuple[str, str, int | None], metric: str, column: str
) -> Cut:
    return analyses.segments(_ws, _actor, key[0], metric, column)


@st.fragment
def draw(ws: Workspace, actor: Actor, view: LookView, experiment: Experiment) -> None:
    """Draw the tabs and what the open one shows."""
    labels = {"time": "Over time", "segments": "Segments"}
    if view.result.phases > 1:
        labels["phases"] = "Phases"
    labels["raw"] = "Raw numbers and SQL"
    shows = {"time": _over_time, "segments": _segments, "phases": _phases, "raw": _raw}
    for slug, tab in links.tabs(labels, scope=experiment.slug).items():
        if tab.open:
            with tab:
                shows[slug](_subject(ws, actor, view, experiment))


def _subject(
    ws: Workspace, actor: Actor, view: LookView, experiment: Experiment
) -> Subject:  # fmt: skip
    metrics = {metric.key: words.plain(metric.name, 60) for metric in view.result.metrics}
    names = names_of(experiment)
    arms = {key: words.plain(names.get(key, key), 60) for key in view.result.treatments}
    metric, treatment = next(iter(metrics)), next(iter(arms))
    row = st.container(horizontal=True)
    with row:
        if len(metrics) > 1:
            metric = links.box("Metric", metrics, param="metric", scope=experiment.slug)
        if len(arms) > 1:
            treatment = links.box("Variant", arms, param="variant", scope=experiment.slug)
    return Subject(ws, actor, view, experiment, metric, treatment, row)


def _over_time(subject: Subject) -> None:
    found = _course(subject.ws, subject.actor, subject.key, subject.metric)
    points = found.get(subject.treatment, ())
    if not points:
        theme.muted("There is no course over time: the data have no time column.")
        return
    theme.lead(findings.series_title(points))
    if all(not isinstance(point.relative_lift, float) for point in points):
        theme.muted(words.reason(points[-1].relative_lift))
        return
    marks = [_mark(phase, before) for before, phase in _pairs(subject.experiment)]
    shown = marks if len(marks) > 1 else []
    palette = theme.tokens()
    theme.wide_and_narrow(
        cumulative(points, palette, phases=shown, confidence_level=_level(subject)),
        cumulative(points, palette, phases=shown, narrow=True),
        key="course",
        alt=findings.series_alt(points),
        image=f"{subject.experiment.slug}-{subject.metric}-over-time",
    )
    names = subject.names
    theme.note(
        f"Cumulative relative lift, {names.get(subject.treatment, subject.treatment)} over "
        f"{names.get(subject.view.result.reference, subject.view.result.reference)}, by day "
        "(UTC). Dark band: interval if you had looked only that day."
    )
    theme.numbers(tables.series_table(points), key="course")
    _arrivals(subject, found)


def _level(subject: Subject) -> float:
    contrast = subject.view.result.metric(subject.metric).arm(subject.treatment).contrast
    return contrast.confidence_level if contrast else 0.95


def _arrivals(subject: Subject, course: Course) -> None:
    """Units of every arm by the day they came, from the course itself."""
    arms = [subject.view.result.reference, *course]
    days = daily_units(course)
    names = [subject.names.get(arm, arm) for arm in arms]
    phases = [
        (phase.started_at.date(), f"phase {phase.seq} {words.split(phase.weights_bp)}")
        for phase in subject.experiment.phases
    ]
    shown = phases if len(phases) > 1 else []
    theme.lead(findings.days_title(days, f"{subject.experiment.unit}s"))
    palette = theme.tokens()
    theme.wide_and_narrow(
        units_by_day(days, names, palette, phases=shown),
        units_by_day(days, names, palette, phases=shown, narrow=True),
        key="arrivals",
        alt=findings.days_title(days, f"{subject.experiment.unit}s"),
        image=f"{subject.experiment.slug}-per-day",
    )
    theme.numbers(tables.days_table(days, names), key="arrivals")


def _pairs(experiment: Experiment) -> list[tuple[Phase | None, Phase]]:
    phases = experiment.phases
    return list(zip((None, *phases), phases, strict=False))


def _mark(phase: Phase, before: Phase | None) -> PhaseMark:
    change = ""
    if before is not None and before.weights_bp != phase.weights_bp:
        change = f"split {words.split(before.weights_bp)} → {words.split(phase.weights_bp)}"
    return PhaseMark(phase.started_at.date(), f"phase {phase.seq}", change)


def _segments(subject: Subject) -> None:
    columns = analyses.segment_columns(subject.ws, subject.actor, subject.experiment.id)
    if not columns:
        theme.muted("The data have no segment column. Map one on the page Data.")
        return
    options = {column: words.plain(column.replace("_", " "), 40) for column in columns}
    with subject.choices:
        column = links.box("Segment", options, param="segment", scope=subject.experiment.slug)
    with st.spinner(f"Computing the segments of {words.plain(column, 40)}"):
        found = _cut(subject.ws, subject.actor, subject.key, subject.metric, column)
    if not found:
        theme.muted("No segment has enough units yet.")
        return
    _forest(subject, found)


def _forest(subject: Subject, found: Cut) -> None:
    result, metric = subject.view.result, subject.view.result.metric(subject.metric)
    theme.lead(findings.segments_title(found, subject.treatment))
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

    theme.wide_and_narrow(
        forest(narrow=False),
        forest(narrow=True),
        key="segments",
        alt=findings.segments_alt(found, subject.treatment),
        image=f"{subject.experiment.slug}-{subject.metric}-segments",
    )
    theme.note(
        f"You have opened {words.plural(len(found), 'segment')}. By chance alone about one in "
        "twenty looks significant; the p-values here are corrected (Benjamini-Hochberg)."
    )
    rows = tables.segments_table(found, metric, subject.treatment, result.reference)
    theme.numbers(rows, key="segments")


def _phases(subject: Subject) -> None:
    result, metric = subject.view.result, subject.view.result.metric(subject.metric)
    contrast = metric.arm(subject.treatment).contrast
    name = subject.names.get(subject.treatment, subject.treatment)
    theme.lead(findings.phases_title(metric, subject.treatment, name))
    if contrast is None or not contrast.by_phase:
        theme.muted("This metric has no numbers per phase.")
        return
    labels = {f"phase {phase.seq}": phase_words(phase) for phase in subject.experiment.phases}
    palette = theme.tokens()

    def plot(*, narrow: bool) -> Figure:
        return phase_plot(
            metric,
            palette,
            treatment=subject.treatment,
            reference=result.reference,
            names=subject.names,
            labels=labels,
            final=result.final,
            narrow=narrow,
        )

    theme.wide_and_narrow(
        plot(narrow=False),
        plot(narrow=True),
        key="phases",
        alt=findings.phases_title(metric, subject.treatment, name),
        image=f"{subject.experiment.slug}-{subject.metric}-phases",
    )
    rows = tables.phases_table(metric, subject.treatment, result.reference)
    theme.numbers(rows, key="phases")
    weights = [phase.weight for phase in contrast.by_phase if phase.weight is not None]
    shares = " and ".join(words.percent(weight, 0) for weight in weights)
    if shares:
        theme.note(f"Phase weights: {shares}.")


def phase_words(phase: Phase) -> str:
    """``Phase 1 · 6–11 May · 50/50``."""
    split = words.split(phase.weights_bp)
    if phase.ended_at is None:
        return f"Phase {phase.seq} · since {words.day(phase.started_at)} · {split}"
    last = max(phase.ended_at - timedelta(seconds=1), phase.started_at)
    return f"Phase {phase.seq} · {words.days(phase.started_at, last)} · {split}"


def _raw(subject: Subject) -> None:
    told = analyses.explain(
        subject.ws, subject.actor, subject.experiment.id, subject.metric, subject.treatment
    )
    theme.lead("From rows to this number")
    st.code(told.formula, language=None, wrap_lines=True)
    st.code(told.numbers, language=None, wrap_lines=True)
    theme.lead("The moments the query returned")
    theme.table(told.moments)
    theme.lead("The query")
    st.code(told.sql, language="sql", wrap_lines=True)
