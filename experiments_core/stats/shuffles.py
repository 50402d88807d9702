"""Shuffled A/A: the same units with their arms drawn anew, many times, all at once.

Nothing can differ between arms that were shuffled, so a test at level alpha has to reject
alpha/2 of the shuffles on each side. Rows are touched by numpy only; what loops is the shuffle.

Arms are permuted inside each phase, so every shuffle has the sizes that the test had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtr
from scipy.stats import binom

Array = np.ndarray[Any, Any]
BAND = 0.001
"""Share of sound methods that lie outside the band by chance."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The units of two arms in one phase.

    Attributes:
        treated: Whether a unit is in the treatment.
        columns: One row per unit: the outcome, and perhaps a second column.
        units: Where units have several rows of a quantile: the place in ``treated`` of each
            row of ``columns``.
    """

    treated: Array
    columns: Array
    units: Array | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Moments of both arms of one phase, one entry per shuffle.

    Attributes:
        n: Sizes (control, treatment), the same in every shuffle.
        means: Shape (2, shuffles, columns).
        covariance: Shape (2, shuffles, columns, columns), with n - 1.
    """

    n: tuple[int, int]
    means: Array
    covariance: Array


@dataclass(frozen=True, slots=True)
class Tested:
    """Statistics and two-sided p-values, one per shuffle; p = 1 where there is no spread."""

    statistic: Array
    p_value: Array

    def rejected(self, alpha: float) -> tuple[int, int]:
        """Shuffles that would have been called (greater, less)."""
        hit = self.p_value < alpha
        return int((hit & (self.statistic > 0)).sum()), int((hit & (self.statistic < 0)).sum())


def band(shuffles: int, rate: float) -> tuple[int, int]:
    """Fewest and most rejections that a method with this true rate has in 99.9 % of runs."""
    low, high = (binom.ppf(share, shuffles, rate) for share in (BAND / 2, 1 - BAND / 2))
    return int(low), int(high)


def draw(
    phases: Sequence[Phase],
    shuffles: int,
    rng: np.random.Generator,
    said: Callable[[int], None] = lambda _: None,
) -> list[Drawn]:
    """Shuffle the arms and take the moments of both.

    Args:
        phases: At least two units in each arm.
        shuffles: How many.
        rng: Where chance comes from.
        said: Told after each shuffle how many are done; may raise to stop.
    """
    prepared = [_features(phase.columns) for phase in phases]
    sums = [np.empty((shuffles, features.shape[1])) for features, _ in prepared]
    for number in range(shuffles):
        for k, phase in enumerate(phases):
            sums[k][number] = rng.permutation(phase.treated).astype(float) @ prepared[k][0]
        said(number + 1)
    return [
        _moments(phase, features.sum(axis=0), centre, drawn)
        for phase, (features, centre), drawn in zip(phases, prepared, sums, strict=True)
    ]


def draw_quantiles(
    phases: Sequence[Phase],
    shuffles: int,
    rng: np.random.Generator,
    q: float,
    said: Callable[[int], None] = lambda _: None,
) -> list[tuple[tuple[int, int], Array]]:
    """Shuffle the arms and take the quantile of both with its limits at 95 %.

    Returns:
        Per phase the sizes, and an array (2, shuffles, 3) of value, lower and upper limit; nan
        where a limit falls outside the data.
    """
    ordered = [_by_value(phase) for phase in phases]
    found = [np.empty((2, shuffles, 3)) for _ in phases]
    for number in range(shuffles):
        for k, (treated, values, units) in enumerate(ordered):
            mixed = rng.permutation(treated)
            ours = mixed if units is None else mixed[units]
            for side in (False, True):
                rows = ours == side
                own = None if units is None else units[rows]
                found[k][int(side), number] = _located(values[rows], q, own)
        said(number + 1)
    sizes = [(int((~p.treated).sum()), int(p.treated.sum())) for p in phases]
    return list(zip(sizes, found, strict=True))


def _by_value(phase: Phase) -> tuple[Array, Array, Array | None]:
    """Arms of the units, sorted values, and the unit of each where units have several."""
    order = np.argsort(phase.columns[:, 0])
    values = phase.columns[order, 0]
    if phase.units is None:
        return phase.treated[order], values, None
    return phase.treated, values, phase.units[order]


def mean_test(drawn: Sequence[Drawn], slope: float = 0.0, lift: float = 0.0) -> Tested:
    """Welch's t of the first column minus ``slope`` times the second; over phases weighted.

    Args:
        drawn: Of :func:`draw`.
        slope: Of a covariate in the second column.
        lift: Planted into the outcome of the treatment, a fraction.
    """
    parts = []
    for phase in drawn:
        scaled = np.array([1.0, 1.0 + lift])[:, None]
        mean = phase.means[..., 0] * scaled
        variance = phase.covariance[..., 0, 0] * scaled**2
        if slope:
            mean = mean - slope * phase.means[..., 1]
            variance = (
                variance
                - 2 * slope * scaled * phase.covariance[..., 0, 1]
                + slope**2 * phase.covariance[..., 1, 1]
            )
        parts.append((phase.n, mean, variance))
    return welch(parts)


