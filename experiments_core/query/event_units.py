"""One row per unit out of the log of exposures and events. DuckDB's dialect; text only.

The text has the parameters ``org`` and ``experiment``, unless the query names both itself. A
unit's first exposure counts; what it did is counted from there, inside each column's window,
however late or out of order the events came. ``why`` is NULL for units that are analysed and
names the reason for the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from experiments_core.domain.event_columns import EventColumn
from experiments_core.query.event_numbers import happened, lists_of, names_of, numbers_of
from experiments_core.query.literals import moment_sql, quoted

CROSSED = "crossed"
CONTAMINATED = "contaminated"
OVERRIDDEN = "overridden"
HELD_OUT = "holdout"
NOT_IN_TEST = "not_in_test"
NOT_EXPOSED = "not_exposed"

ASSIGNED = "assigned"
"""Type of an assignment that lies among the events of touched units."""
HASH, NEWEST = "unit_hash", "newest_ts"
"""Columns that find a unit, and tell its newest exposure where exposures carry attributes."""


@dataclass(frozen=True, slots=True)
class UnitsQuery:
    """Which units are wanted, with which columns.

    Attributes:
        columns: ``c0``, ``c1`` … in order.
        segments: Names of the attributes of the first exposure; they follow the columns.
        external: The arm is the one that the first exposure reports.
        held: Arm under which held-out units are measured; None leaves them out.
        fallback: Arm whose value a held-out unit is served.
        since: Exposures before this moment do not count (units were assigned afresh).
        since_run: First run whose assignments still hold.
        until: Exposures and events from this moment on do not count; None counts all.
        until_run: Assignments of this run and later ones do not count.
        assigned_is_exposed: The service sends no exposures: the assignment stands for them.
        touched: Only the units of this table, None for all. It tells what their exposures
            and assignments tell.
        log: Where ``touched`` is told, the relation with all their events.
        org: The organisation, as an expression.
        experiment: The experiment, as an expression.
        by_hand: Some unit was given an arm by hand; else nobody looks for such. It does not
            belong to the name of the query, since what was given by hand is told beside it.
    """

    columns: tuple[EventColumn, ...]
    segments: tuple[str, ...] = ()
    external: bool = False
    held: str | None = None
    fallback: str = ""
    since: datetime | None = None
    since_run: int = 1
    until: datetime | None = None
    until_run: int | None = None
    assigned_is_exposed: bool = False
    touched: str | None = None
    log: str = ""
    org: str = "$org"
    experiment: str = "$experiment"
    by_hand: bool = field(default=True, repr=False)


def units_sql(query: UnitsQuery) -> str:
    """Write the query: unit, arm, first_ts, assigned_ts, c0 …, why, mismatch and counts."""
    begin = len(query.columns)
    made = [
        *numbers_of(query.columns),
        *((f"c{begin + i}", f"any_value(u.s{i})") for i in range(len(query.segments))),
        *lists_of(query.columns),
    ]
    selected = "".join(f",\n    {expression} AS {name}" for name, expression in made)
    newest = f", any_value(u.{NEWEST}) AS {NEWEST}" if query.segments else ""
    return (
        f"WITH {_told(query)}{_given(query)}"
        f"facts AS (\n{_facts(query)}\n),\n"
        f"everyone AS (\n{_everyone(query)}\n)\n"
        f"SELECT\n    u.unit, any_value(u.arm) AS arm, any_value(u.first_ts) AS first_ts, "
        f"any_value(u.assigned_ts) AS assigned_ts{selected},\n"
        f"    any_value({_why(query)}) AS why,\n"
        "    coalesce(any_value(u.mismatch), FALSE) AS mismatch,\n"
        f"    {happened(query.columns, query.since)} AS happened, "
        "coalesce(any_value(u.exposures), 0) AS exposures,\n"
        f"    {hash_sql('u.unit')} AS {HASH}{newest}\n"
        "FROM everyone u LEFT JOIN facts e ON e.unit = u.unit\nGROUP BY u.unit\n"
        "HAVING any_value(u.exposures) > 0 OR any_value(u.known) OR count(e.unit) > 0"
    )


def counted_events(query: UnitsQuery) -> str:
    """The condition on events that some column reads."""
    named = ", ".join(map(quoted, names_of(query.columns))) or "NULL"
    return (
        f"type = 'metric' AND org_id = {query.org} AND name IN ({named}) "
        f"AND (experiment_id IS NULL OR experiment_id = {query.experiment})"
    )


def hash_sql(unit: str) -> str:
    """A number that nearly always tells units apart: it is compared before the texts are."""
    return f"CAST(hash({unit}) & {2**32 - 1} AS UINTEGER)"


def exposed_columns(query: UnitsQuery, which: str = "") -> str:
    """What exposures tell of a unit.

    Args:
        query: Which segments are wanted.
        which: A FILTER clause where there are other rows too.
    """
    segments = "".join(
        f", arg_min(json_extract_string(attributes, {_path(name)}), ts) {which} AS s{i}"
        for i, name in enumerate(query.segments)
    )
    segments += f", MAX(ts) {which} AS {NEWEST}" if query.segments else ""
    reported = f"arg_min(variant, ts) {which} AS reported, " if query.external else ""
    return (
        f"MIN(ts) {which} AS first_ts, count(*) {which} AS exposures, "
        f"{reported}"
        f"MIN(variant) {which} AS one_arm, MAX(variant) {which} AS other_arm{segments}"
    )


def assigned_columns(at: str, which: str = "") -> str:
    """What assignments tell of a unit: since when it has one, and its arm."""
    return f"MIN({at}) {which} AS assigned_ts, arg_min_null(variant, seq) {which} AS arm"


def hidden(query: UnitsQuery) -> tuple[str, ...]:
    """Columns that are of use to those who bring units up to date only."""
    return ("why", "happened", "exposures", HASH, *((NEWEST,) if query.segments else ()))


def _told(query: UnitsQuery) -> str:
    if query.touched is not None:
        return ""
    return f"exposed AS (\n{_exposed(query)}\n),\nassigned AS (\n{_assigned(query)}\n),\n"


def _exposed(query: UnitsQuery) -> str:
    since = "" if query.since is None else f" AND ts >= {moment_sql(query.since)}"
    since += _until(query)
    return (
        f"    SELECT unit, {exposed_columns(query)}\n"
        f"    FROM events WHERE type = 'exposure' AND org_id = {query.org} "
        f"AND experiment_id = {query.experiment}{since}\n    GROUP BY unit"
    )


def _assigned(query: UnitsQuery) -> str:
    until = "" if query.until_run is None else f" AND run_no < {query.until_run}"
    return (
        f"    SELECT unit, TRUE AS known, {assigned_columns('assigned_at')}\n"
        f"    FROM assignments WHERE experiment_id = {query.experiment} "
        f"AND run_no >= {query.since_run}{until}\n    GROUP BY unit"
    )


def _given(query: UnitsQuery) -> str:
    if not query.by_hand:
        return ""
    holds = "reverted_at IS NULL"
    if query.until is not None:
        end = moment_sql(query.until)
        holds = f"created_at < {end} AND (reverted_at IS NULL OR reverted_at >= {end})"
    return (
        "given AS (\n    SELECT unit_id AS unit, arg_max(variant, created_at) AS variant\n"
        f"    FROM deployments WHERE experiment_id = {query.experiment} "
        f"AND target = 'participant' AND {holds}{_touched(query, 'unit_id')}\n"
        "    GROUP BY unit_id\n),\n"
    )


def _facts(query: UnitsQuery) -> str:
    if query.touched is not None:
        return f"    SELECT unit, name, ts, seq, value FROM {query.log} WHERE type = 'metric'"
    return (
        "    SELECT unit, name, ts, seq, value FROM events\n"
        f"    WHERE {counted_events(query)}{_until(query)}"
    )


def _everyone(query: UnitsQuery) -> str:
    """Every unit that was exposed, assigned or did something, with its arm and times."""
    x, a = ("x", "a") if query.touched is None else ("t", "t")
    segments = "".join(f", {x}.s{i}" for i in range(len(query.segments)))
    segments += f", {x}.{NEWEST}" if query.segments else ""
    arm = served = f"{x}.reported"
    given = "g.variant" if query.by_hand else "NULL::VARCHAR"
    if not query.external:
        held = "NULL" if query.held is None else quoted(query.held)
        arm, served = (
            f"CASE WHEN {a}.known THEN coalesce({a}.arm, {instead}) ELSE {given} END"
            for instead in (held, quoted(query.fallback))
        )
    first = f"{x}.first_ts"
    assigned = first if query.external else f"{a}.assigned_ts"
    if query.assigned_is_exposed:
        first = f"coalesce({first}, {assigned})"
    return (
        f"    SELECT unit, {arm} AS arm, {first} AS first_ts, {assigned} AS assigned_ts, "
        f"{x}.exposures, {x}.one_arm, {x}.other_arm, {a}.known, {given} AS given_arm, "
        f"{'o.variant' if query.by_hand else 'NULL::VARCHAR'} AS override, "
        f"{x}.one_arm <> {served} OR {x}.other_arm <> {served} AS mismatch{segments}\n"
        f"    FROM {_base(query)}{_hands(query)}"
    )


def _base(query: UnitsQuery) -> str:
    """Every unit that anything is known of, with what was told of it."""
    if query.touched is not None:
        return f"{query.touched} t"
    return (
        "(SELECT unit FROM exposed UNION SELECT unit FROM assigned "
        "UNION SELECT unit FROM facts) base\n"
        "    LEFT JOIN exposed x USING (unit) LEFT JOIN assigned a USING (unit)"
    )


def _hands(query: UnitsQuery) -> str:
    if not query.by_hand:
        return ""
    return (
        "\n    LEFT JOIN given g USING (unit)\n"
        "    LEFT JOIN (SELECT unit, variant FROM overrides "
        f"WHERE experiment_id = {query.experiment}) o USING (unit)"
    )


def _why(query: UnitsQuery) -> str:
    known = (
        ""
        if query.external
        else (
            f"WHEN u.known IS NULL AND u.given_arm IS NULL THEN '{NOT_IN_TEST}' "
            f"WHEN u.arm IS NULL THEN '{HELD_OUT}' "
        )
    )
    return (
        f"CASE WHEN u.first_ts IS NULL THEN '{NOT_EXPOSED}' "
        f"WHEN u.override IS NOT NULL THEN '{OVERRIDDEN}' {known}"
        f"WHEN u.given_arm IS NOT NULL AND (u.known IS NULL OR u.given_arm <> u.arm) "
        f"THEN '{CONTAMINATED}' "
        f"WHEN u.one_arm <> u.other_arm THEN '{CROSSED}' "
        f"WHEN u.arm IS NULL THEN '{NOT_IN_TEST}' END"
    )


def _until(query: UnitsQuery) -> str:
    return "" if query.until is None else f" AND ts < {moment_sql(query.until)}"


def _touched(query: UnitsQuery, column: str = "unit") -> str:
    if query.touched is None:
        return ""
    return f" AND {column} IN (SELECT unit FROM {query.touched})"


def _path(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return quoted(f'$."{escaped}"')
