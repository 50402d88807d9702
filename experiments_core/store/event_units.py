"""The units of an experiment that is fed by events: one row each, following what came.

A refresh makes anew only the rows of units that something new is known of, in the transaction
that moves the high-water mark, so it costs what the new events cost. Another set of columns, a
new run that assigns afresh, an override or a version given by hand make all rows anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.domain.event_columns import NamedColumn
from experiments_core.domain.events import EXPOSURE, METRIC
from experiments_core.domain.source import Role
from experiments_core.query.event_units import UnitsQuery, names_of, touched_sql, units_sql
from experiments_core.query.literals import quoted
from experiments_core.store.catalog import to_utc
from experiments_core.store.eventlog import next_seq
from experiments_core.store.facts import units_table

MOST_SEGMENTS = 20
_TOUCHED, _KNOWN, _LOG = "touched_units", "known_units", "touched_events"
_LOG_COLUMNS = "* EXCLUDE (event_id, id_hash, content_hash)"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the units of one experiment have to hold.

    Attributes:
        named: Columns under the names that the metrics know them by.
        query: With the columns of ``named``, each once, and no segments.
        earlier: The same for the units of runs before units were assigned afresh.
    """

    org_id: str
    experiment_id: str
    named: tuple[NamedColumn, ...]
    query: UnitsQuery
    earlier: tuple[UnitsQuery, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """How far the units follow the log."""

    dataset_id: str
    spec: str
    high_water: int
    mark: int
    counts: dict[str, int]


def state_of(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> State | None:
    """How far an experiment's units follow the log; None before the first refresh."""
    return states_of(cursor, [experiment_id]).get(experiment_id)


def states_of(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, State]:
    """The same for each of several experiments that had a refresh."""
    rows = cursor.execute(
        "SELECT experiment_id, dataset_id, spec, high_water, mark, counts FROM event_data "
        "WHERE list_contains(?, experiment_id)",
        [list(experiment_ids)],
    ).fetchall()
    return {
        owner: State(dataset_id, spec, int(high_water), int(mark), json.loads(counts))
        for owner, dataset_id, spec, high_water, mark, counts in rows
    }


def is_fed(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> tuple[bool, bool]:
    """Whether the log has exposures of an experiment, and whether it has assignments."""
    row = cursor.execute(
        "SELECT (SELECT 1 FROM events WHERE type = 'exposure' AND experiment_id = $id "
        "LIMIT 1), "
        "(SELECT 1 FROM assignments WHERE experiment_id = $id LIMIT 1)",
        {"id": experiment_id},
    ).fetchone() or (None, None)
    return row[0] is not None, row[1] is not None


def fed(cursor: duckdb.DuckDBPyConnection) -> tuple[set[str], set[str]]:
    """Every experiment that the log has exposures of, and every one with assignments."""
    exposed = cursor.execute(
        "SELECT DISTINCT experiment_id FROM events WHERE type = 'exposure'"
    )
    found = {owner for (owner,) in exposed.fetchall()}
    assigned = cursor.execute("SELECT DISTINCT experiment_id FROM assignments").fetchall()
    return found, {owner for (owner,) in assigned}


def newest_commit(cursor: duckdb.DuckDBPyConnection) -> int:
    """Number of the last commit that wrote an event or an assignment."""
    row = cursor.execute(
        "SELECT greatest(coalesce((SELECT max(seq) FROM events), 0), "
        "coalesce((SELECT max(seq) FROM assignments), 0))"
    ).fetchone()
    return int(row[0]) if row else 0


def by_hand(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> list[list[str]]:
    """Units that somebody gave an arm: overrides, and versions deployed to one unit."""
    return all_by_hand(cursor, [experiment_id]).get(experiment_id, [])


def all_by_hand(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, list[list[str]]]:
    """The same for each of several experiments where there are any."""
    rows = cursor.execute(
        "SELECT experiment_id, unit, variant FROM overrides "
        "WHERE list_contains($ids, experiment_id) UNION ALL "
        "SELECT experiment_id, unit_id, variant FROM deployments "
        "WHERE list_contains($ids, experiment_id) "
        "AND target = 'participant' AND reverted_at IS NULL ORDER BY ALL",
        {"ids": list(experiment_ids)},
    ).fetchall()
    found: dict[str, list[list[str]]] = {}
    for owner, unit, variant in rows:
        found.setdefault(owner, []).append([unit, variant])
    return found


@dataclass(frozen=True, slots=True)
class Came:
    """The newest commit that brought something of each kind, of those after some commit.

    Attributes:
        exposures: Experiment -> its exposures.
        assignments: Experiment -> its assignments.
        events: (organisation, experiment or None for all, name) -> such events.
    """

    exposures: dict[str, int]
    assignments: dict[str, int]
    events: dict[tuple[str, str | None, str], int]

    def newest(self, wanted: Wanted) -> int:
        """The newest commit with something that touches a unit of an experiment, or 0."""
        key = wanted.experiment_id
        named = names_of(wanted.query.columns)
        kinds = [(wanted.org_id, owner, name) for owner in (key, None) for name in named]
        told = [self.events.get(kind, 0) for kind in kinds]
        return max(self.exposures.get(key, 0), self.assignments.get(key, 0), *told, 0)


def came_after(cursor: duckdb.DuckDBPyConnection, seq: int) -> Came:
    """What came after a commit."""
    rows = cursor.execute(
        "SELECT type, org_id, experiment_id, name, max(seq) FROM events WHERE seq > ? "
        "GROUP BY ALL",
        [seq],
    ).fetchall()
    assigned = cursor.execute(
        "SELECT experiment_id, max(seq) FROM assignments WHERE seq > ? GROUP BY ALL", [seq]
    ).fetchall()
    return Came(
        {owner: int(last) for kind, _, owner, _, last in rows if kind == EXPOSURE},
        {owner: int(last) for owner, last in assigned},
        {
            (org, owner, name): int(last)
            for kind, org, owner, name, last in rows
            if kind == METRIC
        },
    )


def raise_high_water(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str], newest: int
) -> None:
    """Note that nothing up to a commit touched the units of some experiments."""
    cursor.execute(
        "UPDATE event_data SET high_water = ? WHERE list_contains(?, experiment_id)",
        [newest, list(experiment_ids)],
    )


def refresh(
    cursor: duckdb.DuckDBPyConnection,
    wanted: Wanted,
    spec: str,
    *,
    dataset_id: str,
    now: datetime,
) -> State:
    """Bring the units up to date; the caller holds the writing door.

    Args:
        cursor: From ``Database.write()``.
        wanted: What they have to hold.
        spec: Names everything that would make all rows different.
        dataset_id: For the first time.
        now: The present moment.
    """
    state = state_of(cursor, wanted.experiment_id)
    newest = newest_commit(cursor)
    if state is not None and is_current(state, spec, newest):
        return state
    same = state is not None and json.loads(state.spec)[0] == spec
    segments = _segments(cursor, wanted, state if same else None)
    full = json.dumps([spec, segments])
    query = replace(wanted.query, segments=tuple(segments))
    if state is None or state.spec != full:
        dataset_id = state.dataset_id if state else dataset_id
        _make_anew(cursor, wanted, query, dataset_id)
        touched = True
    else:
        dataset_id = state.dataset_id
        touched = _make_touched(cursor, wanted, query, state)
    mark = next_seq(cursor) if touched or state is None else state.mark
    counts = state.counts if state else {}
    if touched or state is None:
        counts = count_log(cursor, log_table(dataset_id))
    found = State(dataset_id, full, newest, mark, counts)
    cursor.execute("DELETE FROM event_data WHERE experiment_id = ?", [wanted.experiment_id])
    cursor.execute(
        "INSERT INTO event_data VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [wanted.experiment_id, dataset_id, full, _columns(wanted, query), newest, mark,
         json.dumps(counts), to_utc(now)],
    )  # fmt: skip
    return found


def is_current(state: State | None, spec: str, newest: int) -> bool:
    """Whether a refresh would find nothing to do."""
    return (
        state is not None
        and state.high_water >= newest
        and bool(json.loads(state.spec)[0] == spec)
    )


def log_table(dataset_id: str) -> str:
    """Name of the table with every unit that the log knows of, analysed or not."""
    return units_table(dataset_id).replace("units_", "log_", 1)


def earlier_table(table: str, until_run: int) -> str:
    """Name of the view of what came before a run that assigned afresh."""
    return f"{table}_before_{until_run}"


def drop_log(cursor: duckdb.DuckDBPyConnection, dataset_id: str) -> None:
    """Drop the units made of the log, those of earlier runs too."""
    names = (units_table(dataset_id), log_table(dataset_id))
    views = cursor.execute(
        "SELECT view_name FROM duckdb_views() WHERE database_name = 'upshot' AND "
        "(starts_with(view_name, ?) OR starts_with(view_name, ?)) ORDER BY view_name DESC",
        names,
    ).fetchall()
    for (view,) in views:
        cursor.execute(f"DROP VIEW {view}")
    cursor.execute(f"DROP TABLE IF EXISTS {log_table(dataset_id)}")


def _make_anew(
    cursor: duckdb.DuckDBPyConnection, wanted: Wanted, query: UnitsQuery, dataset_id: str
) -> None:
    table, view = log_table(dataset_id), units_table(dataset_id)
    drop_log(cursor, dataset_id)
    cursor.execute(f"CREATE TABLE {table} AS {units_sql(query)}", _parameters(wanted))
    _view_analysed(cursor, view, table)
    for earlier in wanted.earlier:  # seldom asked, so made when they are
        made = replace(
            earlier, segments=query.segments, org=quoted(wanted.org_id),
            experiment=quoted(wanted.experiment_id),
        )  # fmt: skip
        names = [earlier_table(name, earlier.until_run or 0) for name in (table, view)]
        cursor.execute(f"CREATE VIEW {names[0]} AS {units_sql(made)}")
        _view_analysed(cursor, names[1], names[0])


def _view_analysed(cursor: duckdb.DuckDBPyConnection, view: str, log: str) -> None:
    cursor.execute(
        f"CREATE VIEW {view} AS SELECT 'events' AS import_id, 0::BIGINT AS line, "
        f"* EXCLUDE (why, happened, exposures) FROM {log} WHERE why IS NULL"
    )


def _make_touched(
    cursor: duckdb.DuckDBPyConnection, wanted: Wanted, query: UnitsQuery, state: State
) -> bool:
    """Make the rows of touched units anew; whether there were any."""
    parameters = _parameters(wanted)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {_TOUCHED} AS {touched_sql(query.columns)}",
        parameters | {"after": state.high_water},
    )
    table = log_table(state.dataset_id)
    touched = _count(cursor, _TOUCHED) > 0
    if touched:
        _gather(cursor, table, state.high_water)
        sql = units_sql(replace(query, touched=_TOUCHED, log=_LOG))
        cursor.execute(f"INSERT INTO {table} {sql}", parameters)
        cursor.execute(f"DROP TABLE {_LOG}")
    cursor.execute(f"DROP TABLE {_TOUCHED}")
    return touched


def _gather(cursor: duckdb.DuckDBPyConnection, table: str, after: int) -> None:
    """Collect the events of the touched units and take away the rows that they have.

    The table has every unit that anything is known of. A touched unit that it does not have
    did nothing before, so the old events are looked through only for the others.
    """
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {_LOG} AS SELECT {_LOG_COLUMNS} FROM events "
        f"SEMI JOIN {_TOUCHED} USING (unit) WHERE seq > $after",
        {"after": after},
    )
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {_KNOWN} AS SELECT rowid AS place, unit FROM {table} "
        f"SEMI JOIN {_TOUCHED} USING (unit)"
    )
    if _count(cursor, _KNOWN):
        cursor.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT place FROM {_KNOWN})")
        cursor.execute(
            f"INSERT INTO {_LOG} SELECT {_LOG_COLUMNS} FROM events "
            f"SEMI JOIN {_KNOWN} USING (unit) WHERE seq <= $after",
            {"after": after},
        )
    cursor.execute(f"DROP TABLE {_KNOWN}")


