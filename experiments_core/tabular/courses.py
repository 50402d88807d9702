"""Several rows of one arm and metric: the same units read again and again, or parts of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from experiments_core.domain.source import ColumnMapping, Mapping, Role
from experiments_core.stats.moments import Moments
from experiments_core.tabular import names
from experiments_core.tabular.moments import Moment
from experiments_core.tabular.text import fold
from experiments_core.tabular.totals import Total

RUNNING, PARTS = "running", "parts"
LEAST_DAYS, GROWN = 3, 0.5
At = str | float
"""A day as ``2026-05-01``, or the time since the start in the file's own unit."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What several rows of one arm and metric look like.

    Attributes:
        rows: How many rows there are of those that have several.
        fall: The first line on which a count is below that of an earlier time; 0 when none is.
        since_start: The column of times says that they count from the start.
        likelier: What to offer first.
    """

    rows: int
    fall: int = 0
    since_start: bool = False
    likelier: str = RUNNING


@dataclass(frozen=True, slots=True)
class Settled:
    """What counts of one arm and metric.

    Attributes:
        total: The last running total, or all parts added up.
        course: Everything up to the end of each time, oldest first; empty without times.
    """

    total: Moment
    course: tuple[tuple[At, Moment], ...] = ()


def readings_of(found: Sequence[Moment], mapping: Mapping) -> Readings | None:
    """Look whether arms have several rows of a metric; None when they do not."""
    several = [rows for rows in _by_key(_apart(found)[0]).values() if len(rows) > 1]
    if not several:
        return None
    time = mapping.first(Role.TIME)
    falls = [b.line for rows in several for a, b in pairwise(rows) if b.n < a.n]
    if time is None:
        return Readings(sum(map(len, several)), likelier=PARTS)
    fall = min(falls, default=0)
    since = not time.time_format and names.counts_from_start(time.name)
    return Readings(
        sum(map(len, several)), fall, since, RUNNING if since or not fall else PARTS
    )


def settle(
    found: Sequence[Moment], mapping: Mapping
) -> tuple[list[Settled], list[tuple[Moment, str]]]:
    """Make one total, and its course, of the rows of each arm and metric.

    Args:
        found: Rows that could be read.
        mapping: ``readings`` says what several rows are; while it does not, the likelier.

    Returns:
        What counts, and the rows that do not, each with its rule.
    """
    seen = readings_of(found, mapping)
    how = mapping.readings or (seen.likelier if seen else RUNNING)
    time = mapping.first(Role.TIME)
    settled: list[Settled] = []
    apart, copies = _apart(found)
    left_out = [(one, "READING_COPY") for one in copies]
    for rows in _by_key(apart).values():
        if how == PARTS:
            settled.append(_added_up(rows, time))
        elif time is None:
            settled.append(Settled(rows[-1]))
            left_out += [(row, "EARLIER_SNAPSHOT") for row in rows[:-1]]
        else:
            again = [b for a, b in pairwise(rows) if a.time == b.time]
            left_out += [(row, "READING_TWICE") for row in again]
            kept = [row for row in rows if row not in again]
            settled.append(Settled(kept[-1], _course(kept, time)))
    return settled, left_out


def days_of_totals(found: Sequence[Total]) -> Readings | None:
    """Tell totals that may be running ones: for days no count of any arm falls.

    Days by themselves are what files of totals usually hold, and their counts may grow too.
    Running totals grow by about their first row each day: so there have to be three days, and
    the last one has to be far above the first.
    """
    rows_of = _rows_of(found)
    few = any(len(rows) < LEAST_DAYS for rows in rows_of)
    dated = all(one.time is not None for one in found)
    grown = all(
        _visitors(rows[-1]) >= max(2, GROWN * len(rows)) * _visitors(rows[0])
        for rows in rows_of
    )
    if not rows_of or few or not dated or not grown or no_running_total(found):
        return None
    return Readings(len(found), likelier=PARTS)


def no_running_total(found: Sequence[Total]) -> int:
    """Line of the first row that is no running total: a count falls, or a time comes twice."""
    pairs = (pair for rows in _rows_of(found) for pair in pairwise(rows))
    return min((b.line for a, b in pairs if a.time == b.time or _falls(a, b)), default=0)


def taken_apart(found: Sequence[Total]) -> list[Total]:
    """Running totals as what each row adds to the one before it, in the order of the file."""
    apart: dict[int, Total] = {}
    for rows in _rows_of(found):
        apart |= {rows[0].line: rows[0]}
        apart |= {b.line: _added(a, b) for a, b in pairwise(rows)}
    return [apart[one.line] for one in found]


def _rows_of(found: Sequence[Total]) -> list[list[Total]]:
    by_arm: dict[str, list[Total]] = defaultdict(list)
    for one in sorted(found, key=lambda one: (one.time or 0, one.line)):
        by_arm[fold(one.arm)].append(one)
    return list(by_arm.values())


def _added(before: Total, now: Total) -> Total:
    counts = {
        name: count - before.conversions.get(name, 0) for name, count in now.conversions.items()
    }
    return replace(now, visitors=_visitors(now) - _visitors(before), conversions=counts)


def _falls(before: Total, now: Total) -> bool:
    counts = ((before.conversions.get(name, 0), c) for name, c in now.conversions.items())
    pairs = [(_visitors(before), _visitors(now)), *counts]
    return any(a > b for a, b in pairs)


def _visitors(one: Total) -> int:
    return one.visitors or 0


def _apart(found: Sequence[Moment]) -> tuple[list[Moment], list[Moment]]:
    """Rows, and those that say again what another one says of the same arm, metric and time.

    A table that holds a comparison per row repeats control for every treatment.
    """
    seen: set[tuple[object, ...]] = set()
    kept: list[Moment] = []
    copies: list[Moment] = []
    for one in found:
        said = (fold(one.arm), fold(one.metric), one.time, one.n, one.mean, one.variance)
        (copies if said in seen else kept).append(one)
        seen.add(said)
    return kept, copies


def _by_key(found: Iterable[Moment]) -> dict[tuple[str, str], list[Moment]]:
    rows: dict[tuple[str, str], list[Moment]] = defaultdict(list)
    for one in sorted(found, key=lambda one: (one.time, one.line)):
        rows[fold(one.arm), fold(one.metric)].append(one)
    return rows


def _added_up(rows: Sequence[Moment], time: ColumnMapping | None) -> Settled:
    running: list[Moment] = []
    total = Moments(0, (0.0,), ((0.0,),))
    for row in rows:
        total += Moments.of_mean(row.n, row.mean, row.variance)
        running.append(replace(row, n=total.n, mean=total.mean, variance=total.variance))
    whole = replace(running[-1], line=min(row.line for row in rows))
    return Settled(whole, () if time is None else _course(running, time))


def _course(rows: Sequence[Moment], time: ColumnMapping) -> tuple[tuple[At, Moment], ...]:
    """The last row of each day, or of each time since the start."""
    last = {at_of(row.time, time): row for row in rows}
    return tuple(last.items()) if len(last) > 1 else ()


def at_of(moment: float, time: ColumnMapping) -> At:
    """The day of a moment, or the time since the start."""
    if not time.time_format:
        return moment
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
