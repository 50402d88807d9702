"""Below the scorecard: what is likely left of a win once it is live."""

from __future__ import annotations

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services import expecting
from experiments_core.services.expecting import Expectation
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from pages.parts import markup, results_behind
from pages.parts.markup import Html

FEW = 4
"""Comparisons named in one line; the others are counted."""


def lines(ws: Workspace, actor: Actor, view: LookView, experiment: Experiment) -> Html:
    """One line per decided primary metric; one for all that history says nothing of."""
    names = {variant.key: variant.name or variant.key for variant in experiment.variants}
    known = {metric.key: words.plain(metric.name, 60) for metric in view.result.metrics}
    found = expecting.expectations(ws, actor, view)
    factor = _factor(found, view.design.plan.power)
    told: list[str] = []
    untold: dict[str, list[str]] = {}
    for one in found:
        who = f"{known[one.metric]}, {words.plain(names.get(one.variant, one.variant), 40)}"
        if isinstance(one.expected, float) and isinstance(one.standard_error, float):
            told.append(f"{who}: {_sentence(one)}; {factor}")
        else:
            lift = f"{words.lift(one.relative_lift)} ({who})"
            untold.setdefault(_why(one), []).append(lift)
    for why, told_of in untold.items():
        rest = [f"{len(told_of) - FEW} more"] if len(told_of) > FEW else []
        named = words.listed([*told_of[:FEW], *rest])
        told.append(f"Expect somewhat less than the measured {named}: {factor} {why}")
    return markup.join(*(markup.note(line) for line in told))


def behind(ws: Workspace, actor: Actor, view: LookView, number: tuple[str, str]) -> None:
    """How the expectation of a metric of one treatment came about, where there is one."""
    for one in expecting.expectations(ws, actor, view):
        if (one.metric, one.variant) == number:
            results_behind.steps(one.steps)


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
