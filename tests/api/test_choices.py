"""The closed lists of the bodies are those of the rules, so that no door lacks a choice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from experiments_core.api import (
    deployments,
    experiment_bodies,
    import_shapes,
    metric_shapes,
    notes,
    projects,
)
from experiments_core.domain import deployment, experiment, lifecycle, metric, project, source
from experiments_core.domain import notes as remarks
from experiments_core.services import choosing


def choices(shape: type[BaseModel], field: str) -> set[str]:
    """What one field may be, wherever in its type that is said."""
    return set(words(shape.model_fields[field].annotation))


def words(kind: Any) -> Iterable[str]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    return [word for inner in get_args(kind) for word in words(inner)]


@pytest.mark.parametrize(
    ("shape", "field", "allowed"),
    (
        (experiment_bodies.NewExperiment, "status", lifecycle.Status),
        (experiment_bodies.NewExperiment, "type", experiment.TYPES),
        (experiment_bodies.NewExperiment, "assignment_mode", experiment.ASSIGNMENT_MODES),
        (experiment_bodies.NewExperiment, "conclusion", experiment.CONCLUSIONS),
        (metric_shapes.ExperimentMetric, "kind", metric.MetricKind),
        (metric_shapes.ExperimentMetric, "role", metric.MetricRole),
        (metric_shapes.Meaning, "aggregation", metric.AGGREGATIONS),
        (metric_shapes.Meaning, "preferred_direction", metric.Direction),
        (import_shapes.MappingChoices, "shape", source.Shape),
        (import_shapes.MappingChoices, "repeats", source.FILE_REPEATS),
        (import_shapes.MappingChoices, "crossovers", choosing.CROSSOVERS),
        (
            import_shapes.MappingChoices,
            "repeats_of",
            {rule for rules in source.REPEATS_OF.values() for rule in rules},
        ),
        (notes.NewDecision, "action", remarks.ACTIONS),
        (notes.NewAnnotation, "kind", remarks.KINDS),
        (projects.NewResource, "kind", project.RESOURCE_KINDS),
        (deployments.NewDeployment, "target", deployment.TARGETS),
        (deployments.NewDeployment, "acknowledge", deployment.CONDITIONS),
    ),
)
def test_a_body_takes_what_the_rules_take(
    shape: type[BaseModel], field: str, allowed: Iterable[str]
):
    assert choices(shape, field) == {str(one) for one in allowed}
