"""The tab over time: how the lift settled, and when the units came."""

from __future__ import annotations

from datetime import date
from functools import partial

import streamlit as st

from experiments_core.charts import findings, tables, words
from experiments_core.charts.days import daily_units
from experiments_core.charts.series import Course, LookMark, PhaseMark, cumulative
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment, Phase
from experiments_core.domain.notes import Annotation
from experiments_core.services import annotating, courses, past_looks
from experiments_core.services.cutting import with_phases_of
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import arrivals, markup, results_daily, results_notes, results_past, theme
from pages.parts.results_daily import Key
from pages.parts.results_subject import Subject


@st.cache_data(max_entries=64, show_spinner=False)
def _course(_ws: Workspace, _actor: Actor, _view: LookView, key: Key, metric: str) -> Course:
    cells = results_daily.cells(_ws, _actor, _view, key)
    return courses.series(_ws, _actor, key[0], metric, shown=_view, cells=cells)


def draw(subject: Subject) -> None:
    """Draw the course of the lift and the arrivals."""
    found = _course(subject.ws, subject.actor, subject.view, subject.key, subject.metric)
    points = found.get(subject.treatment, ())
    notes = annotating.annotations_of(subject.ws, subject.actor, subject.experiment.id)
    if points:
        lines = past_looks.listed(subject.ws, subject.actor, subject.experiment.id)
        looks = results_past.marks(lines)
        shown = (subject.view.result, subject.experiment, subject.metric, subject.treatment)
        theme.once(
            lambda: _figures(subject, found, notes, looks), "over time", *shown, notes, looks
        )
    else:
        theme.muted("There is no course over time: the data have no time column.")
    results_notes.draw(subject.ws, subject.actor, subject.experiment, notes)


def _figures(
    subject: Subject, found: Course, notes: tuple[Annotation, ...], looks: list[LookMark]
) -> None:
    points = found[subject.treatment]
    markup.draw(markup.lead(findings.series_title(points)))
    if all(not isinstance(point.relative_lift, float) for point in points):
        theme.muted(words.reason(points[-1].relative_lift))
        return
    dated = isinstance(points[0].day, date)
    experiment = with_phases_of(subject.experiment, subject.view.cut)
    marks = [_mark(phase, before) for before, phase in _pairs(experiment)]
    shown = marks if dated and len(marks) > 1 else []
    events = results_notes.marks(notes) if dated else []
    palette = theme.tokens()
    level = _level(subject)
    taken = looks if dated else []
    theme.fitting(
        partial(
            cumulative,
            points,
            palette,
            phases=shown,
            looks=taken,
            notes=events,
            confidence_level=level,
        ),
        key="course",
        alt=findings.series_alt(points),
        image=f"{subject.experiment.slug}-{subject.metric}-over-time",
    )
    names = subject.names
    told = markup.note(
        f"Cumulative relative lift, {names.get(subject.treatment, subject.treatment)} over "
        f"{names.get(subject.view.result.reference, subject.view.result.reference)}, by "
        f"{'day (UTC)' if dated else 'the time since the start, as the data count it'}. "
        "Dark band: interval if you had looked only then."
    )
    below = markup.join(told, markup.numbers(tables.series_table(points)))
    arms = [subject.view.result.reference, *found]
    shown_arms = [names.get(arm, arm) for arm in arms]
    if dated:
        arrivals.draw(experiment, daily_units(found), shown_arms, above=below)
    else:
        markup.draw(below)


def _level(subject: Subject) -> float:
    contrast = subject.view.result.metric(subject.metric).arm(subject.treatment).contrast
    return contrast.confidence_level if contrast else 0.95


def _pairs(experiment: Experiment) -> list[tuple[Phase | None, Phase]]:
    phases = experiment.phases
    return list(zip((None, *phases), phases, strict=False))


def _mark(phase: Phase, before: Phase | None) -> PhaseMark:
    change = ""
    if before is not None and before.weights_bp != phase.weights_bp:
        change = f"split {words.split(before.weights_bp)} → {words.split(phase.weights_bp)}"
    return PhaseMark(phase.started_at.date(), f"phase {phase.seq}", change)
