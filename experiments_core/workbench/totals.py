"""Totals per variant: rows of numbers that somebody else added up."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from experiments_core.analysis.cells import Cell
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.source import CellKey, Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.stats.moments import Counts, Summary
from experiments_core.store.database import Database
from experiments_core.tabular.rejects import Reject
from experiments_core.tabular.sniff import Row, split
from experiments_core.tabular.text import shorten
from experiments_core.tabular.totals import read_totals
from experiments_core.workbench.columns import column_read_as
from experiments_core.workbench.loading import Loaded
from experiments_core.workbench.refusing import refusal
from experiments_core.workbench.request import Request, find_column
from experiments_core.workbench.sources import Source, texts_of

MOST_TOTALS = 100_000
TRIVIAL = frozenset({"EMPTY_ROW", "REPEATED_HEADER", "TOTALS_ROW"})
"""Lines that are no data at all."""


def load_totals(db: Database, source: Source, request: Request) -> Loaded:
    """Read totals per variant; metrics with different denominators are read one by one.

    Raises:
        InvalidInputError: a column is missing, or a count cannot be one.
    """
    rows = _total_rows(db, source)
    columns = {metric.columns[1] for metric in request.totals}
    first = request.totals[0].columns[1]
    found: dict[CellKey, Cell] = {}
    for of in sorted(columns, key=lambda name: name != first):
        metrics = [metric for metric in request.totals if metric.of == of]
        mapping = _totals_mapping(source, request, of, metrics)
        totals, rejects = read_totals(rows, mapping, source.names)
        _refuse_rejects([one for one in rejects if one.rule not in TRIVIAL])
        for total in totals:
            summaries: dict[str, Summary] = {
                metric.key: Counts(total.visitors or 0, total.conversions[metric.column])
                for metric in metrics
                if metric.column in total.conversions
            }
            key = CellKey(total.arm)
            cell = Cell((total.visitors or 0) * (of == first), summaries)
            found[key] = found[key] + cell if key in found else cell
    return Loaded(found, tuple(key.arm for key in found), "totals")


def _total_rows(db: Database, source: Source) -> list[Row]:
    """Every row, as text.

    Raises:
        InvalidInputError: far too many for totals.
    """
    if source.upload is None:
        texts = texts_of(db, source.frame, MOST_TOTALS + 1)
        rows = [Row(number, cells) for number, cells in enumerate(texts, start=1)]
    else:
        text = source.upload.path.read_text(encoding="utf-8")
        records = split(text, source.dialect.delimiter, complete=True)
        rows = [row for row in records if row.line > source.dialect.header_line]
    if len(rows) > MOST_TOTALS:
        raise refusal(
            "metrics",
            len(rows),
            "TOO_MANY",
            f"These are {grouped(len(rows))} rows, not totals.",
            "For one row per unit leave of= out.",
        )
    return rows


def _totals_mapping(
    source: Source, request: Request, of: str, metrics: Sequence[Proportion]
) -> Mapping:
    """Give variant, number of units and conversions their roles."""
    roles = {find_column(request.variant, source.names, "variant"): Role.VARIANT}
    roles[find_column(of, source.names, "number of units")] = Role.VISITORS
    for metric in metrics:
        place = find_column(metric.column, source.names, "metric")
        roles[place] = Role.CONVERSIONS
    columns = tuple(
        column_read_as(source, place, roles.get(place, Role.IGNORE), request)
        for place in range(len(source.names))
    )
    return Mapping(Shape.TOTALS, source.dialect, columns, finished=True)


def _refuse_rejects(rejects: Sequence[Reject]) -> None:
    if not rejects:
        return
    first = rejects[0]
    raise InvalidInputError(
        f"Line {first.line}, column “{shorten(first.column)}”: {first.message}.",
        hint="Correct the totals; a file of totals is used whole or not at all.",
        details=tuple(
            Problem(f"line {one.line}", one.value, one.rule, one.message)
            for one in itertools.islice(rejects, 20)
        ),
    )
