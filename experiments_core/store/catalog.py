"""Small rows that change: experiments, their phases, and the trace of every change.

Each function takes a cursor; those that write take one from ``Database.write()``, so that a
change and its audit row stand or fall together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import duckdb

from experiments_core.domain.documents import from_document, to_document
from experiments_core.domain.experiment import Experiment, Phase

_COLUMNS = (
    "id", "org_id", "key", "slug", "name", "version", "status", "sample", "created_by",
    "created_at", "updated_at", "deleted_at",
)  # fmt: skip
_PHASE_COLUMNS = (
    "experiment_id", "seq", "run_no", "kind", "started_at", "ended_at", "weights_bp",
    "allocation_bp", "holdout_bp", "rerandomised", "reason", "actor", "targeting",
)  # fmt: skip
_EXTERNAL_IDS = "CAST(json_extract(doc, '$.external_ids') AS MAP(VARCHAR, VARCHAR))"
PRINTED_ID = re.compile(r"exp_([0-9a-f]{32})")
"""An id of ours as clients of a dialect know it."""
_SELECT = f"SELECT {', '.join(_COLUMNS)}, doc FROM experiments WHERE org_id = ?"


def to_utc(moment: datetime | None) -> datetime | None:
    """Turn an aware time into what the file keeps: UTC without a zone."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def from_utc(moment: datetime | None) -> datetime | None:
    """Turn a time of the file into an aware one."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def aware(moment: datetime) -> datetime:
    """The same of a column that is never empty."""
    return moment.replace(tzinfo=UTC)


def kept(value: Any) -> Any:
    """A value as the file keeps it: times in UTC without a zone, all else as it is."""
    return to_utc(value) if isinstance(value, datetime) else value


def insert_experiment(cursor: duckdb.DuckDBPyConnection, experiment: Experiment) -> None:
    """Write a new experiment."""
    row = _row(experiment)
    columns = [*_COLUMNS, "doc", "updated_by"]
    marks = ", ".join("?" * len(columns))
    cursor.execute(
        f"INSERT INTO experiments ({', '.join(columns)}) VALUES ({marks})",
        [*row, experiment.created_by],
    )
    _save_phases(cursor, experiment)


def update_experiment(
    cursor: duckdb.DuckDBPyConnection, experiment: Experiment, *, version: int, by: str
) -> bool:
    """Write a changed experiment if the file still holds ``version``; tell whether it did."""
    columns = [*_COLUMNS, "doc", "updated_by"]
    assignments = ", ".join(f"{column} = ?" for column in columns)
    updated = cursor.execute(
        f"UPDATE experiments SET {assignments} "
        "WHERE id = ? AND org_id = ? AND version = ? RETURNING version",
        [*_row(experiment), by, experiment.id, experiment.org_id, version],
    ).fetchall()
    if updated:
        _save_phases(cursor, experiment)
    return bool(updated)


def find_experiment(
    cursor: duckdb.DuckDBPyConnection, org_id: str, reference: str
) -> Experiment | None:
    """Find an experiment by id, key (in any case) or slug, or as clients of dialects do.

    A dialect prints an id as ``exp_`` and 32 hexadecimal digits, or the id of the old system;
    one that two systems use for different experiments finds none.
    """
    printed = PRINTED_ID.fullmatch(reference)
    name = str(UUID(printed[1])) if printed else reference
    rows = cursor.execute(
        f"{_SELECT} AND (id = ? OR lower(key) = lower(?) OR slug = ?) "
        "ORDER BY id <> ?, lower(key) <> lower(?) LIMIT 1",
        [org_id, name, name, name, name, name],
    ).fetchall()
    if not rows:
        rows = cursor.execute(
            f"{_SELECT} AND deleted_at IS NULL "
            f"AND list_contains(map_values({_EXTERNAL_IDS}), ?) LIMIT 2",
            [org_id, reference],
        ).fetchall()
    return _read(cursor, rows)[0] if len(rows) == 1 else None


def find_by_external(
    cursor: duckdb.DuckDBPyConnection,
    org_id: str,
    system: str,
    external: str,
    *,
    other_than: str = "",
) -> Experiment | None:
    """Find an experiment by the id it has in another system; one in the bin gives it free."""
    rows = cursor.execute(
        f"{_SELECT} AND map_extract_value({_EXTERNAL_IDS}, ?) = ? "
        "AND deleted_at IS NULL AND id <> ? LIMIT 1",
        [org_id, system, external, other_than],
    ).fetchall()
    return _read(cursor, rows)[0] if rows else None


def all_experiments(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[Experiment]:
    """Every experiment of an organisation, bin and archive included, last changed first."""
    rows = cursor.execute(f"{_SELECT} ORDER BY updated_at DESC, id", [org_id]).fetchall()
    return _read(cursor, rows)


def running_experiments(cursor: duckdb.DuckDBPyConnection) -> list[Experiment]:
    """Running experiments of every organisation."""
    listed = ", ".join(_COLUMNS)
    rows = cursor.execute(
        f"SELECT {listed}, doc FROM experiments WHERE status = 'running' "
        "AND deleted_at IS NULL ORDER BY id"
    ).fetchall()
    return _read(cursor, rows)


def taken_names(cursor: duckdb.DuckDBPyConnection, org_id: str) -> dict[str, str]:
    """Keys and slugs in use, in lower case -> name of the experiment that has them."""
    rows = cursor.execute(
        "SELECT lower(key), slug, name FROM experiments WHERE org_id = ?", [org_id]
    ).fetchall()
    return {text: name for key, slug, name in rows for text in (slug, key)}


def units_imported(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> int | None:
    """Units that committed imports brought; None before the first one."""
    row = cursor.execute(
        "SELECT sum(CASE i.shape WHEN 'totals' THEN t.visitors ELSE i.rows_used END) "
        "FROM imports i LEFT JOIN (SELECT import_id, sum(visitors) AS visitors FROM totals "
        "GROUP BY import_id) t ON t.import_id = i.id "
        "WHERE i.experiment_id = ? AND i.state = 'committed'",
        [experiment_id],
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else None


def _row(experiment: Experiment) -> list[Any]:
    document = to_document(experiment)
    rest = {k: v for k, v in document.items() if k not in _COLUMNS and k != "phases"}
    values = [getattr(experiment, column) for column in _COLUMNS]
    kept = [to_utc(value) if isinstance(value, datetime) else value for value in values]
    return [*kept, json.dumps(rest, ensure_ascii=False, allow_nan=False)]


def _read(cursor: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> list[Experiment]:
    phases = _phases(cursor, [row[0] for row in rows])
    found = []
    for row in rows:
        values = [from_utc(v) if isinstance(v, datetime) else v for v in row[:-1]]
        document = json.loads(row[-1]) | dict(zip(_COLUMNS, values, strict=True))
        found.append(from_document(document, tuple(phases.get(row[0], ()))))
    return found


def _phases(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: list[str]
) -> dict[str, list[Phase]]:
    rows = cursor.execute(
        f"SELECT {', '.join(_PHASE_COLUMNS)} FROM phases "
        "WHERE list_contains(?, experiment_id) ORDER BY experiment_id, seq",
        [experiment_ids],
    ).fetchall()
    phases: dict[str, list[Phase]] = {}
    for row in rows:
        values = dict(zip(_PHASE_COLUMNS, row, strict=True))
        owner = values.pop("experiment_id")
        values["by"] = values.pop("actor")
        values["weights_bp"] = json.loads(values["weights_bp"])
        targeting = values["targeting"]
        values["targeting"] = json.loads(targeting) if targeting else None
        values["started_at"] = from_utc(values["started_at"])
        values["ended_at"] = from_utc(values["ended_at"])
        phases.setdefault(owner, []).append(Phase(**values))
    return phases


def _save_phases(cursor: duckdb.DuckDBPyConnection, experiment: Experiment) -> None:
    """Insert new phases and fill in the end of one that lasted; change nothing else, ever."""
    rows = cursor.execute(
        "SELECT seq, ended_at FROM phases WHERE experiment_id = ?", [experiment.id]
    ).fetchall()
    ends = dict(rows)
    for phase in experiment.phases:
        if phase.seq not in ends:
            _insert_phase(cursor, experiment.id, phase)
        elif ends[phase.seq] is None and phase.ended_at is not None:
            cursor.execute(
                "UPDATE phases SET ended_at = ? "
                "WHERE experiment_id = ? AND seq = ? AND ended_at IS NULL",
                [to_utc(phase.ended_at), experiment.id, phase.seq],
            )


def _insert_phase(cursor: duckdb.DuckDBPyConnection, experiment_id: str, phase: Phase) -> None:
    values: Iterable[Any] = (
        experiment_id, phase.seq, phase.run_no, phase.kind, to_utc(phase.started_at),
        to_utc(phase.ended_at), json.dumps(phase.weights_bp, ensure_ascii=False),
        phase.allocation_bp, phase.holdout_bp, phase.rerandomised, phase.reason, phase.by,
        None if phase.targeting is None else json.dumps(phase.targeting, ensure_ascii=False),
    )  # fmt: skip
    marks = ", ".join("?" * len(_PHASE_COLUMNS))
    cursor.execute(
        f"INSERT INTO phases ({', '.join(_PHASE_COLUMNS)}) VALUES ({marks})", list(values)
    )
