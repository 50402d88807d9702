"""Metrics bound to the columns of the data that they read."""

from __future__ import annotations

from collections.abc import Iterable

from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.source import Role
from experiments_core.query.cell_query import BoundNeed
from experiments_core.store.data_states import DataState

NUMBERS = (Role.VALUE, Role.OUTCOME, Role.COVARIATE)


def column_of(
    data: DataState | None, name: str, roles: Iterable[Role], metric: str = ""
) -> str | None:
    """Column of ours behind a header text, if it has one of the roles."""
    if data is None:
        return None
    found = data.by_metric.get((metric, name)) or data.columns.get(name)
    return found[1] if found and found[0] in tuple(roles) else None


def bound(metrics: Iterable[Metric], data: DataState) -> tuple[BoundNeed, ...]:
    """The needs of the metrics whose columns are there; a missing covariate is left out."""
    return tuple(_bound(metrics, data))


def _bound(metrics: Iterable[Metric], data: DataState) -> Iterable[BoundNeed]:
    for metric in metrics:
        roles = (Role.OUTCOME,) if metric.kind is MetricKind.PROPORTION else NUMBERS
        names = metric.needs.columns
        columns = [column_of(data, name, roles, metric.key) for name in names]
        found = [column for column in columns if column]
        if len(found) < len(names):
            continue
        before = [column_of(data, name, NUMBERS, metric.key) for name in metric.covariates]
        ours = tuple(column for column in before if column)
        yield BoundNeed(
            metric.needs,
            found[0],
            tuple(found[1:]),
            ours if len(ours) == len(before) else (),
            listed=found[0] in data.listed,
        )
