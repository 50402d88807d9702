"""The assignments of units: written once, the first that holds stands.

:func:`write_assignments` is a handler of the writing thread: it takes several jobs at once and
is safe to repeat, because units that have one are looked up in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from experiments_core.store.catalog import aware
from experiments_core.store.commits import next_seq
from experiments_core.store.incoming import insert_rows

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


Key = tuple[str, str]


def write_assignments(
    cursor: duckdb.DuckDBPyConnection, jobs: Sequence[Sequence[Assignment]]
) -> list[list[Assignment]]:
    """Store assignments of units that have none; give each unit's assignment that holds."""
    wanted = [one for job in jobs for one in job]
    insert_assignments(cursor, wanted, next_seq(cursor))
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


def insert_assignments(
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
    insert_rows(
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


def _assignment(experiment_id: str, row: Sequence[Any], since_run: int) -> Assignment:
    unit, variant, phase, run_no, source, assigned_at = row
    return Assignment(
        experiment_id, unit, variant, int(phase), int(run_no), source, aware(assigned_at),
        since_run,
    )  # fmt: skip


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
