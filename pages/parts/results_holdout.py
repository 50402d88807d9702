"""The holdout: everybody in the test against those kept out of it, apart from the arms."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import holdout, words
from experiments_core.domain.experiment import Experiment
from experiments_core.services import explaining
from experiments_core.services.viewing import LookView
from pages.parts import markup, results_behind

OBSERVATIONAL = (
    "! Observational: chance did not decide who was held out, so no verdict is drawn."
)


@st.fragment
def draw(view: LookView, experiment: Experiment) -> None:
    """A block of its own, where somebody is held out."""
    found = view.result.holdout
    if found is None or not found.metrics:
        return
    markup.draw(
        markup.lead("Against the holdout", holdout.note(view.result, experiment.unit)),
        markup.table(holdout.rows(view.result)),
        *([] if found.randomised else [markup.note(OBSERVATIONAL)]),
    )
    if results_behind.wanted(f"holdout-{experiment.id}"):
        names = {one.key: view.result.metric(one.key).name for one in found.metrics}
        metric = st.selectbox(
            "Metric to write out", list(names),
            format_func=lambda key: words.plain(names[key], 60),
            key=f"explained-holdout-{experiment.id}",
        )  # fmt: skip
        results_behind.written(explaining.explained_holdout(view, metric))
