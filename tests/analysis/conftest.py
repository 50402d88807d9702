"""Designs and cells made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from experiments_core.analysis.cells import Cell
from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import CellKey
from experiments_core.stats.moments import Counts, Moments

CONVERTED = Proportion("converted")
REVENUE = Mean("revenue", unit="USD", role="secondary")
REFUND = Proportion(
    "refund", role="guardrail", preferred_direction="decrease", non_inferiority_margin=0.1
)
EQUAL = PhaseDesign({"control": 5000, "B": 5000})
RUNNING = {"finished": False, "said_over": False, "status": "running"}


def design(**more: Any) -> Design:
    """Two arms, one rate, said to be over; anything can be told otherwise."""
    given: dict[str, Any] = {
        "arms": ("control", "B"),
        "reference": "control",
        "metrics": (CONVERTED,),
        "phases": (EQUAL,),
        "plan": Plan(min_runtime_days=0),
    }
    return Design(**given | more)


def rates(arms: Mapping[str, tuple[int, int]], key: str = "converted") -> dict[CellKey, Cell]:
    """Cells of one phase: arm -> (units, conversions)."""
    return {CellKey(arm): Cell(n, {key: Counts(n, x)}) for arm, (n, x) in arms.items()}


def cell(units: int, **summaries: tuple[float, ...]) -> Cell:
    """A cell: two numbers are (n, x), three are (n, mean, variance)."""
    return Cell(
        units,
        {
            key: Counts(int(values[0]), int(values[1]))
            if len(values) == 2
            else Moments.of_mean(int(values[0]), values[1], values[2])
            for key, values in summaries.items()
        },
    )


@pytest.fixture
def split_change() -> tuple[dict[CellKey, Cell], Design]:
    """Half and half, then 20/80 when the base rate had fallen: a true lift of 5 % twice."""
    cells = {
        CellKey("control", 1): cell(5000, converted=(5000, 500)),
        CellKey("B", 1): cell(5000, converted=(5000, 525)),
        CellKey("control", 2): cell(2000, converted=(2000, 100)),
        CellKey("B", 2): cell(8000, converted=(8000, 420)),
    }
    phases = (
        PhaseDesign({"control": 5000, "B": 5000}, date(2026, 5, 6)),
        PhaseDesign({"control": 2000, "B": 8000}, date(2026, 5, 12)),
    )
    return cells, design(phases=phases)


Make = Callable[..., Design]
