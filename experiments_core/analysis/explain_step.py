"""One step of an explanation, and the case that it is about."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments_core.analysis import words
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import ExperimentResult, MetricResult
from experiments_core.domain.metric import Metric
from experiments_core.stats.estimate import Undefined, Value


@dataclass(frozen=True, slots=True)
class Step:
    """One number, or a few that belong together.

    Attributes:
        title: What they are.
        formula: In symbols, with its source.
        numbers: The same with the numbers put in.
    """

    title: str
    formula: str
    numbers: str


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison, with all that its steps tell of."""

    result: ExperimentResult
    groups: Groups
    design: Design
    metric: Metric
    found: MetricResult
    treatment: str
    contrast: Contrast

    def named(self, arm: str) -> str:
        """What people call an arm, shortened."""
        return words.plain(self.design.named(arm), 40)


def number_or(value: Value) -> float:
    """A number to sort by; what is none comes last."""
    return math.inf if isinstance(value, Undefined) else value


def number(value: Value | None) -> str:
    """A number to six digits, or why there is none."""
    if value is None:
        return "none"
    return f"none ({value.reason})" if isinstance(value, Undefined) else f"{value:.6g}"
