"""Uplift of everybody over the holdout, or of the challengers over the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from experiments_core.analysis.comparing import total
from experiments_core.analysis.groups import is_rate
from experiments_core.analysis.held_out import pooled, strata_of
from experiments_core.domain.metric import Metric
from experiments_core.services.measuring import Measured
from experiments_core.stats.estimate import Value
from experiments_core.stats.moments import Counts
from experiments_core.stats.proportions import wilson
from experiments_core.stats.rate_plan import sample_size_rates
from experiments_core.stats.standardised import standardised_rate
from experiments_core.stats.stratified import Strata, compare_rates, phase_weights, plain_total

ALPHA = 0.05
POWER = 0.8
LEAST_UNITS = 100
LEAST_CONVERSIONS = 25


@dataclass(frozen=True, slots=True)
class Rate:
    """Units, conversions, and their share (a fraction) with Wilson's 95 % limits."""

    units: int
    conversions: int
    value: Value
    ci_lower: Value
    ci_upper: Value


@dataclass(frozen=True, slots=True)
class Uplift:
    """Treatment against reference; rates and differences are fractions.

    Attributes:
        compared_with: ``holdout`` or ``control``.
        reference: Units of all phases; the rate at the common mix of phases.
        treatment: The same of everybody compared with it.
        insufficient: A group has fewer than 100 units or 25 conversions.
        required: Units per arm to see the effect that was asked for.
    """

    compared_with: str
    reference: Rate
    treatment: Rate
    difference: Value
    ci_lower: Value
    ci_upper: Value
    relative: Value
    z: Value
    p_value: Value
    insufficient: bool
    required: int | None


def rate_of(told: Measured) -> Metric | None:
    """The first proportion that was measured, so the primary one; None without data."""
    known = (metric for metric in told.design.metrics if is_rate(metric))
    return next((metric for metric in known if told.groups.has(metric)), None)


def rate_in(told: Measured, metric: Metric | None, arm: str) -> Rate:
    """The rate of one arm over all phases; nobody's where only conversions came.

    Args:
        told: The experiment's numbers.
        metric: From :func:`rate_of`.
        arm: Variant key.
    """
    if metric is None or told.design.basis == "counts_only":
        return _rate(Counts(0, 0))
    return _rate(cast("Counts", total(metric, told.groups.of_arm(metric, arm))))


def uplift(told: Measured, metric: Metric | None, effect: float) -> Uplift:
    """Compare two groups at 5 %: z-test of two proportions, inside phases if there are some.

    The reference is the holdout if the experiment has one, and everybody in the test is
    compared with it; if not, it is the control, and all other arms are. Phases are combined as
    everywhere else, so the uplift of a test whose split changed is no difference of totals; the
    rates of both groups are those of the same mix of phases.

    Args:
        told: The experiment's numbers.
        metric: From :func:`rate_of`; None gives a comparison of nobody.
        effect: Absolute difference (a fraction) that the sample size is for; alpha 0.05,
            power 0.8, from the reference's rate.
    """
    held = _has_holdout(told)
    pairs = _strata(told, metric, held=held)
    reference, treatment = (_standardised(pairs, side) for side in (0, 1))
    found = compare_rates(pairs, ALPHA)
    return Uplift(
        "holdout" if held else "control",
        reference,
        treatment,
        found.difference.value,
        found.difference.ci_lower,
        found.difference.ci_upper,
        found.relative_lift.value,
        found.test.statistic,
        found.test.p_value,
        any(
            one.units < LEAST_UNITS or one.conversions < LEAST_CONVERSIONS
            for one in (reference, treatment)
        ),
        _required(reference, effect),
    )


def _rate(counts: Counts) -> Rate:
    found = wilson(counts)
    return Rate(counts.n, counts.x, found.value, found.ci_lower, found.ci_upper)


def _standardised(pairs: Strata, side: int) -> Rate:
    """One group of a comparison: all its units, its rate at the mix of phases of both."""
    counts = plain_total(pairs)[side]
    found = standardised_rate([pair[side] for pair in pairs], phase_weights(pairs))
    return Rate(counts.n, counts.x, found.value, found.ci_lower, found.ci_upper)


def _strata(told: Measured, metric: Metric | None, *, held: bool) -> Strata:
    groups, design = told.groups, told.design
    if metric is None or design.basis == "counts_only":
        return ((Counts(0, 0), Counts(0, 0)),)
    if held:
        return cast("Strata", strata_of(groups, design, metric))
    others = [arm for arm in design.arms if arm != design.reference]
    return cast("Strata", pooled(groups, metric, design.reference, others))


def _has_holdout(told: Measured) -> bool:
    """Whether units were measured in the holdout, or would have been."""
    experiment = told.experiment
    shares = [experiment.holdout_bp, *(phase.holdout_bp for phase in experiment.phases)]
    return any(shares) or told.design.holdout in told.groups.arms


def _required(reference: Rate, effect: float) -> int | None:
    if not 0 < reference.conversions < reference.units:
        return None
    baseline = reference.conversions / reference.units
    found = sample_size_rates(
        baseline=baseline, minimum_detectable_effect=effect, relative=False,
        alpha=ALPHA, power=POWER,
    ).control  # fmt: skip
    return found if isinstance(found, int) else None
