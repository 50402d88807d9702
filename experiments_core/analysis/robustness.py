"""Every defensible analysis of one comparison: does the answer hang on a choice?

The choices are the method, the covariate, the cap, the first day, and where units seen in two
arms count. Each analysis is judged at the level of the planned one, two-sided, by its interval
of the difference; the answer holds where it is the planned one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from experiments_core.analysis import comparing, other_methods
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.effects import effect
from experiments_core.analysis.groups import Groups, Pair, is_rate
from experiments_core.analysis.judging import verdict_of
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean, Ratio
from experiments_core.stats.estimate import Comparison, Undefined, Value
from experiments_core.stats.moments import Counts, Moments

Strata = tuple[Pair, ...]
CAPS = (None, "99.9%", "99%")
ALL_DAYS, LATER_DAYS = "all", "without the first day"
CROSSOVERS = {
    "exclude": "left out", "first_seen": "where first seen",
    "as_imported": "as each import has it",
}  # fmt: skip
"""What is done with units in both versions, in words."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Which units count, and where.

    Attributes:
        days: ``all`` or ``without the first day``.
        crossovers: ``exclude`` or ``first_seen``; ``as_imported`` where imports differ.
    """

    days: str = ALL_DAYS
    crossovers: str = "exclude"


@dataclass(frozen=True, slots=True)
class Variation:
    """One analysis.

    Attributes:
        method: ``score``, ``welch_t`` …
        adjusted: Whether a covariate entered; None where the metric has none.
        cap: None, an amount or a point, as it was asked for.
        setting: Which units count.
        planned: The one that the plan names.
        verdict: ``better``, ``worse``, ``no_clear_difference`` or ``cannot_say``.
        strata: What it was computed from, (control, treatment) per phase.
        holds: Whether that is the verdict of the planned one.
    """

    method: str
    adjusted: bool | None
    cap: str | None
    setting: Setting
    planned: bool
    control_n: int
    treatment_n: int
    difference: Value
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value
    p_value: Value | None
    verdict: str
    strata: Strata
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Robustness:
    """All analyses of one comparison, sorted by their estimate.

    Attributes:
        metric: Key of ``definition``.
        confidence_level: Of every interval, that of the planned one.
        notes: Choices that could not be tried, and why.
    """

    metric: str
    variant: str
    confidence_level: float
    variations: tuple[Variation, ...]
    definition: Metric
    notes: tuple[str, ...] = ()

    @property
    def planned(self) -> Variation:
        """The planned analysis."""
        return next(one for one in self.variations if one.planned)

    @property
    def in_points(self) -> bool:
        """Whether the differences, not the lifts, are what nearly every method bounds."""
        return is_rate(self.definition)

    @property
    def tries_crossovers(self) -> bool:
        """Whether more than one rule for units in both versions was tried."""
        return len({one.setting.crossovers for one in self.variations}) > 1

    @property
    def holds(self) -> int:
        """In how many analyses the planned answer holds, the planned one among them."""
        return sum(one.holds for one in self.variations)


def capped(metric: Metric) -> dict[str | None, Metric]:
    """The metric under every cap that is tried, its own first; each with a key of its own."""
    if not isinstance(metric, Mean):
        return {None: metric}
    own = None if metric.cap is None else str(metric.cap)
    caps = list(dict.fromkeys([own, *CAPS]))
    return {
        cap: replace(
            metric,
            key=f"{metric.key}\x1f{cap or ''}",
            cap=metric.cap if cap == own else cap,
        )
        for cap in caps
    }


def sheet(
    design: Design,
    metric: Metric,
    cells: Mapping[Setting, Cells],
    contrast: Contrast,
    *,
    treatment: str,
    notes: Sequence[str] = (),
) -> Robustness:
    """Take every analysis.

    Args:
        design: As for the whole experiment; its first setting is the planned one.
        metric: The metric.
        cells: Per setting the cells of the metrics of :func:`capped`; the planned one first.
        contrast: The planned comparison, for its level.
        treatment: The arm compared with the reference.
        notes: Choices that could not be tried.
    """
    early = contrast.sequential
    level = contrast.confidence_level
    if early is not None and early.decides and early.confidence_level < 1:
        level = early.confidence_level
    first, found = next(iter(cells)), []
    for setting, own in cells.items():
        groups = Groups.of(own, len(design.phases))
        for cap, version in capped(metric).items():
            if not groups.has(version):
                continue
            strata = groups.strata(version, design.reference, treatment)
            plan = setting == first and cap == next(iter(capped(metric)))
            for number, (method, adjusted, one) in enumerate(
                _methods(version, strata, 1 - level)
            ):
                found.append(_variation(
                    metric, strata, one, (method, adjusted, cap), setting,
                    planned=plan and number == 0,
                ))  # fmt: skip
    planned = next(one for one in found if one.planned)
    judged = [replace(one, holds=one.verdict == planned.verdict) for one in found]
    ordered = tuple(sorted(judged, key=lambda one: _place(metric, one)))
    return Robustness(metric.key, treatment, level, ordered, metric, tuple(notes))


def _place(metric: Metric, one: Variation) -> float:
    """The estimate: of a rate its difference, which nearly every method bounds."""
    found = [one.relative_lift, one.difference]
    for value in reversed(found) if is_rate(metric) else found:
        if not isinstance(value, Undefined):
            return value
    return -math.inf


def _variation(
    metric: Metric,
    strata: Strata,
    found: Comparison,
    how: tuple[str, bool | None, str | None],
    setting: Setting,
    *,
    planned: bool,
) -> Variation:
    method, adjusted, cap = how
    p = found.test.p_value
    return Variation(
        method=method,
        adjusted=adjusted,
        cap=cap,
        setting=setting,
        planned=planned,
        control_n=sum(control.n for control, _ in strata),
        treatment_n=sum(treatment.n for _, treatment in strata),
        **effect(found),
        p_value=None if found.test.method == "none" else p,
        verdict=_verdict(metric, found),
        strata=strata,
    )


def _verdict(metric: Metric, found: Comparison) -> str:
    """By the interval that the method gives: of the difference, else of the lift."""
    for estimate in (found.difference, found.relative_lift):
        low, high = estimate.ci_lower, estimate.ci_upper
        if isinstance(low, Undefined) or isinstance(high, Undefined):
            continue
        significant = low > 0 or high < 0
        return verdict_of(metric, estimate.value, significant=significant)
    return "cannot_say"


def _methods(
    metric: Metric, strata: Strata, alpha: float
) -> Iterator[tuple[str, bool | None, Comparison]]:
    """(method, adjusted, result), the planned method first."""
    adjusted = comparing.is_adjusted(metric, strata)
    planned = comparing.compare(metric, strata, alpha)
    name = planned.test.method
    yield name, (True if adjusted else None), planned
    if is_rate(metric):
        yield from other_methods.of_rates(
            cast("tuple[tuple[Counts, Counts], ...]", strata), alpha
        )
    elif isinstance(metric, Mean | Ratio):
        raw = comparing.unadjusted(metric, strata)
        if adjusted:
            yield name, False, comparing.compare(metric, raw, alpha)
        if isinstance(metric, Mean):
            plain = cast("tuple[tuple[Moments, Moments], ...]", raw)
            yield from other_methods.of_means(
                plain, alpha, adjusted=False if adjusted else None
            )
    if len(strata) > 1:
        sized = comparing.compare_by_size(metric, strata, alpha)
        yield "size_weighted", (True if adjusted else None), sized
