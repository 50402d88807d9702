"""Which data an experiment has: rows that were imported, or units made of the log of events."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.domain.source import Shape
from experiments_core.store.catalog import from_utc
from experiments_core.store.event_units import count_log, earlier_table, log_table
from experiments_core.store.facts import units_table
from experiments_core.store.parsed import parsed
from experiments_core.store.spans import Ends, Span, span_and_ends, unit_span, unit_spans

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
