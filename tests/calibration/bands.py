"""How far a simulated share may lie from its nominal value by chance alone.

Every band is computed from the binomial distribution of the number of runs, 99.9 % wide: of
1,000 true figures one lies outside.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binom

OUTSIDE = 0.001
"""Chance that a true figure falls outside its band, both sides together."""


@dataclass(frozen=True, slots=True)
class Band:
    """Where a share may lie, limits included, as fractions."""

    low: float
    high: float

    def holds(self, share: float) -> bool:
        return self.low <= share <= self.high


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured share beside the band it must keep - or, of a failing method, must leave.

    ``must_hold`` is None for a figure that is only shown.
    """

    label: str
    share: float
    band: Band
    must_hold: bool | None = True

    @property
    def is_inside(self) -> bool:
        return self.band.holds(self.share)

    @property
    def is_expected(self) -> bool:
        return self.must_hold is None or self.is_inside == self.must_hold


def around(nominal: float, runs: int) -> Band:
    """Band of a share that is ``nominal`` in truth."""
    low, high = (float(binom.ppf(p, runs, nominal)) for p in (OUTSIDE / 2, 1 - OUTSIDE / 2))
    return Band(low / runs, high / runs)


def at_most(nominal: float, runs: int) -> Band:
    """Band of a share that is ``nominal`` or less."""
    return Band(0.0, around(nominal, runs).high)


def at_least(nominal: float, runs: int) -> Band:
    """Band of a share that is ``nominal`` or more."""
    return Band(around(nominal, runs).low, 1.0)
