"""Erase a unit from every table that names it; what is only counted stays counted.

Rows go; a look keeps its totals, which name nobody. An import that brought rows of the unit
tells that they were left out, so that rows read = used + left out still holds and the data have
another name than before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import duckdb

from experiments_core.store.crossovers import erase_crossed
from experiments_core.store.event_units import log_table
from experiments_core.store.facts import has_table, units_table
from experiments_core.store.lines import write_lines
from experiments_core.tabular import rejects

RULE = "UNIT_ERASED"
ERASED = "(erased)"
_IN_TESTS = ("assignments", "participants", "overrides")
_MINE = "experiment_id IN (SELECT id FROM experiments WHERE org_id = ?)"
_NO_SPEC = '["", []]'


def erase_rows(
    cursor: duckdb.DuckDBPyConnection, org_id: str, names: Sequence[str]
) -> dict[str, int]:
    """Delete every row about a unit.

    Args:
        cursor: From ``Database.write()``.
        org_id: Only in this organisation.
        names: The texts that it is kept under: its id and its pseudonym.

    Returns:
        Kind of row -> how many went.
    """
    erased = {
        table: _count(cursor, f"DELETE FROM {table} WHERE {_MINE} AND unit IN ?", org_id, names)
        for table in _IN_TESTS
    }
    erased["events"] = _count(
        cursor, "DELETE FROM events WHERE org_id = ? AND unit IN ?", org_id, names
    )
    erased["deployments"] = _count(
        cursor, "DELETE FROM deployments WHERE org_id = ? AND unit_id IN ?", org_id, names
    )
    erased["units"] = _followed_units(cursor, org_id, names)
    erased["units"] += _imported_units(cursor, org_id, names)
    erased["rows_left_out"] = _rejects(cursor, org_id, names)
    _answers(cursor, org_id, names)
    return {kind: rows for kind, rows in erased.items() if rows}


def imports_naming(
    cursor: duckdb.DuckDBPyConnection, org_id: str
) -> list[tuple[str, str, dict[str, Any]]]:
    """Every import of an organisation, whose report may name a unit: id, state, report."""
    rows = cursor.execute(
        "SELECT id, state, report FROM imports WHERE org_id = ? ORDER BY id", [org_id]
    ).fetchall()
    return [(key, state, json.loads(report or "{}")) for key, state, report in rows]


def cell_pattern(names: Sequence[str]) -> str:
    """A regular expression for a line of a text in which a whole cell is one of some names."""
    listed = "|".join(map(re.escape, names))
    return rf'(?:^|[,;|"\t\r\n])[ ]*(?:{listed})[ ]*(?:$|[,;|"\t\r\n])'


def redacted(value: Any, names: Sequence[str]) -> Any:
    """A report without some names, as whole values and where a sentence quotes them."""
    if isinstance(value, str):
        for name in names:
            value = ERASED if value == name else value.replace(f"“{name}”", f"“{ERASED}”")
        return value
    if isinstance(value, list):
        return [redacted(one, names) for one in value]
    if isinstance(value, dict):
        return {key: redacted(one, names) for key, one in value.items()}
    return value


def _followed_units(
    cursor: duckdb.DuckDBPyConnection, org_id: str, names: Sequence[str]
) -> int:
    """Units made of the log; what they were counted to is made anew at the next look."""
    rows = cursor.execute(
        f"SELECT experiment_id, dataset_id FROM event_data WHERE {_MINE}", [org_id]
    ).fetchall()
    erased = 0
    for experiment_id, dataset_id in rows:
        gone = _count_in(cursor, log_table(dataset_id), names)
        if gone:
            cursor.execute(
                "UPDATE event_data SET spec = ? WHERE experiment_id = ?",
                [_NO_SPEC, experiment_id],
            )
        erased += gone
    return erased


def _imported_units(
    cursor: duckdb.DuckDBPyConnection, org_id: str, names: Sequence[str]
) -> int:
    rows = cursor.execute(
        f"SELECT id FROM datasets WHERE shape = 'unit' AND table_name <> '' AND {_MINE}",
        [org_id],
    ).fetchall()
    erased = 0
    for (dataset_id,) in rows:
        table = units_table(dataset_id)
        if not has_table(cursor, table):
            continue
        gone = cursor.execute(
            f"SELECT import_id, count(*) FROM {table} WHERE list_contains(?, unit) "
            "GROUP BY import_id ORDER BY import_id",
            [list(names)],
        ).fetchall()
        if gone:
            write_lines(cursor, table)
        for import_id, units in gone:
            _leave_out(cursor, import_id, int(units))
        erased += _count_in(cursor, table, names)
        erase_crossed(cursor, dataset_id, names)
    return erased


def _leave_out(cursor: duckdb.DuckDBPyConnection, import_id: str, rows: int) -> None:
    """Tell in an import's record that some of its rows are no longer used."""
    row = cursor.execute("SELECT report FROM imports WHERE id = ?", [import_id]).fetchone()
    report = json.loads(row[0] or "{}") if row else {}
    rules = [one for one in report.get("by_rule", []) if one["rule"] != RULE]
    before = sum(one["rows"] for one in report.get("by_rule", []) if one["rule"] == RULE)
    total = before + rows
    told = {"rule": RULE, "rows": total, "lines": [], "blocking": False,
            "message": f"{rejects.summary(RULE, total)}."}  # fmt: skip
    cursor.execute(
        "UPDATE imports SET rows_used = rows_used - $n, rows_left_out = rows_left_out + $n, "
        "report = $report WHERE id = $id",
        {"n": rows, "id": import_id,
         "report": json.dumps(report | {"by_rule": [*rules, told]}, ensure_ascii=False)},
    )  # fmt: skip


def _rejects(cursor: duckdb.DuckDBPyConnection, org_id: str, names: Sequence[str]) -> int:
    """Rows that were left out of a file and name the unit in a cell."""
    return _count(
        cursor,
        "DELETE FROM rejects WHERE import_id IN (SELECT id FROM imports WHERE org_id = ?) "
        "AND (value IN ? OR regexp_matches(coalesce(raw, ''), ?))",
        org_id, names, cell_pattern(names),
    )  # fmt: skip


def _answers(cursor: duckdb.DuckDBPyConnection, org_id: str, names: Sequence[str]) -> None:
    """Answers kept for a repeated request, and messages to webhooks, that name the unit."""
    for name in names:
        quoted = json.dumps(name, ensure_ascii=False), json.dumps(name)
        for text in dict.fromkeys(quoted):
            cursor.execute(
                "DELETE FROM answers WHERE org_id = ? AND contains(body, ?)", [org_id, text]
            )
            cursor.execute(
                "DELETE FROM deliveries WHERE contains(CAST(body AS VARCHAR), ?) AND "
                "webhook_id IN (SELECT id FROM webhooks WHERE org_id = ?)",
                [text, org_id],
            )


def _count(
    cursor: duckdb.DuckDBPyConnection, sql: str, org_id: str, names: Sequence[str], *more: str
) -> int:
    sql = sql.replace(" IN ?", " IN (SELECT unnest(?::VARCHAR[]))")
    row = cursor.execute(sql, [org_id, list(names), *more]).fetchone()
    return int(row[0]) if row else 0


def _count_in(cursor: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> int:
    row = cursor.execute(
        f"DELETE FROM {table} WHERE list_contains(?, unit)", [list(names)]
    ).fetchone()
    return int(row[0]) if row else 0
