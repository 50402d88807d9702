"""Bring the units of an experiment up to date with its log of events.

A refresh writes only the rows of units that something new is known of, in the transaction that
moves the high-water mark, so it costs what the new events cost. Another set of columns, a new
run that assigns afresh, an override or a version given by hand make all rows anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.domain.source import Role
from experiments_core.query.event_changes import (
    CAME,
    KNOWN,
    PLACES,
    TOUCHED,
    came_sql,
    facts_sql,
    grown_sql,
    known_sql,
    places_sql,
    together_sql,
    touched_sql,
)
from experiments_core.query.event_units import UnitsQuery, hidden, units_sql
from experiments_core.query.literals import quoted
from experiments_core.store.catalog import to_utc
from experiments_core.store.event_units import (
    Standing,
    State,
    Wanted,
    count_log,
    drop_log,
    earlier_table,
    is_same_spec,
    log_table,
    spec_text,
)
from experiments_core.store.facts import units_table
from experiments_core.store.parsed import parsed

MOST_SEGMENTS = 20
_ATTRIBUTES = (
    "SELECT DISTINCT unnest(json_keys(attributes)) AS name FROM events "
    "WHERE seq > $after AND org_id = $org AND experiment_id = $experiment "
    "AND type = 'exposure' AND attributes IS NOT NULL ORDER BY name LIMIT 1000"
)
_PROGRESS = (
    "UPDATE event_data SET high_water = ?, mark = ?, counts = ?, refreshed_at = ? "
    "WHERE experiment_id = ?"
)
_KNOWN_UNITS = f"SELECT count(settled), count(*) FILTER (WHERE settled) FROM {KNOWN}"


def refresh(
    cursor: duckdb.DuckDBPyConnection,
    wanted: Wanted,
    spec: str,
    standing: Standing,
    *,
    commit: int,
    dataset_id: str,
    now: datetime,
) -> None:
    """Bring units that lack something up to date; the caller holds the writing door.

    Args:
        cursor: From ``Database.write()``.
        wanted: What they have to hold.
        spec: Names everything that would make all rows different.
        standing: What is known now of the experiment and its log.
        commit: Number of the commit that the present transaction will be.
        dataset_id: For the first time.
        now: The present moment.
    """
    state = standing.state
    kept = state if state is not None and is_same_spec(state, spec) else None
    known = kept.segments if kept else []
    segments = _segments(cursor, wanted, known, kept.high_water if kept else 0)
    query = replace(wanted.query, segments=tuple(segments))
    if kept is not None and segments == known:
        if _make_touched(cursor, wanted, query, kept):
            counts = count_log(cursor, log_table(kept.dataset_id))
            kept = replace(kept, mark=commit, counts=counts)
        _note_progress(cursor, wanted, kept, standing.newest, now)
        return
    dataset_id = state.dataset_id if state else dataset_id
    _make_anew(cursor, wanted, query, dataset_id)
    counts = count_log(cursor, log_table(dataset_id))
    cursor.execute("DELETE FROM event_data WHERE experiment_id = ?", [wanted.experiment_id])
    cursor.execute(
        "INSERT INTO event_data VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [wanted.experiment_id, dataset_id, spec_text(spec, segments), _columns(wanted, query),
         standing.newest, commit, json.dumps(counts), to_utc(now)],
    )  # fmt: skip


def _note_progress(
    cursor: duckdb.DuckDBPyConnection,
    wanted: Wanted,
    state: State,
    newest: int,
    now: datetime,
) -> None:
    cursor.execute(
        parsed(cursor, _PROGRESS),
        [newest, state.mark, json.dumps(state.counts), to_utc(now), wanted.experiment_id],
    )


def _make_anew(
    cursor: duckdb.DuckDBPyConnection, wanted: Wanted, query: UnitsQuery, dataset_id: str
) -> None:
    table, view = log_table(dataset_id), units_table(dataset_id)
    drop_log(cursor, dataset_id)
    cursor.execute(f"CREATE TABLE {table} AS {units_sql(query)}", _parameters(wanted))
    _view_analysed(cursor, view, table, query)
    for earlier in wanted.earlier:  # seldom asked, so made when they are
        made = replace(
            earlier, segments=query.segments, org=quoted(wanted.org_id),
            experiment=quoted(wanted.experiment_id),
        )  # fmt: skip
        names = [earlier_table(name, earlier.until_run or 0) for name in (table, view)]
        cursor.execute(f"CREATE VIEW {names[0]} AS {units_sql(made)}")
        _view_analysed(cursor, names[1], names[0], query)


def _view_analysed(
    cursor: duckdb.DuckDBPyConnection, view: str, log: str, query: UnitsQuery
) -> None:
    cursor.execute(
        f"CREATE VIEW {view} AS SELECT 'events' AS import_id, 0::BIGINT AS line, "
        f"* EXCLUDE ({', '.join(hidden(query))}) FROM {log} WHERE why IS NULL"
    )


def _make_touched(
    cursor: duckdb.DuckDBPyConnection, wanted: Wanted, query: UnitsQuery, state: State
) -> int:
    """Write the rows of the units that something came for.

    The table has every unit that anything is known of. A touched unit that it does not have
    did nothing before, so earlier events are looked through only for known units whose rows
    cannot be told from what came.

    Returns:
        How many units that are.
    """
    table = log_table(state.dataset_id)
    came, facts = f"({came_sql(query)})", f"({facts_sql(query)})"
    since = _parameters(wanted) | {"after": state.high_water}
    touched = left = _keep(cursor, TOUCHED, touched_sql(query, came), since)
    if touched and _keep(cursor, PLACES, places_sql(table)):
        known, settled = _make_settled(cursor, query, table, since)
        if known > settled:
            _keep(cursor, CAME, together_sql(query), since)
            came = facts = CAME
        if known:
            left = 0
        if known and touched > settled:
            left = _keep(cursor, TOUCHED, touched_sql(query, came, unsettled=True), since)
    if left:
        sql = units_sql(replace(query, touched=TOUCHED, log=facts))
        _run(cursor, f"INSERT INTO {table} {sql}", since)
    return touched


def _make_settled(
    cursor: duckdb.DuckDBPyConnection,
    query: UnitsQuery,
    table: str,
    since: Mapping[str, Any],
) -> tuple[int, int]:
    """Take the rows of known units away, and write those of the settled ones.

    Returns:
        How many touched units are known, and how many of them are settled.
    """
    _keep(cursor, KNOWN, known_sql(query, table))
    known, settled = cursor.execute(parsed(cursor, _KNOWN_UNITS)).fetchone() or (0, 0)
    if known:
        places = f"SELECT place FROM {KNOWN} WHERE settled IS NOT NULL"
        _run(cursor, f"DELETE FROM {table} WHERE rowid IN ({places})")
    if settled:
        _run(cursor, f"INSERT INTO {table} {grown_sql(query)}", since)
    return known, settled


def _keep(
    cursor: duckdb.DuckDBPyConnection,
    table: str,
    sql: str,
    parameters: Mapping[str, Any] | None = None,
) -> int:
    """Keep what a query gives in a temporary table; how many rows it has."""
    return _run(cursor, f"CREATE OR REPLACE TEMP TABLE {table} AS {sql}", parameters)


def _run(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None = None
) -> int:
    """Run a statement that gives one number, such as how many rows it wrote.

    Args:
        cursor: Inside the transaction.
        sql: The statement.
        parameters: Values of those that it names, and maybe of others.
    """
    statement = parsed(cursor, sql)
    values = {name: (parameters or {})[name] for name in statement.named_parameters}
    ((found,),) = cursor.execute(statement, values).fetchall()
    return int(found)


def _parameters(wanted: Wanted) -> dict[str, Any]:
    return {"org": wanted.org_id, "experiment": wanted.experiment_id}


def _segments(
    cursor: duckdb.DuckDBPyConnection, wanted: Wanted, known: list[str], after: int
) -> list[str]:
    """Attributes of exposures: those known, then new ones in alphabetical order.

    Args:
        cursor: Inside the transaction.
        wanted: Whose exposures are looked through.
        known: Those that have a column.
        after: Only what came after this commit.
    """
    parameters = _parameters(wanted) | {"after": after}
    rows = cursor.execute(parsed(cursor, _ATTRIBUTES), parameters).fetchall()
    return [*known, *(name for (name,) in rows if name not in known)][:MOST_SEGMENTS]


def _columns(wanted: Wanted, query: UnitsQuery) -> str:
    places = {column: f"c{i}" for i, column in enumerate(query.columns)}
    columns = [
        {"name": named.name, "metric": named.metric, "role": named.role.value,
         "column": places[named.column]}
        | ({"repeats": "rows"} if named.column.aggregation == "rows" else {})
        for named in wanted.named
    ]  # fmt: skip
    begin = len(query.columns)
    columns += [
        {"name": name, "metric": "", "role": Role.SEGMENT.value, "column": f"c{begin + i}"}
        for i, name in enumerate(query.segments)
    ]
    return json.dumps(columns, ensure_ascii=False)
