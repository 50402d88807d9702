"""One treatment against the reference: what its comparison found, and what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.stats.estimate import Value


@dataclass(frozen=True, slots=True)
class Sequential:
    """The always-valid or group-sequential reading of one comparison.

    Attributes:
        method: ``always_valid`` or ``group_sequential``.
        confidence_level: 1 - the level of this look.
        p_value_always_valid: Of a confidence sequence, held against alpha; else None.
        decides: Whether the verdict rests on it; on a final look of a fixed plan it only shows
            what could have been said at any time.
        p_value: Two-sided, held against 1 - ``confidence_level``; group sequential only.
        bound: How far from 0 z has to be at this look.
        information: Units / planned units.
        alpha_spent: Of the comparison's share of alpha, up to and with this look.
    """

    method: str
    confidence_level: float
    p_value_always_valid: Value | None
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value
    decides: bool = True
    p_value: Value | None = None
    bound: Value | None = None
    information: float | None = None
    alpha_spent: float | None = None


@dataclass(frozen=True, slots=True)
class Bayes:
    """What a believer in the prior knows after the data; beside the verdict, never in it.

    Attributes:
        prior: In words.
        probability_better: That the treatment is better, by the preferred direction.
        threshold: 1 - alpha/2, what the probability is held against.
        expected_loss_if_treatment: Price of shipping if it is worse, in the metric's unit.
        expected_loss_if_control: Price of keeping the reference if the treatment is better.
        credible_level: Of the credible intervals.
    """

    prior: str
    probability_better: Value
    threshold: float
    expected_loss_if_treatment: Value
    expected_loss_if_control: Value
    credible_level: float
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """One phase (or the combined or plain total row) of one comparison."""

    label: str  # "phase 1", "combined", "plain total", "size-weighted"
    control_n: int
    treatment_n: int
    control_value: Value
    treatment_value: Value
    difference: Value
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value
    p_value: Value
    weight: float | None = None
    misleading: bool = False


@dataclass(frozen=True, slots=True)
class Plain:
    """The same comparison without the covariate, or without the cap; at the same level."""

    control_value: Value
    treatment_value: Value
    difference: Value
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value
    p_value: Value


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a covariate did to one comparison (CUPED).

    Attributes:
        covariate: Its column.
        theta: One slope for both arms and all phases; why there is none, and then the
            comparison is the raw one.
        correlation: Of outcome and covariate.
        variance_saved: Share of the squared standard error that is gone, a fraction.
        balance_p_value: Of the covariate itself between the arms.
        control_filled: Share of units whose covariate was missing, filled in by the mean.
        treatment_filled: The same in the treatment.
    """

    covariate: str
    theta: Value
    correlation: Value
    variance_saved: Value
    balance_p_value: Value
    control_filled: float | None = None
    treatment_filled: float | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    """One treatment arm against the reference. Fractions; differences in the metric's unit."""

    difference: Value
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value
    statistic: Value
    p_value: Value
    p_value_adjusted: Value
    confidence_level: float  # of the difference and lift intervals: 1 - alpha_local
    test_method: str
    interval_method: str
    significant: bool
    verdict: str  # better | worse | no_clear_difference | cannot_say
    verdict_reason: str | None = None
    sequential: Sequential | None = None
    guardrail: str | None = None  # safe | harmed | safe_but_worse | not_shown_safe | cannot_say
    guardrail_p_value: Value | None = None  # against the margin, one-sided
    p_value_exact: Value | None = None  # of conversions alone: binomial, two-sided
    flags: tuple[str, ...] = ()
    by_phase: tuple[PhaseResult, ...] = ()
    size_weighted: PhaseResult | None = None
    plain_total: PhaseResult | None = None
    heterogeneity_p_value: Value | None = None
    family: str = "primary"  # primary | secondary | guardrail | segments
    family_size: int = 1  # hypotheses that share the error rate
    correction: str = "none"  # none | holm | bh | bonferroni | hochberg | by | spending
    difference_interval_method: str | None = None  # only where it was asked for
    relative_lift_interval_method: str | None = None
    bayes: Bayes | None = None
    unadjusted: Plain | None = None  # raw figures beside covariate-adjusted ones
    adjustment: Adjustment | None = None
    uncapped: Plain | None = None  # the figures without the cap
