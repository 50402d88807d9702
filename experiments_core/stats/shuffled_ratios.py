"""Ratios of two sums under shuffled arms, with or without a covariate; see :mod:`shuffles`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments_core.stats.shuffles import Array, Drawn, Phase, Tested, pooled_slope, welch


def ratio_test(drawn: Sequence[Drawn], lift: float = 0.0, slope: float | None = None) -> Tested:
    """Welch's t of the linearised ratio of the first column over the second.

    Args:
        drawn: Of :func:`shuffles.draw`.
        lift: Planted into the numerator of the treatment, a fraction.
        slope: Of :func:`ratio_slope`: taken off with the covariate in the third column, a ratio
            where there is a fourth; None leaves the covariate out.
    """
    parts = []
    scaled = np.array([1.0, 1.0 + lift])[:, None]
    for phase in drawn:
        mean, variance = _line(phase, (0, 1), scaled)
        if slope is not None:
            before, own = _line(phase, (2, 3), np.ones((2, 1)))
            shared = _shared(phase, scaled)
            mean = mean - slope * before
            variance = variance - 2 * slope * shared + slope**2 * own
        parts.append((phase.n, mean, variance))
    return welch(parts)


def ratio_slope(phases: Sequence[Phase]) -> float | None:
    """Slope of the linearised ratio on the covariate inside the phases; None without one."""
    if phases[0].columns.shape[1] < 3:
        return None
    lines = []
    for phase in phases:
        y, n, x, *rest = phase.columns.T
        d = rest[0] if rest else np.ones_like(x)
        if not n.mean() or not d.mean():
            return None
        above = (y - y.mean() / n.mean() * n) / n.mean()
        before = (x - x.mean() / d.mean() * d) / d.mean()
        lines.append(Phase(phase.treated, np.column_stack([above, before])))
    return pooled_slope(lines)


def _factors(phase: Drawn, pair: tuple[int, int], scaled: Array) -> tuple[Array, Array, Array]:
    """A ratio of two columns, and what each weighs in its linearised value."""
    above, below = pair
    bottom = (
        phase.means[..., below]
        if below < phase.means.shape[-1]
        else np.ones_like(phase.means[..., above])
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = phase.means[..., above] * scaled / bottom
        return ratio, scaled / bottom, -ratio / bottom


def _line(phase: Drawn, pair: tuple[int, int], scaled: Array) -> tuple[Array, Array]:
    """Mean and variance of one unit of a linearised ratio."""
    ratio, of_above, of_below = _factors(phase, pair, scaled)
    return ratio, _product(phase, (pair, pair), (of_above, of_below), (of_above, of_below))


def _shared(phase: Drawn, scaled: Array) -> Array:
    """Covariance of the linearised outcome and covariate."""
    outcome, before = (0, 1), (2, 3)
    _, *left = _factors(phase, outcome, scaled)
    _, *right = _factors(phase, before, np.ones((2, 1)))
    return _product(phase, (outcome, before), left, right)


def _product(
    phase: Drawn,
    pairs: tuple[tuple[int, int], tuple[int, int]],
    left: Sequence[Array],
    right: Sequence[Array],
) -> Array:
    """Covariance of two linear combinations; a column that is not there is constant."""
    total = np.zeros_like(phase.means[..., 0])
    width = phase.means.shape[-1]
    for i, a in zip(pairs[0], left, strict=True):
        for j, b in zip(pairs[1], right, strict=True):
            if max(i, j) < width:
                total = total + a * b * phase.covariance[..., i, j]
    return total
