"""Load rows into a staging table, in one pass when the file is clean.

The pass lets the reader check types and writes the rows as they will be kept. Only if anything
at all is wrong are the rows read again as text and sifted (``sifting.py``), which costs about
three times as much. Both use the same conversions.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from experiments_core.domain.source import ColumnMapping, Role
from experiments_core.query.literals import quoted
from experiments_core.query.units import ROWS
from experiments_core.store import conversion
from experiments_core.store.combining import one_row_of
from experiments_core.store.lines import put_lines_right
from experiments_core.store.profile import Profile, all_different, take_profile
from experiments_core.store.reading import forget_rejects, has_rejects
from experiments_core.store.staged_arms import put_arms_right
from experiments_core.store.staging_job import Job, crossed_staging, staging_table
from experiments_core.store.watch import Step


def create_table(cursor: duckdb.DuckDBPyConnection, job: Job, *, place: str = "line") -> None:
    """Make the empty staging table, in the layout that units tables have.

    Args:
        cursor: From ``Database.staging()``.
        job: What is loaded.
        place: ``line`` or ``ahead``: which of them tells the line of a row.
    """
    values = "".join(f", {c.column} {conversion.TYPES[c.role]}" for c in job.columns)
    values += "".join(f", {c.column}{ROWS} DOUBLE[]" for c in job.listed)
    cursor.execute(
        f"CREATE OR REPLACE TABLE {job.table} (import_id VARCHAR, {place} BIGINT, "
        "unit VARCHAR USING COMPRESSION zstd, "
        f"arm VARCHAR, first_ts TIMESTAMP{values})"
    )


def drop_tables(cursor: duckdb.DuckDBPyConnection, import_id: str) -> None:
    """Forget what was staged for an import."""
    table = staging_table(import_id)
    cursor.execute(f"DROP TABLE IF EXISTS {table}")
    cursor.execute(f"DROP TABLE IF EXISTS {table}_rejects")
    cursor.execute(f"DROP TABLE IF EXISTS {crossed_staging(import_id)}")


@dataclass(frozen=True, slots=True)
class Clean:
    """A table in which nothing was wrong.

    Attributes:
        profile: Counts and ends of its columns.
        merged: Spellings of arms that were put right, usually none.
    """

    profile: Profile
    merged: dict[str, str]


def load_clean(cursor: duckdb.DuckDBPyConnection, job: Job) -> Clean | None:
    """Load in one pass; None when anything at all was wrong."""
    forget_rejects(cursor)
    drop_tables(cursor, job.import_id)
    create_table(cursor, job, place="ahead")
    source = job.typed
    unit, time = job.mapping.first(Role.UNIT), job.mapping.first(Role.TIME)
    variant = job.mapping.named(Role.VARIANT)[0]
    records, offsets = job.lines(())
    values = [
        quoted(job.import_id),
        f"{offsets[0] + 1}",
        job.value(unit, source) if unit else "NULL",
        job.value(variant, source),
        job.value(time, source) if time else "NULL",
    ]
    mapped = {column.position: column for column in job.mapping.columns}
    values += [job.value(mapped[c.position], source) for c in job.columns]
    values += [one_row_of(job.value(mapped[c.position], source)) for c in job.listed]
    sql = f"INSERT INTO {job.table} SELECT {', '.join(values)} FROM {source.sql}"
    job.watch.run(cursor, sql, "Reading rows", Step(0.0, 0.75, source.size))
    if source.rejects and (has_rejects(cursor) or _joins_digits(cursor, job)):
        return None
    profile = take_profile(cursor, job.table, job.columns)
    if not _nothing_wrong(cursor, job, profile):
        return None
    merged = put_arms_right(cursor, job)
    if merged is None:
        return None
    if len(records) > 1:
        put_lines_right(cursor, job.table, (records, offsets))
    return Clean(take_profile(cursor, job.table, job.columns) if merged else profile, merged)


def _nothing_wrong(cursor: duckdb.DuckDBPyConnection, job: Job, profile: Profile) -> bool:
    """Whether no cell is wrong, no unit repeats and no question comes up."""
    rows, has_unit = profile["units"], job.mapping.first(Role.UNIT) is not None
    wrong = sum(value for name, value in profile.items() if name.endswith("_wrong"))
    asked = {c.position for c in job.mapping.columns if _needs_answer(c)}
    blank = any(
        profile[f"{column.column}_filled"] < rows
        for column in job.columns
        if column.position in asked
    )
    contradicted = "exclude" in job.mapping.contradictions.values()
    if (
        wrong
        or blank
        or contradicted
        or not rows
        or (job.records is not None and rows != job.records)
    ):
        return False
    if not has_unit:
        return True
    if profile["unit_filled"] < rows or profile["unit_long"]:
        return False
    job.watch.say(0.85, "Looking for units that stand twice")
    return all_different(cursor, job.table, rows)


def _joins_digits(cursor: duckdb.DuckDBPyConnection, job: Job) -> bool:
    """Whether a cell that the reader took as a number is written like ``1_000``."""
    read_as_number = [
        field
        for field, kind in zip(job.text.fields, job.typed.types, strict=True)
        if kind == "DOUBLE"
    ]
    if not job.joined_digits or not read_as_number:
        return False
    condition = " OR ".join(f"contains({field}, '_')" for field in read_as_number)
    sql = f"SELECT 1 FROM {job.text.sql} WHERE {condition} LIMIT 1"
    return cursor.execute(sql).fetchone() is not None


def _needs_answer(column: ColumnMapping) -> bool:
    return column.role in {Role.OUTCOME, Role.VALUE} and not column.blank
