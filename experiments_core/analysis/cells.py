"""Cells: what a query returns and what the engine works on.

A unit is in exactly one cell, so any total is an exact merge of cells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from experiments_core.domain.source import CellKey
from experiments_core.stats.moments import Summary


@dataclass(frozen=True, slots=True)
class Cell:
    """One group of units.

    Attributes:
        units: Units in the cell, whatever their metrics (the n of the sample-ratio check).
        summaries: Metric key -> counts or moments over the units where the metric is present.
    """

    units: int
    summaries: Mapping[str, Summary]

    def __add__(self, other: Cell) -> Cell:
        merged = dict(self.summaries)
        for key, summary in other.summaries.items():
            merged[key] = merged[key] + summary if key in merged else summary  # type: ignore[operator]
        return Cell(self.units + other.units, merged)


Cells = Mapping[CellKey, Cell]

UNCAPPED, CAPPED, CAP, FILLED, WHOLE = "uncapped", "capped", "cap", "filled", "whole"
"""What may stand beside a metric: its moments without the cap; how many values were cut; where
they were cut (a mean without spread); for how many units a covariate was filled in; a quantile
over all phases, in one cell of each arm."""


def beside(key: str, what: str) -> str:
    """Key of a summary that stands beside a metric's own; no metric can be called so."""
    return f"{key}\x1f{what}"


def regroup(cells: Cells, by: Callable[[CellKey], CellKey]) -> dict[CellKey, Cell]:
    """Merge the cells whose keys ``by`` maps to the same key."""
    groups: dict[CellKey, list[Cell]] = defaultdict(list)
    for key, cell in cells.items():
        groups[by(key)].append(cell)
    merged = {}
    for key, members in groups.items():
        total = members[0]
        for member in members[1:]:
            total = total + member
        merged[key] = total
    return merged
