"""The values of a metric's columns, per unit: cut, filled, and all present or all NULL."""

from __future__ import annotations

from collections.abc import Iterator

from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.query.units import ROWS, column_name


def names_of(bound: BoundNeed, index: int, *, cut: bool = True) -> list[str]:
    """What the need's columns are called, as values that are all present or all NULL."""
    head = f"v{index}" if cut else f"uncut{index}"
    return [head, *(f"{head}_{i}" for i in range(1, bound.width))]


def values_of(query: CellQuery, bound: BoundNeed, index: int, *, cut: bool = True) -> list[str]:
    """The need's columns as expressions that are all present or all NULL."""
    plain, zero = value_of(query, bound), bound.need.missing == "zero"
    first = f"LEAST({plain}, {cap_of(bound, index)})" if cut and bound.need.capped else plain
    others = _others(query, bound)
    if cut and bound.need.capped and not zero:  # LEAST overlooks NULL
        first = f"CASE WHEN {plain} IS NOT NULL THEN {first} END"
    values = [first, *others]
    if others and not zero:
        present = " AND ".join(f"{one} IS NOT NULL" for one in values)
        values = [f"CASE WHEN {present} THEN {one} END" for one in values]
    for one in _filled(query, bound, index):
        here = one if zero else f"CASE WHEN {is_present(query, bound)} THEN {one} END"
        values.append(here)
    return values


def _others(query: CellQuery, bound: BoundNeed) -> list[str]:
    """The outcome's further columns."""
    columns = [column_name(query, column, "sum") for column in bound.others]
    zero = bound.need.missing == "zero"
    return [f"COALESCE({column}, 0)" for column in columns] if zero else columns


def is_present(query: CellQuery, bound: BoundNeed) -> str:
    """Whether every part of the outcome is there."""
    parts = [value_of(query, bound), *_others(query, bound)]
    return " AND ".join(f"{one} IS NOT NULL" for one in parts)


def covariates_of(query: CellQuery, bound: BoundNeed) -> list[str]:
    """The covariate's columns as they are."""
    return [column_name(query, column, "any") for column in bound.covariates]


def _filled(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    """The same with the mean over all arms where the covariate, or a part of it, is missing."""
    columns = covariates_of(query, bound)
    if len(columns) < 2:
        return [f"COALESCE({one}, fill{index}_0)" for one in columns]
    known = " AND ".join(f"{one} IS NOT NULL" for one in columns)
    return [
        f"CASE WHEN {known} THEN {one} ELSE fill{index}_{i} END"
        for i, one in enumerate(columns)
    ]


def moment_columns(query: CellQuery, bound: BoundNeed) -> list[str]:
    """The columns behind a need of moments, uncut and unfilled."""
    outcome = [column_name(query, column, "sum") for column in (bound.column, *bound.others)]
    return outcome + covariates_of(query, bound)


def columns_of(query: CellQuery, bound: BoundNeed, index: int) -> Iterator[str]:
    """Columns that are asked as they are, beside :func:`values_of`, and the cap."""
    need = bound.need
    if need.shape != "moments" or need.capped or bound.covariates:
        yield _outcome(query, bound)
    if need.cap_share is not None:
        yield cap_of(bound, index)
    if bound.covariates:
        yield from (column_name(query, column, "sum") for column in bound.others)
        yield from covariates_of(query, bound)


def value_of(query: CellQuery, bound: BoundNeed) -> str:
    """The outcome of a unit; of a quantile with several rows a list."""
    column = _outcome(query, bound)
    zero = bound.need.missing == "zero" and not query.has_rows(bound)
    return f"COALESCE({column}, 0)" if zero else column


def _outcome(query: CellQuery, bound: BoundNeed) -> str:
    how = {"counts": "max", "moments": "sum", "quantile": "list"}[bound.need.shape]
    column = column_name(query, bound.column, how)
    return column + ROWS if query.has_rows(bound) and not query.rows else column


def has_value(query: CellQuery, bound: BoundNeed) -> str:
    """Whether the unit counts for this metric."""
    return f"{value_of(query, bound)} IS NOT NULL"


def cap_of(bound: BoundNeed, index: int) -> str:
    """One cap for all arms: a cap of each arm's own would break the test."""
    return f"pool_cap{index}" if bound.need.cap is None else repr(bound.need.cap)


def pool_lines(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    """What has to be known of all arms together before they are told apart."""
    value, lines = value_of(query, bound), []
    if bound.need.cap_share is not None:
        share = repr(bound.need.cap_share)
        lines.append(f"quantile_cont(CAST({value} AS DOUBLE), {share}) AS pool_cap{index}")
    columns = covariates_of(query, bound)
    known = " AND ".join([is_present(query, bound), *(f"{one} IS NOT NULL" for one in columns)])
    lines += [
        f"COALESCE(AVG({one}) FILTER (WHERE {known}), 0) AS fill{index}_{i}"
        for i, one in enumerate(columns)
    ]
    return lines
