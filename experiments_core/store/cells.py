"""Run the one query and hand back cells. Rows never reach Python, only moments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import duckdb

from experiments_core.analysis.cells import WHOLE, Cell, beside
from experiments_core.domain.source import UNKNOWN_PHASE, CellKey
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.query.cells import cells_sql
from experiments_core.query.units import relation
from experiments_core.query.values import moment_columns
from experiments_core.store.cell_rows import (
    CellRow,
    may_be_skewed,
    middle,
    read_rows,
    tell_skewness,
)
from experiments_core.store.parsed import parsed
from experiments_core.store.quantile_limits import locate
from experiments_core.store.spans import ends_of


@dataclass(frozen=True, slots=True)
class CellTable:
    """What one query returned.

    Attributes:
        cells: Groups of units; a unit is in exactly one.
        sql: The text that was run.
    """

    cells: dict[CellKey, Cell]
    sql: str


def unit_cells(cursor: duckdb.DuckDBPyConnection, query: CellQuery) -> CellTable:
    """Group a table of units (or of their rows) in one pass.

    The pass adds up values and products. Metrics whose values lie too far from zero for that,
    or whose largest value could make a difference of means visibly skewed, are read again with
    the engine's centred aggregates and third powers. The error of a quantile takes two more
    questions, once its value is known.
    """
    sql = cells_sql(query)
    found = read_rows(query, cursor.execute(parsed(cursor, sql)).fetchall())
    needed = {name for one in found.values() for name in one.far}
    needed |= skewed(cursor, query, found.values())
    if needed:
        closer = tuple(
            replace(bound, about=middle(bound, found.values()))
            for bound in query.needs
            if bound.need.key in needed
        )
        again = replace(query, needs=closer, centred=True)
        second = cells_sql(again)
        sql = f"{sql};\n\n{second}"
        rows = read_rows(again, cursor.execute(parsed(cursor, second)).fetchall())
        for bound in closer:
            tell_skewness(bound, rows.values())
        for key, one in rows.items():
            found[key].summaries.update(one.summaries)
    cells = {key: Cell(one.units, one.summaries) for key, one in found.items()}
    for bound in query.needs:
        if bound.need.shape == "quantile":
            locate(cursor, query, bound, cells)
            several = query.boundaries or query.phase_column
            if several and query.whole and not query.by_day:
                _locate_whole(cursor, query, bound, cells)
    return CellTable(cells, sql)


def _locate_whole(
    cursor: duckdb.DuckDBPyConnection,
    query: CellQuery,
    bound: BoundNeed,
    cells: dict[CellKey, Cell],
) -> None:
    """Put a quantile over all phases beside that of the first one: they do not add up."""
    placed = bool(query.boundaries)
    alone = replace(query, needs=(bound,), boundaries=(), phase_column=None, placed=placed)
    found = unit_cells(cursor, alone).cells
    one_phase = 1 if query.since else UNKNOWN_PHASE
    first: dict[CellKey, CellKey] = {}
    for key in sorted(cells, key=lambda one: str(one.phase)):
        if not placed or key.phase > 0:
            first.setdefault(replace(key, phase=one_phase), key)
    for key, place in first.items():
        if key in found:
            whole = {beside(bound.need.key, WHOLE): found[key].summaries[bound.need.key]}
            cells[place] = Cell(cells[place].units, {**cells[place].summaries, **whole})


def skewed(
    cursor: duckdb.DuckDBPyConnection, query: CellQuery, found: Iterable[CellRow]
) -> set[str]:
    """Metrics whose third moment may matter, by extremes that the engine keeps anyway."""
    wanted = [(o, moment_columns(query, o)) for o in query.needs if query.wants_skewness(o)]
    rows = list(found)
    if not wanted or not rows:
        return set()
    ends = query.ends
    asked = dict.fromkeys(column for _, columns in wanted for column in columns)
    if not ends.keys() >= asked.keys():
        ends = ends_of(cursor, relation(query), tuple(asked))
    return {
        bound.need.key
        for bound, columns in wanted
        if may_be_skewed(bound, [ends[column] for column in columns], rows)
    }


def segment_cells(
    cursor: duckdb.DuckDBPyConnection, query: CellQuery, most: int
) -> dict[CellKey, Cell]:
    """The cells of a query with a segment; what lies beyond the largest values is one segment.

    Most metrics could be added up afterwards; the quantile of several segments together has to
    be asked for.

    Args:
        cursor: On the workspace.
        query: With a segment.
        most: Values that stand for themselves.
    """
    cells = unit_cells(cursor, query).cells
    values = {key.segment for key in cells}
    if len(values) <= most or all(bound.need.shape != "quantile" for bound in query.needs):
        return cells
    return unit_cells(cursor, replace(query, most_segments=most)).cells
