"""SQL for people who know what they ask."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, One
from experiments_core.domain.access import Permission
from experiments_core.services import sql_console

door = Door("SQL")


class Query(Body):
    """One SELECT over experiments, variants, phases, looks, results and imports."""

    sql: Annotated[str, Field(min_length=1, max_length=20_000)]


class RowsAnswer(Answer):
    """Rows of a query; ``truncated`` when there were more than 100 000."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool


@door.post("/sql", Rule(permission=Permission.SQL, rate="compute", answer=One[RowsAnswer]))
def run_sql(call: The, body: Query) -> Response:
    """Run one read-only SELECT, for at most 10 seconds and 100 000 rows."""
    found = sql_console.run_sql(call.ws, call.actor, body.sql)
    rows = [list(row) for row in found.rows]
    return one({
        "columns": list(found.columns), "rows": rows, "truncated": found.truncated,
    })  # fmt: skip
