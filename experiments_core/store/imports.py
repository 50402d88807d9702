"""The record of every import, and the datasets they fill."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.store.catalog import from_utc, to_utc
from experiments_core.store.database import Database

_COLUMNS = (
    "id", "org_id", "experiment_id", "dataset_id", "file_name", "bytes", "sha256",
    "content_hash", "shape", "mapping", "rows_read", "rows_used", "rows_left_out", "state",
    "report", "actor", "created_at", "committed_at", "undone_at",
)  # fmt: skip
ORPHANS_KEPT = 30 * 86_400.0  # seconds
_JSON = frozenset({"mapping", "report"})
_TIMES = frozenset({"created_at", "committed_at", "undone_at"})
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM imports"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import, as the workspace remembers it.

    Attributes:
        state: ``draft``, ``committed``, ``undone`` or ``failed``.
        mapping: The mapping it was read with, None before that.
        report: What receiving and reading it found.
    """

    id: str
    org_id: str
    file_name: str
    bytes: int
    sha256: str
    state: str
    actor: str
    created_at: datetime
    experiment_id: str | None = None
    dataset_id: str | None = None
    content_hash: str | None = None
    shape: str | None = None
    mapping: dict[str, Any] | None = None
    rows_read: int | None = None
    rows_used: int | None = None
    rows_left_out: int | None = None
    report: dict[str, Any] = field(default_factory=dict)
    committed_at: datetime | None = None
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A table of facts of one experiment.

    Attributes:
        columns: ``{"name", "role", "column"}`` of each mapped column.
    """

    id: str
    experiment_id: str
    shape: str
    table_name: str
    columns: list[dict[str, str]]
    mapping: dict[str, Any]


def insert_import(cursor: duckdb.DuckDBPyConnection, row: ImportRow) -> None:
    """Write a new record."""
    marks = ", ".join("?" * len(_COLUMNS))
    values = [_value(name, getattr(row, name)) for name in _COLUMNS]
    cursor.execute(f"INSERT INTO imports ({', '.join(_COLUMNS)}) VALUES ({marks})", values)


def update_import(
    cursor: duckdb.DuckDBPyConnection, import_id: str, changes: Table[str, Any]
) -> None:
    """Change fields of a record."""
    assignments = ", ".join(f"{name} = ?" for name in changes)
    values = [_value(name, value) for name, value in changes.items()]
    cursor.execute(f"UPDATE imports SET {assignments} WHERE id = ?", [*values, import_id])


def delete_import(cursor: duckdb.DuckDBPyConnection, import_id: str) -> None:
    """Forget a draft."""
    cursor.execute("DELETE FROM imports WHERE id = ? AND state = 'draft'", [import_id])


def find_import(
    cursor: duckdb.DuckDBPyConnection, org_id: str, import_id: str
) -> ImportRow | None:
    """Find one import of an organisation."""
    return _first(cursor, "WHERE org_id = ? AND id = ?", [org_id, import_id])


def imports_of(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> list[ImportRow]:
    """Imports of an experiment, the newest first."""
    sql = f"{_SELECT} WHERE experiment_id = ? ORDER BY coalesce(committed_at, created_at) DESC"
    rows = cursor.execute(f"{sql}, id DESC", [experiment_id]).fetchall()
    return [_read(row) for row in rows]


def imports_in(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[ImportRow]:
    """Imports of an organisation, the newest first."""
    rows = cursor.execute(
        f"{_SELECT} WHERE org_id = ? ORDER BY created_at DESC, id DESC", [org_id]
    ).fetchall()
    return [_read(row) for row in rows]


def committed_twin(
    cursor: duckdb.DuckDBPyConnection,
    org_id: str,
    *,
    sha256: str = "",
    content_hash: str = "",
    experiment_id: str | None = None,
) -> ImportRow | None:
    """The committed import of the same bytes or the same rows, if an experiment still has it.

    Args:
        cursor: On the workspace.
        org_id: Organisation.
        sha256: Hash of the bytes to look for, or
        content_hash: hash of the rows.
        experiment_id: Only in this experiment; in any that is not in the bin when None.
    """
    column, value = ("sha256", sha256) if sha256 else ("content_hash", content_hash)
    where = (
        f"WHERE org_id = ? AND {column} = ? AND state = 'committed' AND experiment_id IN "
        "(SELECT id FROM experiments WHERE deleted_at IS NULL AND (id = ? OR ? IS NULL)) "
        "ORDER BY committed_at DESC"
    )
    return _first(cursor, where, [org_id, value, experiment_id, experiment_id])


def stale_drafts(cursor: duckdb.DuckDBPyConnection, before: datetime) -> list[str]:
    """Ids of drafts that nobody has finished since a moment."""
    rows = cursor.execute(
        "SELECT id FROM imports WHERE state = 'draft' AND created_at < ?", [to_utc(before)]
    ).fetchall()
    return [row[0] for row in rows]


def drafts_of(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[ImportRow]:
    """Files that were received and not committed, the newest first."""
    sql = f"{_SELECT} WHERE org_id = ? AND state = 'draft' ORDER BY created_at DESC, id DESC"
    return [_read(row) for row in cursor.execute(sql, [org_id]).fetchall()]


def drop_orphans(db: Database) -> None:
    """Remove old texts of files of which no record was written: their import was cut short.

    They stay for a while: where a workspace was put back to an earlier state, the texts of
    what came later are what it can be imported from again.
    """
    if db.damage:
        return  # the record may be among what is missing
    with db.read() as cursor:
        known = {row[0] for row in cursor.execute("SELECT id FROM imports").fetchall()}
    for text in (db.side / "uploads").glob("*.txt"):
        if text.stem not in known and time.time() - text.stat().st_mtime > ORPHANS_KEPT:
            text.unlink()


def untouched_since(cursor: duckdb.DuckDBPyConnection, moment: datetime) -> list[str]:
    """Ids of imports that came in, and were undone if they were, before a moment."""
    rows = cursor.execute(
        "SELECT id FROM imports WHERE greatest(created_at, undone_at) < ?", [to_utc(moment)]
    ).fetchall()
    return [row[0] for row in rows]


def dataset_of(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> DatasetRow | None:
    """The dataset that an experiment's committed imports fill."""
    row = cursor.execute(
        "SELECT id, experiment_id, shape, table_name, columns, mapping FROM datasets d "
        "WHERE experiment_id = ? AND EXISTS (SELECT 1 FROM imports i "
        "WHERE i.dataset_id = d.id AND i.state = 'committed') "
        "ORDER BY created_at DESC, id DESC LIMIT 1",
        [experiment_id],
    ).fetchone()
    if row is None:
        return None
    key, owner, shape, table, columns, mapping = row
    return DatasetRow(key, owner, shape, table, json.loads(columns), json.loads(mapping))


