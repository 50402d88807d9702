"""The one query: unit rows in, cells of centred moments out. DuckDB's dialect; text only.

A cell is keyed by arm and, where asked, phase, segment and day of first exposure. Identifiers
come from our own map (``units_<hex>``, ``c0``, ``c1`` …); names from a file are data and never
enter the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import combinations, combinations_with_replacement

from experiments_core.domain.metric import MomentNeed
from experiments_core.domain.source import OTHER_SEGMENT, UNKNOWN_PHASE, UNKNOWN_RUN

BLANK = "(blank)"
"""The segment of units without a value."""

_TABLE = re.compile(r"(units|staging)_[a-z0-9_]{1,62}")
_COLUMN = re.compile(r"c[0-9]{1,4}")
_TIME = re.compile(r"first_ts|assigned_ts")


@dataclass(frozen=True, slots=True)
class BoundNeed:
    """What a metric needs, and where its columns are.

    Attributes:
        column: ``c0``, ``c1`` … of the outcome.
        others: Those of the need's further columns, in order.
        covariates: Those of the covariate, none, one, or a numerator and its denominator.
        about: Points, one per column, that third powers of a centred query are taken about.
    """

    need: MomentNeed
    column: str
    others: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    about: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Columns of the moments."""
        return 1 + len(self.others) + len(self.covariates)


@dataclass(frozen=True, slots=True)
class CellQuery:
    """Which cells are wanted of one table with one row per unit.

    Attributes:
        table: ``units_<hex>``.
        needs: Union of what the metrics declared.
        since: Moment of a new random assignment: units first seen before are left out, units
            without a time are in phase -1.
        boundaries: Moments at which phase 2, 3 … began; none means one phase, key 0. With
            boundaries, units without a time are in phase 0.
        phase_column: Column whose text names the phase, instead of moments; whoever asked gives
            the texts their numbers.
        segment: Column to cut by, or None.
        most_segments: Only so many of its largest values stand for themselves; the others are
            one, called :data:`source.OTHER_SEGMENT`.
        by_day: Whether to cut by day of first exposure, in UTC.
        as_of: Units first seen at or after this moment are left out.
        placed_from: Units placed before this moment belong to an earlier run and are left out.
        placed_until: Those placed at or after it belong to a later run; both leave out units
            whose place nobody knows.
        without_days: Units first seen on one of these days, in UTC, are left out.
        placed: Units whose phase nobody knows are left out.
        placed_by: Time that tells the phase: of the first exposure, or of the assignment.
        skewness: Whether third moments may be asked for.
        centred: Whether to ask for variances and third powers instead of sums of squares: half
            as fast, and right wherever the values lie.
        confidence_level: Of the limits of a quantile, which give its error.
        rows: The table holds several rows per unit: outcomes happened if they did in any row,
            numbers are added up, quantiles are those of the rows.
    """

    table: str
    needs: tuple[BoundNeed, ...]
    since: datetime | None = None
    boundaries: tuple[datetime, ...] = ()
    phase_column: str | None = None
    segment: str | None = None
    most_segments: int | None = None
    by_day: bool = False
    as_of: datetime | None = None
    placed_from: datetime | None = None
    placed_until: datetime | None = None
    without_days: tuple[date, ...] = ()
    placed: bool = False
    placed_by: str = "first_ts"
    skewness: bool = True
    centred: bool = False
    confidence_level: float = 0.95
    rows: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """Key columns of the result, in order, ahead of the moments."""
        wanted = {
            "phase": bool(self.boundaries or self.since or self.phase_column),
            "segment": self.segment is not None,
            "day": self.by_day,
        }
        return ("arm", *(name for name, is_wanted in wanted.items() if is_wanted))

    def wants_skewness(self, bound: BoundNeed) -> bool:
        """Whether a third moment of this metric may be asked for."""
        return self.skewness and bound.need.skewness


