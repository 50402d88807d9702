"""Below the scorecard: what is likely left of a win once it is live."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services import expecting
from experiments_core.services.expecting import Expectation
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import results_behind, theme
from pages.parts.results_scorecard import names_of

FEW = 4
"""Comparisons named in one line; the others are counted."""


@st.fragment
def draw(ws: Workspace, actor: Actor, view: LookView, experiment: Experiment) -> None:
    """One line per decided primary metric; one for all that history says nothing of."""
    names = names_of(experiment)
    known = {metric.key: words.plain(metric.name, 60) for metric in view.result.metrics}
    found = expecting.expectations(ws, actor, view)
    factor = _factor(found, view.design.plan.power)
    untold: dict[str, list[str]] = {}
    for one in found:
        who = f"{known[one.metric]}, {words.plain(names.get(one.variant, one.variant), 40)}"
        if isinstance(one.expected, float) and isinstance(one.standard_error, float):
            theme.note(f"{who}: {_sentence(one)}; {factor}")
        else:
            told = f"{words.lift(one.relative_lift)} ({who})"
            untold.setdefault(_why(one), []).append(told)
    for why, told_of in untold.items():
        rest = [f"{len(told_of) - FEW} more"] if len(told_of) > FEW else []
        named = words.listed([*told_of[:FEW], *rest])
        theme.note(f"Expect somewhat less than the measured {named}: {factor} {why}")
    if found and results_behind.wanted(f"expected-{experiment.id}"):
        _explained(found, known, experiment)


def _explained(
    found: tuple[Expectation, ...], known: dict[str, str], experiment: Experiment
) -> None:
    names = names_of(experiment)
    number = st.selectbox(
        "Effect to write out", range(len(found)),
        format_func=lambda place: (
            f"{known[found[place].metric]}, "
            f"{words.plain(names.get(found[place].variant, found[place].variant), 40)}"
        ),
        key=f"explained-expected-{experiment.id}",
    )  # fmt: skip
    results_behind.steps(found[number].steps)


def _factor(found: tuple[Expectation, ...], power: float) -> str:
    """The same for all: it comes from the plan."""
    times = found[0].exaggeration if found else 1.0
    return (
        f"at {words.percent(power, 0)} power, lifts that reach significance are {times:.2f} "
        "times too large on average."
    )


def _why(one: Expectation) -> str:
    """Why the workspace's own history says nothing yet."""
    past = words.plural(one.past_tests, "finished test") if one.past_tests else "none"
    if one.past_is_too_short:
        return (
            "From six finished tests of your own on, Upshot tells by how much; this workspace "
            f"has {past} so far."
        )
    return f"{words.reason(one.expected)} This workspace has {past} so far."


def _sentence(one: Expectation) -> str:
    error = one.standard_error
    return (
        f"measured {words.lift(one.relative_lift)}, expect about {words.lift(one.expected)} (± "
        f"{words.percent(error) if isinstance(error, float) else words.NONE}), as "
        f"{words.plural(one.past_tests, 'finished test')} of this metric suggest"
    )
