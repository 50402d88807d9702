"""The Bayesian view of a result: beside the verdict, on demand, with its prior named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from experiments_core.analysis import comparing
from experiments_core.analysis.contrast import Bayes, Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.groups import Groups, Pair, is_rate
from experiments_core.analysis.results import ArmResult, ExperimentResult, MetricResult
from experiments_core.domain.metric import Direction, Metric
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.stats import bayes, best_arm
from experiments_core.stats.bayes import BayesianView
from experiments_core.stats.contrasts import critical_value
from experiments_core.stats.estimate import Comparison, Interval, Undefined, Value
from experiments_core.stats.moments import Counts

LEAST_PRIOR = 0.5


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before the data.

    Attributes:
        alpha: First parameter of the Beta prior of each rate, at least 1/2.
        beta: Second parameter, at least 1/2.
        lift_deviation: Standard deviation of a normal prior around a lift of 0, for all
            metrics; None: Beta priors for rates, flat priors for everything else.
    """

    alpha: float = 1.0
    beta: float = 1.0
    lift_deviation: float | None = None

    def __post_init__(self) -> None:
        for name, value, least in (
            ("alpha", self.alpha, LEAST_PRIOR),
            ("beta", self.beta, LEAST_PRIOR),
            ("lift_deviation", self.lift_deviation, 0.0),
        ):
            if value is None:
                continue
            low = value <= 0 if name == "lift_deviation" else value < least
            if low or not value < math.inf:
                rule = "above 0" if name == "lift_deviation" else f"at least {least:g}"
                message = f"The prior’s {name} is {value:g}; it has to be {rule}."
                problem = Problem(f"bayes.{name}", value, "RANGE", message)
                raise InvalidInputError(message, details=(problem,))

    def named(self, metric: Metric, phases: int) -> str:
        """In words, for one metric; over phases the prior of the combined difference."""
        if self.lift_deviation is not None:
            return f"normal around a lift of 0, standard deviation {self.lift_deviation:g}"
        if is_rate(metric) and phases == 1:
            return f"Beta({self.alpha:g}, {self.beta:g}) for each rate"
        return "flat"


def with_view(
    result: ExperimentResult, groups: Groups, design: Design, prior: Prior | None = None
) -> ExperimentResult:
    """The result with the Bayesian view beside every comparison; verdicts stay as they are."""
    believed = prior or Prior()
    known = {metric.key: metric for metric in design.metrics}
    return replace(
        result,
        metrics=tuple(
            _metric(found, known[found.key], groups, design, believed)
            for found in result.metrics
        ),
    )


def _metric(
    found: MetricResult, metric: Metric, groups: Groups, design: Design, prior: Prior
) -> MetricResult:
    best = _best(found, metric, groups, design.plan.alpha, prior)
    arms = tuple(
        replace(
            arm,
            probability_best=chance,
            contrast=_contrast(found, arm, groups, design, prior),
        )
        for arm, chance in zip(found.arms, best, strict=True)
    )
    return replace(found, arms=arms)


def _contrast(
    found: MetricResult, arm: ArmResult, groups: Groups, design: Design, prior: Prior
) -> Contrast | None:
    if arm.contrast is None:
        return None
    metric = next(one for one in design.metrics if one.key == found.key)
    strata = groups.strata(metric, design.reference, arm.variant)
    alpha = design.plan.alpha
    compared = comparing.compare(metric, strata, alpha)
    if prior.lift_deviation is not None:
        base = found.arm(design.reference).value
        view, lift = _with_lift_prior(compared, base, alpha, prior.lift_deviation)
    else:
        view, lift = _view(metric, strata, compared, alpha, prior)
    chance = view.probability_treatment_better
    if metric.preferred_direction is Direction.DECREASE:
        chance = chance if isinstance(chance, Undefined) else 1 - chance
        losses = view.expected_loss_if_control, view.expected_loss_if_treatment
    else:
        losses = view.expected_loss_if_treatment, view.expected_loss_if_control
    told = Bayes(
        prior=prior.named(metric, len(strata)),
        probability_better=chance,
        threshold=1 - alpha / 2,
        expected_loss_if_treatment=losses[0],
        expected_loss_if_control=losses[1],
        credible_level=1 - alpha,
        difference_ci_lower=view.difference.lower,
        difference_ci_upper=view.difference.upper,
        relative_lift_ci_lower=lift.lower,
        relative_lift_ci_upper=lift.upper,
    )
    return replace(arm.contrast, bayes=told)


