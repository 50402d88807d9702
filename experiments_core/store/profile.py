"""One pass over a staging table for everything that simple aggregates can tell."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np

from experiments_core.domain.source import Role
from experiments_core.store import conversion
from experiments_core.store.staged import StagedColumn
from experiments_core.tabular.text import LONGEST_CELL, LONGEST_UNIT

MOST_SORTED = 50_000_000
"""Units whose hashes (8 bytes each) are compared by sorting them in memory."""

Profile = dict[str, Any]


def one_row(cursor: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Fetch the one row of an aggregate."""
    row = cursor.execute(sql).fetchone()
    if row is None:
        raise RuntimeError(f"no row from {sql}")
    return tuple(row)


def take_profile(
    cursor: duckdb.DuckDBPyConnection, table: str, columns: Sequence[StagedColumn]
) -> Profile:
    """Counts, extremes and the hash of all rows.

    Keys: ``units``, ``unit_filled``, ``unit_long``, ``exponents``, ``first``, ``last``,
    ``timed``, ``time_wrong``, ``hash``, and per column ``c0_filled``, ``c0_wrong`` (sentinels),
    ``c0_low``, ``c0_high``, ``c0_sum`` and ``c0_nonzero`` (numbers), ``c0_values`` (texts,
    about how many different ones).
    """
    wanted = {
        "units": "count(*)",
        "unit_filled": "count(unit)",
        "unit_long": f"count(*) FILTER (length(unit) > {LONGEST_UNIT})",
        "exponents": "count(*) FILTER (contains(unit, 'E+') OR contains(unit, 'e+'))",
        "first": "min(first_ts)",
        "last": "max(first_ts)",
        "timed": "count(first_ts)",
        "time_wrong": f"count(*) FILTER ({conversion.is_wrong(Role.TIME, 'first_ts')})",
        "hash": f"sum(hash({_all_values(columns)})::HUGEINT)",
    }
    for column in columns:
        name = column.column
        wanted[f"{name}_filled"] = f"count({name})"
        if column.role is Role.SEGMENT:
            wanted[f"{name}_values"] = f"approx_count_distinct({name})"
            wanted[f"{name}_wrong"] = f"count(*) FILTER (strlen({name}) > {LONGEST_CELL})"
            continue
        wanted[f"{name}_wrong"] = f"count(*) FILTER ({conversion.is_wrong(column.role, name)})"
        if column.role is not Role.OUTCOME:
            wanted[f"{name}_low"] = f"min({name})"
            wanted[f"{name}_high"] = f"max({name})"
            wanted[f"{name}_sum"] = f"sum(abs({name}))"
            wanted[f"{name}_nonzero"] = f"count(*) FILTER ({name} <> 0)"
    row = one_row(cursor, f"SELECT {', '.join(wanted.values())} FROM {table}")
    return dict(zip(wanted, row, strict=True))


def content_hash(profile: Profile, columns: Sequence[StagedColumn], version: str) -> str:
    """Identify the rows whatever their order and however the file writes them.

    The engine's row hash may change with its version, so the version is part of the text: after
    an upgrade the same rows under other bytes are merely not recognised.
    """
    header = [(column.name, column.role.value) for column in columns]
    text = repr((version, header, profile["units"], profile["hash"]))
    return hashlib.sha256(text.encode()).hexdigest()


def all_different(cursor: duckdb.DuckDBPyConnection, table: str, rows: int) -> bool:
    """Whether no unit stands twice.

    Different hashes are different texts. Equal hashes may be chance (about 3 in a million for
    ten million units); then the rows are merely looked at one by one.
    """
    if rows > MOST_SORTED:
        sql = f"SELECT count(DISTINCT hash(unit)) FROM {table}"
        return bool(one_row(cursor, sql)[0] == rows)
    found = cursor.execute(f"SELECT hash(unit) AS h FROM {table}").fetchnumpy()["h"]
    ordered = np.sort(found)
    return not bool((ordered[1:] == ordered[:-1]).any())


def _all_values(columns: Sequence[StagedColumn]) -> str:
    return ", ".join(["unit", "arm", "first_ts", *(column.column for column in columns)])
