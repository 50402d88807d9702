"""Cells arranged for comparisons: one list of phases per arm and metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from experiments_core.analysis.cells import Cell, Cells, regroup
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.source import CellKey
from experiments_core.stats.moments import Counts, Moments, Summary

NOBODY = Counts(0, 0)
NOTHING = Moments(0, (0.0,), ((0.0,),))

Pair = tuple[Summary, Summary]


def is_rate(metric: Metric) -> bool:
    """Whether the metric is a share of units."""
    return metric.kind is MetricKind.PROPORTION


@dataclass(frozen=True, slots=True)
class Groups:
    """Units and summaries by arm and phase.

    Attributes:
        cells: Keyed by arm and phase 1 to ``phases``; with one phase everything is phase 1.
        phases: How many intervals of constant weights there are.
        unplaced: Units whose phase nobody knows; they are in no comparison.
    """

    cells: dict[CellKey, Cell]
    phases: int
    unplaced: int = 0

    @classmethod
    def of(cls, cells: Cells, phases: int) -> Groups:
        """Arrange cells; segments and days are merged."""
        if phases == 1:
            return cls(regroup(cells, lambda key: CellKey(key.arm, 1)), 1)
        merged = regroup(cells, lambda key: CellKey(key.arm, key.phase))
        unplaced = sum(cell.units for key, cell in merged.items() if key.phase == 0)
        if merged and all(key.phase == 0 for key in merged):
            return cls(regroup(cells, lambda key: CellKey(key.arm, 1)), 1, unplaced)
        placed = {key: cell for key, cell in merged.items() if key.phase > 0}
        return cls(placed, phases, unplaced)

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm that has units, planned or not."""
        return tuple(dict.fromkeys(key.arm for key in self.cells))

    def units(self, arm: str, phase: int | None = None) -> int:
        """Units of an arm, in one phase or in all."""
        phases = range(1, self.phases + 1) if phase is None else (phase,)
        found = (self.cells.get(CellKey(arm, k)) for k in phases)
        return sum(cell.units for cell in found if cell is not None)

    def total(self, arms: Iterable[str]) -> int:
        """Units of several arms."""
        return sum(self.units(arm) for arm in arms)

    def has(self, metric: Metric) -> bool:
        """Whether the data hold this metric at all."""
        return any(metric.key in cell.summaries for cell in self.cells.values())

    def of_arm(self, metric: Metric, arm: str) -> tuple[Summary, ...]:
        """One summary per phase; phases without units are empty summaries."""
        empty = NOBODY if is_rate(metric) else NOTHING
        found = (self.cells.get(CellKey(arm, k)) for k in range(1, self.phases + 1))
        return tuple(
            empty if cell is None else cell.summaries.get(metric.key, empty) for cell in found
        )

    def strata(self, metric: Metric, control: str, treatment: str) -> tuple[Pair, ...]:
        """(control, treatment) per phase."""
        pairs = zip(self.of_arm(metric, control), self.of_arm(metric, treatment), strict=True)
        return tuple(pairs)