def fills_dataset(cursor: duckdb.DuckDBPyConnection, dataset_id: str) -> bool:
    """Whether a committed import fills a dataset."""
    sql = "SELECT 1 FROM imports WHERE dataset_id = ? AND state = 'committed' LIMIT 1"
    return cursor.execute(sql, [dataset_id]).fetchone() is not None


def keep_source(
    cursor: duckdb.DuckDBPyConnection,
    org_id: str,
    header_hash: str,
    mapping: dict[str, Any],
    now: datetime,
) -> None:
    """Remember the mapping of files with a header, in place of an earlier one."""
    cursor.execute(
        "DELETE FROM sources WHERE org_id = ? AND header_hash = ?", [org_id, header_hash]
    )
    cursor.execute(
        "INSERT INTO sources VALUES (?, ?, ?, ?)",
        [org_id, header_hash, json.dumps(mapping, ensure_ascii=False), to_utc(now)],
    )


def find_source(
    cursor: duckdb.DuckDBPyConnection, org_id: str, header_hash: str
) -> dict[str, Any] | None:
    """The mapping that was confirmed for files with a header."""
    row = cursor.execute(
        "SELECT mapping FROM sources WHERE org_id = ? AND header_hash = ?",
        [org_id, header_hash],
    ).fetchone()
    return dict(json.loads(row[0])) if row else None


def insert_dataset(
    cursor: duckdb.DuckDBPyConnection, row: DatasetRow, created_at: datetime
) -> None:
    """Write a new dataset."""
    cursor.execute(
        "INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            row.id, row.experiment_id, row.shape, row.table_name,
            json.dumps(row.columns, ensure_ascii=False),
            json.dumps(row.mapping, ensure_ascii=False), to_utc(created_at),
        ],
    )  # fmt: skip


def _first(
    cursor: duckdb.DuckDBPyConnection, where: str, values: list[Any]
) -> ImportRow | None:
    row = cursor.execute(f"{_SELECT} {where} LIMIT 1", values).fetchone()
    return _read(row) if row else None


def _value(name: str, value: Any) -> Any:
    if name in _JSON and value is not None:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    return to_utc(value) if name in _TIMES else value


def _read(row: tuple[Any, ...]) -> ImportRow:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _TIMES:
        values[name] = from_utc(values[name])
    values["mapping"] = json.loads(values["mapping"]) if values["mapping"] else None
    values["report"] = json.loads(values["report"] or "{}")
    return ImportRow(**values)
