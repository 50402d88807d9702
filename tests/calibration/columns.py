"""Simulated units, many experiments at a time, and their moments.

Columns are arrays of shape (experiments, units). A phase is (control columns, treatment
columns); a sample is a list of phases.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments_core.stats.moments import Moments

Columns = tuple[NDArray[np.float64], ...]
Phase = tuple[Columns, Columns]
Sample = list[Phase]
Strata = list[tuple[Moments, Moments]]


def moments(columns: Columns) -> list[Moments]:
    """Moments of each experiment, with the skewness of the first column."""
    n = columns[0].shape[1]
    means = np.stack([column.mean(axis=1) for column in columns], axis=1)
    centred = [column - means[:, i, None] for i, column in enumerate(columns)]
    size = len(columns)
    covariance = np.empty((len(means), size, size))
    for i in range(size):
        for j in range(i, size):
            products = np.einsum("ru,ru->r", centred[i], centred[j])
            covariance[:, i, j] = covariance[:, j, i] = products / (n - 1)
    cubes = np.einsum("ru,ru,ru->r", centred[0], centred[0], centred[0]) / n
    spread = covariance[:, 0, 0] * (n - 1) / n
    skewness = cubes / spread**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
    return [
        Moments(n, tuple(mean), tuple(map(tuple, table)), skew)
        for mean, table, skew in zip(
            means.tolist(), covariance.tolist(), skewness.tolist(), strict=True
        )
    ]


def strata(sample: Sample) -> list[Strata]:
    """Moments of each experiment, phase by phase."""
    phases = [zip(moments(control), moments(treatment), strict=True)
              for control, treatment in sample]  # fmt: skip
    return [list(experiment) for experiment in zip(*phases, strict=True)]
