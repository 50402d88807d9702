"""Moments per variant: count, mean and variance, as published snapshots give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.domain.source import Mapping, Role
from experiments_core.tabular import numbers
from experiments_core.tabular.rejects import Reject
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import WHITE, fold, visible
from experiments_core.tabular.totals import (
    LARGEST_COUNT,
    moment_of,
    plain_faults,
    sort_out,
)

ONE_METRIC = "value"


@dataclass(frozen=True, slots=True)
class Moment:
    """Numbers of one arm and metric at one time.

    Attributes:
        metric: ``value`` where the file names none.
        time: When it was read: seconds since 1970, or time since the start in the file's own
            unit; 0 where the file has no time.
    """

    line: int
    arm: str
    metric: str
    n: int
    mean: float
    variance: float
    time: float = 0.0


def read_moments(
    rows: Sequence[Row], mapping: Mapping, names: Sequence[str]
) -> tuple[list[Moment], list[Reject]]:
    """Read every row.

    Args:
        rows: Records below the header.
        mapping: Columns in their roles.
        names: Header cells.
    """
    header = [fold(name) for name in names]
    return sort_out(rows, lambda row: _read_row(row, mapping, header))


def _read_row(
    row: Row, mapping: Mapping, header: list[str]
) -> Moment | list[tuple[str, str, str]]:
    faults = plain_faults(row, mapping, header)
    if faults:
        return faults
    problems: list[tuple[str, str, str]] = []
    variant, metric, time = (
        mapping.first(role) for role in (Role.VARIANT, Role.METRIC, Role.TIME)
    )
    count = _number(row, mapping, Role.COUNT, problems)
    mean = _number(row, mapping, Role.MEAN, problems)
    variance = _spread(row, mapping, problems)
    place = mapping.first(Role.COUNT)
    if count is not None and place is not None and (count < 1 or count != int(count)):
        problems.append(("COUNT", place.name, row.cells[place.position].strip(WHITE)))
    elif count is not None and place is not None and count > LARGEST_COUNT:
        problems.append(("COUNT_LARGE", place.name, row.cells[place.position].strip(WHITE)))
    moment = 0.0 if time is None else moment_of(row.cells[time.position], time)
    if time is not None and moment is None:
        problems.append(("TIME", time.name, row.cells[time.position]))
    if problems or None in {count, mean, variance}:
        return problems
    assert variant is not None  # noqa: S101  plain_faults has looked at it
    return Moment(
        row.line,
        visible(row.cells[variant.position]),
        visible(row.cells[metric.position]) if metric is not None else ONE_METRIC,
        int(count or 0),
        mean or 0.0,
        variance or 0.0,
        moment or 0.0,
    )


def _spread(row: Row, mapping: Mapping, problems: list[tuple[str, str, str]]) -> float | None:
    """The variance, or a standard deviation squared."""
    role = Role.VARIANCE if mapping.named(Role.VARIANCE) else Role.DEVIATION
    value = _number(row, mapping, role, problems)
    if value is not None and value < 0:
        column = mapping.named(role)[0]
        problems.append(("VARIANCE", column.name, row.cells[column.position].strip(WHITE)))
    return value * value if value is not None and role is Role.DEVIATION else value


def _number(
    row: Row, mapping: Mapping, role: Role, problems: list[tuple[str, str, str]]
) -> float | None:
    column = mapping.named(role)[0]
    cell = row.cells[column.position].strip(WHITE)
    decimal = column.decimal or mapping.dialect.decimal
    number = numbers.read(cell, decimal, column.thousands or mapping.dialect.thousands)
    if number is None:
        problems.append(("NUMBER", column.name, cell))
    return number
