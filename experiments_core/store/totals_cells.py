"""A dataset of totals or of moments per variant, as cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import duckdb

from experiments_core.analysis.cells import Cell
from experiments_core.domain.source import CellKey
from experiments_core.stats.moments import Counts, Moments, Summary
from experiments_core.store.cells import CellTable


def totals_cells(
    cursor: duckdb.DuckDBPyConnection,
    dataset_id: str,
    columns: Mapping[str, str],
    *,
    only_counts: bool = False,
) -> CellTable:
    """Add up a dataset of totals per variant.

    Args:
        cursor: On the workspace.
        dataset_id: Which dataset.
        columns: Metric key -> its column of conversions.
        only_counts: Nobody counted the units; n is then the conversions themselves.
    """

    def counts(visitors: int, known: dict[str, Any]) -> dict[str, Summary]:
        return {
            key: Counts(int(known[column]) if only_counts else visitors, int(known[column]))
            for key, column in columns.items()
            if known.get(column) is not None
        }

    return _added_up(cursor, dataset_id, counts)


def moments_cells(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, columns: Mapping[str, str]
) -> CellTable:
    """Read a dataset of moments per variant.

    Args:
        cursor: On the workspace.
        dataset_id: Which dataset.
        columns: Metric key -> its name among the moments.
    """

    def moments(_units: int, known: dict[str, Any]) -> dict[str, Summary]:
        return {
            key: Moments.of_mean(
                int(known[name]["n"]), known[name]["mean"], known[name]["variance"], None
            )
            for key, name in columns.items()
            if name in known
        }

    return _added_up(cursor, dataset_id, moments)


def _added_up(
    cursor: duckdb.DuckDBPyConnection,
    dataset_id: str,
    summaries: Callable[[int, dict[str, Any]], dict[str, Summary]],
) -> CellTable:
    """One cell per variant: what its rows say, each by its units and its numbers, added up."""
    sql = "SELECT arm, visitors, conversions FROM totals WHERE dataset_id = ? ORDER BY line"
    cells: dict[CellKey, Cell] = {}
    for arm, visitors, text in cursor.execute(sql, [dataset_id]).fetchall():
        cell, key = Cell(int(visitors), summaries(visitors, json.loads(text))), CellKey(arm)
        cells[key] = cells[key] + cell if key in cells else cell
    return CellTable(cells, sql.replace("?", f"'{dataset_id}'"))
