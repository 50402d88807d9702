"""The one query: unit rows in, cells of centred moments out. DuckDB's dialect; text only.

A cell is keyed by arm and, where asked, phase, segment and day of first exposure. Identifiers
come from our own map (``units_<hex>``, ``c0``, ``c1`` …); names from a file are data and never
enter the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from experiments_core.domain.metric import MomentNeed

BLANK = "(blank)"
"""The segment of units without a value."""

_TABLE = re.compile(r"(units|staging)_[a-z0-9_]{1,62}")
_COLUMN = re.compile(r"c[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class BoundNeed:
    """What a metric needs, and where its column is.

    Attributes:
        column: ``c0``, ``c1`` …
    """

    need: MomentNeed
    column: str


@dataclass(frozen=True, slots=True)
class CellQuery:
    """Which cells are wanted of one table with one row per unit.

    Attributes:
        table: ``units_<hex>``.
        needs: Union of what the metrics declared.
        since: Units first seen before this moment are left out.
        boundaries: Moments at which phase 2, 3 … began; none means one phase, key 0. With
            boundaries, units without a time are in phase 0.
        segment: Column to cut by, or None.
        by_day: Whether to cut by day of first exposure, in UTC.
        as_of: Units first seen at or after this moment are left out.
        skewness: Whether to ask for third moments (they cannot be merged).
    """

    table: str
    needs: tuple[BoundNeed, ...]
    since: datetime | None = None
    boundaries: tuple[datetime, ...] = ()
    segment: str | None = None
    by_day: bool = False
    as_of: datetime | None = None
    skewness: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """Key columns of the result, in order, ahead of the moments."""
        wanted = {
            "phase": bool(self.boundaries),
            "segment": self.segment is not None,
            "day": self.by_day,
        }
        return ("arm", *(name for name, is_wanted in wanted.items() if is_wanted))

    def wants_skewness(self, bound: BoundNeed) -> bool:
        """Whether the result has a third moment for this metric."""
        return self.skewness and bound.need.skewness


def cells_sql(query: CellQuery) -> str:
    """Write the query. Per metric: n and x for counts; n, mean, variance, skewness else."""
    lines = [*(_key_line(query, name) for name in query.keys), "COUNT(*) AS units"]
    for index, bound in enumerate(query.needs):
        lines += _moment_lines(query, bound, index)
    text = "SELECT\n    " + ",\n    ".join(lines) + f"\nFROM {_identifier(query.table, _TABLE)}"
    conditions = _conditions(query)
    if conditions:
        text += "\nWHERE " + "\n    AND ".join(conditions)
    keys = ", ".join(query.keys)
    return f"{text}\nGROUP BY {keys}\nORDER BY {keys}"


def span_sql(table: str) -> str:
    """First and last moment at which a unit was first seen; answered from statistics."""
    return f"SELECT MIN(first_ts), MAX(first_ts) FROM {_identifier(table, _TABLE)}"


def extremes_sql(query: CellQuery) -> str:
    """Smallest and largest value of each column whose third moment is wanted; as cheap."""
    columns = [one.column for one in query.needs if query.wants_skewness(one)]
    parts = ", ".join(f"MIN({c}), MAX({c})" for c in (_identifier(c, _COLUMN) for c in columns))
    return f"SELECT {parts} FROM {_identifier(query.table, _TABLE)}"


def _key_line(query: CellQuery, name: str) -> str:
    if name == "phase":
        return f"{_phase(query.boundaries)} AS phase"
    if name == "segment":
        return f"COALESCE({_identifier(query.segment or '', _COLUMN)}, '{BLANK}') AS segment"
    return "CAST(first_ts AS DATE) AS day" if name == "day" else "arm"


def _phase(boundaries: tuple[datetime, ...]) -> str:
    steps = [
        f"WHEN first_ts < {_moment(moment)} THEN {number}"
        for number, moment in enumerate(boundaries, start=1)
    ]
    return f"CASE WHEN first_ts IS NULL THEN 0 {' '.join(steps)} ELSE {len(boundaries) + 1} END"


def _moment_lines(query: CellQuery, bound: BoundNeed, index: int) -> list[str]:
    column = _identifier(bound.column, _COLUMN)
    value = f"COALESCE({column}, 0)" if bound.need.missing == "zero" else column
    count = f"COUNT({value}) AS n{index}"
    if bound.need.shape == "counts":
        return [count, f"CAST(SUM({value}) AS BIGINT) AS x{index}"]
    lines = [count, f"AVG({value}) AS mean{index}", f"VAR_SAMP({value}) AS variance{index}"]
    if query.wants_skewness(bound):
        lines.append(f"SKEWNESS({value}) AS skewness{index}")
    return lines


def _conditions(query: CellQuery) -> list[str]:
    conditions = []
    if query.since is not None:
        conditions.append(f"first_ts >= {_moment(query.since)}")
    if query.as_of is not None:
        conditions.append(f"first_ts < {_moment(query.as_of)}")
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
