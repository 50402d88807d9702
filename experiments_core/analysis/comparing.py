"""Which estimator belongs to which metric: the one place that knows both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from experiments_core.analysis.groups import Pair, is_quantile, is_rate
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.stats import adjust, contrasts, means, quantiles, ratios, stratified
from experiments_core.stats.adjust import Adjusted
from experiments_core.stats.contrasts import MeanPair, Withheld
from experiments_core.stats.estimate import (
    Comparison,
    Estimate,
    Interval,
    TestResult,
    Undefined,
    Value,
)
from experiments_core.stats.means import LARGEST_VALUE, Weighting
from experiments_core.stats.moments import Counts, Located, Moments, Summary, merge

RateStrata = Sequence[tuple[Counts, Counts]]
MeanStrata = Sequence[tuple[Moments, Moments]]
QuantileStrata = Sequence[tuple[Located, Located]]
Strata = Sequence[Pair]


def no_difference_test(
    metric: Metric, strata: Strata, alternative: str = "two-sided"
) -> TestResult:
    """Test "no difference" between two arms."""
    if is_rate(metric):
        return stratified.rate_test(cast("RateStrata", strata), alternative)
    return contrasts.no_difference(pair_of(metric, strata), alternative)


def compare(
    metric: Metric,
    strata: Strata,
    alpha: float,
    alternative: str = "two-sided",
    *,
    pooled: Strata = (),
) -> Comparison:
    """Difference, lift and test of two arms at one level.

    Args:
        metric: The metric.
        strata: (control, treatment) per phase.
        alpha: Level used here and now.
        alternative: ``two-sided``, ``greater`` or ``less``.
        pooled: All phases, where ``strata`` is one of them: a covariate's slope is that of all.
    """
    if is_rate(metric):
        return stratified.compare_rates(cast("RateStrata", strata), alpha, alternative)
    pair = pair_of(metric, strata, pooled=pooled)
    return contrasts.compare(pair, alpha, alternative)


def lift_of(metric: Metric, strata: Strata) -> Value:
    """The relative lift alone, without test or interval."""
    if is_rate(metric):
        return stratified.lift_of(cast("RateStrata", strata))
    pair = pair_of(metric, strata)
    if isinstance(pair, Withheld):
        return Undefined(pair.reason)
    return contrasts.lift_of(pair)


def compare_by_size(metric: Metric, strata: Strata, alpha: float) -> Comparison:
    """The same with phases weighted by their units: the average over the units as they came."""
    if is_rate(metric):
        return stratified.size_weighted_difference(cast("RateStrata", strata), alpha)
    return contrasts.compare(pair_of(metric, strata, weighting="size"), alpha, "two-sided")


def pair_of(
    metric: Metric,
    strata: Strata,
    *,
    weighting: Weighting = "mantel_haenszel",
    pooled: Strata = (),
) -> MeanPair | Withheld:
    """Both arms of a metric that is no rate, with their noise, or why there is none."""
    if is_quantile(metric):
        return quantiles.quantile_pair(cast("QuantileStrata", strata), weighting=weighting)
    moments = cast("MeanStrata", strata)
    if not is_adjusted(metric, strata):
        raw = _outcomes(metric, moments)
        if metric.kind is MetricKind.RATIO:
            return ratios.ratio_pair(raw, weighting=weighting)
        return means.mean_pair(raw, weighting=weighting)
    theta = adjustment(pooled).theta if pooled else None
    slope = None if isinstance(theta, Undefined) else theta
    return adjust.adjust(moments, theta=slope, weighting=weighting).pair


def is_adjusted(metric: Metric, strata: Strata) -> bool:
    """Whether a covariate is at hand, so that it enters the comparison."""
    if not metric.covariates:
        return False
    arms = [arm for pair in strata for arm in pair if arm.n and isinstance(arm, Moments)]
    width = len(metric.needs.columns) + len(metric.covariates)
    return bool(arms) and all(len(arm.means) == width for arm in arms)


def adjustment(strata: Strata) -> Adjusted:
    """What the covariate did: one slope over both arms and all phases."""
    return adjust.adjust(cast("MeanStrata", strata))


def unadjusted(metric: Metric, strata: Strata) -> tuple[Pair, ...]:
    """The outcome alone, without its covariate."""
    return tuple(_outcomes(metric, cast("MeanStrata", strata)))


def margin_test(metric: Metric, strata: Strata, alpha: float) -> TestResult:
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
    return contrasts.against_margin(
        pair_of(metric, strata),
        margin=margin,
        relative=relative,
        preferred_direction=direction,
        alpha=alpha,
    )


def difference_and_variance(
    metric: Metric, strata: Strata, *, pooled: Strata = ()
) -> tuple[float, float]:
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
    pair = pair_of(metric, strata, pooled=pooled)
    if isinstance(pair, Withheld):
        return 0.0, 0.0
    return pair.difference, pair.difference_variance


def phase_weights(metric: Metric, strata: Strata) -> tuple[float, ...]:
    """Share of each phase in the combined estimate."""
    if is_rate(metric):
        return stratified.phase_weights(cast("RateStrata", strata))
    if is_quantile(metric):
        return quantiles.quantile_weights(cast("QuantileStrata", strata))
    return means.phase_weights(cast("MeanStrata", strata))


def total(metric: Metric, phases: Sequence[Summary]) -> Summary:
    """All phases of one arm added up; of a quantile only the sizes."""
    if is_rate(metric):
        return merge(cast("Sequence[Counts]", phases))
    if is_quantile(metric):
        return merge(cast("Sequence[Located]", phases))
    return merge(cast("Sequence[Moments]", phases))


def level_of(metric: Metric, summary: Summary) -> Value:
    """Rate, mean, ratio or quantile of one arm as it is, without any adjustment."""
    if summary.n == 0:
        return Undefined("no_users")
    if isinstance(summary, Counts):
        return summary.x / summary.n
    if isinstance(summary, Located):
        return quantiles.located(summary).value
    if metric.kind is MetricKind.RATIO:
        line = ratios.linearised(summary.leading(2))
        if isinstance(line, Undefined):
            return line
        summary = line
    return summary.mean if abs(summary.mean) <= LARGEST_VALUE else Undefined("non_finite_input")


def line_of(metric: Metric, summary: Moments) -> Moments:
    """The one column whose mean is compared; nobody where there is no such mean."""
    if metric.kind is MetricKind.RATIO and summary.n:
        line = ratios.linearised(summary.leading(2))
        return Moments.of_mean(0, 0.0, 0.0) if isinstance(line, Undefined) else line
    return Moments.of_mean(summary.n, summary.mean, summary.covariance[0][0], summary.skewness)


def withheld(metric: Metric, reason: str, level: float) -> Comparison:
    """A comparison that does not exist, and why."""
    missing = Undefined(reason)
    test, interval = ("pooled_z", "score") if is_rate(metric) else ("welch_t", "fieller")
    if is_quantile(metric):
        test = quantiles.METHOD
    nothing = Estimate(missing, Interval(missing, missing, level, interval))
    return Comparison(nothing, nothing, TestResult(missing, missing, test))


def _outcomes(metric: Metric, strata: MeanStrata) -> list[tuple[Moments, Moments]]:
    width = len(metric.needs.columns)
    return [(control.leading(width), treatment.leading(width)) for control, treatment in strata]
