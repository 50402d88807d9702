"""One line per look: when, by whom, on how many units, and what it said of one metric."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.results import MetricResult


@dataclass(frozen=True, slots=True)
class LookLine:
    """What a list says of one look.

    Attributes:
        actor: Who looked.
        trigger: ``page``, ``api`` or ``report``.
        views: How often it was opened.
        newest: Last moment at which one of its units was first seen; None without times.
        units: Units of all arms it rested on.
        metric: What it said of the metric that is asked for; None where it had none.
    """

    no: int
    taken_at: datetime
    actor: str
    trigger: str
    verdict: str
    views: int
    newest: datetime | None
    units: int
    final: bool
    metric: MetricResult | None = None

    def contrast(self, treatment: str) -> Contrast | None:
        """What it said of one treatment of that metric."""
        arms = self.metric.arms if self.metric else ()
        return next((arm.contrast for arm in arms if arm.variant == treatment), None)
