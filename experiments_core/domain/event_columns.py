"""Which events a metric counts: one number per unit, made of the log.

A metric's source column names an event. ``orders`` is read in the way that fits the metric's
kind, ``orders:count`` says how, and ``orders:sum:before`` adds up what happened before the
first exposure (a covariate). The metric's window and delay hold for its outcome columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from experiments_core.domain.metric import AGGREGATIONS, Metric, MetricKind
from experiments_core.domain.source import Role

_DEFAULTS = {
    MetricKind.PROPORTION: "any",
    MetricKind.COUNT: "count",
    MetricKind.MEAN: "sum",
    MetricKind.RATIO: "sum",
    MetricKind.QUANTILE: "sum",
}


@dataclass(frozen=True, slots=True)
class EventColumn:
    """One column of the units: which events, added up how, from when to when.

    Attributes:
        event: Name of the event.
        aggregation: ``any``, ``count``, ``sum``, ``mean``, ``min``, ``max``, ``last``, or
            ``rows``: every event, in a list beside their sum.
        window_days: Days that count from the first one on; 0 is no end.
        delay_days: Days between the first exposure and the first that counts; negative lets
            days before the exposure count.
        before: Only what happened before the first exposure.
    """

    event: str
    aggregation: str
    window_days: int = 0
    delay_days: int = 0
    before: bool = False


@dataclass(frozen=True, slots=True)
class NamedColumn:
    """A column under the name that one metric knows it by."""

    metric: str
    name: str
    role: Role
    column: EventColumn


def columns_of(metrics: Iterable[Metric]) -> tuple[NamedColumn, ...]:
    """Every column that some metrics need of the log, outcome columns and covariates."""
    return tuple(named for metric in metrics for named in _columns(metric))


def _columns(metric: Metric) -> Iterable[NamedColumn]:
    role = Role.OUTCOME if metric.kind is MetricKind.PROPORTION else Role.VALUE
    for place, name in enumerate(metric.columns):
        yield NamedColumn(metric.key, name, role, _outcome(metric, name, first=place == 0))
    for name in metric.covariates:
        event, aggregation = _parts(name, "sum")
        column = EventColumn(event, aggregation, before=True)
        yield NamedColumn(metric.key, name, Role.COVARIATE, column)


def _outcome(metric: Metric, name: str, *, first: bool) -> EventColumn:
    event, aggregation = _parts(name, _DEFAULTS[metric.kind])
    if first and metric.event:
        event = metric.event
    if first and metric.aggregation:
        aggregation = metric.aggregation
    return EventColumn(event, aggregation, metric.window_days, metric.delay_days)


def _parts(name: str, default: str) -> tuple[str, str]:
    event, _, rest = name.partition(":")
    aggregation = rest.partition(":")[0]
    return (event, aggregation) if aggregation in AGGREGATIONS else (name, default)
