"""The experiment that is born from a file: variants, split and metrics from its mapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import replace

from experiments_core.domain.experiment import ExperimentDraft, VariantDraft
from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.shares import equal_weights
from experiments_core.domain.source import Mapping, Role, Shape


def experiment_draft(
    mapping: Mapping, arms: Table[str, int], name: str, measures: Sequence[str] = ()
) -> ExperimentDraft:
    """Draft an experiment whose variant arrives with the data.

    Args:
        mapping: Confirmed; names control and, if it is not equal, the intended split.
        arms: Units per arm.
        name: As typed.
        measures: Metrics that the rows of a file of moments name.
    """
    order = sorted(arms, key=lambda arm: (arm != mapping.control, arm))
    equal = dict(zip(order, equal_weights(len(order)), strict=True))
    weights = mapping.split if set(mapping.split) == set(order) else equal
    return ExperimentDraft(
        name=name,
        variants=tuple(
            VariantDraft(key=arm, name=arm, is_control=arm == mapping.control,
                         weight_bp=weights[arm])
            for arm in order
        ),
        metrics=tuple(_roles(_metrics(mapping, measures))),
        assignment_mode="external",
        unit=_unit(mapping),
        data_finished=mapping.finished,
    )  # fmt: skip


def _metrics(mapping: Mapping, measures: Sequence[str]) -> Iterator[Metric]:
    if mapping.shape is Shape.MOMENTS:
        for name in measures:
            yield Mean(name, name=f"Metric {name}" if name.isdecimal() else "")
        return
    for event in mapping.conversion_events:
        yield Proportion(event)
    visitors = next((column.name for column in mapping.named(Role.VISITORS)), None)
    for column in (*mapping.named(Role.CONVERSIONS), *mapping.derived):
        yield Proportion(column.name, of=visitors)
    for column in mapping.named(Role.OUTCOME):
        yield Proportion(column.name)
    for column in mapping.named(Role.VALUE):
        yield Mean(column.name)


def _roles(metrics: Iterator[Metric]) -> Iterator[Metric]:
    """The first one decides."""
    for number, metric in enumerate(metrics):
        role = MetricRole.SECONDARY if number else MetricRole.PRIMARY
        yield replace(metric, role=role)


def _unit(mapping: Mapping) -> str:
    """``user_id`` → ``user``."""
    column = mapping.first(Role.UNIT)
    if column is None:
        return "user"
    name = column.name.lower().replace(" ", "_")
    return name.removesuffix("id").strip("_")[:64] or "unit"
