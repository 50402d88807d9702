"""Below the scorecard: what is likely left of a win once it is live."""

from __future__ import annotations

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services import expecting
from experiments_core.services.analyses import LookView
from experiments_core.services.expecting import Expectation
from experiments_core.services.workspace import Workspace
from pages.parts import theme
from pages.parts.results_scorecard import names_of


def draw(ws: Workspace, actor: Actor, view: LookView, experiment: Experiment) -> None:
    """One line per decided primary metric."""
    names = names_of(experiment)
    known = {metric.key: words.plain(metric.name, 60) for metric in view.result.metrics}
    for one in expecting.expectations(ws, actor, view):
        who = words.plain(names.get(one.variant, one.variant), 60)
        theme.note(f"{known[one.metric]}, {who}: {_sentence(one, view.design.plan.power)}")


def _past(tests: int) -> str:
    return words.plural(tests, "finished test") if tests else "none"


def _sentence(one: Expectation, power: float) -> str:
    factor = (
        f"at {words.percent(power, 0)} power, lifts that reach significance are "
        f"{one.exaggeration:.2f} times too large on average."
    )
    if isinstance(one.expected, float) and isinstance(one.standard_error, float):
        return (
            f"measured {words.lift(one.relative_lift)}, expect about "
            f"{words.lift(one.expected)} (± {words.percent(one.standard_error)}), as "
            f"{words.plural(one.past_tests, 'finished test')} of this metric suggest; {factor}"
        )
    return (
        f"expect somewhat less than {words.lift(one.relative_lift)}: {factor} "
        f"{words.reason(one.expected)} This workspace has {_past(one.past_tests)} so far."
    )
