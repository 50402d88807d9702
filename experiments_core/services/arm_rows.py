"""Rows of numbers per variant, read: what counts, what does not, and what they mean in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from experiments_core.domain.source import Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services.import_report import Remark
from experiments_core.tabular.courses import (
    PARTS,
    RUNNING,
    Readings,
    Settled,
    days_of_totals,
    no_running_total,
    readings_of,
    settle,
    taken_apart,
)
from experiments_core.tabular.moments import Moment, read_moments
from experiments_core.tabular.rejects import Reject, words
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import fold, visible
from experiments_core.tabular.totals import Total, read_totals


@dataclass(frozen=True, slots=True)
class ArmRows:
    """What the rows of a file of totals or moments say.

    Attributes:
        readings: Set where arms have several rows and it has to be said what they are.
    """

    totals: list[Total]
    rejects: list[Reject]
    readings: Readings | None = None
    remarks: tuple[Remark, ...] = ()


def read_arms(rows: Sequence[Row], mapping: Mapping) -> ArmRows:
    """Read every row of totals, moments or bare conversions.

    Args:
        rows: Records below the header.
        mapping: Columns in their roles.
    """
    names = [column.name for column in mapping.columns]
    if mapping.shape is not Shape.MOMENTS:
        return _of_totals(rows, mapping, names)
    moments, rejects = read_moments(rows, mapping, names)
    settled, left_out = settle(moments, mapping)
    raw = {row.line: ",".join(row.cells) for row in rows}
    rejects += [
        Reject(one.line, "", f"{one.time:g}", rule, words(rule, "", ""), raw[one.line])
        for one, rule in left_out
    ]
    readings = readings_of(moments, mapping)
    told = () if readings is None else (_about(readings, settled, mapping),)
    return ArmRows(_by_arm(settled), rejects, readings, told)


def _of_totals(rows: Sequence[Row], mapping: Mapping, names: Sequence[str]) -> ArmRows:
    totals, rejects = read_totals(rows, mapping, names)
    readings = days_of_totals(totals) if mapping.named(Role.TIME) else None
    if mapping.readings != RUNNING:
        return ArmRows(totals, rejects, readings, tuple(_copies(totals, rows)))
    line = no_running_total(totals)
    if line:
        raise InvalidInputError(
            f"Line {line} is no running total: a count is below that of an earlier time, or "
            "its variant and time stand in another row too.",
            code="NO_RUNNING_TOTAL",
            hint="Correct it, or say that rows are parts that are added up.",
            details=(Problem("readings", "running", "NO_RUNNING_TOTAL", f"line {line}"),),
        )
    told = Remark(
        "RUNNING_TOTALS",
        f"{grouped(len(totals))} rows are running totals; the last one of each variant is its "
        "total, and each row counts as what it adds to the one before it.",
    )
    return ArmRows(taken_apart(totals), rejects, readings, (told,))


def _copies(totals: Sequence[Total], rows: Sequence[Row]) -> Iterator[Remark]:
    """Rows that say again what another one says; with a total they may be a mistake."""
    used = {total.line for total in totals}
    first: dict[tuple[str, ...], int] = {}
    copies = []
    for row in rows:
        cells = tuple(visible(cell) for cell in row.cells)
        if row.line in used and first.setdefault(cells, row.line) != row.line:
            copies.append(row.line)
    if copies:
        rows_are = "row is an exact copy" if len(copies) == 1 else "rows are exact copies"
        yield Remark(
            "TOTALS_TWICE",
            f"{grouped(len(copies))} {rows_are} of another; all of them were added up. If they "
            "are the same people, take them out of the file.",
            tuple(copies[:5]), len(copies),
        )  # fmt: skip


def _by_arm(settled: Sequence[Settled]) -> list[Total]:
    """One total per arm: its metrics, and as many units as the largest of them has."""
    found: dict[str, Total] = {}
    for one in settled:
        total = one.total
        known = found.get(fold(total.arm))
        numbers: dict[str, Any] = _numbers(total)
        if one.course:
            numbers["course"] = [{"at": at, **_numbers(then)} for at, then in one.course]
        measures = {**(known.conversions if known else {}), total.metric: numbers}
        units = max(total.n, (known.visitors or 0) if known else 0)
        line, arm = (known.line, known.arm) if known else (total.line, total.arm)
        found[fold(total.arm)] = Total(line, arm, units, measures)
    return list(found.values())


def _numbers(one: Moment) -> dict[str, Any]:
    return {"n": one.n, "mean": one.mean, "variance": one.variance}


def _about(readings: Readings, settled: Sequence[Settled], mapping: Mapping) -> Remark:
    """How several rows of one arm became one number."""
    how = mapping.readings or readings.likelier
    times = max((len(one.course) for one in settled), default=0)
    rows = f"{grouped(readings.rows)} rows"
    if how == PARTS:
        return Remark(
            "ROWS_ADDED_UP",
            f"{rows} were added up, one total for each variant and metric. If they are days, "
            "people who came back on another day are counted again.",
        )
    told = f"{rows} are running totals; the last row of each variant and metric counts"
    if times:
        told += f", and the course over time is drawn from its {grouped(times)} readings"
    fell = f" On line {readings.fall} a count is below that of an earlier time."
    return Remark("RUNNING_TOTALS", f"{told}.{fell if readings.fall else ''}")
