"""How sure a quantile is in every cell: its share, and the limits that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb

from experiments_core.analysis.cells import Cell
from experiments_core.domain.source import CellKey
from experiments_core.query.beside import below_sql, limits_sql
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Located, Moments
from experiments_core.stats.quantiles import limiting_shares, share_and_error
from experiments_core.store.cell_rows import key_of


def locate(
    cursor: duckdb.DuckDBPyConnection,
    query: CellQuery,
    bound: BoundNeed,
    cells: dict[CellKey, Cell],
) -> None:
    """Find the limits of one quantile in every cell: how sure its share is, then where."""
    alone = replace(query, needs=(bound,))
    known = {
        key: found
        for key, cell in cells.items()
        if isinstance(found := cell.summaries[bound.need.key], Located) and found.n
    }
    if not known:
        return
    names = alone.keys
    spots = [[getattr(key, name) for key in known] for name in names]
    spots.append([one.value for one in known.values()])
    shares: dict[CellKey, tuple[float, float]] = {}
    for row in cursor.execute(below_sql(alone, bound), spots).fetchall():
        key = key_of(names, row)
        moments = _below(row[len(names) :])
        sure = share_and_error(moments)
        if not isinstance(sure, Undefined):
            known[key] = replace(known[key], share=sure[0], share_error=sure[1])
        limits = limiting_shares(bound.need.q or 0.5, moments, query.confidence_level)
        if not isinstance(limits, Undefined):
            shares[key] = limits
    asked = sorted({share for limits in shares.values() for share in limits})
    rows = cursor.execute(limits_sql(alone, bound, asked)).fetchall() if asked else ()
    for row in rows:
        key, values = key_of(names, row), dict(zip(asked, row[len(names)], strict=True))
        if key in shares:
            lower, upper = (values[share] for share in shares[key])
            known[key] = replace(known[key], lower=lower, upper=upper)
    for key, found in known.items():
        cell = cells[key]
        cells[key] = Cell(cell.units, {**cell.summaries, bound.need.key: found})


def _below(numbers: Sequence[Any]) -> Moments:
    """Moments of (rows at or below the quantile, rows) over units."""
    n, below = int(numbers[0]), float(numbers[1])
    if len(numbers) == 2:  # one row per unit: 0 or 1 of 1
        spread = below * (1 - below) * n / max(1, n - 1)
        return Moments(n, (below, 1.0), ((spread, 0.0), (0.0, 0.0)))
    k, below_spread, k_spread, both = (float(number or 0.0) for number in numbers[2:])
    return Moments(n, (below, k), ((below_spread, both), (both, k_spread)))
