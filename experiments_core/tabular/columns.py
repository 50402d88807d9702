"""What kind of values each column holds, judged on a sample of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from experiments_core.tabular import numbers, times
from experiments_core.tabular.numbers import NumberFormat
from experiments_core.tabular.sniff import Row, Sniff
from experiments_core.tabular.text import (
    FALSE_WORDS,
    TOTAL_WORDS,
    TRUE_WORDS,
    WHITE,
    fold,
    is_blank,
    shorten,
)
from experiments_core.tabular.times import TimeFormat

FITS = 0.8
REMEMBERED = 4
"""Samples whose columns are remembered: one file is looked at several times on its way in."""

YES_NO_WORDS = TRUE_WORDS | FALSE_WORDS
TIME_NAMES = (
    "time", "date", "day", "_ts", "seen", "created", "epoch", "stamp", "_at", "datum", "zeit",
    "fecha", "jour", "hora",
)  # fmt: skip


class Kind(StrEnum):
    """What the filled cells of a column are."""

    EMPTY = "empty"
    YES_NO = "yes_no"  # 1/0, yes/no, true/false …
    WHOLE = "whole"  # whole numbers from 0 up
    NUMBER = "number"
    PERCENT = "percent"
    TIME = "time"
    TEXT = "text"


COUNTED = frozenset({Kind.WHOLE, Kind.NUMBER, Kind.YES_NO})
"""Kinds whose cells are plain numbers."""


@dataclass(frozen=True, slots=True)
class ColumnSeen:
    """One column as the sample shows it.

    Attributes:
        name: Header cell, trimmed.
        position: Place in the file, from 0.
        kind: What the filled cells are.
        examples: A few different cells as they stand in the file.
        filled: Cells that are not blank.
        blanks: Blank cells.
        blank_line: Line of the first blank cell, else 0.
        distinct: Different filled cells.
        values: Different cells without regard to case and blanks, by how often they occur;
            at most 100.
        low: Smallest number.
        high: Largest number.
        high_line: Line on which the largest number stands.
        number: How numbers are written.
        time: How times are written.
    """

    name: str
    position: int
    kind: Kind
    examples: tuple[str, ...]
    filled: int
    blanks: int
    blank_line: int
    distinct: int
    values: tuple[tuple[str, int], ...] = ()
    low: float | None = None
    high: float | None = None
    high_line: int = 0
    number: NumberFormat | None = None
    time: TimeFormat | None = None

    @property
    def unique(self) -> bool:
        """No two filled cells are equal."""
        return self.filled > 1 and self.distinct == self.filled


def look(sniffed: Sniff, rows: Sequence[Row]) -> tuple[ColumnSeen, ...]:
    """Judge every column on the sample, second headers and totals rows left aside."""
    return _look(sniffed.names, tuple(_ordinary(sniffed, rows)), sniffed.delimiter)


def _ordinary(found: Sniff, rows: Sequence[Row]) -> list[Row]:
    """Rows that are neither a second header nor a totals row."""
    header = [fold(name) for name in found.names]
    different = set().union(*(row.cells for row in rows))
    totals = {cell for cell in different if fold(cell) in TOTAL_WORDS}
    titles = {cell for cell in different if fold(cell) == header[0]}
    return [
        row
        for row in rows
        if totals.isdisjoint(row.cells)
        and not (row.cells[0] in titles and [fold(cell) for cell in row.cells] == header)
    ] or list(rows)


@lru_cache(maxsize=REMEMBERED)
def _look(
    header: tuple[str, ...], rows: tuple[Row, ...], delimiter: str
) -> tuple[ColumnSeen, ...]:
    return tuple(
        _look_at(name, position, rows, delimiter) for position, name in enumerate(header)
    )


def _look_at(name: str, position: int, rows: Sequence[Row], delimiter: str) -> ColumnSeen:
    cells = [(row.line, row.cells[position].strip(WHITE)) for row in rows]
    different = Counter(cell for _, cell in cells)
    empty = {cell for cell in different if is_blank(cell)}
    filled = [cell for _, cell in cells if cell not in empty]
    blank_lines = [line for line, cell in cells if cell in empty]
    # a text column may use a word such as “None” or “-” as a value: count every cell that is
    # not plainly empty
    values: Counter[str] = Counter()
    for cell, count in different.items():
        if cell:
            values[fold(cell)] += count
    number = numbers.detect(filled, delimiter=delimiter)
    time = times.detect(filled, numbers=_sounds_like_time(name))
    read = _numbers(cells, number)
    kind = _kind(filled, number, time, [value for _, value in read])
    high_line, high = max(read, key=lambda pair: pair[1], default=(0, None))
    return ColumnSeen(
        name=name,
        position=position,
        kind=kind,
        examples=tuple(shorten(cell) for cell in list(dict.fromkeys(filled))[:3]),
        filled=len(filled),
        blanks=len(blank_lines),
        blank_line=blank_lines[0] if blank_lines else 0,
        distinct=len(different) - len(empty),
        values=tuple(values.most_common(100)),
        low=min((value for _, value in read), default=None),
        high=high,
        high_line=high_line,
        number=number,
        time=time,
    )


def _sounds_like_time(name: str) -> bool:
    word = name.lower()
    return word == "ts" or any(part in word.replace("lifetime", "") for part in TIME_NAMES)


def _numbers(
    cells: Sequence[tuple[int, str]], number: NumberFormat | None
) -> list[tuple[int, float]]:
    if number is None:
        return []
    bare = ((line, numbers.without_percent(c) if number.percent else c) for line, c in cells)
    read = ((line, numbers.read(cell, number.decimal, number.thousands)) for line, cell in bare)
    return [(line, value) for line, value in read if value is not None]


def _kind(
    filled: Sequence[str],
    number: NumberFormat | None,
    time: TimeFormat | None,
    values: Sequence[float],
) -> Kind:
    if not filled:
        return Kind.EMPTY
    if _is_yes_no(filled, values):
        return Kind.YES_NO
    if time is not None:
        return Kind.TIME
    if number is not None and number.percent:
        return Kind.PERCENT
    if number is not None:
        whole = all(value >= 0 and value == int(value) for value in values)
        return Kind.WHOLE if whole and len(values) == len(filled) else Kind.NUMBER
    return Kind.TEXT


def _is_yes_no(filled: Sequence[str], values: Sequence[float]) -> bool:
    good = len(filled)
    for cell, count in Counter(filled).items():
        if cell.lower() not in YES_NO_WORDS and not _zero_or_one(cell):
            good -= count
        if good < FITS * len(filled):
            return False
    counts = [value for value in values if value > 1]
    return not counts or good == len(filled)


def _zero_or_one(cell: str) -> bool:
    return numbers.read(cell) in {0.0, 1.0} or numbers.read(cell, ",") in {0.0, 1.0}
