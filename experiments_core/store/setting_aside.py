"""Rows set aside, each with the rule it breaks, and kept with their lines and words."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from experiments_core.domain.source import Role
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.query.literals import quoted
from experiments_core.store.conversion_text import cell_text, trimmed
from experiments_core.store.staging_job import Job
from experiments_core.tabular.rejects import RULES
from experiments_core.tabular.text import WHITE, listed

LONGEST_RAW = 2_000

Rule = tuple[str, int, str]
"""Code, position of the cell to show (-1 for none), and condition of a row."""


def set_aside(cursor: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """Note each row under the first rule whose condition it meets, in one pass.

    Args:
        cursor: With ``raw``, ``typed`` and ``problems``.
        rules: In order.
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


def row_rules(job: Job) -> list[Rule]:
    """Rules about a row as a whole: empty, a second header, of another experiment."""
    fields = [f"coalesce(f{place}, '')" for place in range(len(job.names))]
    header = " AND ".join(
        f"lower({trimmed(field)}) = {quoted(name.lower())}"
        for field, name in zip(fields, job.names, strict=True)
    )
    rules: list[Rule] = [
        ("EMPTY_ROW", -1, f"trim(concat({', '.join(fields)}), {quoted(WHITE)}) = ''"),
        ("REPEATED_HEADER", -1, header),
    ]
    column = job.mapping.one_experiment
    if column is not None:
        rules.append(("OTHER_EXPERIMENT", column.position, job.elsewhere))
    return rules


def unknown_variant(job: Job) -> list[Rule]:
    """The rule about arms that the experiment does not have, where it has some."""
    if job.known_arms is None:
        return []
    known = ", ".join(quoted(arm) for arm in sorted(set(job.known_arms.values())))
    place = job.mapping.named(Role.VARIANT)[0].position
    return [("VARIANT_UNKNOWN", place, f"arm NOT IN ({known})")]


def add_problem(cursor: duckdb.DuckDBPyConnection, job: Job, rule: str, query: str) -> None:
    """Set rows of some units aside; the query gives record, unit and bad."""
    place = job.mapping.named(Role.UNIT)[0].position
    cursor.execute(
        f"INSERT INTO problems SELECT record, {place}, unit, {quoted(rule)} "
        f"FROM ({query}) WHERE bad"
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
    special = quoted(f'[{delimiter}"\n]')
    fields = [f"f{place}" for place in range(len(job.names))]
    problems, unit = "problems", job.mapping.first(Role.UNIT)
    if unit is not None and job.unit_key is not None:
        place = unit.position
        fields[place] = job.kept(cell_text(place))
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
