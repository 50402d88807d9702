"""A table of units under another rule for those seen in two arms. DuckDB's dialect; text only.

Of an upload the rows of such units lie beside the table of units, as they count where the unit
was first seen (``is_crossed``), with what later imports brought of the same units. Of a unit
the row of the earliest import counts, as when files are added one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from experiments_core.query.literals import moment_sql, quoted

EXCLUDE, FIRST_SEEN = "exclude", "first_seen"


def other_units_sql(table: str, beside: str, imports: Sequence[str], rule: str) -> str:
    """Write the units of an upload under one rule.

    Args:
        table: The table of units, whatever rule it was read by.
        beside: The rows of units that some import has in two arms.
        imports: Ids of the imports, in the order in which they came.
        rule: ``exclude`` or ``first_seen``.
    """
    order = ", ".join(map(quoted, imports))
    kept = "WHERE NOT is_crossed " if rule == EXCLUDE else ""
    return (
        f"SELECT * FROM {table} ANTI JOIN {beside} USING (unit) UNION ALL BY NAME "
        "SELECT * EXCLUDE (is_crossed) FROM ("
        f"SELECT * FROM {beside} UNION ALL BY NAME SELECT *, FALSE AS is_crossed FROM {table} "
        f"SEMI JOIN {beside} USING (unit) ANTI JOIN {beside} USING (unit, import_id)) {kept}"
        "QUALIFY row_number() OVER (PARTITION BY unit "
        f"ORDER BY list_position([{order}], import_id)) = 1"
    )


def first_seen_events_sql(
    table: str, log: str, org_id: str, experiment_id: str, since: datetime | None
) -> str:
    """Write the units of the log of events with those in two arms where they were first seen.

    Args:
        table: The units that are analysed.
        log: Every unit that the log knows of, with why it is not analysed.
        org_id: The organisation.
        experiment_id: The experiment.
        since: Exposures before this moment do not count (units were assigned afresh).
    """
    after = "" if since is None else f" AND ts >= {moment_sql(since)}"
    return (
        f"SELECT * FROM {table} UNION ALL BY NAME "
        "SELECT l.* EXCLUDE (why, happened, exposures) REPLACE (seen AS arm) "
        f"FROM (SELECT * FROM {log} WHERE why = 'crossed') l JOIN ("
        "SELECT unit, arg_min(variant, (ts, seq)) AS seen FROM events "
        f"SEMI JOIN (SELECT unit FROM {log} WHERE why = 'crossed') USING (unit) "
        f"WHERE type = 'exposure' AND org_id = {quoted(org_id)} "
        f"AND experiment_id = {quoted(experiment_id)}{after} GROUP BY unit) s USING (unit)"
    )
