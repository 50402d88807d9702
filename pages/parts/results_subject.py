"""What a tab of Results is about: one metric of one treatment."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import links
from pages.parts.results_daily import Key, key_of
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
    def key(self) -> Key:
        """Experiment, data, look and choices: what numbers computed once belong to."""
        return key_of(self.view)

    @property
    def names(self) -> dict[str, str]:
        """Variant key -> name."""
        return names_of(self.experiment)


def choose(
    ws: Workspace, actor: Actor, view: LookView, experiment: Experiment
) -> Subject:  # fmt: skip
    """Let the viewer choose metric and treatment, where there are several."""
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
