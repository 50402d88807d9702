"""How the numbers of a look came about: the scorecard, holdout, robustness, shuffled arms."""

from __future__ import annotations

from dataclasses import replace

from experiments_core.analysis import explain as explanations
from experiments_core.analysis.explain import Explanation
from experiments_core.analysis.explain_calibration import explain_calibration
from experiments_core.analysis.explain_holdout import explain_holdout
from experiments_core.analysis.explain_robustness import explain_variation
from experiments_core.analysis.explain_step import Step
from experiments_core.analysis.explain_steps import further_steps
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.robustness import Robustness, Variation
from experiments_core.domain.access import Actor
from experiments_core.errors import NotFoundError
from experiments_core.services.analyses import look
from experiments_core.services.calibration import Calibration
from experiments_core.services.inspecting import contrast_of
from experiments_core.services.viewing import LookView, check_open
from experiments_core.services.workspace import Workspace

__all__ = ["Step", "Variation"]  # for those who show what is explained

Written = Explanation
"""A comparison written out, for those who show it."""


def explain(
    ws: Workspace, actor: Actor, experiment_id: str, metric_key: str, variant: str
) -> Explanation:
    """How one number came about: formula, numbers put in, moments, query.

    Raises:
        NotFoundError: there is no such experiment, metric or treatment.
    """
    return explained(look(ws, actor, experiment_id), metric_key, variant)


def explained(view: LookView, metric_key: str, variant: str) -> Explanation:
    """The same of a look at hand.

    Raises:
        NotFoundError: there is no such metric or treatment.
    """
    found = contrast_of(view.result, metric_key, variant)
    groups = Groups.of(view.cells, len(view.design.phases))
    metric = next(one for one in view.design.metrics if one.key == metric_key)
    told = explanations.explain(groups, view.design, metric, found, treatment=variant)
    further = further_steps(
        view.result, groups, view.design, metric=metric_key, treatment=variant
    )
    return replace(told, sql=view.sql, steps=further)


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