def _count(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    ((rows,),) = cursor.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(rows)


def _parameters(wanted: Wanted) -> dict[str, str]:
    return {"org": wanted.org_id, "experiment": wanted.experiment_id}


def _segments(
    cursor: duckdb.DuckDBPyConnection, wanted: Wanted, state: State | None
) -> list[str]:
    """Attributes that exposures carried: those known, then new ones in alphabetical order."""
    known: list[str] = json.loads(state.spec)[1] if state else []
    rows = cursor.execute(
        "SELECT DISTINCT unnest(json_keys(attributes)) AS name FROM events "
        "WHERE type = 'exposure' AND org_id = $org AND experiment_id = $experiment "
        "AND attributes IS NOT NULL AND seq > $after ORDER BY name LIMIT 1000",
        _parameters(wanted) | {"after": state.high_water if state else 0},
    ).fetchall()
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


def count_log(cursor: duckdb.DuckDBPyConnection, log: str) -> dict[str, int]:
    """Units per reason, and how many were served another arm than they were assigned."""
    rows: Sequence[Any] = cursor.execute(
        f"SELECT coalesce(why, 'counted'), count(*), count(*) FILTER (WHERE mismatch), "
        f"sum(happened), sum(exposures) FROM {log} GROUP BY 1"
    ).fetchall()
    counts = {why: int(units) for why, units, *_ in rows}
    counts["served_otherwise"] = sum(
        int(wrong) for why, _, wrong, *_ in rows if why == "counted"
    )
    counts["outcomes_without_assignment"] = sum(
        int(n or 0) for why, _, _, n, _ in rows if why in {"not_exposed", "not_in_test"}
    )
    counts["outcomes"] = sum(int(n or 0) for _, _, _, n, _ in rows)
    counts["exposures"] = sum(int(n or 0) for *_, n in rows)
    return counts
