"""Which column may be the variant, the unit, the event …, by its name and by what it holds."""

from __future__ import annotations

from collections.abc import Sequence

from experiments_core.domain.source import Mapping, Role
from experiments_core.tabular import names
from experiments_core.tabular.columns import ColumnSeen, Kind
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import WHITE, fold, visible

MOST_ARMS = 20  # more values than this, and a column is not proposed as the variant


def variant_candidates(columns: Sequence[ColumnSeen]) -> list[tuple[int, ColumnSeen]]:
    """Columns that may be the variant, the likeliest first, each with its points."""
    scored = [
        (_variant_points(column), column)
        for column in columns
        if 2 <= len(column.values) <= MOST_ARMS
        and column.kind is not Kind.TIME
        and column.kind is not Kind.NUMBER
        and not (column.unique and names.is_unit(column.name))
    ]
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].position))


def certain_variant(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The one column that is the variant beyond reasonable doubt."""
    candidates = [pair for pair in variant_candidates(columns) if pair[0] >= 3]
    if not candidates:
        return None
    tied = [column for points, column in candidates if points == candidates[0][0]]
    return tied[0] if len(tied) == 1 else None


def likeliest_variant(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column that is the variant if any is."""
    return next((column for _, column in variant_candidates(columns)), None)


def likely_variant(columns: Sequence[ColumnSeen]) -> str:
    """Position of the column that is offered first, empty when none is likelier."""
    candidates = variant_candidates(columns)
    return str(candidates[0][1].position) if candidates and candidates[0][0] > 0 else ""


def certain_control(values: Sequence[str]) -> str:
    """The one arm that is called control, else an empty text."""
    named = [value for value in values if fold(value) in names.CONTROL_WORDS]
    return named[0] if len(named) == 1 else ""


def likely_control(values: Sequence[str]) -> str:
    """The arm that is offered first when somebody is asked."""
    folded = {fold(value): value for value in values}
    for word in names.LIKELY_CONTROLS:
        if word in folded:
            return folded[word]
    return min(values, key=fold) if values else ""


def experiment_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column that tells several experiments apart, beside the one of the variant."""
    variant = certain_variant(columns)
    named = [
        c
        for c in columns
        if names.is_experiment(c.name) and c is not variant and c.distinct > 1 and not c.unique
    ]
    return named[0] if variant is not None and len(named) == 1 else None


def event_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column that says what happened, where units have several rows."""
    unit = unit_column(columns)
    events = [c for c in columns if names.is_event(c.name) and 1 < len(c.values) < 100]
    if unit is None or unit.unique or len(events) != 1:
        return None
    return events[0]


def certain_exposure(proposal: Mapping, rows: Sequence[Row]) -> str:
    """The one event whose rows carry the variant while all others leave it blank."""
    event, variant = proposal.named(Role.EVENT), proposal.named(Role.VARIANT)
    if not event or not variant:
        return ""
    told: set[str] = set()
    bare: set[str] = set()
    for row in rows:
        kind = visible(row.cells[event[0].position])
        (told if row.cells[variant[0].position].strip(WHITE) else bare).add(kind)
    return told.pop() if len(told) == 1 and bare and not told & bare else ""


def visitors_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column with the number of units, in a file of totals."""
    numeric = [c for c in columns if c.kind in {Kind.WHOLE, Kind.NUMBER}]
    return next((column for column in numeric if names.is_visitors(column.name)), None)


def unit_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """The column that identifies a unit."""
    named = unit_candidates(columns)
    return next((column for column in named if column.unique), named[0] if named else None)


def unit_candidates(columns: Sequence[ColumnSeen]) -> list[ColumnSeen]:
    """Columns that may identify a unit, by name and by their values."""
    return [
        column
        for column in columns
        if names.is_unit(column.name)
        and column.kind in {Kind.TEXT, Kind.WHOLE, Kind.NUMBER}
        and (column.unique or column.distinct > max(2, min(20, 0.3 * column.filled)))
        and column.distinct >= 0.05 * column.filled
    ]


def _variant_points(column: ColumnSeen) -> int:
    points = 3 if names.is_variant(column.name) else 0
    points += 1 if not points and names.may_be_variant(column.name) else 0
    words = [value for value, _ in column.values]
    if any(word in names.ARM_WORDS for word in words):
        points += 3
    if names.is_outcome(column.name) and not points:
        points -= 1
    return points if column.kind in {Kind.TEXT, Kind.YES_NO, Kind.WHOLE} else 0
