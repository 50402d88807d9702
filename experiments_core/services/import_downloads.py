"""What an import leaves to take along: rows left out, and the quality report, as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.reports import tables
from experiments_core.services.import_records import find_any
from experiments_core.services.workspace import Workspace
from experiments_core.store import facts
from experiments_core.store.imports import ImportRow
from experiments_core.store.staging_job import staging_table
from experiments_core.tabular.rejects import Reject, to_csv

QUALITY = ("code", "message", "rows", "column", "line", "unit", "value")


def rejects_csv(
    ws: Workspace, actor: Actor, import_id: str, *, for_spreadsheet: bool = True
) -> bytes:
    """Rows left out: line, column, value, rule, message, whole row.

    Args:
        ws: The workspace.
        actor: Who asks.
        import_id: In any state; a draft has some once it was read.
        for_spreadsheet: With a byte-order mark, and ``'`` before what a spreadsheet would run;
            False gives every cell as it stands in the file.
    """
    require(actor, Permission.READ)
    row = find_any(ws, actor, import_id)
    staged = f"{staging_table(row.id)}_rejects"
    with ws.db.read() as cursor:
        is_staged = row.state == "draft" and facts.has_table(cursor, staged)
        if row.state == "draft" and not is_staged:
            return to_csv((), for_spreadsheet=for_spreadsheet)
        found = facts.rejects_of(cursor, row.id, staged if is_staged else "")
    return to_csv((Reject(*one) for one in found), for_spreadsheet=for_spreadsheet)


def quality_csv(
    ws: Workspace, actor: Actor, import_id: str, *, for_spreadsheet: bool = True
) -> bytes:
    """The quality report: a line per finding, or per row that shows it (the first 100)."""
    require(actor, Permission.READ)
    row = find_any(ws, actor, import_id)
    return tables.write_csv(QUALITY, list(_findings(row)), for_spreadsheet=for_spreadsheet)


def _findings(row: ImportRow) -> Iterator[dict[str, tables.Cell]]:
    for rule in row.report.get("by_rule", ()):
        fixed = {"code": rule["rule"], "message": rule["message"], "rows": rule["rows"]}
        for line in rule["lines"] or (None,):
            yield {**fixed, "line": line}
    for one in row.report.get("warnings", ()):
        fixed = {name: one.get(name) for name in ("code", "message", "column")}
        if one.get("rows"):
            fixed["rows"] = one["rows"]
        shown = one.get("examples") or [[line, None, None] for line in one["lines"]]
        for line, unit, value in shown or [(None, None, None)]:
            yield {**fixed, "line": line or None, "unit": unit, "value": value}
