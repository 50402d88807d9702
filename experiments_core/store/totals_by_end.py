"""Totals and moments up to the end of each time that their rows tell of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb

from experiments_core.analysis.cells import Cell, Cells
from experiments_core.analysis.results import End
from experiments_core.domain.source import CellKey
from experiments_core.stats.moments import Counts, Moments, Summary

_ROWS = (
    "SELECT arm, visitors, conversions, row_time FROM totals WHERE dataset_id = ? ORDER BY line"
)


def totals_by_end(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, columns: Mapping[str, str]
) -> dict[End, Cells]:
    """Add up a dataset of totals to the end of each day; empty when a row has no time.

    Args:
        cursor: On the workspace.
        dataset_id: Which dataset.
        columns: Metric key -> its column of conversions.
    """
    parts: dict[End, dict[CellKey, Cell]] = {}
    for arm, visitors, text, at in cursor.execute(_ROWS, [dataset_id]).fetchall():
        if at is None:
            return {}
        counts = json.loads(text)
        found: dict[str, Summary] = {
            key: Counts(int(visitors), int(counts[name]))
            for key, name in columns.items()
            if counts.get(name) is not None
        }
        _put(parts.setdefault(_end(json.loads(at)), {}), arm, Cell(int(visitors), found))
    running: dict[CellKey, Cell] = {}
    ends: dict[End, Cells] = {}
    for end in _sorted(parts):
        for key, cell in parts[end].items():
            _put(running, key.arm, cell)
        ends[end] = dict(running)
    return ends


def moments_by_end(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, columns: Mapping[str, str]
) -> dict[End, Cells]:
    """The last reading of each arm by the end of each time; empty without such readings.

    Args:
        cursor: On the workspace.
        dataset_id: Which dataset.
        columns: Metric key -> its name among the moments.
    """
    read: dict[End, list[tuple[CellKey, str, Moments]]] = {}
    for arm, _, text, _ in cursor.execute(_ROWS, [dataset_id]).fetchall():
        known = json.loads(text)
        for key, name in columns.items():
            for one in known.get(name, {}).get("course", ()):
                moments = Moments.of_mean(int(one["n"]), one["mean"], one["variance"])
                read.setdefault(_end(one["at"]), []).append((CellKey(arm), key, moments))
    last: dict[CellKey, Cell] = {}
    ends: dict[End, Cells] = {}
    for end in _sorted(read):
        for place, key, moments in read[end]:
            cell = last.get(place, Cell(0, {}))
            last[place] = replace(
                cell,
                units=max(cell.units, moments.n),
                summaries={**cell.summaries, key: moments},
            )
        ends[end] = dict(last)
    return ends


def _put(cells: dict[CellKey, Cell], arm: str, cell: Cell) -> None:
    key = CellKey(arm)
    cells[key] = cells[key] + cell if key in cells else cell


def _end(at: Any) -> End:
    return date.fromisoformat(at) if isinstance(at, str) else float(at)


def _sorted(found: Mapping[End, object]) -> list[End]:
    """Oldest first; where imports tell days and others times since the start, the days."""
    days = sorted(one for one in found if isinstance(one, date))
    return [*days] if days else sorted(one for one in found if isinstance(one, float))
