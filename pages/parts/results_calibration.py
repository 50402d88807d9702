"""The tab of self-calibration: do the methods keep their promise on these very data?"""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import calibration as charts
from experiments_core.charts import words
from experiments_core.errors import UpshotError
from experiments_core.services import calibration as service
from experiments_core.services import explaining
from experiments_core.services.calibration import Calibration
from pages.parts import results_behind, theme
from pages.parts.results_subject import Subject


def draw(subject: Subject) -> None:
    """What was found before, or the button that begins."""
    kept = "calibration", subject.key, subject.metric, subject.treatment
    found = st.session_state.get(str(kept))
    theme.muted(
        "Shuffle who was in which version: then nothing can differ, and every alarm is false. "
        "Repeated a thousand times this shows how often each method is wrong on your data."
    )
    if not isinstance(found, Calibration):
        if st.button(
            f"Shuffle {words.count(service.SHUFFLES)} times", icon=":material/shuffle:"
        ):
            _run(subject, str(kept))
        return
    theme.lead(charts.title(found))
    theme.once(lambda: _figure(subject, found), "calibration", *kept)
    theme.table(charts.table(found), right=True)
    theme.note(
        f"{words.plural(found.units, 'unit')}, {words.count(found.shuffles)} shuffles, "
        f"seed {found.seed}. Lifts are planted into the shuffled treatment; “finds” is how "
        "often the method would see them. "
        "Tint: where 99.9 % of bars of a sound method lie."
    )
    theme.numbers(charts.bins(found))
    if results_behind.wanted(f"calibration-{subject.experiment.id}"):
        results_behind.steps(explaining.explained_shuffles(found))


def _run(subject: Subject, kept: str) -> None:
    """Shuffle with a bar; a click on Stop reruns the page, which ends the work."""
    bar = st.progress(0.0, "Shuffling")
    st.button("Stop", icon=":material/stop:")

    def progress(done: float) -> None:
        shuffled = words.count(round(done * service.SHUFFLES))
        bar.progress(done, f"Shuffled {shuffled} of {words.count(service.SHUFFLES)}")

    try:
        st.session_state[kept] = service.calibration(
            subject.ws, subject.actor, subject.experiment.id, subject.metric,
            subject.treatment, progress=progress,
        )  # fmt: skip
    except UpshotError as error:
        theme.refused(error)
        return
    st.rerun()


def _figure(subject: Subject, found: Calibration) -> None:
    theme.figure(
        charts.histogram(found, theme.tokens()),
        key="calibration",
        alt=charts.title(found),
        image=f"{subject.experiment.slug}-{subject.metric}-calibration",
    )
