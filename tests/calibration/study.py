"""What every simulation has in common: a name, blocks of runs, figures at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tests.calibration.bands import Figure

ALPHA = 0.05
TAIL = ALPHA / 2
LEVEL = 1 - ALPHA


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts over simulated experiments; blocks add up."""

    runs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    p_values: tuple[float, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.runs + other.runs,
            self.counts + other.counts,
            self.p_values + other.p_values,
        )

    def share(self, label: str) -> float:
        return self.counts[label] / self.runs


class Study(Protocol):
    """One design judged by one method (or several on the same data)."""

    @property
    def name(self) -> str:
        """Unique."""

    @property
    def world(self) -> str:
        """Seeds the draws: studies of one world judge the same simulated data."""

    def simulate(self, rng: np.random.Generator, runs: int) -> Outcome: ...

    def figures(self, outcome: Outcome) -> list[Figure]: ...
