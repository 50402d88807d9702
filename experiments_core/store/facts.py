"""Facts: what is staged becomes a dataset, is added to one, and can be taken out again.

Unit rows of a dataset lie in ``units_<hex id>``: import_id and line or ahead (where the row
came from, see ``store/lines``; a unit made of several rows has its first), unit, arm, first_ts,
then ``c0``, ``c1`` … in the order of the file's mapped columns. Rows keep the order of the
file. Header texts are data (``datasets.columns``), never identifiers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from experiments_core.domain.source import ColumnMapping, Mapping
from experiments_core.store import describing
from experiments_core.store.database import Database
from experiments_core.store.lines import jumps_below, line_of, without_lines, write_lines
from experiments_core.store.reading import Relation, csv_relation, refuse_broken_rows
from experiments_core.store.staged import Staged
from experiments_core.store.staging import drop_tables
from experiments_core.store.staging_job import Job, staging_table
from experiments_core.store.watch import SILENT, Watch
from experiments_core.tabular.courses import at_of
from experiments_core.tabular.rejects import Reject
from experiments_core.tabular.structure import Structure
from experiments_core.tabular.totals import Total

FRAME = "frame_to_read"
REJECT = tuple(one.name for one in fields(Reject))


def load_csv(
    db: Database,
    path: Path,
    mapping: Mapping,
    *,
    import_id: str,
    structure: Structure,
    known_arms: dict[str, str] | None = None,
    runs: tuple[tuple[datetime, datetime | None], ...] = (),
    unit_key: bytes | None = None,
    watch: Watch = SILENT,
) -> Staged:
    """Read a clean text file (UTF-8, line feeds) into a staging table.

    Args:
        db: The workspace, or one in memory that may read ``path``.
        path: The file.
        mapping: What is known of it; one entry per column of the file, by position.
        import_id: Written into every row; names the staging table.
        structure: The census of the file under the mapping's dialect.
        known_arms: Folded spelling -> variant, when the experiment has its variants already.
        runs: When the experiment ran, where it knows.
        unit_key: Key under which unit ids are hashed; None keeps them as they are.
        watch: Progress and cancel.

    Raises:
        InvalidInputError: the file as a whole cannot be used; the message names the lines.
        CancelledError: somebody stopped it.
    """
    dialect, columns = mapping.dialect, mapping.columns
    first = structure.first_record_after(dialect.header_line) if dialect.header_line > 0 else 0
    job = Job(
        import_id=import_id,
        mapping=mapping,
        names=tuple(column.name for column in columns),
        typed=csv_relation(path, dialect, columns, typed=True),
        text=csv_relation(path, dialect, columns, typed=False),
        lines=lambda blank: without_lines(jumps_below(structure, first), blank),
        known_arms=known_arms,
        records=structure.records - first,
        joined_digits=structure.joined_digits,
        refuse_broken=lambda cursor: refuse_broken_rows(cursor, path, dialect, len(columns)),
        watch=watch,
        runs=runs,
        unit_key=unit_key,
    )
    with db.staging() as cursor:
        return describing.stage(cursor, job)


def frame_columns(db: Database, frame: object) -> tuple[tuple[str, str], ...]:
    """Names and SQL types of a frame's columns (pandas, Arrow, Polars, dict of arrays)."""
    with db.staging() as cursor:
        _register(cursor, frame)
        described = cursor.execute(f"DESCRIBE SELECT * FROM {FRAME}").fetchall()
    return tuple((str(row[0]), str(row[1])) for row in described)


def load_frame(
    db: Database,
    frame: object,
    mapping: Mapping,
    *,
    import_id: str,
    watch: Watch = SILENT,
) -> Staged:
    """Read a frame into a staging table; its rows are counted from 1.

    Args:
        db: A workspace, usually in memory.
        frame: pandas, Arrow, Polars, or a dict of arrays.
        mapping: One entry per column of the frame, by position.
        import_id: Written into every row; names the staging table.
        watch: Progress and cancel.
    """
    known = frame_columns(db, frame)
    fields = tuple(f'"{name.replace(chr(34), chr(34) * 2)}"' for name, _ in known)
    types = tuple(kind for _, kind in known)
    as_text = tuple(f"CAST({field} AS VARCHAR)" for field in fields)
    job = Job(
        import_id=import_id,
        mapping=mapping,
        names=tuple(name for name, _ in known),
        typed=Relation(FRAME, fields, types),
        text=Relation(FRAME, as_text, ("VARCHAR",) * len(fields)),
        lines=lambda _: ((1,), (0,)),
        watch=watch,
    )
    with db.staging() as cursor:
        _register(cursor, frame)
        return describing.stage(cursor, job)


def preview(db: Database, staged: Staged, rows: int = 50) -> tuple[tuple[Any, ...], ...]:
    """The first rows of a staging table, as typed values."""
    values = ["unit", "arm", "first_ts", *(column.column for column in staged.columns)]
    with db.read() as cursor:
        found = cursor.execute(
            f"SELECT {', '.join(values)} FROM {staged.table} ORDER BY rowid LIMIT ?", [rows]
        ).fetchall()
    return tuple(tuple(row) for row in found)


