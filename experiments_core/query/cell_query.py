"""What may be asked of a table of units: metrics, keys of the cells, and which units count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from experiments_core.domain.needs import MomentNeed


@dataclass(frozen=True, slots=True)
class BoundNeed:
    """What a metric needs, and where its columns are.

    Attributes:
        column: ``c0``, ``c1`` … of the outcome.
        others: Those of the need's further columns, in order.
        covariates: Those of the covariate, none, one, or a numerator and its denominator.
        about: Points, one per column, that third powers of a centred query are taken about.
        listed: Beside the outcome (what its rows add up to) every row of a unit is kept, in a
            list; a quantile is that of the rows.
    """

    need: MomentNeed
    column: str
    others: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    about: tuple[float, ...] = ()
    listed: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the moments, in order."""
        return (self.column, *self.others, *self.covariates)

    @property
    def width(self) -> int:
        """How many they are."""
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
        whole: Whether a quantile is also wanted over all phases together.
        ends: Smallest and largest value of columns of the table, as far as they are known.
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
    whole: bool = True
    ends: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, compare=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """Key columns of the result, in order, ahead of the moments."""
        wanted = {
            "phase": bool(self.boundaries or self.since or self.phase_column),
            "segment": self.segment is not None,
            "day": self.by_day,
        }
        return ("arm", *(name for name, is_wanted in wanted.items() if is_wanted))

    def has_rows(self, bound: BoundNeed) -> bool:
        """Whether a quantile is that of several rows per unit."""
        return bound.need.shape == "quantile" and (self.rows or bound.listed)

    def wants_skewness(self, bound: BoundNeed) -> bool:
        """Whether a third moment of this metric may be asked for."""
        return self.skewness and bound.need.skewness