def cells_sql(query: CellQuery) -> str:
    """Write the query.

    Per metric: n and x for counts; for moments n, sums and sums of products (or means,
    variances, covariances, and sums of third powers where wanted), and behind them, where a
    value is cut, the same without the cut and third powers, how many were cut and where; where
    a covariate is filled in, how many; n, rows and the value for a quantile.
    """
    lines = [*(_key_line(query, name) for name in query.keys), "COUNT(*) AS units"]
    values: list[str] = []
    pool: list[str] = []
    for index, bound in enumerate(query.needs):
        lines += _lines(query, bound, index)
        values += _value_lines(query, bound, index)
        pool += _pool_lines(query, bound, index)
    source, lead = _relation(query), ""
    if pool:
        listed = ",\n    ".join(pool)
        lead = (
            f"WITH pool AS (\n    SELECT\n    {listed}\n    FROM {source}{_where(query)}\n)\n"
        )
        source = f"{source} CROSS JOIN pool"
    if values:
        listed = ",\n        ".join(["*", *values])
        source = f"(\n    SELECT\n        {listed}\n    FROM {source}\n)"
    keys, listed = ", ".join(query.keys), ",\n    ".join(lines)
    return (
        f"{lead}SELECT\n    {listed}\nFROM {source}{_where(query)}\n"
        f"GROUP BY {keys}\nORDER BY {keys}"
    )


def below_sql(query: CellQuery, bound: BoundNeed) -> str:
    """Moments, over the units of each cell, of (rows at or below its quantile, rows).

    Of units with one row each only the share is asked for; it says the rest. Parameters: one
    list per key of the query with the keys of the cells, then the list of their quantiles.
    """
    value = _value(query, bound)
    made = f"CAST({value} <= spot AS DOUBLE) AS below"
    asked = "COUNT(*), AVG(below)"
    if query.rows:
        made = (
            f"CAST(len(list_filter({value}, lambda x: x <= spot)) AS DOUBLE) AS below, "
            f"CAST(len({value}) AS DOUBLE) AS k"
        )
        asked += ", AVG(k), VAR_SAMP(below), VAR_SAMP(k), COVAR_SAMP(below, k)"
    keyed = ", ".join(_key_line(query, name) for name in query.keys)
    keys = ", ".join(query.keys)
    spots = ", ".join(f"unnest(?) AS {name}" for name in (*query.keys, "spot"))
    return (
        f"WITH spots AS (SELECT {spots}), found AS (\n"
        f"    SELECT {keyed}, {value}\n    FROM {_relation(query)}"
        f"{_where(query, _has_value(query, bound))}\n), units AS (\n"
        f"    SELECT {keys}, {made}\n"
        f"    FROM found JOIN spots USING ({keys})\n)\n"
        f"SELECT {keys}, {asked}\nFROM units\nGROUP BY {keys}"
    )


def limits_sql(query: CellQuery, bound: BoundNeed, shares: Sequence[float]) -> str:
    """The quantiles at all these shares of every cell, as a list behind its keys."""
    value = _value(query, bound)
    row = f"unnest({value})" if query.rows else value
    listed = ", ".join(map(repr, shares))
    keys, keyed = ", ".join(query.keys), ", ".join(_key_line(query, n) for n in query.keys)
    return (
        f"SELECT {keys}, quantile_cont(CAST(row AS DOUBLE), [{listed}])\n"
        f"FROM (SELECT {keyed}, {row} AS row FROM {_relation(query)}"
        f"{_where(query, _has_value(query, bound))})\nGROUP BY {keys}"
    )


def values_sql(query: CellQuery, bound: BoundNeed) -> str:
    """The need's columns of every unit of two arms, uncut; parameters: treatment, both arms.

    Columns: treated, then the query's keys but for the arm, then the values.
    """
    keys = [_key_line(query, name) for name in query.keys if name != "arm"]
    return _units_sql(query, bound, ["arm = ? AS treated", *keys])


def rows_sql(query: CellQuery, bound: BoundNeed, most: int) -> str:
    """The same of the first units by their id; parameters: both arms.

    Columns: unit, then the query's keys, then the values.
    """
    keys = [_key_line(query, name) for name in query.keys]
    return f"{_units_sql(query, bound, ['unit', *keys])}\nORDER BY unit LIMIT {most:d}"


