"""What came for the units of a log, and what becomes of their rows. Text only.

Most units that something comes for are settled: nothing that came changes what was known of
their exposures, so their numbers grow by the new events. The others are made of all their
events again, in the words of :func:`~experiments_core.query.event_units.units_sql`.
"""

from __future__ import annotations

from experiments_core.query.event_numbers import (
    cannot_grow,
    grown_lists,
    grown_numbers,
    happened,
)
from experiments_core.query.event_units import (
    HASH,
    NEWEST,
    UnitsQuery,
    assigned_columns,
    counted_events,
    exposed_columns,
    hash_sql,
)
from experiments_core.query.literals import moment_sql, quoted

CAME, TOUCHED, PLACES, KNOWN = "came", "touched_units", "known_places", "known_units"
"""Temporary tables: what came with what came before, the units that something came for, where
rows of theirs may lie, and these rows. Filling one takes longer than reading the end of the log
three times, so only units that are not settled have their events in a table."""
_ASSIGNED = "assigned"
_EVENTS = "SELECT type, unit, name, variant, ts, value, attributes, seq FROM events"


def came_sql(query: UnitsQuery) -> str:
    """Events and assignments after a commit: parameters org, experiment, after."""
    return (
        f"{_EVENTS} WHERE seq > $after AND {_about(query)} "
        f"UNION ALL {_assignments(query)} AND seq > $after"
    )


def facts_sql(query: UnitsQuery) -> str:
    """Of these the events that some column reads."""
    return f"{_EVENTS} WHERE seq > $after AND {counted_events(query)}"


def together_sql(query: UnitsQuery) -> str:
    """All that came after it, and up to it for known units that are not settled."""
    units = f"(SELECT unit FROM {KNOWN} WHERE NOT settled)"
    return (
        f"{came_sql(query)} UNION ALL {_EVENTS} SEMI JOIN {units} USING (unit) "
        f"WHERE seq <= $after AND {_about(query)} "
        f"UNION ALL {_assignments(query)} AND seq <= $after AND unit IN {units}"
    )


def touched_sql(query: UnitsQuery, came: str, *, unsettled: bool = False) -> str:
    """The units of what came, and what that tells of each.

    Args:
        query: Which units are wanted.
        came: The relation with what came.
        unsettled: Only those that are not settled.
    """
    exposed = "type = 'exposure'"
    if query.since is not None:
        exposed += f" AND ts >= {moment_sql(query.since)}"
    which = f"FILTER (WHERE {exposed})"
    again = f"type = '{_ASSIGNED}'"
    if names := cannot_grow(query.columns):
        again += f" OR name IN ({', '.join(map(quoted, names))})"
    told = ""
    if query.segments:
        told = f", MIN(ts) FILTER (WHERE {exposed} AND attributes IS NOT NULL) AS told_ts"
    assigned = f"FILTER (WHERE type = '{_ASSIGNED}')"
    others = f" ANTI JOIN (SELECT unit FROM {KNOWN} WHERE settled) USING (unit)"
    return (
        f"SELECT unit, {hash_sql('unit')} AS {HASH}, {exposed_columns(query, which)}, "
        f"bool_or(TRUE) {assigned} AS known, {assigned_columns('ts', assigned)}, "
        f"bool_or({again}) AS again{told} "
        f"FROM {came}{others if unsettled else ''} GROUP BY unit"
    )


def places_sql(table: str) -> str:
    """Where rows of touched units lie, and few of others, and where that is told of them."""
    return (
        f"SELECT u.rowid AS place, t.rowid AS told "
        f"FROM {table} u JOIN {TOUCHED} t USING ({HASH})"
    )


def known_sql(query: UnitsQuery, table: str) -> str:
    """These rows, and whether what came leaves them ``settled``; NULL for rows of other units.

    With a condition instead, the engine would compare every unit of the table with every
    touched one.
    """
    newest = f"t.{NEWEST} AS last_ts, " if query.segments else ""
    return (
        f"SELECT p.place, u.*, t.exposures AS came, {newest}"
        f"CASE WHEN u.unit = t.unit THEN {_settled(query)} END AS settled "
        f"FROM {PLACES} p JOIN {table} u ON u.rowid = p.place "
        f"JOIN {TOUCHED} t ON t.rowid = p.told"
    )


def grown_sql(query: UnitsQuery) -> str:
    """New rows of the settled units, in the columns of the units."""
    begin = len(query.columns)
    stays = [f"c{begin + i}" for i in range(len(query.segments))]
    made = [
        *_kept("arm", "first_ts", "assigned_ts"),
        *grown_numbers(query.columns),
        *_kept(*stays),
        *grown_lists(query.columns),
        *_kept("why", "mismatch"),
        ("happened", f"any_value(u.happened) + {happened(query.columns, query.since)}"),
        ("exposures", "any_value(u.exposures) + any_value(u.came)"),
        *_kept(HASH),
    ]
    if query.segments:
        made.append((NEWEST, f"greatest(any_value(u.{NEWEST}), any_value(u.last_ts))"))
    selected = "".join(f", {expression} AS {name}" for name, expression in made)
    return (
        f"SELECT u.unit{selected} FROM {KNOWN} u "
        f"LEFT JOIN ({facts_sql(query)}) e ON e.unit = u.unit "
        "WHERE u.settled GROUP BY u.unit"
    )


def _about(query: UnitsQuery) -> str:
    return (
        f"((type = 'exposure' AND org_id = {query.org} AND experiment_id = {query.experiment}) "
        f"OR ({counted_events(query)}))"
    )


def _assignments(query: UnitsQuery) -> str:
    return (
        f"SELECT '{_ASSIGNED}', unit, '', variant, assigned_at, NULL, NULL, seq "
        f"FROM assignments WHERE experiment_id = {query.experiment} "
        f"AND run_no >= {query.since_run}"
    )


def _kept(*names: str) -> list[tuple[str, str]]:
    return [(name, f"any_value(u.{name})") for name in names]


def _settled(query: UnitsQuery) -> str:
    """Whether what came leaves a unit's first exposure, arms and segments as they are."""
    arm = "u.arm"
    if not query.external:
        own = "u.arm" if query.held is None else f"nullif(u.arm, {quoted(query.held)})"
        arm = f"coalesce({own}, {quoted(query.fallback)})"
    same_arm = f"(NOT u.mismatch AND t.one_arm = {arm} AND t.other_arm = {arm})"
    later = f"t.first_ts >= u.first_ts AND (t.one_arm IS NULL OR {same_arm})"
    if query.segments:
        begin = len(query.columns)
        has = " AND ".join(
            f"(t.s{i} IS NULL OR u.c{begin + i} IS NOT NULL)"
            for i in range(len(query.segments))
        )
        later += f" AND (t.told_ts IS NULL OR (t.told_ts > u.{NEWEST} AND {has}))"
    return f"NOT t.again AND (t.exposures = 0 OR coalesce({later}, FALSE))"
