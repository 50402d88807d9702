"""The tab of phases: what each stretch of constant design says, and all together."""

from __future__ import annotations

from datetime import timedelta

from experiments_core.charts import findings, tables, words
from experiments_core.charts.segments import phase_plot
from experiments_core.charts.theme import Figure
from experiments_core.domain.experiment import Phase
from pages.parts import theme
from pages.parts.results_subject import Subject


def draw(subject: Subject) -> None:
    """Draw the phases beside the figure that decides."""
    result, metric = subject.view.result, subject.view.result.metric(subject.metric)
    contrast = metric.arm(subject.treatment).contrast
    name = subject.names.get(subject.treatment, subject.treatment)
    title = findings.phases_title(metric, subject.treatment, name)
    theme.lead(title)
    if contrast is None or not contrast.by_phase:
        theme.muted("This metric has no numbers per phase.")
        return
    _figure(subject, title)
    rows = tables.phases_table(metric, subject.treatment, result.reference)
    theme.numbers(rows)
    _notes(subject)


def _figure(subject: Subject, title: str) -> None:
    result = subject.view.result
    metric = result.metric(subject.metric)
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

    theme.fitting(
        plot,
        key="phases",
        alt=title,
        image=f"{subject.experiment.slug}-{subject.metric}-phases",
    )


def _notes(subject: Subject) -> None:
    contrast = subject.view.result.metric(subject.metric).arm(subject.treatment).contrast
    if contrast is None:
        return
    weights = [phase.weight for phase in contrast.by_phase if phase.weight is not None]
    if weights:
        shares = words.listed([words.percent(weight, 0) for weight in weights])
        theme.note(f"The phases count {shares} of the combined figure.")
    if contrast.plain_total is not None and contrast.plain_total.misleading:
        theme.note(
            "! The plain total disagrees with the phases in sign or verdict: it mixes units "
            "that came under different splits. The verdict uses the phases."
        )
    told = contrast.heterogeneity_p_value
    if told is not None:
        shown = words.p(told) if isinstance(told, float) else words.reason(told)
        theme.note(f"Do the phases differ from each other? {shown} (Cochran’s Q).")
    theme.note(
        "Traffic is checked inside each phase against its own split: see Sample ratio above."
    )


def phase_words(phase: Phase) -> str:
    """``Phase 1 · 6–11 May · 50/50``."""
    split = words.split(phase.weights_bp)
    if phase.ended_at is None:
        return f"Phase {phase.seq} · since {words.day(phase.started_at)} · {split}"
    last = max(phase.ended_at - timedelta(seconds=1), phase.started_at)
    return f"Phase {phase.seq} · {words.days(phase.started_at, last)} · {split}"
