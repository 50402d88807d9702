"""The log of exposures and events, and the assignments: written in groups, never changed.

The functions whose name begins with ``write_`` are handlers of the writing thread: they take
several jobs at once and are safe to repeat, because known ids and known units are looked up in
the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from experiments_core.domain.events import Event, digest
from experiments_core.store.catalog import aware, to_utc

_EVENTS = pa.schema([
    ("org_id", pa.string()), ("event_id", pa.string()), ("id_hash", pa.uint64()),
    ("content_hash", pa.uint64()), ("type", pa.string()), ("experiment_id", pa.string()),
    ("unit", pa.string()), ("name", pa.string()), ("variant", pa.string()),
    ("ts", pa.timestamp("us")), ("value", pa.float64()), ("attributes", pa.string()),
])  # fmt: skip
_ASSIGNMENTS = pa.schema([
    ("experiment_id", pa.string()), ("unit", pa.string()), ("variant", pa.string()),
    ("phase", pa.int32()), ("run_no", pa.int32()), ("source", pa.string()),
    ("assigned_at", pa.timestamp("us")), ("since_run", pa.int32()),
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment, as it is stored.

    Attributes:
        variant: The arm, None for the holdout.
        phase: Number of the phase of the assignment.
        since_run: First run whose assignments still hold.
    """

    experiment_id: str
    unit: str
    variant: str | None
    phase: int
    run_no: int
    source: str
    assigned_at: datetime
    since_run: int = 1


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What one call wants to have written.

    Attributes:
        events: Checked events.
        experiment_ids: Id of each one's experiment; None where it names none.
        assignments: Of units that an exposure brings, if they have none yet.
        atomic: All or none.
    """

    org_id: str
    events: Sequence[Event]
    experiment_ids: Sequence[str | None]
    assignments: Sequence[Assignment] = ()
    atomic: bool = False


@dataclass(slots=True)
class BatchAnswer:
    """What became of a batch.

    Attributes:
        accepted: Events that are stored now.
        duplicates: Events that were stored before, with the same content.
        reused: Places in the batch whose id is known with other content.
    """

    accepted: int = 0
    duplicates: int = 0
    reused: list[int] = field(default_factory=list)


Key = tuple[str, str]
Contents = dict[str, int]
"""Event id -> its content, of one organisation."""
_Row = tuple[Event, str, int, str | None]
"""An event, its organisation, the hash of its id and the id of its test."""


def write_events(
    cursor: duckdb.DuckDBPyConnection, batches: Sequence[EventBatch]
) -> list[BatchAnswer]:
    """Append the events that are new, and assign the units that exposures bring."""
    hashes = [[id_hash(b.org_id, event.event_id) for event in b.events] for b in batches]
    known = _known(cursor, batches, hashes)
    answers: list[BatchAnswer] = []
    rows: list[_Row] = []
    assigned: list[Assignment] = []
    for batch, hashed in zip(batches, hashes, strict=True):
        answer, fresh = _sort_out(batch, known.setdefault(batch.org_id, {}))
        answers.append(answer)
        rows += [
            (batch.events[place], batch.org_id, hashed[place], batch.experiment_ids[place])
            for place in fresh
        ]
        if not (batch.atomic and answer.reused):
            assigned += batch.assignments
    seq = next_seq(cursor)
    _insert_events(cursor, rows, seq)
    _insert_assignments(cursor, assigned, seq)
    return answers


def write_assignments(
    cursor: duckdb.DuckDBPyConnection, jobs: Sequence[Sequence[Assignment]]
) -> list[list[Assignment]]:
    """Store assignments of units that have none; give each unit's assignment that holds."""
    wanted = [one for job in jobs for one in job]
    _insert_assignments(cursor, wanted, next_seq(cursor))
    held = _held(cursor, wanted)
    return [[held.get((one.experiment_id, one.unit), one) for one in job] for job in jobs]


def assignments_of(
    cursor: duckdb.DuckDBPyConnection,
    experiment_id: str,
    units: Sequence[str],
    *,
    since_run: int,
) -> dict[str, Assignment]:
    """The assignment that holds for each of some units that have one."""
    rows = cursor.execute(
        "SELECT unit, variant, phase, run_no, source, assigned_at FROM assignments "
        "WHERE experiment_id = ? AND run_no >= ? AND unit IN (SELECT unnest(?::VARCHAR[])) "
        "ORDER BY seq DESC",
        [experiment_id, since_run, list(units)],
    ).fetchall()
    return {row[0]: _assignment(experiment_id, row, since_run) for row in rows}


