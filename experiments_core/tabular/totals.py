"""Totals per variant: a few rows of counts, checked one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from experiments_core.domain.source import ColumnMapping, Mapping, Role
from experiments_core.domain.text import grouped
from experiments_core.tabular import numbers, times
from experiments_core.tabular.rates import RateColumn, rate_column
from experiments_core.tabular.rejects import Reject, words
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import TOTAL_WORDS, WHITE, fold, is_blank, visible

Found = TypeVar("Found")

LARGEST_COUNT = 2**53  # beyond it not every whole number is a float of its own


@dataclass(frozen=True, slots=True)
class Total:
    """Counts of one row.

    Attributes:
        visitors: None where only conversions are known.
        conversions: Column -> count; a blank cell is left out when that was the answer. Of
            moments: metric -> ``{"n", "mean", "variance"}``, with ``course`` where it was read
            at several times.
        time: When the row is from: seconds since 1970, or time since the start in the file's
            own unit; None where the file does not say.
    """

    line: int
    arm: str
    visitors: int | None
    conversions: dict[str, Any]
    time: float | None = None


def read_totals(
    rows: Sequence[Row], mapping: Mapping, names: Sequence[str]
) -> tuple[list[Total], list[Reject]]:
    """Read every row of a file of totals.

    Args:
        rows: Records below the header.
        mapping: Columns in their roles.
        names: Header cells.
    """
    header = [fold(name) for name in names]
    rates = [
        rate_column(column, mapping.dialect, (row.cells[column.position] for row in rows))
        for column in mapping.derived
    ]
    return sort_out(rows, lambda row: _read_row(row, mapping, header, rates))


def sort_out(
    rows: Sequence[Row], read: Callable[[Row], Found | list[tuple[str, str, str]]]
) -> tuple[list[Found], list[Reject]]:
    """Read every row: what it says, or the rules that it breaks (rule, column and value)."""
    good: list[Found] = []
    rejects: list[Reject] = []
    for row in rows:
        found = read(row)
        if not isinstance(found, list):
            good.append(found)
            continue
        raw = ",".join(row.cells)
        rejects.extend(
            Reject(row.line, column, value, rule, words(rule, column, value), raw)
            for rule, column, value in found
        )
    return good, rejects


def _read_row(
    row: Row, mapping: Mapping, header: list[str], rates: Sequence[RateColumn]
) -> Total | list[tuple[str, str, str]]:
    faults = plain_faults(row, mapping, header)
    if faults:
        return faults
    arm = visible(row.cells[mapping.named(Role.VARIANT)[0].position])
    return _read_counts(row, mapping, arm, rates)


def plain_faults(row: Row, mapping: Mapping, header: list[str]) -> list[tuple[str, str, str]]:
    """Why a row is no data of an arm: empty, the header again, a sum, another experiment."""
    experiment = mapping.one_experiment
    if experiment is not None:
        here = row.cells[experiment.position]
        if fold(here) != fold(mapping.experiment) and any(c.strip(WHITE) for c in row.cells):
            return [("OTHER_EXPERIMENT", experiment.name, here)]
    variant = mapping.named(Role.VARIANT)[0]
    cell = row.cells[variant.position]
    arm = visible(cell)
    if not any(other.strip(WHITE) for other in row.cells):
        return [("EMPTY_ROW", "", "")]
    if [fold(other) for other in row.cells] == header:
        return [("REPEATED_HEADER", "", "")]
    words = [row.cells[time.position] for time in mapping.named(Role.TIME)]
    words = [cell, *words, *(row.cells if not arm else ())]
    if any(fold(other) in TOTAL_WORDS for other in words):
        return [("TOTALS_ROW", variant.name, cell)]
    if not arm:
        return [("VARIANT_BLANK", variant.name, cell)]
    return []


def _read_counts(
    row: Row, mapping: Mapping, arm: str, rates: Sequence[RateColumn]
) -> Total | list[tuple[str, str, str]]:
    problems: list[tuple[str, str, str]] = []
    of = mapping.named(Role.VISITORS)
    visitors = _count(row, of[0], mapping, problems) if of else None
    if visitors == 0:
        problems.append(("VISITORS_ZERO", mapping.named(Role.VISITORS)[0].name, "0"))
    conversions: dict[str, int] = {}
    for column in mapping.named(Role.CONVERSIONS):
        if is_blank(row.cells[column.position]) and column.blank == "exclude":
            continue
        count = _count(row, column, mapping, problems)
        if count is None:
            continue
        conversions[column.name] = count
        if visitors is not None and count > visitors:
            text = f"{grouped(count)} {column.name} of {grouped(visitors)} visitors"
            problems.append(("COUNT_ABOVE", column.name, text))
    if visitors:
        conversions |= _derived(row, rates, visitors, problems)
    time = _time(row, mapping, problems)
    if problems or (of and visitors is None):
        return problems
    return Total(row.line, arm, visitors, conversions, time)


def _time(row: Row, mapping: Mapping, problems: list[tuple[str, str, str]]) -> float | None:
    column = mapping.first(Role.TIME)
    if column is None or is_blank(row.cells[column.position]):
        return None
    moment = moment_of(row.cells[column.position], column)
    if moment is None:
        problems.append(("TIME", column.name, row.cells[column.position]))
    return moment


def moment_of(cell: str, column: ColumnMapping) -> float | None:
    """A number of days or hours since the start, or a time, as something that sorts."""
    text = cell.strip(WHITE)
    return times.read(text, column.time_format) if column.time_format else numbers.read(text)


def _derived(
    row: Row, rates: Sequence[RateColumn], visitors: int, problems: list[tuple[str, str, str]]
) -> dict[str, int]:
    """Conversions from rates; a blank one is what was answered."""
    counts: dict[str, int] = {}
    for rate in rates:
        column = rate.mapped
        cell = row.cells[column.position]
        if is_blank(cell) and column.blank == "exclude":
            continue
        found = 0 if is_blank(cell) and column.blank == "zero" else rate.count(cell, visitors)
        if isinstance(found, int):
            counts[column.name] = found
        else:
            problems.append((found[0], column.name, found[1]))
    return counts


def _count(
    row: Row,
    column: ColumnMapping,
    mapping: Mapping,
    problems: list[tuple[str, str, str]],
) -> int | None:
    cell = row.cells[column.position].strip(WHITE)
    if is_blank(cell) and column.blank == "zero":
        return 0
    decimal = column.decimal or mapping.dialect.decimal
    number = numbers.read(cell, decimal, column.thousands or mapping.dialect.thousands)
    if number is None or number < 0 or number != int(number) or "e" in cell.lower():
        problems.append(("COUNT", column.name, cell))
        return None
    if number > LARGEST_COUNT:
        problems.append(("COUNT_LARGE", column.name, cell))
        return None
    return int(number)
