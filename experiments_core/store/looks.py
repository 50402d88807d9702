"""Readings that somebody saw, kept as they were; and which data an experiment has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.analysis.cells import Cell
from experiments_core.domain.source import CellKey, Shape
from experiments_core.stats.moments import Counts, Located, Moments, Summary
from experiments_core.store.catalog import from_utc, to_utc
from experiments_core.store.cells import Ends, Span, span_and_ends, unit_span, unit_spans
from experiments_core.store.event_units import count_log, earlier_table, log_table
from experiments_core.store.facts import units_table
from experiments_core.store.parsed import parsed

ASSIGNED = "assigned_ts"


@dataclass(frozen=True, slots=True)
class ImportFacts:
    """What an import says about its rows."""

    id: str
    content_hash: str
    rows_read: int
    rows_used: int
    rows_left_out: int
    mapping: dict[str, Any]
    report: dict[str, Any]
    committed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DataState:
    """The data of an experiment as they are now.

    Attributes:
        columns: Header text -> (role, column of ours; empty for totals).
        by_metric: (metric, header text) -> the same, where a metric has columns of its own.
        placed_by: Column that tells in which phase a unit was assigned.
        span: First and last moment at which a unit was first seen, aware; None without times.
        listed: Columns of ours beside which every row of a unit is kept.
        ends: Smallest and largest value of columns of ours, as far as somebody asked.
    """

    dataset_id: str
    shape: str
    table: str
    columns: dict[str, tuple[str, str]]
    imports: tuple[ImportFacts, ...]
    by_metric: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    placed_by: str = "first_ts"
    span: Span = (None, None)
    listed: frozenset[str] = frozenset()
    ends: Ends = field(default_factory=dict)

    @property
    def from_events(self) -> bool:
        """Whether the units were made of the log of events."""
        return self.placed_by == ASSIGNED


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
_DATASETS = (
    "SELECT created_at, id, experiment_id, shape, table_name, columns FROM datasets WHERE "
)
_IMPORTS = (
    "SELECT committed_at, id, dataset_id, coalesce(content_hash, sha256), rows_read, "
    "rows_used, rows_left_out, mapping, report FROM imports "
    "WHERE state = 'committed' AND "
)
"""Apart: planning a join of two small tables takes longer than reading both."""


def data_states(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, DataState]:
    """The data of each experiment that has any: its newest dataset, or what the log gave."""
    states = _states(cursor, experiment_ids)
    tables = [data.table for data in states.values() if data.shape == Shape.UNIT]
    spans = unit_spans(cursor, tables)
    return {
        owner: replace(data, span=spans[data.table]) if data.table in spans else data
        for owner, data in states.items()
    }


def data_state(
    cursor: duckdb.DuckDBPyConnection,
    experiment_id: str,
    numbers: Callable[[DataState], Sequence[str]],
) -> DataState | None:
    """The same of one experiment, with the ends of some of its numbers.

    Args:
        cursor: On the workspace.
        experiment_id: Which experiment.
        numbers: Tells which columns of ours; the engine is asked once for these and the span.
    """
    data = _states(cursor, [experiment_id]).get(experiment_id)
    if data is None or data.shape != Shape.UNIT:
        return data
    span, ends = span_and_ends(cursor, data.table, numbers(data))
    return replace(data, span=span, ends=ends)


def _states(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, DataState]:
    condition, wanted = _among("experiment_id", experiment_ids)
    rows = cursor.execute(parsed(cursor, _DATASETS + condition), wanted).fetchall()
    imports = _committed(cursor, [row[1] for row in rows]) if rows else {}
    newest = {
        owner: DataState(
            dataset_id,
            shape,
            table,
            _columns(columns),
            imports[dataset_id],
            listed=_listed(columns),
        )
        for _, dataset_id, owner, shape, table, columns in sorted(rows)
        if dataset_id in imports
    }
    return _logged(cursor, [one for one in experiment_ids if one not in newest]) | newest


def _committed(
    cursor: duckdb.DuckDBPyConnection, dataset_ids: Sequence[str]
) -> dict[str, tuple[ImportFacts, ...]]:
    """Dataset -> the imports that fill it, in the order in which they came."""
    condition, wanted = _among("dataset_id", dataset_ids)
    rows = cursor.execute(parsed(cursor, _IMPORTS + condition), wanted).fetchall()
    found: dict[str, tuple[ImportFacts, ...]] = {}
    for row in sorted(rows, key=lambda one: (one[0] is None, *one[:2])):
        found[row[2]] = (*found.get(row[2], ()), _import(row))
    return found


def _among(column: str, ids: Sequence[str]) -> tuple[str, list[Any]]:
    """A condition and its parameter; one id is planned sooner than a list of one."""
    if len(ids) == 1:
        return f"{column} = ?", [ids[0]]
    return f"list_contains(?, {column})", [list(ids)]


def _logged(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, DataState]:
    """Data that came as events: their units, and the log as one import that grows."""
    if not experiment_ids:
        return {}
    rows = cursor.execute(
        "SELECT experiment_id, dataset_id, columns, mark, counts, refreshed_at "
        "FROM event_data WHERE list_contains(?, experiment_id)",
        [list(experiment_ids)],
    ).fetchall()
    return {row[0]: _logged_state(row) for row in rows}


def _logged_state(row: Sequence[Any]) -> DataState:
    experiment_id, dataset_id, text, mark, counted, refreshed_at = row
    columns, counts = json.loads(text), json.loads(counted)
    names: dict[str, tuple[str, str]] = {}
    for one in columns:
        names.setdefault(one["name"], (one["role"], one["column"]))
    own = {(o["metric"], o["name"]): (o["role"], o["column"]) for o in columns if o["metric"]}
    log = _log_facts(f"events of {experiment_id} up to {mark}", counts, from_utc(refreshed_at))
    table = units_table(dataset_id)
    return DataState(
        dataset_id, "unit", table, names, (log,), own, ASSIGNED, listed=_listed(text)
    )


def earlier_data(
    cursor: duckdb.DuckDBPyConnection, data: DataState, until_run: int
) -> DataState:
    """The data of the runs before one that assigned afresh, of an experiment fed by events.

    Args:
        cursor: On the workspace.
        data: Of the experiment as it is now.
        until_run: The run that assigned afresh.
    """
    table = earlier_table(data.table, until_run)
    counts = count_log(cursor, earlier_table(log_table(data.dataset_id), until_run))
    (now,) = data.imports
    name = f"{now.content_hash}, before run {until_run}"
    log = _log_facts(name, counts, now.committed_at)
    span = unit_span(cursor, table)
    return replace(data, table=table, imports=(log,), span=span, ends={})


def _log_facts(name: str, counts: dict[str, int], refreshed_at: datetime | None) -> ImportFacts:
    """The log as one import that grows."""
    left_out = counts["outcomes_without_assignment"]
    read = counts["exposures"] + counts["outcomes"]
    return ImportFacts(
        id="events",
        content_hash=name,
        rows_read=read,
        rows_used=read - left_out,
        rows_left_out=left_out,
        mapping={"columns": [{"role": "unit"}]},
        report={
            "by_rule": [{"rule": "OUTCOME_NOT_ASSIGNED", "rows": left_out}],
            "crossed_units": counts.get("crossed", 0),
            "counts": counts,
        },
        committed_at=refreshed_at,
    )


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


def _columns(text: str) -> dict[str, tuple[str, str]]:
    return {one["name"]: (one["role"], one.get("column") or "") for one in json.loads(text)}


def _listed(text: str) -> frozenset[str]:
    return frozenset(one["column"] for one in json.loads(text) if one.get("repeats") == "rows")


def _import(row: Sequence[Any]) -> ImportFacts:
    committed_at, key, _, content_hash, read, used, left_out, mapping, report = row
    return ImportFacts(
        id=key,
        content_hash=content_hash,
        rows_read=read or 0,
        rows_used=used or 0,
        rows_left_out=left_out or 0,
        mapping=json.loads(mapping or "{}"),
        report=json.loads(report or "{}"),
        committed_at=from_utc(committed_at),
    )


def _look(row: Sequence[Any]) -> StoredLook:
    values = dict(zip(_LOOK, row, strict=True))
    values["taken_at"] = from_utc(values["taken_at"])
    for name in ("settings", "results"):
        values[name] = json.loads(values[name])
    return StoredLook(**values)
