"""Several rows of a unit made one: by the rule of a column, else by that of the file."""

from __future__ import annotations

from experiments_core.domain.source import Mapping, Role
from experiments_core.store.staged import StagedColumn

AGGREGATES = {
    "sum": "sum({0})",
    "mean": "avg({0})",
    "max": "max({0})",
    "min": "min({0})",
    "first": "arg_min({0}, {1})",
    "last": "arg_max({0}, {1})",
    "count": "count({0})",
    "rows": "sum({0})",
}


def all_rows(value: str, condition: str = "TRUE") -> str:
    """Write the aggregate that keeps every filled row beside their sum."""
    return f"list({value}) FILTER ({condition} AND {value} IS NOT NULL)"


def one_row_of(value: str) -> str:
    """Write the same for a unit that has one row."""
    return f"CASE WHEN {value} IS NOT NULL THEN [{value}] END"


def rule_of(column: StagedColumn, mapping: Mapping) -> str:
    """The rule that a column goes by; a yes or no counts as yes when one row says so."""
    own = mapping.columns[column.position].repeats
    if own:
        return own
    if column.role not in {Role.OUTCOME, Role.VALUE}:
        return "first"
    added = column.role is Role.OUTCOME and mapping.repeats in {"sum", "mean"}
    return "max" if added or mapping.repeats not in AGGREGATES else mapping.repeats


def combined(rule: str, value: str, order: str = "record") -> str:
    """Write the aggregate; blanks do not count, first and last go by the order."""
    return AGGREGATES[rule].format(value, order)
