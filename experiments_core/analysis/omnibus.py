"""All arms of a metric at once, first: a description beside the comparisons that decide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from experiments_core.analysis import comparing
from experiments_core.analysis.groups import Groups, is_quantile, is_rate
from experiments_core.analysis.results import Omnibus
from experiments_core.domain.metric import Metric
from experiments_core.stats import omnibus, proportions, standardised, stratified
from experiments_core.stats.estimate import TestResult
from experiments_core.stats.moments import Counts, Moments, Summary

LEAST_ARMS = 3


def over_all_arms(groups: Groups, metric: Metric, arms: Sequence[str]) -> Omnibus | None:
    """Chi-square of a rate, Welch's analysis of variance of a mean; over phases Cochran's Q.

    None for two arms (their comparison says it), and for quantiles.
    """
    if len(arms) < LEAST_ARMS or not groups.has(metric) or is_quantile(metric):
        return None
    cells = [[_line(metric, one) for one in groups.of_arm(metric, arm)] for arm in arms]
    found = (
        _over_phases(cells) if groups.phases > 1 else _at_once(metric, [c[0] for c in cells])
    )
    return Omnibus(
        test_method=found.method,
        statistic=found.statistic,
        degrees_of_freedom=found.degrees_of_freedom,
        p_value=found.p_value,
        arms=len(arms),
    )


def _line(metric: Metric, summary: Summary) -> Counts | Moments:
    """Counts of a rate; of all else the one column whose mean is compared, unadjusted."""
    return (
        summary
        if isinstance(summary, Counts)
        else comparing.line_of(metric, cast("Moments", summary))
    )


def _at_once(metric: Metric, arms: Sequence[Counts | Moments]) -> TestResult:
    if is_rate(metric):
        return proportions.rates_differ(cast("Sequence[Counts]", arms))
    return omnibus.means_differ(cast("Sequence[Moments]", arms))


def _over_phases(arms: Sequence[Sequence[Counts | Moments]]) -> TestResult:
    """Every arm weighted to one mix of phases, then compared by inverse variance."""
    seen = [phases for phases in arms if any(one.n for one in phases)]
    sizes = [[phases[k].n for phases in seen] for k in range(len(arms[0]))]
    weights = standardised.common_weights(sizes) if seen else (0.0,) * len(arms[0])
    return stratified.heterogeneity([_level_and_variance(phases, weights) for phases in seen])


def _level_and_variance(
    phases: Sequence[Counts | Moments], weights: Sequence[float]
) -> tuple[float, float]:
    used = [(w, one) for w, one in zip(weights, phases, strict=True) if w > 0]
    levels, noises = [], []
    for weight, one in used:
        level = one.x / one.n if isinstance(one, Counts) else one.mean
        spread = level * (1 - level) if isinstance(one, Counts) else one.variance
        levels.append(weight * level)
        noises.append(weight * weight * spread / one.n)
    return math.fsum(levels), math.fsum(noises)
