"""What an analysis says: frozen values that every page, chart, report and API reads.

``to_dict()`` (in ``analysis/body.py``) is the one JSON body; these are the same facts, typed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from experiments_core.analysis.contrast import Contrast
from experiments_core.stats.estimate import Value

STATISTICS_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Omnibus:
    """Do any of several arms differ? A description: it does not say which, so decides nothing.

    Attributes:
        test_method: ``chi_square``, ``welch_anova`` or ``cochran_q`` (over phases).
    """

    test_method: str
    statistic: Value
    degrees_of_freedom: float | None
    p_value: Value
    arms: int


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm of one metric; the control has no contrast.

    ``missing`` is the share of its units without a value, ``capped`` the share whose value was
    cut, ``covariate_filled`` the share whose covariate was missing: fractions, None where the
    metric has nothing of the kind.
    """

    variant: str
    n: int
    conversions: int | None  # rates only
    value: Value
    ci_lower: Value  # of the arm alone, at 1 - alpha of the plan
    ci_upper: Value
    standard_deviation: float | None = None  # of one unit; not for rates
    contrast: Contrast | None = None
    value_interval_method: str | None = None  # only where it was asked for
    probability_best: Value | None = None  # Bayesian view only
    missing: float | None = None
    capped: float | None = None
    covariate_filled: float | None = None


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric over all arms, in position order."""

    key: str
    name: str
    kind: str
    role: str
    preferred_direction: str
    unit: str
    arms: tuple[ArmResult, ...]
    non_inferiority_margin: float | None = None
    non_inferiority_margin_absolute: float | None = None
    relative_minimum_detectable_effect: float | None = None
    segments: tuple[SegmentResult, ...] = ()
    omnibus: Omnibus | None = None  # from three arms on
    q: float | None = None  # quantiles only
    denominator: str | None = None  # ratios only
    covariate: str | None = None
    cap: float | None = None  # the amount, in the metric's unit
    cap_rule: str | None = None  # as it was asked for: an amount, or "99.9%"
    version: int = 1  # of its definition in the library

    def arm(self, variant: str) -> ArmResult:
        """The result of one arm."""
        return next(arm for arm in self.arms if arm.variant == variant)


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """One metric inside one segment value; p-values corrected over the family of segments."""

    column: str
    value: str  # "(blank)" for a missing value
    arms: tuple[ArmResult, ...]
    interaction_p_value: Value | None = None  # the same for all values of one column


@dataclass(frozen=True, slots=True)
class HoldoutMetric:
    """One metric of everybody in the test against the holdout.

    Attributes:
        effective_n: n_t n_h / (n_t + n_h): the precision is that of the holdout.
        extra: Difference x exposed units, such as extra conversions; None for a ratio.
        verdict: As of an arm; ``cannot_say`` where the holdout was not drawn at random.
    """

    key: str
    holdout_n: int
    exposed_n: int
    holdout_value: Value
    exposed_value: Value
    difference: Value
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value
    p_value: Value
    confidence_level: float
    effective_n: float
    verdict: str
    verdict_reason: str | None = None
    extra: Value | None = None
    extra_ci_lower: Value | None = None
    extra_ci_upper: Value | None = None


@dataclass(frozen=True, slots=True)
class HoldoutResult:
    """Everybody in the test, whatever the arm, against those held out of it."""

    arm: str
    randomised: bool
    metrics: tuple[HoldoutMetric, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One health card.

    Attributes:
        check: Code of the closed list (``sample_ratio_mismatch``, ``left_out_rows`` …).
        level: ``pass``, ``info``, ``warn`` or ``fail``.
        label: Two or three words for the strip ("Sample ratio").
        short: The number beside it ("p = 0.818"), may be empty.
        message: What it means and what to do, in sentences.
        p_value: Where the check is a test.
        facts: Further numbers, JSON-ready, for the popover and the API.
    """

    check: str
    level: str
    label: str
    short: str = ""
    message: str = ""
    p_value: Value | None = None
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The experiment's verdict.

    Attributes:
        code: ``no_data``, ``cannot_say``, ``too_early``, ``interim``, ``mixed``, ``better``,
            ``worse`` or ``no_clear_difference``.
        variant: The better arm, when there is one.
        basis: ``units``, ``totals``, ``moments``, ``counts_only`` or ``stored``.
        text: One sentence for the head of the page.
        reasons: Further sentences, at most three.
        reason: Code behind ``cannot_say``.
    """

    code: str
    variant: str | None
    basis: str
    text: str
    reasons: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do, never an act: ``investigate``, ``keep_running``, ``ship`` and so on."""

    action: str
    variant: str | None
    reasons: tuple[str, ...]  # codes
    text: str = ""


End = date | float
"""The end of a day, or a time since the start in the unit of the file."""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """The cumulative result of one comparison with the data up to the end of one day.

    Attributes:
        day: Where totals or moments only tell the time since the start, that number.
    """

    day: End
    control_n: int
    treatment_n: int
    difference: Value
    difference_ci_lower: Value
    difference_ci_upper: Value
    relative_lift: Value
    relative_lift_ci_lower: Value
    relative_lift_ci_upper: Value
    always_valid_lower: Value
    always_valid_upper: Value


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the plan is; None where the plan does not say."""

    units: int
    planned_units: int | None
    days: int | None
    planned_days: int | None
    relative_minimum_detectable_effect: Value | None = None  # reached now, first primary
    planned_relative_minimum_detectable_effect: float | None = None


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """One reading of one experiment: the results body."""

    final: bool
    verdict: Verdict
    recommendation: Recommendation
    health: tuple[Check, ...]
    phases: int
    reference: str
    metrics: tuple[MetricResult, ...]
    engine_version: str
    data_hash: str
    statistics_version: str = STATISTICS_VERSION
    look: int | None = None
    status: str | None = None
    progress: Progress | None = None
    holdout: HoldoutResult | None = None
    exploring: tuple[str, ...] = ()  # how this departs from the plan; empty: it does not
    locked: bool = False  # the plan keeps the metrics shut until it is reached

    def metric(self, key: str) -> MetricResult:
        """One metric by its key."""
        return next(metric for metric in self.metrics if metric.key == key)

    @property
    def treatments(self) -> tuple[str, ...]:
        """Arms that are compared, in position order."""
        if not self.metrics:
            return ()
        return tuple(a.variant for a in self.metrics[0].arms if a.variant != self.reference)