def count_assignments(
    cursor: duckdb.DuckDBPyConnection, experiment_id: str, *, since_run: int
) -> list[tuple[int, str | None, int]]:
    """Units per phase and arm (None is the holdout): (phase, variant, units)."""
    rows = cursor.execute(
        "SELECT phase, variant, count(*) FROM (SELECT unit, "
        "arg_min(phase, seq) AS phase, "
        "arg_min(struct_pack(arm := variant), seq).arm AS variant "
        "FROM assignments WHERE experiment_id = ? AND run_no >= ? GROUP BY unit) "
        "GROUP BY ALL ORDER BY ALL",
        [experiment_id, since_run],
    ).fetchall()
    return [(int(phase), variant, int(units)) for phase, variant, units in rows]


def count_by_phase(
    cursor: duckdb.DuckDBPyConnection, experiment_id: str
) -> list[tuple[int, str | None, int]]:
    """Units per phase and arm as they were assigned then, in every run."""
    rows = cursor.execute(
        "SELECT phase, variant, count(DISTINCT unit) FROM assignments "
        "WHERE experiment_id = ? GROUP BY ALL ORDER BY ALL",
        [experiment_id],
    ).fetchall()
    return [(int(phase), variant, int(units)) for phase, variant, units in rows]


def overrides_of(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> dict[str, str]:
    """Unit -> the arm that a tester asked for."""
    sql = "SELECT unit, variant FROM overrides WHERE experiment_id = ? ORDER BY created_at"
    return dict(cursor.execute(sql, [experiment_id]).fetchall())


def set_override(
    cursor: duckdb.DuckDBPyConnection,
    experiment_id: str,
    unit: str,
    variant: str | None,
    *,
    at: datetime,
    by: str,
) -> None:
    """Give a tester an arm, or take it back."""
    cursor.execute(
        "DELETE FROM overrides WHERE experiment_id = ? AND unit = ?", [experiment_id, unit]
    )
    if variant is not None:
        cursor.execute(
            "INSERT INTO overrides VALUES (?, ?, ?, ?, ?)",
            [experiment_id, unit, variant, by, to_utc(at)],
        )


def participants_of(
    cursor: duckdb.DuckDBPyConnection, experiment_id: str
) -> list[tuple[str, int, datetime]]:
    """Named units: (unit, batch, added at), in the order in which they were named."""
    return participants_in(cursor, [experiment_id]).get(experiment_id, [])


def participants_in(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, list[tuple[str, int, datetime]]]:
    """The same of each of several experiments that has any."""
    rows = cursor.execute(
        "SELECT experiment_id, unit, batch, added_at FROM participants "
        "WHERE list_contains(?, experiment_id) ORDER BY batch, rowid",
        [list(experiment_ids)],
    ).fetchall()
    found: dict[str, list[tuple[str, int, datetime]]] = {}
    for owner, unit, batch, added in rows:
        found.setdefault(owner, []).append((unit, int(batch), aware(added)))
    return found


def assigned_participants(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, list[tuple[str, str | None, int]]]:
    """Experiment -> (unit, arm, run) of named units, the first assignment last."""
    rows = cursor.execute(
        "SELECT a.experiment_id, a.unit, a.variant, a.run_no FROM assignments a "
        "SEMI JOIN participants p ON p.experiment_id = a.experiment_id AND p.unit = a.unit "
        "WHERE list_contains(?, a.experiment_id) ORDER BY a.seq DESC",
        [list(experiment_ids)],
    ).fetchall()
    found: dict[str, list[tuple[str, str | None, int]]] = {}
    for owner, unit, variant, run_no in rows:
        found.setdefault(owner, []).append((unit, variant, int(run_no)))
    return found


def insert_participants(
    cursor: duckdb.DuckDBPyConnection,
    experiment_id: str,
    units: Sequence[str],
    *,
    batch: int,
    at: datetime,
    by: str,
) -> None:
    """Name a batch of units."""
    cursor.execute(
        "INSERT INTO participants SELECT ?, unnest(?::VARCHAR[]), ?, ?, ?",
        [experiment_id, list(units), batch, to_utc(at), by],
    )


def next_seq(cursor: duckdb.DuckDBPyConnection) -> int:
    """Number of the commit that the present transaction will be."""
    ((last,),) = cursor.execute("SELECT max(seq) FROM commit_log").fetchall()
    return int(last or 0) + 1


def _sort_out(batch: EventBatch, known: Contents) -> tuple[BatchAnswer, list[int]]:
    """Tell new events from known ones, and know them from then on; the first of two stands."""
    answer, fresh = BatchAnswer(), list[int]()
    for place, event in enumerate(batch.events):
        content = known.get(event.event_id)
        if content is None:
            known[event.event_id] = event.content
            fresh.append(place)
        elif content == event.content:
            answer.duplicates += 1
        else:
            answer.reused.append(place)
    answer.accepted = len(fresh)
    if batch.atomic and answer.reused:
        for place in fresh:
            del known[batch.events[place].event_id]
        answer.accepted = answer.duplicates = 0
        return answer, []
    return answer, fresh


def _known(
    cursor: duckdb.DuckDBPyConnection,
    batches: Sequence[EventBatch],
    hashes: Sequence[Sequence[int]],
) -> dict[str, Contents]:
    """Organisation -> the events that are in the log, of all whose ids the batches name.

    Args:
        cursor: Inside the writing transaction.
        batches: Whose ids are looked for.
        hashes: Of each batch the :func:`id_hash` of its events.
    """
    table = pa.table({
        "org_id": [batch.org_id for batch in batches for _ in batch.events],
        "event_id": [event.event_id for batch in batches for event in batch.events],
        "id_hash": pa.array([one for several in hashes for one in several], pa.uint64()),
    })  # fmt: skip
    cursor.register("incoming_ids", table)
    try:
        rows = cursor.execute(
            "SELECT e.org_id, e.event_id, e.content_hash FROM events e JOIN incoming_ids i "
            "ON e.id_hash = i.id_hash AND e.event_id = i.event_id AND e.org_id = i.org_id"
        ).fetchall()
    finally:
        cursor.unregister("incoming_ids")
    known: dict[str, Contents] = {}
    for org, event_id, content in rows:
        known.setdefault(org, {})[event_id] = int(content)
    return known


def id_hash(org_id: str, event_id: str) -> int:
    """64 bits over an event's id: finds it without comparing texts."""
    return digest(f"{org_id}\n{event_id}")


def _insert_events(cursor: duckdb.DuckDBPyConnection, rows: Sequence[_Row], seq: int) -> None:
    if not rows:
        return
    events = [row[0] for row in rows]
    columns: list[Any] = [
        [row[1] for row in rows],
        [event.event_id for event in events],
        [row[2] for row in rows],
        [event.content for event in events],
        [event.type for event in events],
        [row[3] for row in rows],
        [event.unit for event in events],
        [event.name for event in events],
        [event.variant for event in events],
        [event.ts for event in events],
        [event.value for event in events],
        [_json(event.attributes) for event in events],
    ]
    _insert(cursor, "events", _EVENTS, columns, "*, ?", [seq])


def _insert_assignments(
    cursor: duckdb.DuckDBPyConnection, wanted: Iterable[Assignment], seq: int
) -> None:
    """Insert those whose unit has no assignment that still holds; the first of two stands."""
    first: dict[Key, Assignment] = {}
    for one in wanted:
        first.setdefault((one.experiment_id, one.unit), one)
    rows = list(first.values())
    if not rows:
        return
    columns: list[Any] = [
        [getattr(one, name) for one in rows]
        for name in ("experiment_id", "unit", "variant", "phase", "run_no", "source")
    ]
    columns += [[one.assigned_at for one in rows], [one.since_run for one in rows]]
    _insert(
        cursor, "assignments", _ASSIGNMENTS, columns, "n.* EXCLUDE (since_run), ?", [seq],
        "n ANTI JOIN assignments a ON a.unit = n.unit AND a.experiment_id = n.experiment_id "
        "AND a.run_no >= n.since_run",
    )  # fmt: skip


def _held(
    cursor: duckdb.DuckDBPyConnection, wanted: Sequence[Assignment]
) -> dict[Key, Assignment]:
    by_test: dict[tuple[str, int], list[str]] = {}
    for one in wanted:
        by_test.setdefault((one.experiment_id, one.since_run), []).append(one.unit)
    return {
        (experiment_id, unit): found
        for (experiment_id, since_run), units in by_test.items()
        for unit, found in assignments_of(
            cursor, experiment_id, units, since_run=since_run
        ).items()
    }


def _insert(  # noqa: PLR0917  one place where rows go in
    cursor: duckdb.DuckDBPyConnection,
    table: str,
    schema: pa.Schema,
    columns: Sequence[Any],
    selected: str,
    parameters: list[Any],
    beside: str = "",
) -> None:
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    cursor.register("incoming_rows", pa.Table.from_arrays(arrays, schema=schema))
    try:
        cursor.execute(
            f"INSERT INTO {table} SELECT {selected} FROM incoming_rows {beside}", parameters
        )
    finally:
        cursor.unregister("incoming_rows")


def _assignment(experiment_id: str, row: Sequence[Any], since_run: int) -> Assignment:
    unit, variant, phase, run_no, source, assigned_at = row
    return Assignment(
        experiment_id, unit, variant, int(phase), int(run_no), source, aware(assigned_at),
        since_run,
    )  # fmt: skip


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)


def draw_units(
    cursor: duckdb.DuckDBPyConnection, units: Sequence[str], sql: str
) -> list[tuple[str, str | None, str]]:
    """Run an assignment query over a list of units: (unit, variant, reason) in its order.

    Args:
        cursor: On the workspace.
        units: Ids, each once.
        sql: From :func:`~experiments_core.query.assignment.assignment_sql`, over
            ``incoming_units``.
    """
    cursor.register("incoming_units", pa.table({"unit": pa.array(units, pa.string())}))
    try:
        return cursor.execute(sql).fetchall()
    finally:
        cursor.unregister("incoming_units")
