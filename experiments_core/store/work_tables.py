"""The work tables of a reading as text: raw, jumps, arms; what is good so far."""

from __future__ import annotations

import duckdb

from experiments_core.domain.source import Role
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError
from experiments_core.store import conversion
from experiments_core.store.profile import one_row
from experiments_core.store.reading import Relation, forget_rejects
from experiments_core.store.staged_arms import arm_map, count_arms
from experiments_core.store.staging import create_table, drop_tables
from experiments_core.store.staging_job import Job
from experiments_core.store.watch import Step


def begin(cursor: duckdb.DuckDBPyConnection, job: Job) -> int:
    """Empty the staging table and read everything as text, into ``raw`` and ``jumps``.

    Returns:
        Number of rows read.

    Raises:
        InvalidInputError: rows cannot be split into fields, or there are none.
    """
    forget_rejects(cursor)
    drop_tables(cursor, job.import_id)
    create_table(cursor, job)
    _drop_work(cursor)
    rows, blank_lines = _read_text(cursor, job)
    _know_lines(cursor, job, blank_lines)
    return rows


def raw_text(job: Job) -> Relation:
    """The rows of ``raw``: every cell a text."""
    width = len(job.names)
    return Relation("raw", tuple(f"f{place}" for place in range(width)), ("VARCHAR",) * width)


def _drop_work(cursor: duckdb.DuckDBPyConnection) -> None:
    """Forget the work tables of the last reading."""
    for name in ("raw", "arms", "typed", "problems", "jumps"):
        cursor.execute(f"DROP TABLE IF EXISTS temp.main.{name}")


def _read_text(cursor: duckdb.DuckDBPyConnection, job: Job) -> tuple[int, tuple[int, ...]]:
    """Make ``raw``; say how many rows it has, and which lines hold nothing but blanks."""
    source = job.text
    fields = ", ".join(f"{field} AS f{place}" for place, field in enumerate(source.fields))
    sql = (
        f"CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS record, {fields} "
        f"FROM {source.sql}"
    )
    step = Step(0.3, 0.65, source.size)
    job.watch.run(cursor, sql, "Reading rows again, as text", step)
    blank_lines = job.refuse_broken(cursor) if job.refuse_broken is not None else ()
    rows = int(one_row(cursor, "SELECT count(*) FROM raw")[0])
    if job.records is not None and rows != job.records - len(blank_lines):
        raise InvalidInputError(
            f"The file can be read in two ways: as {grouped(job.records)} rows or as "
            f"{grouped(rows)}.",
            code="ROWS_DISAGREE",
            hint="Look for quotes inside fields; a quote in a quoted field is written twice.",
        )
    if not rows:
        raise InvalidInputError(
            "There are no rows below the header.", code="FILE_NO_ROWS", hint="Export it again."
        )
    return rows, blank_lines


def _know_lines(
    cursor: duckdb.DuckDBPyConnection, job: Job, blank_lines: tuple[int, ...]
) -> None:
    """Make ``jumps``: from which record on line minus record number is what."""
    records, offsets = job.lines(blank_lines)
    cursor.execute("CREATE TEMP TABLE jumps (since BIGINT, line_offset BIGINT)")
    cursor.execute(
        "INSERT INTO jumps SELECT unnest(?), unnest(?)", [list(records), list(offsets)]
    )


def know_arms(cursor: duckdb.DuckDBPyConnection, job: Job) -> str:
    """Make ``arms``: the arm of every spelling; gives the expression of a row's spelling."""
    place = job.mapping.named(Role.VARIANT)[0].position
    variant = f"coalesce({conversion.arm(f'f{place}')}, '')"
    counts = count_arms(
        cursor, f"SELECT {variant}, count(*) FROM raw WHERE NOT ({job.elsewhere}) GROUP BY 1"
    )
    cursor.execute("CREATE TEMP TABLE arms (spelling VARCHAR, arm VARCHAR)")
    arms = arm_map(counts, job)
    cursor.execute(
        "INSERT INTO arms SELECT unnest(?), unnest(?)", [list(arms), list(arms.values())]
    )
    return variant


def make_problems(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make ``problems``, empty: the rule that a record breaks, with the cell at fault."""
    cursor.execute(
        "CREATE TEMP TABLE problems (record BIGINT, field INTEGER, value VARCHAR, rule VARCHAR)"
    )


def good_rows(cursor: duckdb.DuckDBPyConnection) -> None:
    """Rows without a problem so far."""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE good AS FROM typed "
        "ANTI JOIN (SELECT DISTINCT record FROM problems) USING (record)"
    )
