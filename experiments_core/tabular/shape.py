"""What a row of this file is: a unit, an event, or numbers of a variant."""

from __future__ import annotations

from collections.abc import Sequence

from experiments_core.domain.source import Shape
from experiments_core.tabular import names
from experiments_core.tabular.candidates import (
    event_column,
    likeliest_variant,
    unit_column,
    visitors_column,
)
from experiments_core.tabular.columns import COUNTED, ColumnSeen, Kind
from experiments_core.tabular.sniff import Row

TOTALS_ROWS = 2_000


def shape_of(columns: Sequence[ColumnSeen], rows: Sequence[Row], *, complete: bool) -> Shape:
    """Tell events, totals and moments from one row per unit."""
    if names.are_moments(column.name for column in columns):
        return Shape.MOMENTS
    if event_column(columns) is not None:
        return Shape.EVENTS
    visitors = visitors_column(columns)
    if visitors is None and complete and _only_counts(columns, rows):
        return Shape.COUNTS
    if visitors is None or not complete or len(rows) > TOTALS_ROWS:
        return Shape.UNIT
    shape = _totals_or_units(columns, visitors, rows)
    counted = any(c.kind in COUNTED and names.is_outcome(c.name) for c in columns)
    pair = names.pair_of_moments(column.name for column in columns)
    return Shape.MOMENTS if shape is Shape.TOTALS and pair and not counted else shape


def _totals_or_units(
    columns: Sequence[ColumnSeen], visitors: ColumnSeen, rows: Sequence[Row]
) -> Shape:
    """A column sounds like a number of units; it may also be a number per unit."""
    if unit_column(columns) is not None:
        return Shape.UNIT
    variant = likeliest_variant(columns)
    repeats = any(column.kind is Kind.TIME or column.time for column in columns) or any(
        "date" in names.plain(column.name) for column in columns
    )
    if variant is not None and (len(variant.values) == len(rows) or repeats):
        return Shape.TOTALS
    return Shape.TOTALS if visitors.low is not None and visitors.low >= 20 else Shape.UNIT


def _only_counts(columns: Sequence[ColumnSeen], rows: Sequence[Row]) -> bool:
    """A row for each arm with a count of conversions, and no number of units."""
    variant = likeliest_variant(columns)
    if variant is None or len(variant.values) != len(rows) or unit_column(columns) is not None:
        return False
    counts = [c for c in columns if c is not variant and c.kind is Kind.WHOLE]
    rates = any(names.is_rate(c.name) or c.kind is Kind.PERCENT for c in columns)
    return bool(counts) and not rates and all(names.is_outcome(c.name) for c in counts)