def _units_sql(query: CellQuery, bound: BoundNeed, leading: Sequence[str]) -> str:
    alone = replace(query, needs=(bound,))
    values = [f"CAST({one} AS DOUBLE) AS v{i}" for i, one in enumerate(_plain(alone, bound))]
    pool = _pool_lines(alone, bound, 0)
    lead = ""
    relation = _relation(alone)
    if pool:
        listed = ", ".join(pool)
        lead = f"WITH pool AS (SELECT {listed} FROM {relation}{_where(alone)})\n"
        relation += " CROSS JOIN pool"
    listed = ", ".join([*leading, *values])
    where = _where(alone, "arm IN (?, ?)", f"{_plain(alone, bound)[0]} IS NOT NULL")
    return f"{lead}SELECT {listed}\nFROM {relation}{where}"


def _plain(query: CellQuery, bound: BoundNeed) -> list[str]:
    return _values(query, bound, 0, cut=False)


def span_sql(table: str) -> str:
    """First and last moment at which a unit was first seen; answered from statistics."""
    return f"SELECT MIN(first_ts), MAX(first_ts) FROM {_identifier(table, _TABLE)}"


def extremes_sql(query: CellQuery) -> str:
    """Smallest and largest value of each column whose third moment is wanted; as cheap."""
    columns = [
        column
        for one in query.needs
        if query.wants_skewness(one)
        for column in (
            _column(query, one.column, "sum"),
            *(_column(query, other, "sum") for other in one.others),
            *_before(query, one),
        )
    ]
    parts = ", ".join(f"MIN({column}), MAX({column})" for column in columns)
    return f"SELECT {parts} FROM {_relation(query)}"


def _key_line(query: CellQuery, name: str) -> str:
    expression = _key_expression(query, name)
    return expression if expression == name else f"{expression} AS {name}"


def _key_expression(query: CellQuery, name: str) -> str:
    if name == "phase" and query.phase_column is None:
        return _phase(query)
    if name in {"phase", "segment"}:
        named = query.phase_column if name == "phase" else query.segment
        value = f"COALESCE({_column(query, named or '', 'any')}, '{BLANK}')"
        if name == "phase" or query.most_segments is None:
            return value
        return (
            f"CASE WHEN {value} IN (SELECT {value} FROM {_relation(query)}{_where(query)} "
            f"GROUP BY 1 ORDER BY COUNT(*) DESC, 1 LIMIT {query.most_segments:d}) "
            f"THEN {value} ELSE '{OTHER_SEGMENT}' END"
        )
    return "CAST(first_ts AS DATE)" if name == "day" else "arm"


def _phase(query: CellQuery) -> str:
    placed = _identifier(query.placed_by, _TIME)
    unknown = UNKNOWN_PHASE if query.since is None else UNKNOWN_RUN
    steps = [
        f"WHEN {placed} IS NULL THEN {unknown}",
        *(
            f"WHEN {placed} < {_moment(moment)} THEN {number}"
            for number, moment in enumerate(query.boundaries, start=1)
        ),
    ]
    return f"CASE {' '.join(steps)} ELSE {len(query.boundaries) + 1} END"


