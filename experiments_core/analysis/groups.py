"""Cells arranged for comparisons: one list of phases per arm and metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from experiments_core.analysis.cells import CAP, Cell, Cells, beside, regroup
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.source import UNKNOWN_PHASE, CellKey
from experiments_core.stats.moments import Counts, Located, Moments, Summary

NOTHING = Moments(0, (0.0,), ((0.0,),))
EMPTY: dict[MetricKind, Summary] = {
    MetricKind.PROPORTION: Counts(0, 0),
    MetricKind.QUANTILE: Located(0),
}
"""What stands for nobody, where it is not :data:`NOTHING`."""

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
    _by_arm: dict[str, list[Cell | None]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the phases of each arm side by side: they are asked for again and again."""
        by_arm: dict[str, list[Cell | None]] = {}
        for key, cell in self.cells.items():
            phases = by_arm.setdefault(key.arm, [None] * self.phases)
            if 0 < key.phase <= self.phases:
                phases[key.phase - 1] = cell
        object.__setattr__(self, "_by_arm", by_arm)

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
        return tuple(self._by_arm)

    def units(self, arm: str, phase: int | None = None) -> int:
        """Units of an arm, in one phase or in all."""
        cells = self._phases_of(arm)
        found = cells if phase is None else cells[phase - 1 : phase]
        return sum([cell.units for cell in found if cell is not None])

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
        empty = EMPTY.get(metric.kind, NOTHING)
        key = beside(metric.key, what) if what else metric.key
        return tuple(
            [
                empty if cell is None else cell.summaries.get(key, empty)
                for cell in self._phases_of(arm)
            ]
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
        cells = self._phases_of(arm)
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

    def _phases_of(self, arm: str) -> list[Cell | None]:
        return self._by_arm.get(arm) or [None] * self.phases
