"""The score process of a test without effect, watched between bounds.

Its increments are independent and normal, so the density of those paths that never left the
bounds follows by one convolution per look: Armitage, McPherson & Rowe 1969, JRSS A 132:235-244.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

_POINTS = 801
_MOST_POINTS = 2401
_WIDEST = 10.0  # standard deviations; no mass worth counting lies beyond


@dataclass(frozen=True, slots=True)
class RandomWalk:
    """Paths that stayed inside all bounds so far.

    Attributes:
        information: Variance of the process now; 0 before the first look.
        points: Grid of scores.
        mass: Probability at each point, Simpson's weight included.
    """

    information: float = 0.0
    points: Floats = field(default_factory=lambda: np.zeros(1))
    mass: Floats = field(default_factory=lambda: np.ones(1))

    def crossing(self, information: float, bound: float, drift: float = 0.0) -> float:
        """Probability to be beyond ±bound (on the z scale) at the next look, not before.

        Args:
            information: At the next look.
            bound: On |z|.
            drift: Mean score per information; paths are weighted by their likelihood.
        """
        added = information - self.information
        deviation, edge = math.sqrt(added), bound * math.sqrt(information)
        moved = self.points + drift * added
        beyond = ndtr((moved - edge) / deviation) + ndtr((-moved - edge) / deviation)
        likelihood = np.exp(drift * self.points - drift * drift * self.information / 2)
        return float((self.mass * likelihood) @ beyond)

    def step(self, information: float, bound: float) -> RandomWalk:
        """Return the paths that are still inside at the next look."""
        added = information - self.information
        edge = min(bound, _WIDEST) * math.sqrt(information)
        count = int(8 * edge / math.sqrt(added)) // 2 * 2 + 1
        points = np.linspace(-edge, edge, min(_MOST_POINTS, max(_POINTS, count)))
        steps = points[:, None] - self.points[None, :]
        density = np.exp(-0.5 / added * steps**2) @ self.mass / math.sqrt(2 * math.pi * added)
        return RandomWalk(information, points, density * _simpson(points))


def _simpson(points: Floats) -> Floats:
    weights = np.full(points.size, 2.0 * (points[1] - points[0]) / 3)
    weights[1::2] *= 2
    weights[[0, -1]] /= 2
    return weights
