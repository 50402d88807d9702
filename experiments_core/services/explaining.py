"""How numbers beside the scorecard came about: holdout, robustness sheet, shuffled arms."""

from __future__ import annotations

from experiments_core.analysis.explain import Explanation
from experiments_core.analysis.explain_calibration import explain_calibration
from experiments_core.analysis.explain_holdout import explain_holdout
from experiments_core.analysis.explain_robustness import explain_variation
from experiments_core.analysis.explain_steps import Step
from experiments_core.analysis.robustness import Robustness, Variation
from experiments_core.errors import NotFoundError
from experiments_core.services.calibration import Calibration
from experiments_core.services.viewing import LookView, check_open

__all__ = ["Step", "Variation", "explained_analysis", "explained_holdout", "explained_shuffles"]


def explained_analysis(view: LookView, found: Robustness, one: Variation) -> Explanation:
    """One analysis of a robustness sheet, and in how many the answer holds.

    Raises:
        ConflictError: the results are locked.
    """
    check_open(view.result)
    return explain_variation(found, one, view.design)


def explained_holdout(view: LookView, metric_key: str) -> Explanation:
    """One metric of everybody in the test against the holdout.

    Raises:
        ConflictError: the results are locked.
        NotFoundError: nobody is held out, or the metric is not compared with them.
    """
    check_open(view.result)
    known = view.result.holdout.metrics if view.result.holdout else ()
    found = next((one for one in known if one.key == metric_key), None)
    if found is None:
        listed = ", ".join(one.key for one in known) or "none"
        raise NotFoundError(
            f"“{metric_key}” is not compared with a holdout.", hint=f"There are: {listed}."
        )
    metric = next(one for one in view.design.metrics if one.key == metric_key)
    return explain_holdout(view.cells, view.design, metric, found)


def explained_shuffles(found: Calibration) -> tuple[Step, ...]:
    """Every number of a calibration."""
    return explain_calibration(found)
