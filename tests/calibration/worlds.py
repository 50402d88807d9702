"""Imaginary products whose truth is known: users, their numbers, and what a change does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from experiments_core.stats.moments import Counts
from tests.calibration.columns import Columns, Sample

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Any]
Sampler = Callable[[np.random.Generator, tuple[int, ...]], Array]

Users = tuple[int, int]
"""Of control and treatment."""
Truths = tuple[int, int, float, float]
"""Users of control and treatment, true rates or means of both."""
Rows = tuple[Array, NDArray[np.int64]]
RowSample = tuple[Rows, Rows]

MOST_ROWS = 7
"""Most page loads of one user."""
SPEND_SIGMA = 1.5
ORDERS = 0.45
"""Orders per session without any change."""


@dataclass(frozen=True, slots=True)
class World:
    """Where experiments are drawn from, and the truth that intervals should hold.

    Attributes:
        metric: What is measured, as a reader should see it.
        arms: Users of control + treatment, phase by phase.
        draw: A number of experiments at a time.
        difference: The true one.
        lift: The true one, a fraction.
    """

    metric: str
    arms: str
    draw: Draw
    difference: float
    lift: float

    @property
    def name(self) -> str:
        return f"{self.metric}, {self.arms}, lift {self.lift:.3g}"

    @property
    def is_null(self) -> bool:
        return self.difference == 0


def rates(metric: str, *phases: Truths) -> World:
    """Conversions; phase by phase."""

    def draw(rng: np.random.Generator, runs: int) -> list[list[tuple[Counts, Counts]]]:
        arms = [
            [(n, rng.binomial(n, rate, runs).tolist()) for n, rate in ((n_c, p_c), (n_t, p_t))]
            for n_c, n_t, p_c, p_t in phases
        ]
        return [
            [(Counts(n_c, c[run]), Counts(n_t, t[run])) for (n_c, c), (n_t, t) in arms]
            for run in range(runs)
        ]

    return World(metric, _arms(phases), draw, *_weighted(phases))


def means(metric: str, values: Sampler, *phases: Truths) -> World:
    """Numbers per user; phase by phase.

    ``values`` has mean 1.
    """

    def draw(rng: np.random.Generator, runs: int) -> Sample:
        return [
            ((m_c * values(rng, (runs, n_c)),), (m_t * values(rng, (runs, n_t)),))
            for n_c, n_t, m_c, m_t in phases
        ]

    return World(metric, _arms(phases), draw, *_weighted(phases))


def minutes(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Mildly skewed (0.5), mean 1: time spent in a day."""
    return rng.standard_gamma(16, size) / 16