def has_table(cursor: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a table of ours exists."""
    sql = "SELECT 1 FROM duckdb_tables() WHERE database_name = 'upshot' AND table_name = ?"
    return cursor.execute(sql, [name]).fetchone() is not None


def units_table(dataset_id: str) -> str:
    """Name of a dataset's table of units."""
    return f"units_{dataset_id.replace('-', '')}"


def keep_as_dataset(
    cursor: duckdb.DuckDBPyConnection, staged_table: str, dataset_id: str
) -> None:
    """Make the staging table the dataset's table; no row is copied."""
    cursor.execute(f"ALTER TABLE {staged_table} RENAME TO {units_table(dataset_id)}")


def add_to_dataset(
    cursor: duckdb.DuckDBPyConnection, staged_table: str, dataset_id: str, *, has_unit: bool
) -> None:
    """Append units that the dataset does not have yet; all rows where nothing names a unit."""
    table = units_table(dataset_id)
    new = f"ANTI JOIN {table} USING (unit)" if has_unit else ""
    write_lines(cursor, table)
    line = line_of(cursor, staged_table).format(staged_table)
    cursor.execute(
        f"INSERT INTO {table} BY NAME SELECT COLUMNS(lambda c: c NOT IN ('line', 'ahead')), "
        f"{line} AS line FROM {staged_table} {new}"
    )
    cursor.execute(f"DROP TABLE {staged_table}")


def known_units(
    cursor: duckdb.DuckDBPyConnection, staged_table: str, dataset_id: str
) -> tuple[int, int]:
    """How many staged units the dataset has already, and how many of its own are missing."""
    table = units_table(dataset_id)
    row = cursor.execute(
        f"SELECT (SELECT count(*) FROM {staged_table} SEMI JOIN {table} USING (unit)), "
        f"(SELECT count(*) FROM {table} ANTI JOIN {staged_table} USING (unit))"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def take_out(
    cursor: duckdb.DuckDBPyConnection, dataset_id: str, import_id: str, *, is_totals: bool
) -> None:
    """Delete exactly the rows of one import."""
    table = "totals" if is_totals else units_table(dataset_id)
    cursor.execute(f"DELETE FROM {table} WHERE import_id = ?", [import_id])


def drop_units(cursor: duckdb.DuckDBPyConnection, dataset_id: str) -> None:
    """Drop the table of a dataset that no import fills any more."""
    cursor.execute(f"DROP TABLE {units_table(dataset_id)}")


def keep_rejects(cursor: duckdb.DuckDBPyConnection, rejects_table: str, import_id: str) -> None:
    """Move the rows left out into the lasting list, in place of what was there."""
    cursor.execute("DELETE FROM rejects WHERE import_id = ?", [import_id])
    cursor.execute(f"INSERT INTO rejects SELECT ?, * FROM {rejects_table}", [import_id])
    cursor.execute(f"DROP TABLE {rejects_table}")


def rejects_of(
    cursor: duckdb.DuckDBPyConnection,
    import_id: str,
    table: str = "",
    *,
    most: int | None = None,
) -> Sequence[tuple[Any, ...]]:
    """Rows left out: line, column, value, rule, message, whole row.

    Args:
        cursor: On the workspace.
        import_id: A committed import, or
        table: the table of a staged one.
        most: How many, all when None.
    """
    columns = "line, column_name, value, rule, message, raw"
    limit = "" if most is None else f" LIMIT {int(most)}"
    if table:
        return cursor.execute(f"SELECT {columns} FROM {table} ORDER BY line{limit}").fetchall()
    return cursor.execute(
        f"SELECT {columns} FROM rejects WHERE import_id = ? ORDER BY line{limit}", [import_id]
    ).fetchall()


def stage_totals(
    db: Database,
    import_id: str,
    totals: Sequence[Total],
    rejects: Sequence[Reject],
    time: ColumnMapping | None = None,
) -> str:
    """Write totals and the rows left out into staging tables; give the first one's name."""
    table = staging_table(import_id)
    at = [
        None if t.time is None or time is None else json.dumps(at_of(t.time, time))
        for t in totals
    ]
    counts = [json.dumps(total.conversions, ensure_ascii=False) for total in totals]
    with db.staging() as cursor:
        drop_tables(cursor, import_id)
        cursor.execute(
            f"CREATE TABLE {table} AS SELECT unnest(?::BIGINT[]) AS line, "
            "unnest(?::VARCHAR[]) AS arm, unnest(?::BIGINT[]) AS visitors, "
            "unnest(?::VARCHAR[]) AS conversions, unnest(?::VARCHAR[]) AS row_time",
            [[t.line for t in totals], [t.arm for t in totals],
             [t.visitors or 0 for t in totals], counts, at],
        )  # fmt: skip
        cursor.execute(
            f"CREATE TABLE {table}_rejects AS SELECT unnest(?::BIGINT[]) AS line, "
            "unnest(?::VARCHAR[]) AS column_name, unnest(?::VARCHAR[]) AS value, "
            "unnest(?::VARCHAR[]) AS rule, unnest(?::VARCHAR[]) AS message, "
            "unnest(?::VARCHAR[]) AS raw",
            [[getattr(reject, name) for reject in rejects] for name in REJECT],
        )
    return table


def totals_hash(totals: Sequence[Total]) -> str:
    """Identify totals whatever their order."""
    rows = sorted(
        json.dumps([t.arm, t.visitors, sorted(t.conversions.items()), *_when(t)])
        for t in totals
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _when(total: Total) -> list[float]:
    return [] if total.time is None else [total.time]


def keep_totals(
    cursor: duckdb.DuckDBPyConnection, staged_table: str, dataset_id: str, import_id: str
) -> None:
    """Move staged totals among the facts."""
    cursor.execute(
        "INSERT INTO totals "
        "(dataset_id, import_id, line, arm, visitors, conversions, row_time) "
        f"SELECT ?, ?, line, arm, visitors, conversions, row_time FROM {staged_table}",
        [dataset_id, import_id],
    )
    cursor.execute(f"DROP TABLE {staged_table}")


def _register(cursor: duckdb.DuckDBPyConnection, frame: object) -> None:
    cursor.register(FRAME, frame)