def _lines(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    value = _value(query, bound)
    if bound.need.shape == "counts":
        return [f"COUNT({value}) AS n{index}", f"CAST(SUM({value}) AS BIGINT) AS x{index}"]
    if bound.need.shape == "quantile":
        return _quantile_lines(query, bound, index)
    names = _names(bound, index)
    lines = [f"COUNT({names[0]}) AS n{index}", *_moment_lines(query, names)]
    if query.centred and query.wants_skewness(bound):
        lines += _cube_lines(bound, names)
    if bound.need.capped:
        cap = _cap(bound, index)
        lines += _moment_lines(query, _names(bound, index, cut=False))
        lines.append(f"COUNT(*) FILTER (WHERE {value} > {cap}) AS cut{index}")
        lines.append(f"ANY_VALUE({cap}) AS cap{index}")
    if bound.covariates:
        parts = [_present(query, bound), *(f"{o} IS NOT NULL" for o in _before(query, bound))]
        known = f"COUNT(CASE WHEN {' AND '.join(parts)} THEN 1 END)"
        lines.append(f"COUNT({names[0]}) - {known} AS filled{index}")
    return lines


def _quantile_lines(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    value, q = _value(query, bound), repr(bound.need.q)
    if not query.rows:
        counts = [f"COUNT({value}) AS n{index}", f"COUNT({value}) AS k{index}"]
        return [*counts, f"quantile_cont(CAST({value} AS DOUBLE), {q}) AS q{index}"]
    return [
        f"COUNT({value}) AS n{index}",
        f"CAST(SUM(len({value})) AS BIGINT) AS k{index}",
        f"list_aggregate(flatten(list({value})), 'quantile_cont', {q}) AS q{index}",
    ]


def _names(bound: BoundNeed, index: int, *, cut: bool = True) -> list[str]:
    """What the need's columns are called, as values that are all present or all NULL."""
    head = f"v{index}" if cut else f"uncut{index}"
    return [head, *(f"{head}_{i}" for i in range(1, bound.width))]


def _value_lines(query: CellQuery, bound: BoundNeed, index: int) -> Iterator[str]:
    """The values that the sums are made of, under their names."""
    if bound.need.shape == "moments":
        for cut in (True, False)[: 1 + bound.need.capped]:
            values = _values(query, bound, index, cut=cut)
            for name, value in zip(_names(bound, index, cut=cut), values, strict=True):
                yield f"CAST({value} AS DOUBLE) AS {name}"


def _moment_lines(query: CellQuery, names: Sequence[str]) -> list[str]:
    """Sums and sums of products; or means, variances and covariances."""
    if not query.centred:
        squares = (f"SUM({a} * {b})" for a, b in combinations_with_replacement(names, 2))
        return [*(f"SUM({name})" for name in names), *squares]
    pairs = (f"COVAR_SAMP({a}, {b})" for a, b in combinations(names, 2))
    return [f"{how}({name})" for how in ("AVG", "VAR_SAMP") for name in names] + [*pairs]


def _cube_lines(bound: BoundNeed, names: Sequence[str]) -> list[str]:
    """Sums of all products of three values, taken off the given points."""
    points = zip(names, bound.about, strict=True)
    off = [f"({name} - {point:.17e})" for name, point in points]
    return [f"SUM({a} * {b} * {c})" for a, b, c in combinations_with_replacement(off, 3)]


def _values(query: CellQuery, bound: BoundNeed, index: int, *, cut: bool = True) -> list[str]:
    """The need's columns as expressions that are all present or all NULL."""
    plain, zero = _value(query, bound), bound.need.missing == "zero"
    first = f"LEAST({plain}, {_cap(bound, index)})" if cut and bound.need.capped else plain
    others = _others(query, bound)
    if cut and bound.need.capped and not zero:  # LEAST overlooks NULL
        first = f"CASE WHEN {plain} IS NOT NULL THEN {first} END"
    values = [first, *others]
    if others and not zero:
        present = " AND ".join(f"{one} IS NOT NULL" for one in values)
        values = [f"CASE WHEN {present} THEN {one} END" for one in values]
    for one in _filled(query, bound, index):
        here = one if zero else f"CASE WHEN {_present(query, bound)} THEN {one} END"
        values.append(here)
    return values


def _others(query: CellQuery, bound: BoundNeed) -> list[str]:
    """The outcome's further columns."""
    columns = [_column(query, column, "sum") for column in bound.others]
    zero = bound.need.missing == "zero"
    return [f"COALESCE({column}, 0)" for column in columns] if zero else columns


def _present(query: CellQuery, bound: BoundNeed) -> str:
    """Whether every part of the outcome is there."""
    parts = [_value(query, bound), *_others(query, bound)]
    return " AND ".join(f"{one} IS NOT NULL" for one in parts)


def _before(query: CellQuery, bound: BoundNeed) -> list[str]:
    """The covariate's columns as they are."""
    return [_column(query, column, "any") for column in bound.covariates]


def _filled(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    """The same with the mean over all arms where the covariate, or a part of it, is missing."""
    columns = _before(query, bound)
    if len(columns) < 2:
        return [f"COALESCE({one}, fill{index}_0)" for one in columns]
    known = " AND ".join(f"{one} IS NOT NULL" for one in columns)
    return [
        f"CASE WHEN {known} THEN {one} ELSE fill{index}_{i} END"
        for i, one in enumerate(columns)
    ]


def _value(query: CellQuery, bound: BoundNeed) -> str:
    how = {"counts": "max", "moments": "sum", "quantile": "list"}[bound.need.shape]
    column = _column(query, bound.column, how)
    if how == "list" and query.rows:
        return column
    return f"COALESCE({column}, 0)" if bound.need.missing == "zero" else column


def _has_value(query: CellQuery, bound: BoundNeed) -> str:
    return f"{_value(query, bound)} IS NOT NULL"


def _cap(bound: BoundNeed, index: int) -> str:
    """One cap for all arms: a cap of each arm's own would break the test."""
    return f"pool_cap{index}" if bound.need.cap is None else repr(bound.need.cap)


def _pool_lines(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    """What has to be known of all arms together before they are told apart."""
    value, lines = _value(query, bound), []
    if bound.need.cap_share is not None:
        share = repr(bound.need.cap_share)
        lines.append(f"quantile_cont(CAST({value} AS DOUBLE), {share}) AS pool_cap{index}")
    columns = _before(query, bound)
    known = " AND ".join([_present(query, bound), *(f"{one} IS NOT NULL" for one in columns)])
    lines += [
        f"COALESCE(AVG({one}) FILTER (WHERE {known}), 0) AS fill{index}_{i}"
        for i, one in enumerate(columns)
    ]
    return lines


def _relation(query: CellQuery) -> str:
    """The table, or the units made of its rows."""
    if not query.rows:
        return _table(query)
    made: dict[str, str] = {}

    def make(column: str, how: str, expression: str) -> None:
        made[_column(query, column, how)] = expression.format(column)

    for bound in query.needs:
        if bound.need.shape == "counts":
            make(bound.column, "max", "MAX({})")
        elif bound.need.shape == "quantile":
            make(bound.column, "list", "list({0}) FILTER (WHERE {0} IS NOT NULL)")
        else:
            for column in (bound.column, *bound.others):
                make(column, "sum", "SUM({})")
        for column in bound.covariates:
            make(column, "any", "ANY_VALUE({})")
    for named in (query.phase_column, query.segment):
        if named is not None:
            make(named, "any", "ANY_VALUE({})")
    listed = "".join(f", {expression} AS {name}" for name, expression in made.items())
    return (
        f"(SELECT unit, arm, MIN(first_ts) AS first_ts{listed} FROM {_table(query)} "
        "GROUP BY unit, arm)"
    )


def _column(query: CellQuery, column: str, how: str) -> str:
    """A column of the table, or what became of it when rows were made units."""
    name = _identifier(column, _COLUMN)
    return f"{name}_{how}" if query.rows else name


def _table(query: CellQuery) -> str:
    return _identifier(query.table, _TABLE)


def _where(query: CellQuery, *further: str) -> str:
    conditions = [*_conditions(query), *further]
    return "\nWHERE " + "\n    AND ".join(conditions) if conditions else ""


def _conditions(query: CellQuery) -> list[str]:
    conditions = []
    if query.since is not None:
        conditions.append(f"(first_ts >= {_moment(query.since)} OR first_ts IS NULL)")
    if query.as_of is not None:
        conditions.append(f"first_ts < {_moment(query.as_of)}")
    placed = _identifier(query.placed_by, _TIME)
    if query.placed:
        conditions.append(f"{placed} IS NOT NULL")
    if query.placed_from is not None:
        conditions.append(f"{placed} >= {_moment(query.placed_from)}")
    if query.placed_until is not None:
        conditions.append(f"{placed} < {_moment(query.placed_until)}")
    if query.without_days:
        days = ", ".join(f"DATE '{day.isoformat()}'" for day in query.without_days)
        conditions.append(f"(first_ts IS NULL OR CAST(first_ts AS DATE) NOT IN ({days}))")
    if query.by_day:
        conditions.append("first_ts IS NOT NULL")
    return conditions


def _moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{naive.isoformat(sep=' ')}'"


def _identifier(name: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(name):
        raise ValueError(f"{name!r} is not an identifier of ours")
    return name
