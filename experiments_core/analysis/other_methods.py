"""What other people would have computed of the same numbers, for the robustness sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments_core.stats import contrasts, log_delta, means, rate_alternatives
from experiments_core.stats.contrasts import MeanPair
from experiments_core.stats.estimate import (
    Comparison,
    Estimate,
    Interval,
    TestResult,
    Undefined,
    Value,
)
from experiments_core.stats.moments import Counts, Moments


def of_rates(
    strata: Sequence[tuple[Counts, Counts]], alpha: float
) -> Iterator[tuple[str, None, Comparison]]:
    """Other people's methods for rates; of one table only, but for the t test."""
    moments = [(zero_one(control), zero_one(treatment)) for control, treatment in strata]
    yield "t_of_zero_one", None, means.compare_means(moments, alpha)
    if len(strata) > 1 or not all(arm.n for arm in strata[0]):
        return
    control, treatment = strata[0]
    level = 1 - alpha
    untested = TestResult(Undefined("no_data"), Undefined("no_data"), "none")
    lift = Estimate(_lift(control, treatment), _no_interval(level))
    for name, method in (
        ("newcombe", rate_alternatives.newcombe),
        ("agresti_caffo", rate_alternatives.agresti_caffo),
        ("miettinen_nurminen", rate_alternatives.miettinen_nurminen),
    ):
        yield name, None, Comparison(method(control, treatment, level), lift, untested)
    katz = rate_alternatives.log_delta_lift(control, treatment, level)
    point = treatment.x / treatment.n - control.x / control.n
    yield "log_delta", None, Comparison(Estimate(point, _no_interval(level)), katz, untested)


def of_means(
    strata: Sequence[tuple[Moments, Moments]], alpha: float, *, adjusted: bool | None
) -> Iterator[tuple[str, bool | None, Comparison]]:
    """Student's pooled t, and the lift on the scale of logarithms."""
    pair = means.mean_pair(strata)
    if not isinstance(pair, MeanPair):
        return
    if len(strata) == 1:
        yield (
            "student_t",
            adjusted,
            contrasts.compare(student_pair(*strata[0]), alpha, "two-sided"),
        )
    sizes = [sum(arm.n for arm in arms) for arms in zip(*strata, strict=True)]
    ratio = log_delta.log_ratio(pair, (sizes[0], sizes[1]))
    if ratio is not None:
        difference = Estimate(pair.difference, _no_interval(1 - alpha))
        lift = ratio.lift(1 - alpha)
        yield "log_delta", adjusted, Comparison(difference, lift, ratio.test())


def student_pair(control: Moments, treatment: Moments) -> MeanPair:
    """Two means with one variance for both, as Student's t takes them."""
    freedom = control.n + treatment.n - 2
    squares = (control.n - 1) * control.variance + (treatment.n - 1) * treatment.variance
    noise = [squares / freedom / arm.n for arm in (control, treatment)]
    return MeanPair(
        control=control.mean, treatment=treatment.mean, control_variance=noise[0],
        treatment_variance=noise[1], difference_variance=sum(noise),
        degrees_of_freedom=float(freedom), method="student_t",
    )  # fmt: skip


def zero_one(counts: Counts) -> Moments:
    """Mean and variance of a column of 0 and 1."""
    if counts.n == 0:
        return Moments.of_mean(0, 0.0, 0.0)
    rate = counts.x / counts.n
    spread = rate * (1 - rate) * counts.n / max(1, counts.n - 1)
    return Moments.of_mean(counts.n, rate, spread)


def _lift(control: Counts, treatment: Counts) -> Value:
    if not control.x:
        return Undefined("zero_control")
    return treatment.x * control.n / (treatment.n * control.x) - 1


def _no_interval(level: float) -> Interval:
    """The method has an interval of something else only."""
    return Interval(Undefined("no_data"), Undefined("no_data"), level, "none")
