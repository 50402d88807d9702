"""Readings that somebody saw, kept as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.analysis.cells import Cell
from experiments_core.domain.source import CellKey
from experiments_core.stats.moments import Counts, Located, Moments, Summary
from experiments_core.store.catalog import from_utc, to_utc


@dataclass(frozen=True, slots=True)
class StoredLook:
    """One look. Immutable but for ``views``.

    Attributes:
        results: The results body.
        settings: What it was judged under, with the cells and the query.
    """

    id: str
    experiment_id: str
    no: int
    taken_at: datetime
    actor: str
    trigger: str
    data_hash: str
    settings_hash: str
    engine_version: str
    settings: dict[str, Any]
    results: dict[str, Any]
    verdict: str
    views: int = 1


_LOOK = (
    "id", "experiment_id", "no", "taken_at", "actor", "trigger", "data_hash", "settings_hash",
    "engine_version", "settings", "results", "verdict", "views",
)  # fmt: skip
_SELECT_LOOK = f"SELECT {', '.join(_LOOK)} FROM looks"


def find_look(
    cursor: duckdb.DuckDBPyConnection, experiment_id: str, data_hash: str, settings_hash: str
) -> StoredLook | None:
    """The look that was taken on these data under these settings."""
    rows = cursor.execute(
        f"{_SELECT_LOOK} WHERE experiment_id = ? AND data_hash = ? AND settings_hash = ? "
        "ORDER BY no LIMIT 1",
        [experiment_id, data_hash, settings_hash],
    ).fetchall()
    return _look(rows[0]) if rows else None


def find_looks(
    cursor: duckdb.DuckDBPyConnection, wanted: Sequence[tuple[str, str, str]]
) -> dict[str, StoredLook]:
    """Of each (experiment, data hash, settings hash) the look that was taken, by experiment."""
    if not wanted:
        return {}
    owners, data, settings = (list(part) for part in zip(*wanted, strict=True))
    listed = ", ".join(f"l.{name}" for name in _LOOK)
    rows = cursor.execute(
        f"SELECT {listed} FROM looks l "
        "JOIN (SELECT unnest(?) AS e, unnest(?) AS d, unnest(?) AS s) w "
        "ON l.experiment_id = w.e AND l.data_hash = w.d AND l.settings_hash = w.s",
        [owners, data, settings],
    ).fetchall()
    return {found.experiment_id: found for found in map(_look, rows)}


def looks_of(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> tuple[StoredLook, ...]:
    """Every look of an experiment, the oldest first."""
    rows = cursor.execute(
        f"{_SELECT_LOOK} WHERE experiment_id = ? ORDER BY no", [experiment_id]
    ).fetchall()
    return tuple(_look(row) for row in rows)


def look_by_id(cursor: duckdb.DuckDBPyConnection, look_id: str) -> StoredLook | None:
    """One look."""
    rows = cursor.execute(f"{_SELECT_LOOK} WHERE id = ?", [look_id]).fetchall()
    return _look(rows[0]) if rows else None


def count_looks(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, int]:
    """How many looks each experiment has."""
    rows = cursor.execute(
        "SELECT experiment_id, max(no) FROM looks WHERE list_contains(?, experiment_id) "
        "GROUP BY experiment_id",
        [list(experiment_ids)],
    ).fetchall()
    return {str(owner): int(number) for owner, number in rows}


def units_at_looks(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, tuple[tuple[datetime, int], ...]]:
    """When each look of each experiment was taken, and the units of all arms it rested on."""
    rows = cursor.execute(
        "SELECT experiment_id, taken_at, "
        "coalesce(CAST(json_extract(results, '$.progress.units') AS BIGINT), 0) "
        "FROM looks WHERE list_contains(?, experiment_id) ORDER BY experiment_id, no",
        [list(experiment_ids)],
    ).fetchall()
    found: dict[str, list[tuple[datetime, int]]] = {}
    for owner, taken_at, units in rows:
        moment = from_utc(taken_at)
        if moment is not None:
            found.setdefault(str(owner), []).append((moment, int(units)))
    return {owner: tuple(looks) for owner, looks in found.items()}


def latest_results(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The results body of the newest look of each experiment that has one."""
    rows = cursor.execute(
        "SELECT experiment_id, arg_max(results, no) FROM looks "
        "WHERE list_contains(?, experiment_id) GROUP BY experiment_id ORDER BY experiment_id",
        [list(experiment_ids)],
    ).fetchall()
    return {str(owner): json.loads(results) for owner, results in rows}


def latest_look(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> StoredLook | None:
    """The newest look of an experiment."""
    rows = cursor.execute(
        f"{_SELECT_LOOK} WHERE experiment_id = ? ORDER BY no DESC LIMIT 1", [experiment_id]
    ).fetchall()
    return _look(rows[0]) if rows else None


def insert_look(cursor: duckdb.DuckDBPyConnection, look: StoredLook) -> None:
    """Write a look, for ever."""
    values = [getattr(look, name) for name in _LOOK]
    values[_LOOK.index("taken_at")] = to_utc(look.taken_at)
    for name in ("settings", "results"):
        text = json.dumps(getattr(look, name), ensure_ascii=False, allow_nan=False)
        values[_LOOK.index(name)] = text
    marks = ", ".join("?" * len(_LOOK))
    cursor.execute(f"INSERT INTO looks ({', '.join(_LOOK)}) VALUES ({marks})", values)


def raise_views(cursor: duckdb.DuckDBPyConnection, look_id: str) -> None:
    """Count one more reader of the same look."""
    cursor.execute("UPDATE looks SET views = views + 1 WHERE id = ?", [look_id])


def cells_to_json(cells: Mapping[CellKey, Cell]) -> list[dict[str, Any]]:
    """Cells as they are kept with a look; every digit survives."""
    return [
        {
            "arm": key.arm,
            "phase": key.phase,
            "units": cell.units,
            "metrics": {name: asdict(summary) for name, summary in cell.summaries.items()},
        }
        for key, cell in cells.items()
    ]


def cells_from_json(rows: Sequence[Mapping[str, Any]]) -> dict[CellKey, Cell]:
    """Read kept cells back."""
    return {
        CellKey(row["arm"], row["phase"]): Cell(
            row["units"], {name: _summary(values) for name, values in row["metrics"].items()}
        )
        for row in rows
    }


def _summary(values: Mapping[str, Any]) -> Summary:
    if "x" in values:
        return Counts(values["n"], values["x"])
    if "rows" in values:
        return Located(**values)
    return Moments(
        values["n"],
        tuple(values["means"]),
        tuple(tuple(row) for row in values["covariance"]),
        values["skewness"],
    )


def _look(row: Sequence[Any]) -> StoredLook:
    values = dict(zip(_LOOK, row, strict=True))
    values["taken_at"] = from_utc(values["taken_at"])
    for name in ("settings", "results"):
        values[name] = json.loads(values[name])
    return StoredLook(**values)
