"""The same data once more, under other choices: what robustness and calibration ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from experiments_core.analysis.calibration import Calibration, calibrate, enough
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import ArmResult, ExperimentResult
from experiments_core.analysis.robustness import (
    ALL_DAYS,
    LATER_DAYS,
    Robustness,
    Setting,
    capped,
    sheet,
)
from experiments_core.domain.metric import Metric
from experiments_core.errors import InvalidInputError
from experiments_core.services.calibration import steps
from experiments_core.stats.shuffles import Phase
from experiments_core.workbench.loading import Loaded
from experiments_core.workbench.refusing import refusal
from experiments_core.workbench.request import Request


class Rereading(Protocol):
    """The rows behind a reading, which other analyses can start from."""

    def robustness(
        self, result: ExperimentResult, design: Design, metric_key: str, arm: ArmResult
    ) -> Robustness:
        """Take every defensible analysis of one comparison."""

    def calibrate(
        self,
        design: Design,
        metric_key: str,
        variant: str,
        *,
        shuffles: int,
        seed: int,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Calibration:
        """Shuffle the arms of one comparison."""


@dataclass(frozen=True, slots=True)
class Again:
    """How the rows were read, and a way to read them once more."""

    request: Request
    load: Callable[[Request], Loaded]
    values: Callable[[Request, tuple[str, str]], list[Phase]]

    def robustness(
        self, result: ExperimentResult, design: Design, metric_key: str, arm: ArmResult
    ) -> Robustness:
        """Take every defensible analysis of one comparison."""
        contrast = compared_in(arm)
        metric = next(one for one in design.metrics if one.key == metric_key)
        versions = tuple(capped(metric).values())
        settings, notes = self._settings(result, design)
        cells = {setting: self._cells(versions, setting) for setting in settings}
        return sheet(design, metric, cells, contrast, treatment=arm.variant, notes=notes)

    def calibrate(
        self,
        design: Design,
        metric_key: str,
        variant: str,
        *,
        shuffles: int,
        seed: int,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Calibration:
        """Shuffle the arms of one comparison."""
        metric = next(one for one in design.metrics if one.key == metric_key)
        asked = replace(self.request, metrics=(metric,), segments=())
        phases = enough(self.values(asked, (design.reference, variant)))
        return shuffled(
            metric, phases, variant, design.plan.alpha,
            shuffles=shuffles, seed=seed, progress=progress, cancelled=cancelled,
        )  # fmt: skip

    def _settings(
        self, result: ExperimentResult, design: Design
    ) -> tuple[list[Setting], list[str]]:
        """What can be varied besides method, covariate and cap; the planned one first."""
        own = self.request.crossovers
        ways, notes = [own], list[str]()
        crossed = any(
            card.facts.get("units") for card in result.health if card.check == "crossed_units"
        )
        if crossed and self.request.time is None:
            notes.append("Nothing says where units in both versions were first seen (time=…).")
        elif crossed:
            ways = list(dict.fromkeys([own, "exclude", "first_seen"]))
        days = [ALL_DAYS]
        if self.request.time is None:
            notes.append("Nothing says on which day a unit came (time=…); no day was left out.")
        else:
            try:
                self._cells(design.metrics, Setting(LATER_DAYS, own))
                days.append(LATER_DAYS)
            except InvalidInputError:
                notes.append("There is only one day, so it was not left out.")
        return [Setting(day, way) for day in days for way in ways], notes

    def _cells(self, metrics: Sequence[Metric], setting: Setting) -> Cells:
        asked = replace(
            self.request,
            metrics=tuple(metrics),
            segments=(),
            crossovers=setting.crossovers,
            later_days=setting.days == LATER_DAYS,
        )
        return self.load(asked).cells


def compared_in(arm: ArmResult) -> Contrast:
    """The comparison of an arm.

    Raises:
        InvalidInputError: it is the reference.
    """
    if arm.contrast is None:
        raise refusal(
            "variant", arm.variant, "NOT_FOUND",
            f"“{arm.variant}” is the reference; nothing is compared with itself.",
            "Name a treatment.",
        )  # fmt: skip
    return arm.contrast


def shuffled(
    metric: Metric,
    phases: Sequence[Phase],
    variant: str,
    alpha: float,
    *,
    shuffles: int,
    seed: int,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Calibration:
    """Shuffle the arms of one metric's units.

    Raises:
        InvalidInputError: there are too few.
        CancelledError: somebody stopped it.
    """
    if not phases:
        raise refusal(
            "metric", metric.key, "RANGE", "There are too few units to shuffle.",
            "Each arm needs ten.",
        )  # fmt: skip
    return calibrate(
        metric, phases, variant=variant, alpha=alpha, number=shuffles, seed=seed,
        said=steps(shuffles, progress, cancelled),
    )  # fmt: skip
