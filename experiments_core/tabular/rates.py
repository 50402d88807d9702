"""Rates instead of counts: a count is derived only where one whole number fits what is written.

A rate written with d decimals stands for everything within half a unit of its last place. The
numbers of conversions that fit are the whole numbers in that range times the visitors: none
(the rate is of something else), one (the count), or several (the rate is rounded too far).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from experiments_core.domain.source import ColumnMapping, Dialect, Mapping, Role
from experiments_core.domain.text import grouped
from experiments_core.tabular import numbers
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import WHITE, is_blank

PERCENT, FRACTION = "percent", "fraction"
SCALES = {PERCENT: Fraction(1, 100), FRACTION: Fraction(1)}
FLOAT_ERROR = Fraction(1, 10**12)
"""Programs write rates with all digits that a float has; the last ones are noise."""

Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RateColumn:
    """How one column writes its rates.

    Attributes:
        mapped: The column; its ``rate`` says percent or fraction.
        decimal: Decimal mark.
        thousands: Thousands mark.
        half: Half a unit of the last place, as a fraction of the visitors.
        signed: Cells carry a percent sign; one without is doubtful.
    """

    mapped: ColumnMapping
    decimal: str
    thousands: str
    half: Fraction
    signed: bool

    def count(self, cell: str, visitors: int) -> int | Fault:
        """The one count of conversions that fits, else the rule that is broken, and words."""
        text = cell.strip(WHITE)
        digits = self._digits(text)
        if digits is None or self.signed != numbers.has_percent(text):
            return "RATE", text
        rate = Fraction(digits) * SCALES[self.mapped.rate]
        if not 0 <= rate <= 1:
            return "RATE", text
        low = max(0, math.ceil((rate - self.half) * visitors))
        high = min(visitors, math.floor((rate + self.half) * visitors))
        told = f"{text} of {grouped(visitors)} visitors"
        if low > high:
            return (
                "RATE_NOT_WHOLE",
                f"{told} are {grouped(float(rate * visitors), '.2f')} conversions",
            )
        if low < high:
            return "RATE_COARSE", f"{told} are {grouped(low)} to {grouped(high)} conversions"
        return low

    def fits(self, cell: str, visitors: int, count: int) -> bool:
        """Whether a count is one of those that the rate can stand for."""
        digits = self._digits(cell.strip(WHITE))
        if digits is None:
            return False
        rate = Fraction(digits) * SCALES[self.mapped.rate]
        return abs(rate - Fraction(count, visitors)) <= self.half

    def _digits(self, text: str) -> str | None:
        bare = numbers.without_percent(text) if self.signed else text
        return numbers.digits(bare, self.decimal, self.thousands)


def rate_column(mapped: ColumnMapping, dialect: Dialect, cells: Iterable[str]) -> RateColumn:
    """Judge how far a column of rates was rounded; trailing zeros are often not written."""
    filled = [cell.strip(WHITE) for cell in cells if not is_blank(cell)]
    signed = any(map(numbers.has_percent, filled))
    decimal = mapped.decimal or dialect.decimal
    thousands = mapped.thousands or dialect.thousands
    bare = (numbers.digits(numbers.without_percent(c), decimal, thousands) for c in filled)
    places = max((_places(text) for text in bare if text is not None), default=0)
    half = Fraction(1, 2 * 10**places) * SCALES[mapped.rate or FRACTION]
    return RateColumn(mapped, decimal, thousands, max(half, FLOAT_ERROR), signed)


def units_that_fit(
    mapped: ColumnMapping, visitors: ColumnMapping, dialect: Dialect, rows: Sequence[Row]
) -> tuple[str, ...]:
    """Of percent and fraction, those under which no row contradicts itself."""
    pairs = [(row.cells[mapped.position], row.cells[visitors.position]) for row in rows]
    pairs = [(rate, seen) for rate, seen in pairs if not is_blank(rate)]
    signed = any(numbers.has_percent(rate) for rate, _ in pairs)
    return tuple(
        unit
        for unit in ((PERCENT,) if signed else (PERCENT, FRACTION))
        if _none_contradicts(_as(mapped, unit), visitors, dialect, pairs)
    )


def disagreements(mapping: Mapping, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rates beside the counts that they are of: rows in which the two do not agree.

    A rate belongs to the count that it fits in most rows; one that fits none is of something
    else.
    """
    visitors = mapping.named(Role.VISITORS)
    found: dict[str, list[Row]] = {}
    for mapped in mapping.named(Role.RATE) if visitors else ():
        column = rate_column(mapped, mapping.dialect, (r.cells[mapped.position] for r in rows))
        for counted in mapping.named(Role.CONVERSIONS):
            wrong = [r for r in rows if not _agrees(column, visitors[0], counted, mapping, r)]
            if mapped.rate and 0 < len(wrong) <= len(rows) / 2:
                found[mapped.name] = wrong
    return found


def _agrees(
    column: RateColumn, visitors: ColumnMapping, counted: ColumnMapping, mapping: Mapping,
    row: Row,
) -> bool:  # fmt: skip
    rate = row.cells[column.mapped.position]
    seen, count = (_whole(row.cells[one.position], one, mapping.dialect)
                   for one in (visitors, counted))  # fmt: skip
    if is_blank(rate) or not seen or count is None:
        return True
    return column.fits(rate, seen, count)


def _none_contradicts(
    mapped: ColumnMapping, visitors: ColumnMapping, dialect: Dialect,
    pairs: Sequence[tuple[str, str]],
) -> bool:  # fmt: skip
    column = rate_column(mapped, dialect, (rate for rate, _ in pairs))
    for rate, cell in pairs:
        seen = _whole(cell, visitors, dialect)
        found = column.count(rate, seen) if seen else 0
        if isinstance(found, tuple) and found[0] != "RATE_COARSE":
            return False
    return True


def _as(mapped: ColumnMapping, unit: str) -> ColumnMapping:
    return ColumnMapping(
        mapped.name, mapped.position, mapped.role,
        decimal=mapped.decimal, thousands=mapped.thousands, rate=unit,
    )  # fmt: skip


def _whole(cell: str, column: ColumnMapping, dialect: Dialect) -> int | None:
    number = numbers.read(
        cell.strip(WHITE), column.decimal or dialect.decimal,
        column.thousands or dialect.thousands,
    )  # fmt: skip
    return int(number) if number is not None and number >= 0 else None


def _places(digits: str) -> int:
    """Decimal places of ``0.0525`` (4) and ``5.25e-2`` (4)."""
    mantissa, _, exponent = digits.lower().partition("e")
    return max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))
