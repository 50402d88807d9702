"""Cells arranged for comparisons: one list of phases per arm and metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from experiments_core.analysis.cells import CAP, Cell, Cells, beside, regroup
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.source import UNKNOWN_PHASE, CellKey
from experiments_core.stats.moments import Counts, Located, Moments, Summary

NOBODY = Counts(0, 0)
NOTHING = Moments(0, (0.0,), ((0.0,),))
NOWHERE = Located(0)

Pair = tuple[Summary, Summary]


def is_rate(metric: Metric) -> bool:
    """Whether the metric is a share of units."""
    return metric.kind is MetricKind.PROPORTION


def is_quantile(metric: Metric) -> bool:
    """Whether the metric is a quantile."""
    return metric.kind is MetricKind.QUANTILE


@dataclass(frozen=True, slots=True)
class Groups:
    """Units and summaries by arm and phase.

    Attributes:
        cells: Keyed by arm and phase 1 to ``phases``; with one phase everything is phase 1.
        phases: How many intervals of constant weights there are.
        unplaced: Units whose phase or run nobody knows; they are in no comparison.
        lost: No unit at all has its place; they stand as one phase, and nothing can be said.
    """

    cells: dict[CellKey, Cell]
    phases: int
    unplaced: int = 0
    lost: bool = False

    @classmethod
    def of(cls, cells: Cells, phases: int) -> Groups:
        """Arrange cells; segments and days are merged."""
        several = phases > 1

        def phase(key: CellKey) -> int:
            return key.phase if several or key.phase != UNKNOWN_PHASE else 1

        merged = regroup(cells, lambda key: CellKey(key.arm, phase(key)))
        unplaced = sum(cell.units for key, cell in merged.items() if key.phase < 1)
        if merged and all(key.phase < 1 for key in merged):
            return cls(regroup(cells, lambda key: CellKey(key.arm, 1)), 1, unplaced, lost=True)
        placed = {key: cell for key, cell in merged.items() if key.phase > 0}
        return cls(placed, phases, unplaced)

    def without(self, arm: str | None) -> Groups:
        """The same without one arm, such as the holdout."""
        if arm is None:
            return self
        kept = {key: cell for key, cell in self.cells.items() if key.arm != arm}
        return replace(self, cells=kept)

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

    def of_arm(self, metric: Metric, arm: str, what: str = "") -> tuple[Summary, ...]:
        """One summary per phase; phases without units are empty summaries.

        Args:
            metric: The metric.
            arm: The arm.
            what: A summary that stands beside the metric's own, such as ``uncapped``.
        """
        empty: Summary = NOBODY if is_rate(metric) else NOTHING
        if is_quantile(metric):
            empty = NOWHERE
        key = beside(metric.key, what) if what else metric.key
        found = (self.cells.get(CellKey(arm, k)) for k in range(1, self.phases + 1))
        return tuple(
            empty if cell is None else cell.summaries.get(key, empty) for cell in found
        )

    def strata(
        self, metric: Metric, control: str, treatment: str, what: str = ""
    ) -> tuple[Pair, ...]:
        """(control, treatment) per phase."""
        control_phases = self.of_arm(metric, control, what)
        return tuple(zip(control_phases, self.of_arm(metric, treatment, what), strict=True))

    def counted(self, metric: Metric, arm: str, what: str) -> tuple[int, int] | None:
        """(units of a kind, units counted) of one arm over all phases; None if not asked."""
        key = beside(metric.key, what)
        cells = (self.cells.get(CellKey(arm, k)) for k in range(1, self.phases + 1))
        found = [cell.summaries[key] for cell in cells if cell and key in cell.summaries]
        counts = [one for one in found if isinstance(one, Counts)]
        if not counts:
            return None
        return sum(one.x for one in counts), sum(one.n for one in counts)

    def cap(self, metric: Metric) -> float | None:
        """Where the values of a metric were cut, the same for all arms."""
        key = beside(metric.key, CAP)
        found = (cell.summaries.get(key) for cell in self.cells.values())
        return next((one.mean for one in found if isinstance(one, Moments) and one.n), None)
