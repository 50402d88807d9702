"""Which estimator belongs to which metric: the one place that knows both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from experiments_core.analysis.groups import Pair, is_rate
from experiments_core.domain.metric import Metric
from experiments_core.stats import contrasts, means, stratified
from experiments_core.stats.estimate import (
    Comparison,
    Estimate,
    Interval,
    TestResult,
    Undefined,
)
from experiments_core.stats.moments import Counts, Moments, Summary, merge

RateStrata = Sequence[tuple[Counts, Counts]]
MeanStrata = Sequence[tuple[Moments, Moments]]


def no_difference_test(
    metric: Metric, strata: Sequence[Pair], alternative: str = "two-sided"
) -> TestResult:
    """Test "no difference" between two arms."""
    if is_rate(metric):
        return stratified.rate_test(cast("RateStrata", strata), alternative)
    return means.mean_test(cast("MeanStrata", strata), alternative)


def compare(
    metric: Metric, strata: Sequence[Pair], alpha: float, alternative: str = "two-sided"
) -> Comparison:
    """Difference, lift and test of two arms at one level."""
    if is_rate(metric):
        return stratified.compare_rates(cast("RateStrata", strata), alpha, alternative)
    return means.compare_means(cast("MeanStrata", strata), alpha, alternative)


def compare_by_size(metric: Metric, strata: Sequence[Pair], alpha: float) -> Comparison:
    """The same with phases weighted by their units: the average over the units as they came."""
    if is_rate(metric):
        return stratified.size_weighted_difference(cast("RateStrata", strata), alpha)
    return means.compare_means(cast("MeanStrata", strata), alpha, weighting="size")


def margin_test(metric: Metric, strata: Sequence[Pair], alpha: float) -> TestResult:
    """One-sided test that the treatment is not worse by the metric's margin."""
    relative = metric.non_inferiority_margin is not None
    margin = (
        metric.non_inferiority_margin if relative else metric.non_inferiority_margin_absolute
    )
    direction = metric.preferred_direction.value
    doubles = relative and direction == "decrease"  # a rate may rise by 100 %, never fall by it
    if margin is None or (is_rate(metric) and margin >= 1 and not doubles):
        missing = Undefined("target_outside_range")
        return TestResult(missing, missing, "score")
    if is_rate(metric):
        return stratified.rate_test_against_margin(
            cast("RateStrata", strata),
            margin=margin,
            relative=relative,
            preferred_direction=direction,
        )
    return means.mean_test_against_margin(
        cast("MeanStrata", strata),
        margin=margin,
        relative=relative,
        preferred_direction=direction,
        alpha=alpha,
    )


def difference_and_variance(metric: Metric, strata: Sequence[Pair]) -> tuple[float, float]:
    """Combined difference and its variance, for the heterogeneity test; variance 0 if none."""
    if is_rate(metric):
        pairs = cast("RateStrata", strata)
        weights = stratified.phase_weights(pairs)
        found = [
            (weight, *stratified.difference_and_variance(pair))
            for weight, pair in zip(weights, pairs, strict=True)
            if weight > 0
        ]
        difference = math.fsum(w * d for w, d, _ in found)
        return difference, math.fsum(w * w * v for w, _, v in found)
    pair = means.mean_pair(cast("MeanStrata", strata))
    if isinstance(pair, contrasts.Withheld):
        return 0.0, 0.0
    return pair.difference, pair.difference_variance


def phase_weights(metric: Metric, strata: Sequence[Pair]) -> tuple[float, ...]:
    """Share of each phase in the combined estimate."""
    if is_rate(metric):
        return stratified.phase_weights(cast("RateStrata", strata))
    return means.phase_weights(cast("MeanStrata", strata))


def total(metric: Metric, phases: Sequence[Summary]) -> Summary:
    """All phases of one arm added up."""
    if is_rate(metric):
        return merge(cast("Sequence[Counts]", phases))
    return merge(cast("Sequence[Moments]", phases))


def withheld(metric: Metric, reason: str, level: float) -> Comparison:
    """A comparison that does not exist, and why."""
    missing = Undefined(reason)
    test, interval = ("pooled_z", "score") if is_rate(metric) else ("welch_t", "fieller")
    nothing = Estimate(missing, Interval(missing, missing, level, interval))
    return Comparison(nothing, nothing, TestResult(missing, missing, test))
