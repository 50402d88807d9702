"""The Bayesian tab: what a believer in the prior knows; beside the verdict, never in it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from experiments_core.charts import bayes
from experiments_core.domain.experiment import Experiment
from experiments_core.services import explaining, exploring
from experiments_core.services.exploring import Choices
from pages.parts import links, theme
from pages.parts.results_subject import Subject

CHOSEN = "chosen-priors"
CHANCE = "Chance to be better"
LABELS = {key: label for key, (label, _) in exploring.PRIORS.items()}


def prior_of(experiment: Experiment) -> Callable[[], Choices]:
    """Tell later, when only this tab may have run again, which prior is chosen by then."""
    names: dict[str, str] = st.session_state.setdefault(CHOSEN, {})
    slug = experiment.slug
    names[slug] = links.chosen(LABELS, param="prior", scope=slug)
    return lambda: Choices(prior=exploring.PRIORS[names[slug]][1])


def draw(subject: Subject) -> None:
    """Chances, expected losses and credible intervals of one metric, under a named prior."""
    with subject.choices:
        links.box("Prior", LABELS, param="prior", scope=subject.experiment.slug)
    view = exploring.explore(subject.view, prior_of(subject.experiment)())
    metric = view.result.metric(subject.metric)
    theme.lead(bayes.title(metric, subject.treatment, subject.names))
    theme.table(bayes.rows(metric, view.result.reference, subject.names), right=True)
    told = explaining.explained(view, subject.metric, subject.treatment)
    theme.computed((step.formula, step.numbers) for step in told.steps if step.title == CHANCE)
    theme.note(
        "A second way to look, not a second verdict. A chance has to be above "
        f"{bayes.threshold(metric)} to say as much as the interval of the plan. "
        "Looking every day is not harmless here either: without any effect, a chance above "
        "95\u202f% turns up at one of 14 daily looks in about a fifth of all tests."
    )
