"""The roles of columns: what each is read as, and how its numbers and times are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.source import REPEATS_OF, ColumnMapping, Mapping, Role, Shape
from experiments_core.tabular import numbers, times
from experiments_core.tabular.rates import PERCENT
from experiments_core.tabular.text import is_blank, shorten
from experiments_core.workbench.refusing import refusal
from experiments_core.workbench.request import Request, find_column
from experiments_core.workbench.sources import Source


def units_mapping(source: Source, request: Request) -> Mapping:
    """Give every column that is asked for its role.

    Raises:
        InvalidInputError: a column is missing or named twice, or cannot be read.
    """
    roles = _roles(source, request)
    columns = [
        column_read_as(source, place, roles.get(place, Role.IGNORE), request)
        for place in range(len(source.names))
    ]
    for name, rule in request.repeats_of.items():
        place = find_column(name, source.names, "repeats")
        columns[place] = replace(columns[place], repeats=rule)
        if rule not in REPEATS_OF.get(columns[place].role, ()):
            raise refusal(
                "repeats", rule, "UNKNOWN_CHOICE",
                f"“{rule}” cannot count of several “{shorten(name)}” of a unit.",
                "For a sum, a mean or a count use the column in a Mean.",
            )  # fmt: skip
    return Mapping(
        Shape.UNIT,
        source.dialect,
        tuple(columns),
        crossovers=request.crossovers,
        repeats=request.repeats,
        finished=True,
    )


def _roles(source: Source, request: Request) -> dict[int, Role]:
    """Position of a column -> the one role that it has."""
    roles: dict[int, Role] = {}
    for name, role, what in _wanted(request):
        place = find_column(name, source.names, what)
        if place in roles:
            raise refusal(
                what, name, "NOT_UNIQUE",
                f"The column “{shorten(name)}” is named twice: as "
                f"{roles[place].value} and as {role.value}.",
                "Copy it into a second column.",
            )  # fmt: skip
        roles[place] = role
    return roles


def _wanted(request: Request) -> Iterator[tuple[str, Role, str]]:
    """Column, role, and what a caller calls it."""
    yield request.variant, Role.VARIANT, "variant"
    if request.unit is not None:
        yield request.unit, Role.UNIT, "unit"
    if request.time is not None:
        yield request.time, Role.TIME, "time"
    cuts = ([request.phases] if request.phases else []) + list(request.segments)
    for name in dict.fromkeys(cuts):
        yield name, Role.SEGMENT, "segment or phase"
    rates = {one.columns[0] for one in request.metrics if isinstance(one, Proportion)}
    measured = dict.fromkeys(name for one in request.metrics for name in one.needs.columns)
    for name in measured:
        yield name, Role.OUTCOME if name in rates else Role.VALUE, "metric"
    for name in dict.fromkeys(name for one in request.metrics for name in one.covariates):
        if name not in measured:
            yield name, Role.COVARIATE, "covariate"


def column_read_as(source: Source, place: int, role: Role, request: Request) -> ColumnMapping:
    """A column in a role, with the way its times or numbers are written.

    Raises:
        InvalidInputError: times that cannot be read, numbers that can be in two ways.
    """
    name = source.names[place]
    cells = [row[place] for row in source.sample if not is_blank(row[place])]
    plain = ColumnMapping(name, place, role, blank="exclude")
    if role is Role.TIME:
        typed = source.types and source.types[place].startswith(("TIMESTAMP", "DATE"))
        written_as = times.ISO if typed else _time_format(name, cells)
        return replace(plain, time_format=written_as)
    if role not in {Role.VALUE, Role.COVARIATE, Role.VISITORS, Role.CONVERSIONS}:
        return plain
    if source.types and not source.types[place].startswith("VARCHAR"):
        return plain
    written = numbers.detect(cells, delimiter=source.dialect.delimiter)
    if written is None:
        return replace(plain, decimal=request.decimal or "")
    if written.doubtful and request.decimal is None:
        raise refusal(
            "decimal",
            name,
            "REQUIRED",
            f"The numbers in “{shorten(name)}” can be read in two ways, such as "
            f"“{shorten(cells[0])}”.",
            'Say which mark is the decimal one: decimal="," or decimal=".".',
        )
    decimal = request.decimal or written.decimal
    thousands = written.thousands if decimal == written.decimal else written.decimal
    rate = PERCENT if written.percent else ""
    return replace(plain, decimal=decimal, thousands=thousands, rate=rate)


def _time_format(name: str, cells: Sequence[str]) -> str:
    seen = times.detect(cells, numbers=True)
    if seen is None or seen.rival or not seen.format:
        raise refusal(
            "time",
            name,
            "TIME",
            f"The times in “{shorten(name)}” can be read in several ways, or not at all.",
            "Write them as 2026-05-19 14:30:00.",
        )
    return seen.format
