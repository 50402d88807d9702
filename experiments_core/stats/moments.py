"""Sufficient statistics: counts for 0/1 metrics, centred moments for everything else.

Merging is exact (Chan, Golub & LeVeque 1983, The American Statistician 37:242-247), so any
total is a merge of cells. What comes as sums of squares, which at mean 1e9 lose every digit, is
let in by :mod:`experiments_core.stats.power_sums` alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """A 0/1 metric in one group of units.

    Attributes:
        n: Units counted, >= 0.
        x: Units with the outcome, 0 <= x <= n.
    """

    n: int
    x: int

    def __post_init__(self) -> None:
        if not 0 <= self.x <= self.n:
            message = f"counts need 0 <= x <= n, got x = {self.x}, n = {self.n}"
            raise ValueError(message)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.n + other.n, self.x + other.x)


@dataclass(frozen=True, slots=True)
class Moments:
    """Means and the (n - 1) covariance matrix of one or more columns over the same units.

    Attributes:
        n: Units on which every column is present.
        means: One mean per column.
        covariance: Symmetric matrix, row by row; all zero for n = 1.
        skewness: Sample skewness of what the comparison rests on - the first column, or what
            is left of it after a ratio or an adjustment - if asked for (a flag only, not merged
            exactly: None after a merge of unlike groups).
    """

    n: int
    means: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    skewness: float | None = None

    @classmethod
    def of_mean(
        cls, n: int, mean: float, variance: float, skewness: float | None = None
    ) -> Moments:
        """Moments of a single column."""
        return cls(n, (mean,), ((variance,),), skewness)

    @property
    def mean(self) -> float:
        """Mean of the first column."""
        return self.means[0]

    @property
    def variance(self) -> float:
        """Variance (n - 1) of the first column."""
        return self.covariance[0][0]

    def leading(self, columns: int) -> Moments:
        """The first columns alone; what a skewness told of is gone with the others."""
        if columns >= len(self.means):
            return self
        table = tuple(row[:columns] for row in self.covariance[:columns])
        return Moments(self.n, self.means[:columns], table)

    def __add__(self, other: Moments) -> Moments:
        if self.n == 0:
            return other
        if other.n == 0:
            return self
        n = self.n + other.n
        delta = [b - a for a, b in zip(self.means, other.means, strict=True)]
        share = self.n * other.n / n
        columns = range(len(delta))
        means = tuple(a + d * other.n / n for a, d in zip(self.means, delta, strict=True))
        covariance = tuple(
            tuple(
                (
                    (self.n - 1) * self.covariance[i][j]
                    + (other.n - 1) * other.covariance[i][j]
                    + delta[i] * delta[j] * share
                )
                / (n - 1)
                for j in columns
            )
            for i in columns
        )
        return Moments(n, means, covariance)


@dataclass(frozen=True, slots=True)
class Located:
    """A quantile of the rows of one group of units. Groups cannot be added up.

    Attributes:
        n: Units with at least one row.
        rows: Rows.
        value: The quantile; None where it is not known (nobody, or after a merge).
        lower: Quantile at the lower limiting share; None where the limits fall outside.
        upper: Quantile at the upper limiting share.
        confidence_level: Of these limits, a fraction.
        share: Share of rows at or below the value.
        share_error: Standard error of that share over units.
    """

    n: int
    rows: int = 0
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    confidence_level: float = 0.95
    share: float | None = None
    share_error: float | None = None

    def __add__(self, other: Located) -> Located:
        if not self.n or not other.n:
            return self if self.n else other
        return Located(
            self.n + other.n, self.rows + other.rows, confidence_level=self.confidence_level
        )


Summary = Counts | Moments | Located
"""What one metric needs from one group of units."""


def merge(parts: Iterable[Counts] | Iterable[Moments] | Iterable[Located]) -> Summary:
    """Add disjoint groups of units.

    Raises:
        ValueError: there is nothing to merge.
    """
    total: Summary | None = None
    for part in parts:
        total = part if total is None else total + part  # type: ignore[operator]
    if total is None:
        message = "nothing to merge"
        raise ValueError(message)
    return total
