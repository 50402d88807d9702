"""Views that people may query by SQL: an organisation's rows in a database of their own.

The query runs in an in-memory DuckDB that holds nothing but copies of the published rows and
has neither files nor extensions, so there is no other table, organisation or file to reach.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

import duckdb

from experiments_core.errors import BusyError, InvalidInputError, Problem
from experiments_core.store.database import Database

MOST_ROWS = 100_000
SECONDS = 10.0
MEMORY = "512MB"

VIEWS: dict[str, str] = {
    "experiments": (
        "SELECT id, key, slug, name, version, status, doc->>'type' AS type, "
        "doc->>'project' AS project, doc->>'environment' AS environment, "
        "doc->>'owner' AS owner, doc->>'hypothesis' AS hypothesis, "
        "doc->>'conclusion' AS conclusion, doc->>'winner' AS winner, "
        "CAST(doc->>'allocation_bp' AS INTEGER) AS allocation_bp, "
        "CAST(doc->>'holdout_bp' AS INTEGER) AS holdout_bp, sample, created_by, created_at, "
        "updated_at, CAST(doc->>'first_started_at' AS TIMESTAMP) AS first_started_at, "
        "CAST(doc->>'stopped_at' AS TIMESTAMP) AS stopped_at, deleted_at "
        "FROM experiments WHERE org_id = ?"
    ),
    "variants": (
        "SELECT id AS experiment_id, v->>'key' AS key, v->>'name' AS name, "
        "CAST(v->>'is_control' AS BOOLEAN) AS is_control, "
        "CAST(v->>'weight_bp' AS INTEGER) AS weight_bp FROM (SELECT id, "
        "unnest(CAST(doc->'variants' AS JSON[])) AS v FROM experiments WHERE org_id = ?)"
    ),
    "phases": (
        "SELECT p.* FROM phases p JOIN experiments e ON e.id = p.experiment_id "
        "WHERE e.org_id = ?"
    ),
    "looks": (
        "SELECT l.id, l.experiment_id, l.no, l.taken_at, l.actor, l.trigger, l.data_hash, "
        "l.engine_version, l.verdict, l.views FROM looks l "
        "JOIN experiments e ON e.id = l.experiment_id WHERE e.org_id = ?"
    ),
    "results": (
        "SELECT look_id, experiment_id, no, m->>'key' AS metric, m->>'kind' AS kind, "
        "m->>'role' AS role, a->>'variant' AS variant, CAST(a->>'n' AS BIGINT) AS n, "
        "CAST(a->>'conversions' AS BIGINT) AS conversions, "
        "CAST(a->>'value' AS DOUBLE) AS value, "
        "CAST(a->>'difference' AS DOUBLE) AS difference, "
        "CAST(a->>'relative_lift' AS DOUBLE) AS relative_lift, "
        "CAST(a->>'p_value' AS DOUBLE) AS p_value, "
        "CAST(a->>'significant' AS BOOLEAN) AS significant, a->>'verdict' AS verdict "
        "FROM (SELECT look_id, experiment_id, no, m, "
        "unnest(CAST(m->'arms' AS JSON[])) AS a FROM (SELECT l.id AS look_id, "
        "l.experiment_id, l.no, unnest(CAST(l.results->'metrics' AS JSON[])) AS m "
        "FROM looks l JOIN experiments e ON e.id = l.experiment_id WHERE e.org_id = ? AND NOT "
        "(coalesce(e.doc->'plan'->>'lock_results', 'false') = 'true' AND "
        "l.results->>'final' = 'false' AND e.status IN ('draft', 'running', 'paused'))))"
    ),
    "imports": (
        "SELECT id, experiment_id, file_name, bytes, sha256, shape, rows_read, rows_used, "
        "rows_left_out, state, actor, created_at, committed_at, undone_at "
        "FROM imports WHERE org_id = ?"
    ),
}
"""Name -> the query that fills it, with the organisation as its one parameter."""


@dataclass(frozen=True, slots=True)
class Selected:
    """Rows of a query as JSON values.

    Attributes:
        truncated: There were more rows than are given.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


def select(database: Database, org_id: str, sql: str) -> Selected:
    """Run one SELECT over an organisation's published views.

    Raises:
        InvalidInputError: it is not one SELECT, or DuckDB refuses it.
        BusyError: it took longer than 10 seconds.
    """
    with duckdb.connect(config=_CONFIG) as connection:
        _publish(database, org_id, connection)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        _check(connection, sql)
        timer = threading.Timer(SECONDS, connection.interrupt)
        timer.start()
        try:
            connection.execute(sql)
            rows = connection.fetchmany(MOST_ROWS + 1)
            columns = tuple(str(column[0]) for column in connection.description or ())
        except duckdb.InterruptException:
            raise BusyError(
                f"The query took longer than {SECONDS:g} seconds.",
                code="QUERY_TIMEOUT",
                hint="Ask for less, or take the data out with an export.",
            ) from None
        except duckdb.Error as error:
            raise _refuse(sql, str(error).splitlines()[0]) from None
        finally:
            timer.cancel()
    shown = tuple(tuple(_plain(value) for value in row) for row in rows[:MOST_ROWS])
    return Selected(columns, shown, len(rows) > MOST_ROWS)


_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "memory_limit": MEMORY,
    "max_temp_directory_size": "0KB",
    "threads": 1,
}


def _publish(database: Database, org_id: str, connection: duckdb.DuckDBPyConnection) -> None:
    for name, query in VIEWS.items():
        with database.read() as cursor:
            table = cursor.sql(query, params=[org_id]).to_arrow_table()
        connection.register("incoming", table)
        connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM incoming')
        connection.unregister("incoming")


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise _refuse(sql, str(error).splitlines()[0]) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise _refuse(sql, "this takes one SELECT and nothing else")


def _refuse(sql: str, why: str) -> InvalidInputError:
    message = f"The query cannot be run: {why[:500]}"
    return InvalidInputError(
        message if message.endswith((".", "!", "?")) else f"{message}.",
        code="BAD_QUERY",
        hint=f"There are the views {', '.join(VIEWS)}.",
        details=(Problem("sql", sql[:200], "PATTERN", why[:500]),),
    )


def _plain(value: Any) -> Any:
    """A value as JSON holds it; what is not finite is null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
