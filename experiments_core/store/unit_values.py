"""Units of two arms one by one, where cells do not tell enough."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np

from experiments_core.query.beside import rows_sql, values_sql
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.stats.shuffles import Array, Phase


def unit_values(
    cursor: duckdb.DuckDBPyConnection,
    query: CellQuery,
    bound: BoundNeed,
    arms: tuple[str, str],
) -> list[Phase]:
    """The values of every unit of control and one treatment, phase by phase, as arrays.

    Args:
        cursor: On the workspace.
        query: Its keys (phase, or a segment that names the phase) tell the phases apart.
        bound: One need; of a quantile units may have several rows.
        arms: Control, treatment.
    """
    control, treatment = arms
    sql = values_sql(query, bound)
    found = cursor.execute(sql, [treatment, control, treatment]).fetchnumpy()
    treated = np.asarray(found["treated"], dtype=bool)
    names = [name for name in found if name.startswith("v")]
    places = np.asarray(found["place"]) if "place" in found else None
    columns = np.column_stack([np.asarray(found[name], dtype=float) for name in names])
    keys = [name for name in query.keys if name != "arm"]
    if not keys or not len(treated):
        return [_phase(treated, columns, places)]
    labels, codes = np.unique(np.asarray(found[keys[0]]), return_inverse=True)
    return [
        _phase(
            treated[codes == k],
            columns[codes == k],
            None if places is None else places[codes == k],
        )
        for k, label in enumerate(labels)
        if keys[0] != "phase" or label > 0  # units of phase 0 have no time
    ]


def _phase(treated: Array, columns: Array, places: Array | None) -> Phase:
    """Lines of units, or of their rows with the place of the unit of each."""
    if places is None:
        return Phase(treated, columns)
    _, first, units = np.unique(places, return_index=True, return_inverse=True)
    return Phase(treated[first], columns, units)


def first_rows(
    cursor: duckdb.DuckDBPyConnection,
    query: CellQuery,
    bound: BoundNeed,
    arms: tuple[str, str],
    most: int,
) -> tuple[list[tuple[Any, ...]], str]:
    """The first units of two arms by their id, and the text that was run.

    Args:
        cursor: On the workspace.
        query: Which units count.
        bound: One need with one row per unit.
        arms: Control, treatment.
        most: How many.

    Returns:
        Rows of (unit, the query's keys, the need's values), and the query.
    """
    sql = rows_sql(query, bound, most)
    return cursor.execute(sql, list(arms)).fetchall(), sql