def waits(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Skewness 2, mean 1."""
    return rng.standard_exponential(size)


def baskets(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Log-normal with sigma 1 (skewness 6), mean 1: order values."""
    return rng.lognormal(-0.5, 1.0, size)


def spend(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Log-normal with sigma :data:`SPEND_SIGMA` (skewness 33), mean 1: spend of customers."""
    return rng.lognormal(-(SPEND_SIGMA**2) / 2, SPEND_SIGMA, size)


def revenue(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """One user in five buys for a log-normal amount; mean 1, skewness 14."""
    return 5 * (rng.random(size) < 0.2) * rng.lognormal(-0.605, 1.1, size)


def capped_spend(metric: str, users: Users, lift: float, *, cap: float) -> World:
    """Spend whose truth is that of values capped at a fixed amount."""
    world = means(metric, spend, (*users, 1.0, 1.0 + lift))
    control, treatment = (_capped_mean(mean, cap) for mean in (1.0, 1.0 + lift))
    return replace(world, difference=treatment - control, lift=treatment / control - 1)


def _capped_mean(mean: float, cap: float) -> float:
    """E min(Y, cap) of a log-normal Y."""
    middle, s = math.log(mean) - SPEND_SIGMA**2 / 2, SPEND_SIGMA
    above = (math.log(cap) - middle) / s
    return mean * float(ndtr(above - s)) + cap * float(ndtr(-above))


def visits(users: Users, lift: float) -> World:
    """Orders and sessions: users differ in how readily they order. Columns Y, N."""

    def draw(rng: np.random.Generator, runs: int) -> Sample:
        arms = zip(users, (1.0, 1.0 + lift), strict=True)
        return [tuple(_visits(rng, (runs, n), factor, periods=1) for n, factor in arms)]

    return World("ratio of sums", _text(users), draw, ORDERS * lift, lift)


def visits_with_history(users: Users, lift: float) -> World:
    """The same with the month before. Columns Y, N, Y before, N before."""

    def draw(rng: np.random.Generator, runs: int) -> Sample:
        arms = zip(users, (1.0, 1.0 + lift), strict=True)
        return [tuple(_visits(rng, (runs, n), factor, periods=2) for n, factor in arms)]

    return World("ratio with history", _text(users), draw, ORDERS * lift, lift)


def _visits(
    rng: np.random.Generator, size: tuple[int, int], factor: float, *, periods: int
) -> Columns:
    readiness = 2 * ORDERS * rng.beta(3, 3, size)
    columns: list[Array] = []
    for period in range(periods):
        sessions = 1 + rng.poisson(5, size)
        chance = readiness * (factor if period == 0 else 1.0)
        columns += [rng.binomial(sessions, chance).astype(float), sessions.astype(float)]
    return tuple(columns)


def histories(users: Users, lift: float) -> World:
    """Spend (mean 21) that follows the spend before (correlation 0.8). Columns Y, X."""

    def arm(rng: np.random.Generator, size: tuple[int, int], factor: float) -> Columns:
        before = 5 * rng.standard_gamma(4, size)
        return factor * (5 + 0.8 * before + 6 * rng.standard_normal(size)), before

    def draw(rng: np.random.Generator, runs: int) -> Sample:
        arms = zip(users, (1.0, 1.0 + lift), strict=True)
        return [tuple(arm(rng, (runs, n), factor) for n, factor in arms)]

    return World("mean with history", _text(users), draw, 21 * lift, lift)


def loads(users: Users, lift: float, quantile: float) -> World:
    """Page loads: rows of one user are alike. Columns of rows and how many of them count."""

    def arm(rng: np.random.Generator, size: tuple[int, int], factor: float) -> Rows:
        own = rng.normal(0, 0.5, size)
        loads = rng.integers(1, MOST_ROWS + 1, size)
        noise = rng.normal(0, 0.4, (*size, MOST_ROWS))
        return factor * np.exp(own[..., None] + noise), loads

    def draw(rng: np.random.Generator, runs: int) -> RowSample:
        control, treatment = (
            arm(rng, (runs, n), factor)
            for n, factor in zip(users, (1.0, 1.0 + lift), strict=True)
        )
        return control, treatment

    middle = math.exp(math.hypot(0.5, 0.4) * float(ndtri(quantile)))
    metric = "median of rows" if quantile == 0.5 else f"p{100 * quantile:.0f} of rows"
    return World(metric, _text(users), draw, middle * lift, lift)


def _weighted(phases: Sequence[Truths]) -> tuple[float, float]:
    """True difference and lift, phases weighted by n_t n_c / (n_t + n_c)."""
    weights = [n_c * n_t / (n_c + n_t) for n_c, n_t, _, _ in phases]
    control = sum(w * c for w, (_, _, c, _) in zip(weights, phases, strict=True))
    treatment = sum(w * t for w, (_, _, _, t) in zip(weights, phases, strict=True))
    if control == treatment:
        return 0.0, 0.0
    return (treatment - control) / sum(weights), treatment / control - 1


def _arms(phases: Sequence[Truths]) -> str:
    return ", then ".join(_text((n_c, n_t)) for n_c, n_t, _, _ in phases)


def _text(users: Users) -> str:
    return f"{users[0]:,} + {users[1]:,}"
