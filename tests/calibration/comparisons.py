"""One comparison of two arms: errors on both sides, and whether intervals hold the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import kstest

from experiments_core.stats.estimate import Comparison, Estimate, TestResult, Undefined, Value
from tests.calibration.bands import Band, Figure, around
from tests.calibration.judges import Judge
from tests.calibration.study import ALPHA, LEVEL, TAIL, Outcome
from tests.calibration.worlds import World

LEAST_UNIFORM = 0.001
"""Kolmogorov-Smirnov p below which p-values are not uniform."""

Part = Literal["holds", "fails", "warns", "shown"]

LEAST_WARNED = 0.99
"""Share of the experiments of a strained design in which its warning must be up."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One design judged by one method.

    Attributes:
        source: Where experiments come from.
        method: What judged, as a reader should see it.
        judge: The method.
        part: ``holds``: every figure keeps its band. ``fails``: those of ``marks`` leave it.
            ``warns``: the flags of ``marks`` must be up. ``shown``: nothing is required.
        marks: Labels that a failing method must break, or flags of a strained design.
        continuous: Whether p-values are uniform without any effect.
    """

    source: World
    method: str
    judge: Judge
    part: Part = "holds"
    marks: tuple[str, ...] = ()
    continuous: bool = True

    @property
    def name(self) -> str:
        return f"{self.source.name}: {self.method}"

    @property
    def world(self) -> str:
        return self.source.name

    @property
    def metric(self) -> str:
        return self.source.metric

    @property
    def design(self) -> str:
        return self.source.arms

    def simulate(self, rng: np.random.Generator, runs: int) -> Outcome:
        counts: Counter[str] = Counter()
        p_values = []
        for result in self.judge(self.source.draw(rng, runs)):
            counts.update(_observe(result, self.source))
            if self.source.is_null and not isinstance(result.test.p_value, Undefined):
                p_values.append(result.test.p_value)
        return Outcome(runs, counts, tuple(p_values))

    def figures(self, outcome: Outcome) -> list[Figure]:
        found = self._errors(outcome) if self.source.is_null else self._misses(outcome)
        found += self._coverage(outcome)
        if self.part == "holds":
            contradictions = outcome.share("contradiction"), outcome.share("missing")
            found.append(Figure("verdict contradicted", max(contradictions), Band(0.0, 0.0)))
        if self.part == "warns":
            found += [
                Figure(flag, outcome.share(flag), Band(LEAST_WARNED, 1.0))
                for flag in self.marks
            ]
        if self.source.is_null and self.continuous:
            uniform = float(kstest(outcome.p_values, "uniform").pvalue)
            found.append(self._figure("uniform p-values", uniform, Band(LEAST_UNIFORM, 1.0)))
        return found

    def _errors(self, outcome: Outcome) -> list[Figure]:
        sides = [(label, outcome.share(label), TAIL) for label in ("false loss", "false win")]
        sides.append(("false alarm", sum(share for _, share, _ in sides), ALPHA))
        return self._around(sides, outcome.runs)

    def _misses(self, outcome: Outcome) -> list[Figure]:
        labels = [
            f"{number} {side}"
            for number in ("difference", "lift")
            for side in ("below", "above")
        ]
        return self._around([(s, outcome.share(s), TAIL) for s in labels], outcome.runs)

    def _coverage(self, outcome: Outcome) -> list[Figure]:
        held = [
            (f"{number} held",
             1 - outcome.share(f"{number} below") - outcome.share(f"{number} above"), LEVEL)
            for number in ("difference", "lift")
        ]  # fmt: skip
        return self._around(held, outcome.runs)

    def _around(self, shares: Iterable[tuple[str, float, float]], runs: int) -> list[Figure]:
        return [
            self._figure(label, round(share * runs) / runs, around(nominal, runs))
            for label, share, nominal in shares
        ]

    def _figure(self, label: str, share: float, band: Band) -> Figure:
        must_hold = True if self.part == "holds" else None
        if self.part == "fails" and label in self.marks:
            must_hold = False
        return Figure(label, share, band, must_hold)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A guardrail whose true effect is exactly the margin: "safe" is then an error.

    Attributes:
        source: Where experiments come from.
        margin: As a reader should see it.
        judge: One-sided test against the margin, per experiment.
    """

    source: World
    margin: str
    judge: Callable[[Any], Iterable[TestResult]]

    @property
    def name(self) -> str:
        return f"{self.source.name}: {self.margin}"

    @property
    def world(self) -> str:
        return self.source.name

    @property
    def metric(self) -> str:
        return self.source.metric

    @property
    def design(self) -> str:
        return f"{self.source.arms}, {self.margin}"

    def simulate(self, rng: np.random.Generator, runs: int) -> Outcome:
        sample = self.source.draw(rng, runs)
        safe = sum(_below(test.p_value, TAIL) for test in self.judge(sample))
        return Outcome(runs, Counter({"wrongly safe": safe}))

    def figures(self, outcome: Outcome) -> list[Figure]:
        return [
            Figure("wrongly safe", outcome.share("wrongly safe"), around(TAIL, outcome.runs))
        ]


def _observe(result: Comparison, truth: World) -> Iterable[str]:
    """Everything worth counting about one comparison."""
    rejected = _below(result.test.p_value, ALPHA)
    points = result.difference.value, result.relative_lift.value, result.test.p_value
    if any(isinstance(point, Undefined) for point in points):
        yield "missing"
        return
    if rejected:
        yield "found" if not truth.is_null else "false loss" if points[0] < 0 else "false win"
    for number, estimate, true in (
        ("difference", result.difference, truth.difference),
        ("lift", result.relative_lift, truth.lift),
    ):
        side = _side(estimate, true)
        if side:
            yield f"{number} {side}"
        if rejected != bool(_side(estimate, 0.0)):
            yield "contradiction"
    yield from result.flags


def _side(estimate: Estimate, true: float) -> str:
    """Where the interval lies if it misses the truth."""
    if not isinstance(estimate.ci_upper, Undefined) and estimate.ci_upper < true:
        return "below"
    if not isinstance(estimate.ci_lower, Undefined) and estimate.ci_lower > true:
        return "above"
    return ""


def _below(p_value: Value, level: float) -> bool:
    return not isinstance(p_value, Undefined) and p_value < level
