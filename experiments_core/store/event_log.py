"""Event logs: first exposure, then what happened after it, one staged row per unit.

Every row of the file either says something about a staged unit or is set aside under a rule, so
that rows read = used + left out holds for events as for units.
"""

from __future__ import annotations

import duckdb

from experiments_core.domain.source import ColumnMapping, Role
from experiments_core.query.literals import quoted
from experiments_core.store import conversion
from experiments_core.store.combining import all_rows, combined
from experiments_core.store.conversion_text import cell_text, trimmed
from experiments_core.store.profile import one_row
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
from experiments_core.tabular.text import LONGEST_UNIT, WHITE

ANY = "any"


def load_events(cursor: duckdb.DuckDBPyConnection, job: Job) -> int:
    """Stage one row per exposed unit.

    Returns:
        Number of rows read.

    Raises:
        InvalidInputError: rows cannot be split into fields, or units stand in two arms and
            that refuses the file.
    """
    rows = begin(cursor, job)
    _convert(cursor, job)
    job.watch.say(0.75, "Looking for first exposures and what happened after them")
    _find_rows(cursor, job)
    sift_events(cursor, job)
    keep_rejects(cursor, job)
    return rows


def sift_events(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Set aside what says nothing about an exposed unit, and stage one row for each."""
    _find_crossed(cursor, job)
    _find_exposures(cursor, job)
    _find_late(cursor, job)
    _stage(cursor, job)


def _convert(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Make ``typed``: record, unit, arm, first_ts, what happened, and values; no problems."""
    spelling = know_arms(cursor, job)
    text = raw_text(job)
    unit, event, time = (_place(job, role) for role in (Role.UNIT, Role.EVENT, Role.TIME))
    exposure, wanted = job.mapping.exposure_event, job.mapping.conversion_events
    kinds = ", ".join(quoted(_folded(one)) for one in wanted)
    cell = f"coalesce(f{event.position}, '')" if event else "''"
    name = f"lower({trimmed(cell)})"
    is_exposure = (
        "arm IS NOT NULL" if exposure == ANY else f"{name} = {quoted(_folded(exposure))}"
    )
    values = [
        f"{cell_text(unit.position)} AS unit" if unit else "NULL AS unit",
        f"{job.value(time, text)} AS first_ts" if time else "NULL::TIMESTAMP AS first_ts",
        f"{name} AS event",
        f"{is_exposure} AS is_exposure",
        f"{name} IN ({kinds}) AS is_conversion" if kinds else "FALSE AS is_conversion",
    ]
    mapped = {column.position: column for column in job.mapping.columns}
    values += [
        f"{job.value(mapped[c.position], text)} AS {c.column}"
        for c in job.columns
        if c.role is not Role.OUTCOME
    ]
    cursor.execute(
        f"CREATE TEMP TABLE typed AS SELECT record, arm, {', '.join(values)} "
        f"FROM raw LEFT JOIN arms ON spelling = {spelling}"
    )
    make_problems(cursor)


def _find_rows(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Rules about one row by itself; the first that fits."""
    unit, event, time = (_place(job, role) for role in (Role.UNIT, Role.EVENT, Role.TIME))
    variant = job.mapping.named(Role.VARIANT)[0].position
    here = event.position if event else variant
    rules = [
        *row_rules(job),
        ("UNIT_BLANK", unit.position if unit else -1, "unit IS NULL"),
        ("UNIT_LENGTH", unit.position if unit else -1, f"length(unit) > {LONGEST_UNIT}"),
        ("EVENT_BLANK", here, "event = '' AND NOT is_exposure" if event else "FALSE"),
        ("EVENT_OTHER", here, "NOT is_exposure AND NOT is_conversion"),
        ("VARIANT_BLANK", variant, "is_exposure AND NOT is_conversion AND arm IS NULL"),
    ]
    rules += unknown_variant(job)
    if time is not None:
        wrong = conversion.is_wrong(Role.TIME, "first_ts")
        rules += [
            ("TIME", time.position, wrong),
            ("TIME_BLANK", time.position, "first_ts IS NULL"),
        ]
    set_aside(cursor, rules)
    for column in job.columns:
        if column.role is Role.VALUE:
            place, field = column.position, f"f{column.position}"
            cursor.execute(
                f"INSERT INTO problems SELECT record, {place}, coalesce({field}, ''), "
                f"{conversion.rule_of(column.role, field)} FROM raw JOIN typed USING (record) "
                "ANTI JOIN problems USING (record) "
                f"WHERE is_conversion AND {conversion.is_wrong(column.role, column.column)}"
            )


def _find_crossed(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Units that were seen in two arms."""
    good_rows(cursor)
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE crossed AS SELECT unit, "
        "arg_min(arm, (coalesce(first_ts, 'infinity'::TIMESTAMP), record)) AS seen FROM good "
        "WHERE arm IS NOT NULL GROUP BY unit HAVING count(DISTINCT arm) > 1"
    )
    cursor.execute("CREATE OR REPLACE TEMP TABLE repeated AS SELECT unit FROM good WHERE FALSE")
    crossed = int(one_row(cursor, "SELECT count(*) FROM crossed")[0])
    if crossed and job.mapping.crossovers == "refuse":
        refuse_crossed(cursor, job, crossed)
    kept = "arm IS NOT NULL AND arm <> seen"
    bad = kept if job.mapping.crossovers == "first_seen" else "TRUE"
    query = f"SELECT record, unit, {bad} AS bad FROM good JOIN crossed USING (unit)"
    add_problem(cursor, job, "UNIT_IN_TWO_ARMS", query)


def _find_exposures(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Make ``exposed``: unit, arm, moment and record of its first exposure."""
    good_rows(cursor)
    order = "(coalesce(first_ts, 'infinity'::TIMESTAMP), record)"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE exposed AS SELECT unit, arg_min(arm, {order}) AS arm, "
        f"min(first_ts) AS since, arg_min(record, {order}) AS first_record "
        "FROM good WHERE is_exposure AND arm IS NOT NULL GROUP BY unit"
    )
    add_problem(
        cursor,
        job,
        "NOT_EXPOSED",
        "SELECT record, unit, TRUE AS bad FROM good ANTI JOIN exposed USING (unit)",
    )
    add_problem(
        cursor,
        job,
        "EXPOSURE_AGAIN",
        "SELECT record, unit, is_exposure AND NOT is_conversion AND record <> first_record "
        "AS bad FROM good JOIN exposed USING (unit)",
    )


def _find_late(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Conversions before the first exposure, or after the window."""
    time = _place(job, Role.TIME)
    if time is None:
        return
    window = job.mapping.window
    rules = [("BEFORE_EXPOSURE", "first_ts < since")]
    if window not in {"", "all"}:
        end = f"since + to_microseconds(CAST({float(window)!r} * 3600000000 AS BIGINT))"
        rules.append(("OUTSIDE_WINDOW", f"first_ts >= {end}"))
    for rule, condition in rules:
        cursor.execute(
            f"INSERT INTO problems SELECT record, {time.position}, f{time.position}, "
            f"{quoted(rule)} FROM raw JOIN typed USING (record) JOIN exposed USING (unit) "
            "ANTI JOIN problems USING (record) "
            f"WHERE is_conversion AND record <> first_record AND {condition}"
        )


def _stage(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """One row per exposed unit, under the line of its first exposure."""
    good_rows(cursor)
    wanted = iter(job.mapping.conversion_events)
    values = []
    for column in job.columns:
        if column.role is Role.OUTCOME:
            name = quoted(_folded(next(wanted)))
            values.append(f"coalesce(max(CASE WHEN event = {name} THEN 1 END), 0)")
        elif column.role is Role.VALUE:
            rule = job.mapping.columns[column.position].repeats or "sum"
            value = combined(rule, column.column, "(first_ts, record)")
            values.append(f"coalesce({value} FILTER (is_conversion), 0)")
        else:
            first = f"FILTER (record = first_record AND {column.column} IS NOT NULL)"
            values.append(f"any_value({column.column}) {first}")
    values += [all_rows(column.column, "is_conversion") for column in job.listed]
    cells = "".join(f", {value}" for value in values)
    (jumps,) = one_row(cursor, "SELECT count(*) FROM jumps")
    ahead = (
        "ASOF JOIN jumps ON first_record >= since_record" if jumps > 1 else "CROSS JOIN jumps"
    )
    cursor.execute(
        f"INSERT INTO {job.table} SELECT {quoted(job.import_id)}, "
        f"any_value(first_record + line_offset), unit, any_value(e.arm), any_value(e.since)"
        f"{cells} FROM good JOIN exposed e USING (unit) "
        f"{ahead.replace('jumps', '(SELECT since AS since_record, line_offset FROM jumps)')} "
        "GROUP BY unit ORDER BY any_value(first_record)"
    )


def _place(job: Job, role: Role) -> ColumnMapping | None:
    return job.mapping.first(role)


def _folded(event: str) -> str:
    return event.strip(WHITE).lower()
