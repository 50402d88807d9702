"""One read-only SELECT on published views, for people who know what they ask."""

from __future__ import annotations

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services.workspace import Workspace
from experiments_core.store.published import Selected, select

LONGEST = 20_000


def run_sql(ws: Workspace, actor: Actor, sql: str) -> Selected:
    """Run one SELECT over the organisation's published views.

    Args:
        ws: The workspace.
        actor: Who asks; needs the right to read by SQL.
        sql: One statement that names views of :data:`experiments_core.store.published.VIEWS`.

    Raises:
        InvalidInputError: it is no single SELECT over these views, or DuckDB refuses it.
        BusyError: it took longer than 10 seconds.
    """
    require(actor, Permission.SQL)
    if not 1 <= len(sql.strip()) <= LONGEST:
        message = f"sql has 1 to {LONGEST} characters"
        raise InvalidInputError(
            f"{message}.", details=(Problem("sql", None, "LENGTH", message),)
        )
    return select(ws.db, actor.org_id, sql)
