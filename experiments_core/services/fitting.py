"""What an experiment says about a file: its arms, its control, the columns of its metrics."""

from __future__ import annotations

from dataclasses import replace

from experiments_core.domain.experiment import Experiment
from experiments_core.domain.metric import MetricKind
from experiments_core.domain.source import Mapping, Role
from experiments_core.tabular.text import arm_fold, fold


def asks_whether_finished(experiment: Experiment | None) -> bool:
    """Only when no experiment knows by itself whether its data are complete."""
    return experiment is None or (
        experiment.assignment_mode == "external" and experiment.data_finished is None
    )


def arms_of(experiment: Experiment | None) -> dict[str, str] | None:
    """Folded key or name -> variant; None while no experiment says which there are."""
    if experiment is None:
        return None
    numbers = {arm_fold(variant.key): variant.key for variant in experiment.variants}
    named = {fold(variant.name): variant.key for variant in experiment.variants}
    return numbers | named | {fold(variant.key): variant.key for variant in experiment.variants}


def fit(proposal: Mapping, experiment: Experiment | None) -> Mapping:
    """Fill in what the experiment knows: its control, and which columns its metrics use."""
    if experiment is None:
        return proposal
    wanted = {
        name: Role.COVARIATE for metric in experiment.metrics for name in metric.covariates
    }
    for metric in experiment.metrics:
        rate = metric.kind is MetricKind.PROPORTION
        for name in metric.needs.columns:
            if wanted.get(name) is not Role.OUTCOME:
                wanted[name] = Role.OUTCOME if rate else Role.VALUE
    measures = {Role.OUTCOME, Role.VALUE, Role.COVARIATE}
    columns = tuple(
        replace(column, role=wanted[column.name], reason="a metric of the experiment uses it")
        if column.name in wanted
        and column.role in {*measures, Role.IGNORE, Role.SEGMENT}
        and column.role is not wanted[column.name]
        and proposal.shape == "unit"
        else column
        for column in proposal.columns
    )
    return replace(proposal, columns=columns, control=experiment.control.key)