def rate_test(
    drawn: Sequence[Drawn], rng: np.random.Generator | None = None, lift: float = 0.0
) -> Tested:
    """The pooled score test of a column of 0 and 1.

    Args:
        drawn: Of :func:`draw`.
        rng: With a lift: which further units of the treatment convert.
        lift: Planted into the treatment, a fraction.
    """
    top = variance = 0.0
    for weight, phase in zip(_weights([one.n for one in drawn]), drawn, strict=True):
        n_c, n_t = phase.n
        x_c, x_t = (np.rint(phase.means[i, :, 0] * phase.n[i]).astype(int) for i in (0, 1))
        if lift and rng is not None:
            rate = (x_c + x_t).mean() / (n_c + n_t)
            more = min(1.0, lift * rate / (1 - rate)) if rate < 1 else 0.0
            x_t = x_t + rng.binomial(n_t - x_t, more)
        pooled = (x_c + x_t) / (n_c + n_t)
        top = top + weight * (x_t / n_t - x_c / n_c)
        variance = variance + weight**2 * pooled * (1 - pooled) * (1 / n_c + 1 / n_t)
    return _z(np.asarray(top), np.asarray(variance))


def quantile_test(drawn: Sequence[tuple[tuple[int, int], Array]], lift: float = 0.0) -> Tested:
    """Z of the difference of two quantiles, their errors from their limits at 95 %."""
    top = variance = 0.0
    scaled = np.array([1.0, 1.0 + lift])[:, None, None]
    for weight, (_, found) in zip(_weights([n for n, _ in drawn]), drawn, strict=True):
        moved = found * scaled
        error = (moved[..., 2] - moved[..., 1]) / 2 / 1.959963984540054
        top = top + weight * (moved[1, :, 0] - moved[0, :, 0])
        variance = variance + weight**2 * (error[0] ** 2 + error[1] ** 2)
    return _z(np.asarray(top), np.asarray(variance))


def pooled_slope(phases: Sequence[Phase]) -> float:
    """Slope of the first column on the second inside the phases; 0 where it is constant."""
    centred = [phase.columns - phase.columns.mean(axis=0) for phase in phases]
    xy = sum(float(one[:, 0] @ one[:, 1]) for one in centred)
    xx = sum(float(one[:, 1] @ one[:, 1]) for one in centred)
    return xy / xx if xx > 0 else 0.0


def _features(columns: Array) -> tuple[Array, Array]:
    """Centred columns and their products: sums of these are centred moments."""
    centre = columns.mean(axis=0)
    centred = columns - centre
    width = centred.shape[1]
    products = [centred[:, i] * centred[:, j] for i in range(width) for j in range(i, width)]
    return np.column_stack([centred, *products]), centre


def _moments(phase: Phase, total: Array, centre: Array, drawn: Array) -> Drawn:
    n_t = int(phase.treated.sum())
    n = (len(phase.treated) - n_t, n_t)
    width = phase.columns.shape[1]
    means, tables = [], []
    for size, sums in zip(n, (total - drawn, drawn), strict=True):
        shift = sums[:, :width] / size
        table = np.empty((len(drawn), width, width))
        for place, (i, j) in enumerate(_pairs(width), start=width):
            entry = (sums[:, place] - size * shift[:, i] * shift[:, j]) / (size - 1)
            table[:, i, j] = table[:, j, i] = entry
        means.append(centre + shift)
        tables.append(table)
    return Drawn(n, np.array(means), np.array(tables))


def _pairs(width: int) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(width) for j in range(i, width))


def _weights(sizes: Sequence[tuple[int, int]]) -> list[float]:
    raw = [n_c * n_t / (n_c + n_t) for n_c, n_t in sizes]
    return [one / sum(raw) for one in raw]


def welch(parts: Sequence[tuple[tuple[int, int], Array, Array]]) -> Tested:
    """Welch's t, one test per shuffle, over phases weighted.

    Args:
        parts: Per phase the sizes of both arms, and per arm and shuffle mean and variance.
    """
    difference = total = below = 0.0
    for weight, (n, mean, variance) in zip(
        _weights([n for n, _, _ in parts]), parts, strict=True
    ):
        noise = [weight**2 * np.maximum(variance[i], 0.0) / n[i] for i in (0, 1)]
        difference = difference + weight * (mean[1] - mean[0])
        total = total + noise[0] + noise[1]
        below = below + noise[0] ** 2 / (n[0] - 1) + noise[1] ** 2 / (n[1] - 1)
    spread, top = np.asarray(total), np.asarray(difference)
    known = np.isfinite(spread) & (spread > 0)
    safe = np.where(known, spread, 1.0)
    statistic = np.where(known, top / np.sqrt(safe), 0.0)
    freedom = np.where(known, safe**2 / np.where(known, below, 1.0), 1.0)
    p_value = np.where(known, 2 * stdtr(freedom, -np.abs(statistic)), 1.0)
    return Tested(statistic, p_value)


def _z(top: Array, variance: Array) -> Tested:
    known = np.isfinite(variance) & (variance > 0)
    statistic = np.where(known, top / np.sqrt(np.where(known, variance, 1.0)), 0.0)
    return Tested(statistic, np.where(known, 2 * ndtr(-np.abs(statistic)), 1.0))


def _located(values: Array, q: float, units: Array | None) -> tuple[float, float, float]:
    """Quantile (type 7) of sorted values and the quantiles at the limiting shares.

    With the unit of each value the share varies by unit, as a ratio does (Deng et al. 2018).
    """
    n = len(values)
    value = _at(values, q)
    below = int(np.searchsorted(values, value, side="right"))
    share = below / n
    error = np.sqrt(share * (1 - share) / (n - 1))
    if units is not None:
        rows = np.bincount(units)
        surplus = np.bincount(units[:below], minlength=len(rows)) - share * rows
        count = int((rows > 0).sum())
        error = np.sqrt((surplus @ surplus) * count / (count - 1)) / n
    reach = 1.959963984540054 * error
    if not (q - reach > 0 and q + reach < 1):
        return value, np.nan, np.nan
    return value, _at(values, q - reach), _at(values, q + reach)


def _at(values: Array, share: float) -> float:
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return float(values[low] + (place - low) * (values[high] - values[low]))
