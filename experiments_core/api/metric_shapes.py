"""Metrics as they are sent, and those of a test in the form that the services take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from experiments_core.api.shapes import Body
from experiments_core.domain import definition
from experiments_core.domain.definition import Definition
from experiments_core.domain.documents import (
    metric_from_document,
    metric_to_document,
    reads_own_name,
)
from experiments_core.domain.metric import Metric
from experiments_core.domain.validation import refuse
from experiments_core.errors import InvalidInputError, NotFoundError, Problem

OF_THE_TEST = frozenset({
    "role", "non_inferiority_margin", "non_inferiority_margin_absolute",
    "relative_minimum_detectable_effect",
})  # fmt: skip
"""What a test says of a metric of the library; the rest stands in its definition."""


Library = Callable[[str], Definition]
"""Finds a metric of the library by its key."""


Source = Annotated[str, Field(min_length=1, max_length=200)]
"""Name of a column or an event."""
MetricKind = Literal["proportion", "mean", "count", "ratio", "quantile"]
Aggregation = Literal["any", "count", "sum", "mean", "min", "max", "last", "rows"]


class Meaning(Body):
    """What a metric means."""

    column: Source | None = None
    of: Source | None = None
    numerator: Source | None = None
    denominator: Source | None = None
    event: Annotated[str, Field(max_length=200)] | None = None
    aggregation: Aggregation | None = None
    covariate: Source | None = None
    covariate_denominator: Source | None = None
    q: float | None = None
    cap: float | Annotated[str, Field(max_length=10)] | None = None
    window_days: int | None = None
    delay_days: int | None = None
    unit: Annotated[str, Field(max_length=40)] | None = None
    preferred_direction: Literal["increase", "decrease", "neutral"] | None = None
    missing: Literal["exclude", "zero"] | None = None


class ExperimentMetric(Meaning):
    """A metric of a test: of the library by its key, or with a meaning of its own."""

    metric: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    kind: MetricKind | None = None
    key: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    name: Source | None = None
    role: Literal["primary", "secondary", "guardrail"] = "primary"
    relative_minimum_detectable_effect: float | None = None
    non_inferiority_margin: float | None = None
    non_inferiority_margin_absolute: float | None = None


def metric_body(metric: Metric) -> dict[str, Any]:
    """A metric of the test; what the test says of it always stands there."""
    of_the_test = {name: getattr(metric, name) for name in (*sorted(OF_THE_TEST), "post_hoc")}
    stated = {"preferred_direction": metric.preferred_direction, "version": metric.version}
    return of_the_test | stated | metric_to_document(metric)


def metrics_of(bodies: Sequence[ExperimentMetric], library: Library) -> tuple[Metric, ...]:
    """Every metric as services take it.

    Raises:
        InvalidInputError: what is wrong with any of them, all at once.
    """
    found: list[Metric] = []
    faults: list[InvalidInputError] = []
    for place, one in enumerate(bodies):
        try:
            found.append(metric_of(one, f"metrics[{place}]", library))
        except InvalidInputError as error:
            faults.append(error)
    if faults:
        details = tuple(problem for fault in faults for problem in fault.details)
        raise InvalidInputError(faults[0].message, code=faults[0].code, details=details)
    return tuple(found)


def metric_of(body: ExperimentMetric, where: str, library: Library) -> Metric:
    """A metric as services take it: of the library, or with a meaning of its own.

    Args:
        body: As it was sent.
        where: Its place, which what is wrong with it is named by.
        library: Finds a metric by its key.

    Raises:
        InvalidInputError: kind or column are missing, a rule is broken, the library has no
            such metric, or its meaning is said otherwise here.
    """
    try:
        said = body.said()
        key = said.pop("metric", None)
        if key is not None:
            return _of_library(key, said, library)
        if "kind" not in said:
            refuse([Problem("kind", None, "REQUIRED", f"{where}.kind is missing")])
        return metric_from_document(reads_own_name(said))
    except InvalidInputError as error:
        problems = tuple(
            Problem(f"{where}.{one.field}", one.value, one.rule, one.message)
            for one in error.details
        )
        raise InvalidInputError(error.message, code=error.code, details=problems) from error


def _of_library(key: str, said: dict[str, Any], library: Library) -> Metric:
    refuse(
        Problem(name, value, "UNKNOWN_FIELD", f"{name} belongs to the metric “{key}” itself")
        for name, value in said.items()
        if name not in OF_THE_TEST
    )
    try:
        return definition.metric_of(library(key), **said)
    except NotFoundError as error:
        problem = Problem("metric", key, "NOT_FOUND", error.message)
        raise InvalidInputError(error.message, details=(problem,)) from error
