"""Sift a file that is not clean: read as text, each fault with its line and value."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from experiments_core.domain.source import Role
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.query.literals import quoted
from experiments_core.store import conversion, quality
from experiments_core.store.combining import all_rows, combined, one_row_of, rule_of
from experiments_core.store.conversion_text import trimmed
from experiments_core.store.profile import one_row
from experiments_core.store.reading import Relation, forget_rejects
from experiments_core.store.staged_arms import arm_map, count_arms
from experiments_core.store.staging import create_table, drop_tables
from experiments_core.store.staging_job import Job
from experiments_core.store.watch import Step
from experiments_core.tabular.rates import PERCENT
from experiments_core.tabular.rejects import RULES
from experiments_core.tabular.text import LONGEST_CELL, LONGEST_UNIT, TOTAL_WORDS, WHITE, listed

MEASURED = (Role.OUTCOME, Role.VALUE, Role.COVARIATE, Role.TIME)
LONGEST_RAW = 2_000


def load_sifted(cursor: duckdb.DuckDBPyConnection, job: Job) -> int:
    """Read everything as text, set aside what breaks a rule, stage the rest.

    Returns:
        Number of rows read.

    Raises:
        InvalidInputError: rows cannot be split into fields, or units stand in two arms and
            that refuses the file.
    """
    forget_rejects(cursor)
    drop_tables(cursor, job.import_id)
    create_table(cursor, job)
    drop_work(cursor)
    rows, blank_lines = read_text(cursor, job)
    know_lines(cursor, job, blank_lines)
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


def drop_work(cursor: duckdb.DuckDBPyConnection) -> None:
    """Forget the work tables of the last reading."""
    for name in ("raw", "arms", "typed", "problems", "jumps"):
        cursor.execute(f"DROP TABLE IF EXISTS temp.main.{name}")


def read_text(cursor: duckdb.DuckDBPyConnection, job: Job) -> tuple[int, tuple[int, ...]]:
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


def know_lines(
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


def _convert(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Make ``typed``: one row per record with converted values, and ``problems``, empty."""
    variant = know_arms(cursor, job)
    width = len(job.names)
    text = Relation("raw", tuple(f"f{place}" for place in range(width)), ("VARCHAR",) * width)
    unit, time = job.mapping.first(Role.UNIT), job.mapping.first(Role.TIME)
    mapped = {column.position: column for column in job.mapping.columns}
    values = [
        "record",
        "arm",
        f"{_text(unit.position)} AS unit" if unit else "NULL::VARCHAR AS unit",
        f"{job.value(time, text)} AS first_ts" if time else "NULL::TIMESTAMP AS first_ts",
    ]
    values += [f"{job.value(mapped[c.position], text)} AS {c.column}" for c in job.columns]
    cursor.execute(
        f"CREATE TEMP TABLE typed AS SELECT {', '.join(values)} "
        f"FROM raw LEFT JOIN arms ON spelling = {variant}"
    )
    cursor.execute(
        "CREATE TEMP TABLE problems (record BIGINT, field INTEGER, value VARCHAR, rule VARCHAR)"
    )


