"""The experiment that is born from a file: variants, split and metrics from its mapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import replace

from experiments_core.domain.experiment import ExperimentDraft, VariantDraft
from experiments_core.domain.metric import Direction, Metric, MetricRole
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.shares import equal_weights
from experiments_core.domain.source import Mapping, Role, Shape
from experiments_core.services.import_choices import refusal
from experiments_core.services.import_report import Remark
from experiments_core.tabular.names import is_unwanted
from experiments_core.tabular.text import listed

KEEPS_DIRECTION = "the metrics of an experiment that is there keep their direction"


def measured(mapping: Mapping, measures: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of everything that becomes a metric, the deciding one first.

    Args:
        mapping: What the columns mean.
        measures: Metrics that the rows of a file of moments name.
    """
    if mapping.shape is Shape.MOMENTS:
        return tuple(measures)
    roles = (Role.OUTCOME, Role.VALUE)
    totals = (*mapping.named(Role.CONVERSIONS), *mapping.derived)
    units = (column for role in roles for column in mapping.named(role))
    return (*mapping.conversion_events, *(column.name for column in (*totals, *units)))


def measures_of(columns: Sequence[Table[str, str]]) -> list[str]:
    """Names of the values among mapped columns: of moments, the metrics that rows name."""
    return [column["name"] for column in columns if column["role"] == Role.VALUE]


def unwanted(names: Sequence[str]) -> tuple[str, ...]:
    """Those of some measures whose name says that less is better (``refunds``)."""
    return tuple(name for name in names if is_unwanted(name))


def about_direction(names: Sequence[str]) -> Iterator[Remark]:
    """Measures that a new experiment takes as better when they fall."""
    fewer = unwanted(names)
    if fewer:
        yield Remark(
            "LESS_IS_BETTER",
            f"Less is taken as better for {listed(list(fewer), 12)} in a new experiment, as "
            "the name says.",
        )


def experiment_draft(
    mapping: Mapping,
    arms: Table[str, int],
    name: str,
    measures: Sequence[str] = (),
    less_is_better: Sequence[str] | None = None,
) -> ExperimentDraft:
    """Draft an experiment whose variant arrives with the data.

    Args:
        mapping: Confirmed; names control and, if it is not equal, the intended split.
        arms: Units per arm.
        name: As typed.
        measures: Metrics that the rows of a file of moments name.
        less_is_better: Measures of which a decrease is good; None goes by their names.

    Raises:
        InvalidInputError: the file has no such measure.
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
        metrics=tuple(_roles(_directed(mapping, measures, less_is_better))),
        assignment_mode="external",
        unit=_unit(mapping),
        data_finished=mapping.finished,
    )  # fmt: skip


def _directed(
    mapping: Mapping, measures: Sequence[str], less_is_better: Sequence[str] | None
) -> Iterator[Metric]:
    names = measured(mapping, measures)
    fewer = unwanted(names) if less_is_better is None else less_is_better
    for name in fewer:
        if name not in names:
            message = f"the file has no measure “{name}”; it has {listed(list(names), 12)}"
            raise refusal("less_is_better", name, "NOT_FOUND", message)
    for name, metric in zip(names, _metrics(mapping, measures), strict=True):
        good = Direction.DECREASE if name in fewer else Direction.INCREASE
        yield replace(metric, preferred_direction=good)


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
