"""One row per unit out of the log of exposures and events. DuckDB's dialect; text only.

The text has the parameters ``org`` and ``experiment``, unless the query names both itself. A
unit's first exposure counts; what it did is counted from there, inside each column's window,
however late or out of order the events came. ``why`` is NULL for units that are analysed and
names the reason for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from experiments_core.domain.event_columns import EventColumn
from experiments_core.query.literals import moment_sql, quoted
from experiments_core.query.units import ROWS

CROSSED = "crossed"
CONTAMINATED = "contaminated"
OVERRIDDEN = "overridden"
HELD_OUT = "holdout"
NOT_IN_TEST = "not_in_test"
NOT_EXPOSED = "not_exposed"


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
        touched: Only the units of this table, None for all.
        log: Relation with the events; those of the touched units when there are such.
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
    log: str = "events"
    org: str = "$org"
    experiment: str = "$experiment"
    by_hand: bool = field(default=True, repr=False)


def names_of(columns: Sequence[EventColumn]) -> tuple[str, ...]:
    """Events that some columns read, each once."""
    return tuple(dict.fromkeys(column.event for column in columns))


def units_sql(query: UnitsQuery) -> str:
    """Write the query: unit, arm, first_ts, assigned_ts, c0 …, why, mismatch."""
    made = [*_made_columns(query)]
    selected = "".join(f",\n    {expression} AS {name}" for name, expression in made)
    events = "e.unit IS NOT NULL" if query.columns else "FALSE"
    if query.since is not None:  # what came in earlier runs is counted there
        events += f" AND e.ts >= {moment_sql(query.since)}"
    return (
        f"WITH exposed AS (\n{_exposed(query)}\n),\n"
        f"assigned AS (\n{_assigned(query)}\n),\n"
        f"{_given(query)}"
        f"facts AS (\n{_facts(query)}\n),\n"
        f"everyone AS (\n{_everyone(query)}\n)\n"
        f"SELECT\n    u.unit, any_value(u.arm) AS arm, any_value(u.first_ts) AS first_ts, "
        f"any_value(u.assigned_ts) AS assigned_ts{selected},\n"
        f"    any_value({_why(query)}) AS why,\n"
        "    coalesce(any_value(u.mismatch), FALSE) AS mismatch,\n"
        f"    count(*) FILTER (WHERE {events}) AS happened, "
        "coalesce(any_value(u.exposures), 0) AS exposures\n"
        "FROM everyone u LEFT JOIN facts e ON e.unit = u.unit\nGROUP BY u.unit\n"
        "HAVING any_value(u.exposures) > 0 OR any_value(u.known) OR count(e.unit) > 0"
    )


def touched_sql(columns: Sequence[EventColumn]) -> str:
    """Units with something new after a commit: parameters org, experiment, after."""
    named = ", ".join(map(quoted, names_of(columns)))
    metric = f"OR (type = 'metric' AND name IN ({named}))" if named else ""
    return (
        "SELECT unit FROM events WHERE seq > $after AND org_id = $org "
        f"AND ((type = 'exposure' AND experiment_id = $experiment) {metric}) "
        "AND (experiment_id IS NULL OR experiment_id = $experiment) "
        "UNION SELECT unit FROM assignments WHERE seq > $after AND experiment_id = $experiment"
    )


def _exposed(query: UnitsQuery) -> str:
    segments = "".join(
        f", arg_min(json_extract_string(attributes, {quoted(_path(name))}), ts) AS s{i}"
        for i, name in enumerate(query.segments)
    )
    since = "" if query.since is None else f" AND ts >= {moment_sql(query.since)}"
    since += _until(query)
    return (
        "    SELECT unit, MIN(ts) AS first_ts, count(*) AS exposures, "
        "arg_min(variant, ts) AS reported, MIN(variant) AS one_arm, MAX(variant) AS other_arm"
        f"{segments}\n    FROM {query.log} WHERE type = 'exposure' AND org_id = {query.org} "
        f"AND experiment_id = {query.experiment}{since}\n    GROUP BY unit"
    )


def _assigned(query: UnitsQuery) -> str:
    until = "" if query.until_run is None else f" AND run_no < {query.until_run}"
    return (
        "    SELECT unit, TRUE AS known, MIN(assigned_at) AS assigned_ts, "
        "arg_min(struct_pack(arm := variant), seq).arm AS arm\n"
        f"    FROM assignments WHERE experiment_id = {query.experiment} "
        f"AND run_no >= {query.since_run}{until}{_touched(query)}\n    GROUP BY unit"
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
    named = ", ".join(map(quoted, names_of(query.columns))) or "NULL"
    return (
        f"    SELECT unit, name, ts, seq, value FROM {query.log}\n"
        f"    WHERE type = 'metric' AND org_id = {query.org} AND name IN ({named}) "
        f"AND (experiment_id IS NULL OR experiment_id = {query.experiment}){_until(query)}"
    )


def _everyone(query: UnitsQuery) -> str:
    """Every unit that was exposed, assigned or did something, with its arm and times."""
    segments = "".join(f", x.s{i}" for i in range(len(query.segments)))
    arm = served = "x.reported"
    given = "g.variant" if query.by_hand else "NULL::VARCHAR"
    if not query.external:
        held = "NULL" if query.held is None else quoted(query.held)
        arm, served = (
            f"CASE WHEN a.known THEN coalesce(a.arm, {instead}) ELSE {given} END"
            for instead in (held, quoted(query.fallback))
        )
    assigned = "x.first_ts" if query.external else "a.assigned_ts"
    first = f"coalesce(x.first_ts, {assigned})" if query.assigned_is_exposed else "x.first_ts"
    return (
        f"    SELECT unit, {arm} AS arm, {first} AS first_ts, {assigned} AS assigned_ts, "
        f"x.exposures, x.one_arm, x.other_arm, a.known, {given} AS given_arm, "
        f"{'o.variant' if query.by_hand else 'NULL::VARCHAR'} AS override, "
        f"x.one_arm <> {served} OR x.other_arm <> {served} AS mismatch{segments}\n"
        f"    FROM {_base(query)}\n"
        "    LEFT JOIN exposed x USING (unit) LEFT JOIN assigned a USING (unit)"
        f"{_hands(query)}"
    )


def _base(query: UnitsQuery) -> str:
    """Every unit that anything is known of; of touched units perhaps some that are not."""
    if query.touched is not None:
        return f"{query.touched} base"
    return (
        "(SELECT unit FROM exposed UNION SELECT unit FROM assigned "
        "UNION SELECT unit FROM facts) base"
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


def _made_columns(query: UnitsQuery) -> list[tuple[str, str]]:
    made = [(f"c{i}", _aggregate(column)) for i, column in enumerate(query.columns)]
    begin = len(made)
    made += [(f"c{begin + i}", f"any_value(u.s{i})") for i in range(len(query.segments))]
    made += [
        (f"c{i}{ROWS}", f"list(e.value) {_counted(column, 'e.value IS NOT NULL')}")
        for i, column in enumerate(query.columns)
        if column.aggregation == "rows"
    ]
    return made


def _aggregate(column: EventColumn) -> str:
    inside = _counted(column)
    match column.aggregation:
        case "any":
            return f"coalesce(CAST(bool_or(coalesce(e.value, 1) <> 0) {inside} AS DOUBLE), 0.0)"
        case "count":
            return f"CAST(count(*) {inside} AS DOUBLE)"
        case "sum" | "rows":
            return f"coalesce(sum(e.value) {inside}, 0.0)"
        case "last":
            return f"arg_max(e.value, (e.ts, e.seq)) {inside}"
        case "mean":
            return f"avg(e.value) {inside}"
        case other:
            return f"{other}(e.value) {inside}"


def _counted(column: EventColumn, *further: str) -> str:
    """The clause that lets only the events of a column count."""
    conditions = (f"e.name = {quoted(column.event)}", _inside(column), *further)
    return f"FILTER (WHERE {' AND '.join(conditions)})"


def _inside(column: EventColumn) -> str:
    if column.before:
        return "e.ts < u.first_ts"
    begin = f"u.first_ts + to_days({column.delay_days})"
    if not column.window_days:
        return f"e.ts >= {begin}"
    end = column.delay_days + column.window_days
    return f"e.ts >= {begin} AND e.ts < u.first_ts + to_days({end})"


def _until(query: UnitsQuery) -> str:
    return "" if query.until is None else f" AND ts < {moment_sql(query.until)}"


def _touched(query: UnitsQuery, column: str = "unit") -> str:
    if query.touched is None:
        return ""
    return f" AND {column} IN (SELECT unit FROM {query.touched})"


def _path(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'$."{escaped}"'
