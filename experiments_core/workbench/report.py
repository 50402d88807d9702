"""What ``analyze`` returns: words in a terminal, a scorecard in a notebook, numbers by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from experiments_core.analysis import explain as explaining
from experiments_core.analysis import words
from experiments_core.analysis.body import to_dict
from experiments_core.analysis.calibration import Calibration
from experiments_core.analysis.cells import Cell
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.explain import Explanation
from experiments_core.analysis.explain_steps import further_steps
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import (
    ArmResult,
    Check,
    ExperimentResult,
    MetricResult,
    Recommendation,
    Verdict,
)
from experiments_core.analysis.robustness import Robustness
from experiments_core.domain.source import CellKey
from experiments_core.errors import NotFoundError
from experiments_core.reports.tables import RESULT_COLUMNS, result_rows
from experiments_core.services.calibration import LEAST_SHUFFLES, SEED, SHUFFLES
from experiments_core.workbench import scorecard
from experiments_core.workbench.again import Rereading
from experiments_core.workbench.refusing import refusal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """One treatment of one metric; every field of the results body by its name.

    ``report["converted"].relative_lift`` is a fraction; a number that does not exist is an
    ``Undefined`` with its reason.
    """

    report: Report
    metric: MetricResult
    arm: ArmResult

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        for source in (self.arm.contrast, self.arm):
            if source is not None and hasattr(source, name):
                return getattr(source, name)
        message = f"A comparison has no field “{name}”."
        raise AttributeError(message)

    def __dir__(self) -> list[str]:
        fields = {*ArmResult.__dataclass_fields__, *Contrast.__dataclass_fields__}
        return sorted({*object.__dir__(self), *fields})

    def __repr__(self) -> str:
        line = scorecard.line(self.report.result, self.metric, self.arm)
        return f"{words.plain(self.metric.name, 60)}, {line}"

    def explain(self) -> Explanation:
        """Formula, the numbers put in, the moments and the query behind this comparison."""
        return self.report.explain(self.metric.key, self.arm.variant)


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """One analysis.

    Attributes:
        result: Everything that was found, typed.
        design: What the analysis was told.
        cells: The moments it started from.
        sql: The query that fetched them; empty for numbers typed in.
        notes: What was done with the rows on the way.
        again: How to read the same data once more; None for numbers typed in and past looks.
    """

    result: ExperimentResult
    design: Design
    cells: dict[CellKey, Cell]
    sql: str = ""
    notes: tuple[str, ...] = field(default=())
    again: Rereading | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict with its sentences."""
        return self.result.verdict

    @property
    def recommendation(self) -> Recommendation:
        """What to do, with reasons."""
        return self.result.recommendation

    @property
    def health(self) -> tuple[Check, ...]:
        """Whether the numbers may be used."""
        return self.result.health

    def __getitem__(self, key: str | tuple[str, str]) -> Comparison:
        metric_key, variant = (key, None) if isinstance(key, str) else key
        metrics = {metric.key: metric for metric in self.result.metrics}
        if metric_key not in metrics:
            raise NotFoundError(
                f"There is no metric “{metric_key}”.", hint=f"There are: {', '.join(metrics)}."
            )
        metric = metrics[metric_key]
        arms = {arm.variant: arm for arm in metric.arms}
        if variant is None:
            if len(self.result.treatments) > 1:
                listed = ", ".join(self.result.treatments)
                raise NotFoundError(
                    f"“{metric_key}” has several treatments: {listed}.",
                    hint=f"Say which: report[{metric_key!r}, {self.result.treatments[0]!r}].",
                )
            variant = self.result.treatments[0]
        if variant not in arms:
            raise NotFoundError(
                f"There is no variant “{variant}”.", hint=f"There are: {', '.join(arms)}."
            )
        return Comparison(self, metric, arms[variant])

    def __iter__(self) -> Iterator[Comparison]:
        for metric in self.result.metrics:
            for arm in metric.arms:
                if arm.contrast is not None:
                    yield Comparison(self, metric, arm)

    def explain(self, metric_key: str, variant: str) -> Explanation:
        """How one comparison came about."""
        found = self[metric_key, variant].arm.contrast
        if found is None:
            raise NotFoundError(
                f"“{variant}” is the reference; nothing is compared with itself.",
                hint=f"Treatments are: {', '.join(self.result.treatments)}.",
            )
        metric = next(one for one in self.design.metrics if one.key == metric_key)
        groups = Groups.of(self.cells, len(self.design.phases))
        told = explaining.explain(groups, self.design, metric, found, treatment=variant)
        further = further_steps(
            self.result, groups, self.design, metric=metric_key, treatment=variant
        )
        return replace(told, sql=self.sql, steps=further)

    def robustness(self, metric_key: str, variant: str | None = None) -> Robustness:
        """Every defensible analysis of one comparison, sorted; the planned one is marked.

        Args:
            metric_key: Key of the metric.
            variant: The treatment; may go where there is one.

        Raises:
            InvalidInputError: the numbers were typed in, or are totals.
            ConflictError: the same, of an experiment in a workspace.
        """
        found = self[metric_key if variant is None else (metric_key, variant)]
        return self._again().robustness(self.result, self.design, metric_key, found.arm)

    def calibrate(
        self,
        metric_key: str,
        variant: str | None = None,
        *,
        shuffles: int = SHUFFLES,
        seed: int = SEED,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Calibration:
        """Shuffle the arms: how often would each method call a difference where none is?

        Args:
            metric_key: Key of the metric.
            variant: The treatment; may go where there is one.
            shuffles: How many, at least 100.
            seed: Gives the same shuffles again.
            progress: Told a fraction from 0 to 1.
            cancelled: Asked after each shuffle; True stops.

        Raises:
            InvalidInputError: there are no rows, or too few.
            CancelledError: somebody stopped it.
        """
        found = self[metric_key if variant is None else (metric_key, variant)]
        if shuffles < LEAST_SHUFFLES:
            raise refusal(
                "shuffles", shuffles, "RANGE", f"{shuffles} shuffles show nothing.",
                f"Take {LEAST_SHUFFLES} or more.",
            )  # fmt: skip
        return self._again().calibrate(
            self.design, metric_key, found.arm.variant, shuffles=shuffles, seed=seed,
            progress=progress, cancelled=cancelled,
        )  # fmt: skip

    def _again(self) -> Rereading:
        if self.again is None:
            raise refusal(
                "data", None, "NO_UNIT_ROWS", "There are no rows to read again.",
                "Give analyze a path or a table with one row per unit.",
            )  # fmt: skip
        return self.again

    def to_dict(self) -> dict[str, Any]:
        """The results body, as the REST API returns it; ready for JSON, never nan."""
        return to_dict(self.result)

    def to_json(self, *, indent: int | None = 2) -> str:
        """The results body as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def to_frame(self) -> pd.DataFrame:
        """One row per metric and arm; a number that does not exist is missing."""
        import pandas as pd  # noqa: PLC0415 - most of a second, and not every caller needs it

        return pd.DataFrame(result_rows(self.result), columns=list(RESULT_COLUMNS))

    def __repr__(self) -> str:
        return scorecard.text(self.result, self.design, self.notes)

    def _repr_html_(self) -> str:
        return scorecard.html(self.result, self.design, self.notes)