def _view(
    metric: Metric, strata: Sequence[Pair], compared: Comparison, alpha: float, prior: Prior
) -> tuple[BayesianView, Interval]:
    """Of the difference, and the credible interval of the lift."""
    if is_rate(metric) and len(strata) == 1:
        control, treatment = cast("tuple[Counts, Counts]", strata[0])
        told = {"prior_alpha": prior.alpha, "prior_beta": prior.beta, "alpha": alpha}
        lift = bayes.credible_lift_rates(control, treatment, **told)
        return bayes.bayesian_rates(control, treatment, **told), lift
    freedom = compared.test.degrees_of_freedom or math.inf
    error = _error(compared.difference.interval, freedom, alpha)
    point = compared.difference.value
    if isinstance(error, Undefined) or isinstance(point, Undefined):
        return _nothing(error if isinstance(error, Undefined) else point, alpha)
    view = bayes.bayesian_difference(point, error, freedom, alpha=alpha)
    return view, replace(compared.relative_lift.interval, method="credible")


def _with_lift_prior(
    compared: Comparison, base: Value, alpha: float, deviation: float
) -> tuple[BayesianView, Interval]:
    """Normal prior on the lift; losses and difference come back in the metric’s unit."""
    lift = compared.relative_lift.value
    error = _error(compared.relative_lift.interval, math.inf, alpha)
    if isinstance(lift, Undefined):
        return _nothing(lift, alpha)
    if isinstance(error, Undefined):
        return _nothing(error, alpha)
    if isinstance(base, Undefined):
        return _nothing(base, alpha)
    view = bayes.bayesian_lift_with_prior(lift, error, prior_deviation=deviation, alpha=alpha)
    scaled = replace(
        view,
        expected_loss_if_treatment=_times(view.expected_loss_if_treatment, base),
        expected_loss_if_control=_times(view.expected_loss_if_control, base),
        difference=replace(
            view.difference,
            lower=_times(view.difference.lower, base),
            upper=_times(view.difference.upper, base),
        ),
    )
    return scaled, view.difference


def _error(interval: Interval, freedom: float, alpha: float) -> Value:
    """Standard error behind an interval of this level."""
    if isinstance(interval.lower, Undefined):
        return interval.lower
    if isinstance(interval.upper, Undefined):
        return interval.upper
    return (interval.upper - interval.lower) / 2 / critical_value(freedom, alpha / 2)


def _best(
    found: MetricResult, metric: Metric, groups: Groups, alpha: float, prior: Prior
) -> tuple[Value | None, ...]:
    """Probability of each arm to be the best one; over phases from the standardised values.

    A prior on the lift says nothing about the arms themselves, so there is none.
    """
    if prior.lift_deviation is not None:
        return (None,) * len(found.arms)
    highest = metric.preferred_direction is not Direction.DECREASE
    if is_rate(metric) and groups.phases == 1 and groups.has(metric):
        counts = [cast("Counts", groups.of_arm(metric, arm.variant)[0]) for arm in found.arms]
        return best_arm.probabilities_best_rates(
            counts, prior_alpha=prior.alpha, prior_beta=prior.beta, highest=highest
        )
    estimates = []
    for arm in found.arms:
        if isinstance(arm.value, Undefined):
            return (arm.value,) * len(found.arms)
        limits = Interval(arm.ci_lower, arm.ci_upper, 1 - alpha, "t")
        error = _error(limits, math.inf, alpha)
        if isinstance(error, Undefined):
            return (error,) * len(found.arms)
        estimates.append((arm.value, error, math.inf))
    return best_arm.probabilities_best_means(estimates, highest=highest)


def _nothing(reason: Value, alpha: float) -> tuple[BayesianView, Interval]:
    limits = Interval(reason, reason, 1 - alpha, "credible")
    return BayesianView(reason, reason, reason, limits), limits


def _times(number: Value, factor: float) -> Value:
    return number if isinstance(number, Undefined) else number * factor
