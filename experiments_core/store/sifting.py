"""Sift a file that is not clean: read as text, each fault with its line and value."""

from __future__ import annotations

import duckdb

from experiments_core.domain.source import Role
from experiments_core.query.literals import quoted
from experiments_core.store import conversion
from experiments_core.store.combining import all_rows, combined, one_row_of, rule_of
from experiments_core.store.conversion_text import cell_text, listed, trimmed
from experiments_core.store.profile import one_row
from experiments_core.store.segment_cuts import cut, disagrees
from experiments_core.store.setting_aside import (
    add_problem,
    keep_rejects,
    refuse_crossed,
    row_rules,
    set_aside,
    unknown_variant,
)
from experiments_core.store.staging_job import Job
from experiments_core.store.work_tables import (
    begin,
    good_rows,
    know_arms,
    make_problems,
    raw_text,
)
from experiments_core.tabular.rates import PERCENT
from experiments_core.tabular.text import LONGEST_CELL, LONGEST_UNIT, TOTAL_WORDS

MEASURED = (Role.OUTCOME, Role.VALUE, Role.COVARIATE, Role.TIME)


def load_sifted(cursor: duckdb.DuckDBPyConnection, job: Job) -> int:
    """Read everything as text, set aside what breaks a rule, stage the rest.

    Returns:
        Number of rows read.

    Raises:
        InvalidInputError: rows cannot be split into fields, or units stand in two arms and
            that refuses the file.
    """
    rows = begin(cursor, job)
    _convert(cursor, job)
    _find_rows(cursor, job)
    job.watch.say(0.75, "Looking at every cell")
    _find_cells(cursor, job)
    _find_contradictions(cursor, job)
    job.watch.say(0.85, "Looking for units that stand twice")
    sift_units(cursor, job)
    keep_rejects(cursor, job)
    return rows