def _find_rows(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Rules about a whole row, its variant and its unit; one rule per row."""
    fields = [f"coalesce(f{place}, '')" for place in range(len(job.names))]
    empty = f"trim(concat({', '.join(fields)}), {quoted(WHITE)}) = ''"
    header = " AND ".join(
        f"lower({trimmed(field)}) = {quoted(name.lower())}"
        for field, name in zip(fields, job.names, strict=True)
    )
    words = ", ".join(quoted(word) for word in sorted(TOTAL_WORDS))
    total = " OR ".join(f"lower({trimmed(field)}) IN ({words})" for field in fields)
    variant = job.mapping.named(Role.VARIANT)[0].position
    rules = [
        ("EMPTY_ROW", -1, empty),
        ("REPEATED_HEADER", -1, header),
        *other_experiments(job),
        ("TOTALS_ROW", variant, f"arm IS NULL AND ({total})"),
        ("VARIANT_BLANK", variant, "arm IS NULL"),
    ]
    rules += [
        ("CELL_LENGTH", place, f"strlen(f{place}) > {LONGEST_CELL}")
        for place in (c.position for c in job.mapping.columns if c.role is not Role.IGNORE)
    ]
    if job.known_arms is not None:
        known = ", ".join(quoted(arm) for arm in sorted(set(job.known_arms.values())))
        rules.append(("VARIANT_UNKNOWN", variant, f"arm NOT IN ({known})"))
    unit = job.mapping.first(Role.UNIT)
    if unit is not None:
        rules.append(("UNIT_BLANK", unit.position, "unit IS NULL"))
        rules.append(("UNIT_LENGTH", unit.position, f"length(unit) > {LONGEST_UNIT}"))
    set_aside(cursor, rules)


def set_aside(cursor: duckdb.DuckDBPyConnection, rules: Sequence[tuple[str, int, str]]) -> None:
    """Note each row under the first rule whose condition it meets, in one pass.

    Args:
        cursor: With ``raw``, ``typed`` and ``problems``.
        rules: Code, position of the cell to show (-1 for none) and condition.
    """
    nth = " ".join(f"WHEN {rule[2]} THEN {n}" for n, rule in enumerate(rules, start=1))
    shown = " ".join(
        f"WHEN {n} THEN left(f{place}, {LONGEST_RAW})"
        for n, (_, place, _) in enumerate(rules, start=1)
        if place >= 0
    )
    codes = ", ".join(quoted(code) for code, *_ in rules)
    places = ", ".join(str(place) for _, place, _ in rules)
    cursor.execute(
        f"INSERT INTO problems SELECT record, [{places}][nth], "
        f"coalesce(CASE nth {shown} END, ''), [{codes}][nth] FROM "
        f"(SELECT *, CASE {nth} END AS nth FROM raw JOIN typed USING (record)) "
        "WHERE nth IS NOT NULL"
    )


def other_experiments(job: Job) -> list[tuple[str, int, str]]:
    """The rule about rows that belong to another experiment, where one is read."""
    column = job.mapping.one_experiment
    return [("OTHER_EXPERIMENT", column.position, job.elsewhere)] if column else []


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
        found = quality.cut(cursor, "good", column.column, None)
        if not found.contradicted():
            continue
        cursor.execute(
            f"INSERT INTO problems SELECT record, {column.position}, {column.column}, "
            "'VARIANT_CONTRADICTED' FROM good "
            f"WHERE {quality.disagrees(column.column, found)}"
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


def add_problem(cursor: duckdb.DuckDBPyConnection, job: Job, rule: str, query: str) -> None:
    """Set rows of some units aside; the query gives record, unit and bad."""
    place = job.mapping.named(Role.UNIT)[0].position
    cursor.execute(
        f"INSERT INTO problems SELECT record, {place}, unit, {quoted(rule)} "
        f"FROM ({query}) WHERE bad"
    )


def good_rows(cursor: duckdb.DuckDBPyConnection) -> None:
    """Rows without a problem so far."""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE good AS FROM typed "
        "ANTI JOIN (SELECT DISTINCT record FROM problems) USING (record)"
    )


def refuse_crossed(cursor: duckdb.DuckDBPyConnection, job: Job, count: int) -> None:
    """Name some units that stand in two arms."""
    units = [row[0] for row in cursor.execute("SELECT unit FROM crossed LIMIT 6").fetchall()]
    name = job.mapping.named(Role.UNIT)[0].name
    raise InvalidInputError(
        f"{grouped(count)} of “{name}” stand in more than one variant: {listed(units)}.",
        code="UNIT_IN_TWO_ARMS",
        hint="Leave such units out, or count them where they were first seen.",
        details=tuple(
            Problem("unit", u, "UNIT_IN_TWO_ARMS", "one variant only") for u in units
        ),
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


def keep_rejects(cursor: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Write the rows left out into their own table, with lines and words."""
    cursor.execute("CREATE OR REPLACE TEMP TABLE words (rule VARCHAR, words VARCHAR)")
    cursor.execute(
        "INSERT INTO words SELECT unnest(?), unnest(?)",
        [list(RULES), [rule.message for rule in RULES.values()]],
    )
    cursor.execute("CREATE OR REPLACE TEMP TABLE headers (field INTEGER, name VARCHAR)")
    cursor.execute(
        "INSERT INTO headers SELECT unnest(?), unnest(?)",
        [list(range(len(job.names))), list(job.names)],
    )
    delimiter = job.mapping.dialect.delimiter
    special = quoted(f'[{delimiter}"\n]' if delimiter != "|" else '[|"\n]')
    fields = [f"f{place}" for place in range(len(job.names))]
    problems, unit = "problems", job.mapping.first(Role.UNIT)
    if unit is not None and job.unit_key is not None:
        place = unit.position
        fields[place] = job.kept(_text(place))
        value = f"CASE WHEN field = {place} THEN {job.kept('value')} ELSE value END"
        problems = f"(SELECT * REPLACE ({value} AS value) FROM problems)"
    cells = ", ".join(
        f"CASE WHEN regexp_matches({field}, {special}) "
        f"THEN '\"' || replace({field}, '\"', '\"\"') || '\"' ELSE coalesce({field}, '') END"
        for field in fields
    )
    shown = "CASE WHEN length(value) > 60 THEN left(value, 59) || '…' ELSE value END"
    message = f"replace(replace(words, '{{column}}', coalesce(name, '')), '{{value}}', {shown})"
    cursor.execute(
        f"CREATE TABLE {job.rejects} AS SELECT p.record + j.line_offset AS line, "
        "coalesce(name, '') AS column_name, coalesce(value, '') AS value, rule, "
        f"{message} AS message, "
        f"left(concat_ws({quoted(delimiter)}, {cells}), {LONGEST_RAW}) AS raw "
        f"FROM {problems} p ASOF JOIN jumps j ON p.record >= j.since JOIN words USING (rule) "
        "LEFT JOIN headers USING (field) JOIN raw USING (record) ORDER BY line, field"
    )


def _text(place: int) -> str:
    return f"nullif({trimmed(f'f{place}')}, '')"
