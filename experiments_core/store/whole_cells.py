"""The whole of a table from its segments, so that one pass over the rows serves both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from experiments_core.analysis.cells import WHOLE, Cell, beside, regroup
from experiments_core.domain.source import CellKey
from experiments_core.query.cell_query import CellQuery
from experiments_core.query.cells import cells_sql
from experiments_core.store.cell_rows import CellRow
from experiments_core.store.cells import CellTable, skewed, unit_cells


def whole_cells(
    cursor: duckdb.DuckDBPyConnection, query: CellQuery, cut: Mapping[CellKey, Cell]
) -> CellTable:
    """The cells of a query, added up over the segments of one column.

    Every unit is in one segment. What cannot be added up, quantiles and third moments that may
    matter, is asked for besides.

    Args:
        cursor: On the workspace.
        query: With the segment that ``cut`` was cut by.
        cut: The cells of this query.
    """
    sql, query = cells_sql(query), replace(query, segment=None, most_segments=None)
    apart = {bound.need.key for bound in query.needs if bound.need.shape == "quantile"}
    names = apart | {beside(key, WHOLE) for key in apart}
    sums = {
        key: Cell(one.units, {n: s for n, s in one.summaries.items() if n not in names})
        for key, one in cut.items()
    }
    cells = regroup(sums, lambda key: replace(key, segment=None))
    added = replace(query, needs=tuple(o for o in query.needs if o.need.key not in apart))
    rows = [CellRow(one.units, dict(one.summaries)) for one in cells.values()]
    apart |= skewed(cursor, added, rows)
    if not apart:
        return CellTable(cells, sql)
    needs = tuple(bound for bound in query.needs if bound.need.key in apart)
    besides = unit_cells(cursor, replace(query, needs=needs))
    for key, one in besides.cells.items():
        cells[key] = Cell(one.units, {**cells[key].summaries, **one.summaries})
    return CellTable(cells, f"{sql};\n\n{besides.sql}")
