"""The holdout: everybody in the test against those kept out of it, apart from the arms."""

from __future__ import annotations

from experiments_core.charts import holdout
from experiments_core.domain.experiment import Experiment
from experiments_core.services.viewing import LookView
from pages.parts import theme


def draw(view: LookView, experiment: Experiment) -> None:
    """A block of its own; nothing where nobody is held out."""
    found = view.result.holdout
    if found is None or not found.metrics:
        return
    theme.lead("Against the holdout", holdout.note(view.result, experiment.unit))
    theme.table(holdout.rows(view.result))
    if not found.randomised:
        theme.note(
            "! Observational: chance did not decide who was held out, so no verdict is drawn."
        )
