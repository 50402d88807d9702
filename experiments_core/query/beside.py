"""Questions beside the cells: what quantiles and their errors rest on, and single values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.query.keys import key_line
from experiments_core.query.units import TABLE, identifier, relation, where
from experiments_core.query.values import (
    has_value,
    pool_lines,
    value_of,
    values_of,
)


def below_sql(query: CellQuery, bound: BoundNeed) -> str:
    """Moments, over the units of each cell, of (rows at or below its quantile, rows).

    Of units with one row each only the share is asked for; it says the rest. Parameters: one
    list per key of the query with the keys of the cells, then the list of their quantiles.
    """
    made = "CAST(value <= spot AS DOUBLE) AS below"
    asked = "COUNT(*), AVG(below)"
    if query.has_rows(bound):
        made = (
            "CAST(len(list_filter(value, lambda x: x <= spot)) AS DOUBLE) AS below, "
            "CAST(len(value) AS DOUBLE) AS k"
        )
        asked += ", AVG(k), VAR_SAMP(below), VAR_SAMP(k), COVAR_SAMP(below, k)"
    keyed = ", ".join(key_line(query, name) for name in query.keys)
    keys = ", ".join(query.keys)
    spots = ", ".join(f"unnest(?) AS {name}" for name in (*query.keys, "spot"))
    return (
        f"WITH spots AS (SELECT {spots}), found AS (\n"
        f"    SELECT {keyed}, {value_of(query, bound)} AS value\n    FROM {relation(query)}"
        f"{where(query, has_value(query, bound))}\n), units AS (\n"
        f"    SELECT {keys}, {made}\n"
        f"    FROM found JOIN spots USING ({keys})\n)\n"
        f"SELECT {keys}, {asked}\nFROM units\nGROUP BY {keys}"
    )


def limits_sql(query: CellQuery, bound: BoundNeed, shares: Sequence[float]) -> str:
    """The quantiles at all these shares of every cell, as a list behind its keys."""
    value = value_of(query, bound)
    row = f"unnest({value})" if query.has_rows(bound) else value
    listed = ", ".join(map(repr, shares))
    keys, keyed = ", ".join(query.keys), ", ".join(key_line(query, n) for n in query.keys)
    return (
        f"SELECT {keys}, quantile_cont(CAST(row AS DOUBLE), [{listed}])\n"
        f"FROM (SELECT {keyed}, {row} AS row FROM {relation(query)}"
        f"{where(query, has_value(query, bound))})\nGROUP BY {keys}"
    )


def values_sql(query: CellQuery, bound: BoundNeed) -> str:
    """The need's columns of every unit of two arms, uncut; parameters: treatment, both arms.

    Columns: treated, then the query's keys but for the arm, then the values. Of a quantile with
    several rows per unit one line per row, with the place of its unit ahead of the value.
    """
    keys = [key_line(query, name) for name in query.keys if name != "arm"]
    leading = ["arm = ? AS treated", *keys]
    if not query.has_rows(bound):
        return _units_sql(query, bound, leading)
    units = _units_sql(query, bound, [*leading, "row_number() OVER () - 1 AS place"])
    return f"SELECT * EXCLUDE (v0), unnest(v0) AS v0 FROM (\n{units}\n)"


def rows_sql(query: CellQuery, bound: BoundNeed, most: int) -> str:
    """The same of the first units by their id; parameters: both arms.

    Columns: unit, then the query's keys, then the values.
    """
    keys = [key_line(query, name) for name in query.keys]
    return f"{_units_sql(query, bound, ['unit', *keys])}\nORDER BY unit LIMIT {most:d}"


def _units_sql(query: CellQuery, bound: BoundNeed, leading: Sequence[str]) -> str:
    alone = replace(query, needs=(bound,))
    plain = values_of(alone, bound, 0, cut=False)
    kind = "DOUBLE[]" if query.has_rows(bound) else "DOUBLE"
    values = [f"CAST({one} AS {kind}) AS v{i}" for i, one in enumerate(plain)]
    pool = pool_lines(alone, bound, 0)
    lead = ""
    source = relation(alone)
    if pool:
        listed = ", ".join(pool)
        lead = f"WITH pool AS (SELECT {listed} FROM {source}{where(alone)})\n"
        source += " CROSS JOIN pool"
    listed = ", ".join([*leading, *values])
    which = where(alone, "arm IN (?, ?)", f"{plain[0]} IS NOT NULL")
    return f"{lead}SELECT {listed}\nFROM {source}{which}"


def span_sql(table: str) -> str:
    """First and last moment at which a unit was first seen."""
    return ends_sql(identifier(table, TABLE), ("first_ts",))


def ends_sql(source: str, columns: Iterable[str]) -> str:
    """Smallest and largest value of columns; where it can, the engine knows them already.

    Args:
        source: A table, or the units made of its rows.
        columns: Of this source.
    """
    parts = ", ".join(f"MIN({column}), MAX({column})" for column in columns)
    return f"SELECT {parts} FROM {source}"
