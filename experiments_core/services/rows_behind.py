"""The rows behind a number: the one query, stopped at the units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments_core.domain.access import Actor, Permission, may, require
from experiments_core.errors import NotFoundError
from experiments_core.services import inspecting
from experiments_core.services.viewing import LookView, check_open
from experiments_core.services.workspace import Workspace
from experiments_core.store.unit_values import first_rows

MOST_ROWS = 50
HIDDEN = "•••"


@dataclass(frozen=True, slots=True)
class UnitRows:
    """The first units of one comparison.

    Attributes:
        columns: Headings: the unit, its version, phase, then the columns of the file.
        rows: One per unit, by id; a value that is missing is None.
        named: Whether unit ids are shown: to those who may import, and so have seen them.
        sql: The query.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    named: bool
    sql: str


def rows_behind(
    ws: Workspace, actor: Actor, shown: LookView, metric_key: str, variant: str
) -> UnitRows | None:
    """The first units that one comparison counts; None where the data are totals.

    Raises:
        ConflictError: the results are locked.
        NotFoundError: the look has no such metric.
    """
    require(actor, Permission.RESULTS)
    check_open(shown.result)
    metric = next((one for one in shown.design.metrics if one.key == metric_key), None)
    if metric is None:
        known = ", ".join(one.key for one in shown.design.metrics)
        raise NotFoundError(f"There is no metric “{metric_key}”.", hint=f"There are: {known}.")
    query = inspecting.query_of(inspecting.rows_of(ws, actor, shown), shown)
    needs = query.needs if query else ()
    bound = next((one for one in needs if one.need.key == metric_key), None)
    if query is None or bound is None:
        return None
    arms = shown.design.reference, variant
    with ws.db.read() as cursor:
        rows, sql = first_rows(cursor, query, bound, arms, MOST_ROWS)
    named = may(actor, Permission.IMPORT)
    units = tuple((row[0] if named else HIDDEN, *row[1:]) for row in rows)
    columns = ("unit", *query.keys, *bound.need.columns, *bound.need.covariates)
    return UnitRows(columns, units, named, sql)
