"""The one query: unit rows in, cells of centred moments out. DuckDB's dialect; text only.

A cell is keyed by arm and, where asked, phase, segment and day of first exposure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, combinations_with_replacement

from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.query.keys import key_line
from experiments_core.query.units import relation, where
from experiments_core.query.values import (
    cap_of,
    columns_of,
    covariates_of,
    is_present,
    names_of,
    pool_lines,
    value_of,
    values_of,
)

MOST = 500
"""Texts kept at a time: the same question comes with every rerun of a page."""


@lru_cache(maxsize=MOST)
def cells_sql(query: CellQuery) -> str:
    """Write the query; its rows come in no order.

    Per metric: n and x for counts; for moments n, sums and sums of products (or means,
    variances, covariances, and sums of third powers where wanted), and behind them, where a
    value is cut, the same without the cut and third powers, how many were cut and where; where
    a covariate is filled in, how many; n, rows and the value for a quantile.
    """
    lines = ["COUNT(*) AS units"]
    columns: dict[str, None] = {}
    values: list[str] = []
    pool: list[str] = []
    for index, bound in enumerate(query.needs):
        lines += _lines(query, bound, index)
        columns |= dict.fromkeys(columns_of(query, bound, index))
        values += _value_lines(query, bound, index)
        pool += pool_lines(query, bound, index)
    source, lead = relation(query), ""
    if pool:
        lead = f"WITH pool AS (\n{_select(pool, source + where(query), '    ')}\n)\n"
        source += " CROSS JOIN pool"
    source += where(query)
    keys = [key_line(query, name) for name in query.keys]
    if values:
        source = f"(\n{_select([*keys, *columns, *values], source, '    ')}\n)"
        keys = list(query.keys)
    return f"{lead}{_select([*keys, *lines], source)}\nGROUP BY {', '.join(query.keys)}"


def _select(listed: Sequence[str], source: str, indent: str = "") -> str:
    """Every column on a line of its own, so that people can read it."""
    columns = ",\n    ".join(listed)
    text = f"SELECT\n    {columns}\nFROM {source}"
    return "\n".join(indent + line for line in text.split("\n"))


def _lines(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    value = value_of(query, bound)
    if bound.need.shape == "counts":
        return [f"COUNT({value}) AS n{index}", f"CAST(SUM({value}) AS BIGINT) AS x{index}"]
    if bound.need.shape == "quantile":
        return _quantile_lines(query, bound, index)
    names = names_of(bound, index)
    lines = [f"COUNT({names[0]}) AS n{index}", *_moment_lines(query, names)]
    if query.centred and query.wants_skewness(bound):
        lines += _cube_lines(bound, names)
    if bound.need.capped:
        cap = cap_of(bound, index)
        lines += _moment_lines(query, names_of(bound, index, cut=False))
        lines.append(f"COUNT(*) FILTER (WHERE {value} > {cap}) AS cut{index}")
        lines.append(f"ANY_VALUE({cap}) AS cap{index}")
    if bound.covariates:
        parts = [
            is_present(query, bound),
            *(f"{o} IS NOT NULL" for o in covariates_of(query, bound)),
        ]
        known = f"COUNT(CASE WHEN {' AND '.join(parts)} THEN 1 END)"
        lines.append(f"COUNT({names[0]}) - {known} AS filled{index}")
    return lines


def _quantile_lines(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    value, q = value_of(query, bound), repr(bound.need.q)
    if not query.has_rows(bound):
        counts = [f"COUNT({value}) AS n{index}", f"COUNT({value}) AS k{index}"]
        return [*counts, f"quantile_cont(CAST({value} AS DOUBLE), {q}) AS q{index}"]
    return [
        f"COUNT({value}) AS n{index}",
        f"CAST(SUM(len({value})) AS BIGINT) AS k{index}",
        f"list_aggregate(flatten(list({value})), 'quantile_cont', {q}) AS q{index}",
    ]


def _value_lines(query: CellQuery, bound: BoundNeed, index: int) -> Iterator[str]:
    """The values that the sums are made of, under their names."""
    if bound.need.shape == "moments":
        for cut in (True, False)[: 1 + bound.need.capped]:
            values = values_of(query, bound, index, cut=cut)
            for name, value in zip(names_of(bound, index, cut=cut), values, strict=True):
                yield f"CAST({value} AS DOUBLE) AS {name}"


def _moment_lines(query: CellQuery, names: Sequence[str]) -> list[str]:
    """Sums and sums of products; or means, variances and covariances."""
    if not query.centred:
        squares = (f"SUM({a} * {b})" for a, b in combinations_with_replacement(names, 2))
        return [*(f"SUM({name})" for name in names), *squares]
    pairs = (f"COVAR_SAMP({a}, {b})" for a, b in combinations(names, 2))
    return [f"{how}({name})" for how in ("AVG", "VAR_SAMP") for name in names] + [*pairs]


def _cube_lines(bound: BoundNeed, names: Sequence[str]) -> list[str]:
    """Sums of all products of three values, taken off the given points."""
    points = zip(names, bound.about, strict=True)
    off = [f"({name} - {point:.17e})" for name, point in points]
    return [f"SUM({a} * {b} * {c})" for a, b, c in combinations_with_replacement(off, 3)]
