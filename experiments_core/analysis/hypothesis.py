"""What is judged: one metric of one treatment against the reference."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.analysis.groups import Pair
from experiments_core.domain.metric import Metric
from experiments_core.stats.estimate import TestResult, Value


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One metric of one treatment against the reference.

    Attributes:
        strata: (control, treatment) per phase.
        withheld: Why it is not judged at all, None when it is.
        alternative: The plan's for primary metrics, two-sided for the others.
        test: At no level yet.
    """

    metric: Metric
    treatment: str
    strata: tuple[Pair, ...]
    withheld: str | None
    alternative: str
    test: TestResult

    @property
    def n(self) -> int:
        """Units counted in both arms."""
        return sum(control.n + treatment.n for control, treatment in self.strata)

    @property
    def p_value(self) -> Value:
        """Raw."""
        return self.test.p_value