def sift_units(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Set aside what one row per unit does not need, and stage the rest."""
    if job.mapping.first(Role.UNIT) is not None:
        _find_units(cursor, job)
    _stage(cursor, job)


def _convert(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Make ``typed``: one row per record with converted values, and ``problems``, empty."""
    variant = know_arms(cursor, job)
    text = raw_text(job)
    unit, time = job.mapping.first(Role.UNIT), job.mapping.first(Role.TIME)
    mapped = {column.position: column for column in job.mapping.columns}
    values = [
        "record",
        "arm",
        f"{cell_text(unit.position)} AS unit" if unit else "NULL::VARCHAR AS unit",
        f"{job.value(time, text)} AS first_ts" if time else "NULL::TIMESTAMP AS first_ts",
    ]
    values += [f"{job.value(mapped[c.position], text)} AS {c.column}" for c in job.columns]
    cursor.execute(
        f"CREATE TEMP TABLE typed AS SELECT {', '.join(values)} "
        f"FROM raw LEFT JOIN arms ON spelling = {variant}"
    )
    make_problems(cursor)


def _find_rows(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Rules about a whole row, its variant and its unit; one rule per row."""
    fields = [f"coalesce(f{place}, '')" for place in range(len(job.names))]
    total = " OR ".join(f"lower({trimmed(f)}) IN ({listed(TOTAL_WORDS)})" for f in fields)
    variant = job.mapping.named(Role.VARIANT)[0].position
    rules = [
        *row_rules(job),
        ("TOTALS_ROW", variant, f"arm IS NULL AND ({total})"),
        ("VARIANT_BLANK", variant, "arm IS NULL"),
    ]
    rules += [
        ("CELL_LENGTH", place, f"strlen(f{place}) > {LONGEST_CELL}")
        for place in (c.position for c in job.mapping.columns if c.role is not Role.IGNORE)
    ]
    rules += unknown_variant(job)
    unit = job.mapping.first(Role.UNIT)
    if unit is not None:
        rules.append(("UNIT_BLANK", unit.position, "unit IS NULL"))
        rules.append(("UNIT_LENGTH", unit.position, f"length(unit) > {LONGEST_UNIT}"))
    set_aside(cursor, rules)


def _find_cells(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Cells that are no yes or no, no number, no time; a row may have several."""
    cursor.execute("CREATE OR REPLACE TEMP TABLE whole AS SELECT DISTINCT record FROM problems")
    columns = [(c.role, c.position, c.column) for c in job.columns if c.role in MEASURED]
    time = job.mapping.first(Role.TIME)
    if time is not None:
        columns.append((Role.TIME, time.position, "first_ts"))
    for role, place, value in columns:
        field, percent = f"f{place}", job.mapping.columns[place].rate == PERCENT
        rule = conversion.rule_of(role, field, percent=percent)
        cursor.execute(
            f"INSERT INTO problems SELECT record, {place}, {field}, {rule} "
            "FROM typed JOIN raw USING (record) "
            f"ANTI JOIN whole USING (record) WHERE {conversion.is_wrong(role, value)}"
        )


def _find_contradictions(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Rows in which another column names another variant, where those were to go."""
    for column in job.columns:
        if job.mapping.contradictions.get(column.name) != "exclude":
            continue
        good_rows(cursor)
        found = cut(cursor, "good", column.column, None)
        if not found.contradicted():
            continue
        cursor.execute(
            f"INSERT INTO problems SELECT record, {column.position}, {column.column}, "
            "'VARIANT_CONTRADICTED' FROM good "
            f"WHERE {disagrees(column.column, found)}"
        )


def _find_units(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Exact copies, units in two arms, units with several rows."""
    good_rows(cursor)
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE several AS "
        "SELECT unit FROM good GROUP BY unit HAVING count(*) > 1"
    )
    fields = ", ".join(f"f{place}" for place in range(len(job.names)))
    if not job.mapping.keeps_rows:  # there, equal rows are events that were equal
        add_problem(
            cursor,
            job,
            "UNIT_DUPLICATE_ROWS",
            f"SELECT record, unit, row_number() OVER (PARTITION BY {fields} ORDER BY record) "
            "> 1 AS bad FROM good JOIN raw USING (record) SEMI JOIN several USING (unit)",
        )
        good_rows(cursor)
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE crossed AS SELECT unit, "
        "arg_min(arm, (coalesce(first_ts, 'infinity'::TIMESTAMP), record)) AS seen FROM good "
        "SEMI JOIN several USING (unit) GROUP BY unit HAVING count(DISTINCT arm) > 1"
    )
    crossed = int(one_row(cursor, "SELECT count(*) FROM crossed")[0])
    if crossed and job.mapping.crossovers == "refuse":
        refuse_crossed(cursor, job, crossed)
    kept = "arm <> seen" if job.mapping.crossovers == "first_seen" else "TRUE"
    add_problem(
        cursor,
        job,
        "UNIT_IN_TWO_ARMS",
        f"SELECT record, unit, {kept} AS bad FROM good JOIN crossed USING (unit)",
    )
    good_rows(cursor)
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE repeated AS "
        "SELECT unit FROM good GROUP BY unit HAVING count(*) > 1"
    )
    if job.mapping.repeats != "rows" and not job.mapping.combines:
        order = "record DESC" if job.mapping.repeats == "last" else "record"
        add_problem(
            cursor,
            job,
            "UNIT_REPEATED",
            f"SELECT record, unit, row_number() OVER (PARTITION BY unit ORDER BY {order}) > 1 "
            "AS bad FROM good SEMI JOIN repeated USING (unit)",
        )


def _stage(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Write the good rows, units with several rows made one when that was the answer."""
    good_rows(cursor)
    names = [column.column for column in job.columns]
    (jumps,) = one_row(cursor, "SELECT count(*) FROM jumps")
    ahead = "ASOF JOIN jumps ON record >= since" if jumps > 1 else "CROSS JOIN jumps"
    if not job.mapping.combines or job.mapping.first(Role.UNIT) is None:
        lists = [one_row_of(column.column) for column in job.listed]
        values = ", ".join(["first_ts", *names, *lists])
        cursor.execute(
            f"INSERT INTO {job.table} SELECT {quoted(job.import_id)}, record + line_offset, "
            f"unit, arm, {values} FROM good {ahead} ORDER BY record"
        )
        return
    values = ", ".join(
        [
            "min(first_ts)",
            *(combined(rule_of(c, job.mapping), c.column) for c in job.columns),
            *(all_rows(column.column) for column in job.listed),
        ]
    )
    cursor.execute(
        f"INSERT INTO {job.table} SELECT {quoted(job.import_id)}, min(record + line_offset), "
        f"unit, arm, {values} FROM good {ahead} GROUP BY unit, arm ORDER BY min(record)"
    )
