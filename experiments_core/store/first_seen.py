"""The units of a file that stand in two arms, staged once more where they were first seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import duckdb

from experiments_core.domain.source import Role
from experiments_core.query.crossovers import FIRST_SEEN
from experiments_core.store.staging import create_table
from experiments_core.store.staging_job import Job

Sieve = Callable[[duckdb.DuckDBPyConnection, Job], None]


def stage_crossed(cursor: duckdb.DuckDBPyConnection, job: Job, sieve: Sieve) -> str:
    """Stage the units seen in two arms once more, where they were first seen.

    The sieve that read the file sifts the rows of these units alone, so that they become what
    they would be in the whole file under that rule. The work tables are its own afterwards.

    Args:
        cursor: With ``typed``, ``problems`` and ``crossed`` of the file.
        job: What was loaded.
        sieve: Finds the rows that count and writes them into the job's table.

    Returns:
        The table, or nothing where no column tells when a unit was seen.
    """
    if job.mapping.first(Role.TIME) is None:
        return ""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE typed AS FROM typed SEMI JOIN crossed USING (unit)"
    )
    cursor.execute("DELETE FROM problems WHERE rule = 'UNIT_IN_TWO_ARMS'")
    mapping = replace(job.mapping, crossovers=FIRST_SEEN)
    again = replace(job, mapping=mapping, crossed_only=True)
    create_table(cursor, again)
    sieve(cursor, again)
    return again.table
