"""What the first measure would be under each choice that is still free."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from experiments_core.domain.source import Role
from experiments_core.store.combining import combined, rule_of
from experiments_core.store.profile import one_row
from experiments_core.store.quality import Rows
from experiments_core.store.segment_cuts import Cut, agrees
from experiments_core.store.staged import Effect, StagedColumn
from experiments_core.store.staging_job import Job


def effects(
    cursor: duckdb.DuckDBPyConnection, job: Job, rows: Rows, cuts_: dict[int, Cut]
) -> tuple[Effect, ...]:
    """The first measure under each choice about crossed units and contradicting columns."""
    measure = next((c for c in job.columns if c.role in {Role.OUTCOME, Role.VALUE}), None)
    if measure is None:
        return ()
    found = []
    used = " AND ".join(_excluded(job, cuts_)) or "TRUE"
    if rows.sifted and job.mapping.first(Role.UNIT) is not None:
        crossed = int(one_row(cursor, "SELECT count(*) FROM crossed")[0])
        choices = ("exclude", "first_seen") if job.mapping.first(Role.TIME) else ("exclude",)
        for choice in choices if crossed else ():
            arms = _measured(cursor, job, measure, f"{rows.all} WHERE {used}", choice)
            found.append(
                Effect("crossovers", choice, measure.name, measure.role is Role.OUTCOME, arms)
            )
    for position, one in cuts_.items():
        if not one.contradicted():
            continue
        column = next(c for c in job.columns if c.position == position)
        for choice, where in (("exclude", agrees(column.column, one)), ("keep", "TRUE")):
            arms = _measured(
                cursor, job, measure, f"{rows.all} WHERE {where}", job.mapping.crossovers
            )
            found.append(
                Effect(column.name, choice, measure.name, measure.role is Role.OUTCOME, arms)
            )
    return tuple(found)


def _excluded(job: Job, cuts_: dict[int, Cut]) -> Iterator[str]:
    for column in job.columns:
        if job.mapping.contradictions.get(column.name) == "exclude":
            one = cuts_.get(column.position)
            if one is not None and one.contradicted():
                yield agrees(column.column, one)


def _measured(
    cursor: duckdb.DuckDBPyConnection,
    job: Job,
    measure: StagedColumn,
    rows: str,
    crossovers: str,
) -> dict[str, tuple[int, float, float]]:
    """Units, mean and variance of a measure by arm, after one row per unit was made."""
    value = measure.column
    if job.mapping.first(Role.UNIT) is None:
        source = f"(SELECT arm, {value} AS m FROM {rows})"
    else:
        alone = "last" if job.mapping.repeats == "last" else "first"
        rule = rule_of(measure, job.mapping) if job.mapping.combines else alone
        value = combined(rule, value)
        kept = "nth = 1" if crossovers == "first_seen" else "arms_of = 1"
        source = (
            "(SELECT arm, m FROM (SELECT arm, m, count(*) OVER same AS arms_of, "
            "row_number() OVER (same ORDER BY first, record) AS nth FROM (SELECT unit, arm, "
            f"{value} AS m, coalesce(min(first_ts), 'infinity'::TIMESTAMP) AS first, "
            f"min(record) AS record FROM {rows} GROUP BY unit, arm) "
            f"WINDOW same AS (PARTITION BY unit)) WHERE {kept})"
        )
    found = cursor.execute(
        f"SELECT arm, count(m), coalesce(avg(m), 0), coalesce(var_samp(m), 0) FROM {source} "
        "GROUP BY arm ORDER BY arm"
    ).fetchall()
    return {arm: (int(n), float(mean), float(variance)) for arm, n, mean, variance in found}
