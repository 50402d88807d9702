"""One arm of one metric by itself: value, interval, spread, and what was done to its values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from experiments_core.analysis import comparing
from experiments_core.analysis.cells import CAPPED, FILLED
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.groups import Groups, is_quantile, is_rate
from experiments_core.analysis.results import ArmResult
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.stats import adjust, quantiles, standardised
from experiments_core.stats.estimate import Estimate, Interval, Undefined, Value
from experiments_core.stats.means import LARGEST_VALUE
from experiments_core.stats.moments import Counts, Located, Moments, Summary

Phases = tuple[Summary, ...]
NEEDS_ROWS = (MetricKind.RATIO, MetricKind.QUANTILE)


def arm_results(
    design: Design,
    groups: Groups,
    metric: Metric,
    contrasts: Mapping[tuple[str, str], Contrast],
) -> tuple[ArmResult, ...]:
    """Every arm of one metric; over phases the values share one mix of phases."""
    by_arm = {arm: groups.of_arm(metric, arm) for arm in design.arms}
    found = _values(design, groups, metric, by_arm)
    lacking = {arm: _missing(groups, metric, arm) for arm in design.arms}
    shown = any(lacking.values())
    return tuple(
        ArmResult(
            variant=arm,
            n=comparing.total(metric, by_arm[arm]).n,
            conversions=_conversions(metric, by_arm[arm]),
            value=found[arm].estimate.value,
            ci_lower=found[arm].estimate.ci_lower,
            ci_upper=found[arm].estimate.ci_upper,
            standard_deviation=_finite(found[arm].spread),
            contrast=contrasts.get((metric.key, arm)),
            missing=lacking[arm] if shown else None,
            capped=_share(groups, metric, arm, CAPPED),
            covariate_filled=_share(groups, metric, arm, FILLED),
        )
        for arm in design.arms
    )


def absent(design: Design, groups: Groups, metric: Metric) -> str | None:
    """Why the data have nothing of a metric; None where they have."""
    if groups.has(metric):
        return None
    totals = design.basis != "units" and metric.kind in NEEDS_ROWS
    return "no_unit_rows" if totals else "column_missing"


@dataclass(frozen=True, slots=True)
class _Level:
    estimate: Estimate
    spread: float | None = None


def _values(
    design: Design, groups: Groups, metric: Metric, by_arm: Mapping[str, Phases]
) -> dict[str, _Level]:
    counted = [[_size(metric, one) for one in phases] for phases in by_arm.values()]
    seen = [sizes for sizes in counted if any(sizes)]
    sizes = [[phases[k] for phases in seen] for k in range(groups.phases)]
    weights = standardised.common_weights(sizes) if seen else (0.0,) * groups.phases
    level = 1 - design.plan.alpha
    reason = absent(design, groups, metric)
    adjusted = _adjusted(metric, by_arm) if reason is None else {}
    found = {}
    for arm, phases in by_arm.items():
        why = reason or (None if any(summary.n for summary in phases) else "no_users")
        if why is not None:
            nothing = Undefined(why)
            found[arm] = _Level(Estimate(nothing, Interval(nothing, nothing, level, "none")))
        elif arm in adjusted:
            own = adjusted[arm]
            estimate = standardised.standardised_mean(own.phases, weights, level)
            found[arm] = _Level(estimate, own.spread)
        else:
            found[arm] = _plain(metric, phases, weights, level)
    return found


def _size(metric: Metric, summary: Summary) -> int:
    """Units whose value counts; none where a ratio has no denominator."""
    return comparing.line_of(metric, summary).n if isinstance(summary, Moments) else summary.n


def _plain(metric: Metric, phases: Phases, weights: Sequence[float], level: float) -> _Level:
    if is_rate(metric):
        counts = cast("Sequence[Counts]", phases)
        return _Level(standardised.standardised_rate(counts, weights, level))
    if is_quantile(metric):
        located = cast("Sequence[Located]", phases)
        estimate = quantiles.standardised_quantile(located, weights, level)
        return _Level(estimate, quantiles.spread_per_unit(located))
    moments = cast("Sequence[Moments]", phases)
    lines = [comparing.line_of(metric, one) for one in moments]
    if metric.kind is MetricKind.RATIO and not any(line.n for line in lines):
        nothing = Undefined("zero_denominator")
        return _Level(Estimate(nothing, Interval(nothing, nothing, level, "t")))
    estimate = standardised.standardised_mean(lines, weights, level)
    whole = comparing.line_of(metric, cast("Moments", comparing.total(metric, phases)))
    return _Level(estimate, _spread(whole))


def value_over_phases(metric: Metric, phases: Phases, weights: Sequence[float]) -> Value:
    """Rate, mean or ratio of one group at a common mix of phases.

    Args:
        metric: The metric.
        phases: The group, phase by phase.
        weights: Of :func:`standardised.common_weights`.
    """
    if not any(summary.n for summary in phases):
        return Undefined("no_users")
    return _plain(metric, phases, weights, 0.95).estimate.value


def _adjusted(metric: Metric, by_arm: Mapping[str, Phases]) -> dict[str, adjust.AdjustedArm]:
    """Arms at the level that a covariate gives them; empty where there is none."""
    filled = {arm: phases for arm, phases in by_arm.items() if any(one.n for one in phases)}
    pairs = [(one, one) for phases in filled.values() for one in phases]
    if len(filled) < 2 or not comparing.is_adjusted(metric, pairs):
        return {}
    moments = [cast("Sequence[Moments]", phases) for phases in filled.values()]
    arms = adjust.adjusted_arms(moments)
    return {} if arms is None else dict(zip(filled, arms, strict=True))


def _spread(total: Moments) -> float | None:
    """Standard deviation of one unit; None where it does not exist."""
    if total.n < 2:
        return None
    return math.sqrt(max(total.variance, 0.0))


def _finite(spread: float | None) -> float | None:
    return spread if spread is not None and spread < LARGEST_VALUE else None


def _conversions(metric: Metric, phases: Phases) -> int | None:
    total = comparing.total(metric, phases)
    return total.x if isinstance(total, Counts) else None


def _missing(groups: Groups, metric: Metric, arm: str) -> float | None:
    """Share of an arm's units that have no value."""
    units, counted = groups.units(arm), sum(one.n for one in groups.of_arm(metric, arm))
    if not groups.has(metric) or counted > units or not units:
        return None
    return 1 - counted / units


def _share(groups: Groups, metric: Metric, arm: str, what: str) -> float | None:
    counted = groups.counted(metric, arm, what)
    return None if counted is None or not counted[1] else counted[0] / counted[1]
