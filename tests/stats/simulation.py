"""Columns to moments, and the 99.9 % binomial bands of 1,000 simulated tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from experiments_core.stats.estimate import Comparison
from experiments_core.stats.moments import Moments

TESTS = 1000


def moments(*columns: ArrayLike) -> Moments:
    """Moments of columns over the same units."""
    table = np.array(columns, dtype=float)
    spread = np.atleast_2d(np.cov(table)) if table.shape[1] > 1 else np.zeros((len(table),) * 2)
    return Moments(
        table.shape[1],
        tuple(table.mean(axis=1).tolist()),
        tuple(tuple(row) for row in spread.tolist()),
    )


def bands_broken(simulate: Callable[[], Comparison], difference: float = 0.0) -> list[str]:
    """Run 1,000 tests; name each band that the counts leave.

    Args:
        simulate: Draws one test and judges it at 0.05.
        difference: The true one; without any, the errors on both sides count too.
    """
    results = [simulate() for _ in range(TESTS)]
    held = sum(r.difference.ci_lower <= difference <= r.difference.ci_upper for r in results)
    counts = [("interval holds the truth", held, 926, 971)]
    if difference == 0:
        lost, won = (_rejected(results, side) for side in (-1, 1))
        counts += [
            ("false losses", lost, 10, 43),
            ("false wins", won, 10, 43),
            ("false alarms", lost + won, 29, 74),
        ]
    return [f"{name}: {n}" for name, n, least, most in counts if not least <= n <= most]


def _rejected(results: Sequence[Comparison], side: int) -> int:
    return sum(r.test.p_value < 0.05 and side * r.difference.value > 0 for r in results)
