"""The shape of a number: a finite value, or the reason why there is none.

``Undefined`` is a value that every chart, page and schema must handle. It is never replaced by
0, p = 1, nan or an empty interval. Reason codes: :data:`REASONS`, and no others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

REASONS = frozenset({
    "no_users", "below_minimum", "too_few_units", "no_variance", "zero_control",
    "nonpositive_control", "near_zero_control", "zero_denominator", "constant_covariate",
    "unexpected_arm", "effect_zero", "not_reachable", "target_outside_range", "plan_missing",
    "no_signal_in_history", "past_too_short", "non_finite_input", "no_unit_rows",
    "column_missing", "phase_unknown", "not_randomised", "stored_only",
    "sample_ratio_mismatch", "unbounded", "crossed_units", "served_vs_assigned",
    "left_out_rows", "covariate_imbalance", "no_data",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Undefined:
    """A number that does not exist, and why (a code of :data:`REASONS`)."""

    reason: str

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            message = f"{self.reason!r} is not a reason code"
            raise ValueError(message)


Value = float | Undefined
"""A finite float, or the reason why there is none."""


def value(number: float, otherwise: str = "non_finite_input") -> Value:
    """Return ``number`` if it is finite, else ``Undefined(otherwise)``."""
    return number if math.isfinite(number) else Undefined(otherwise)


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval; an open end is ``Undefined("unbounded")``.

    Attributes:
        lower: Lower limit in the unit of the estimate (fraction for rates and lifts).
        upper: Upper limit.
        confidence_level: 1 - alpha_local, a fraction; two-sided level even when only one limit
            is shown.
        method: ``wilson``, ``score`` (Mee or Koopman), ``welch_t``, ``fieller``, ``t`` …
    """

    lower: Value
    upper: Value
    confidence_level: float
    method: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate with its interval."""

    value: Value
    interval: Interval

    @property
    def ci_lower(self) -> Value:
        """Lower limit."""
        return self.interval.lower

    @property
    def ci_upper(self) -> Value:
        """Upper limit."""
        return self.interval.upper


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test of "no difference".

    Attributes:
        statistic: z or t.
        p_value: In [0, 1]; for the alternative named.
        method: ``pooled_z``, ``welch_t``, ``stratified_score`` …
        alternative: ``two-sided``, ``greater`` or ``less`` (treatment against control).
        degrees_of_freedom: For t statistics, else None.
    """

    __test__ = False

    statistic: Value
    p_value: Value
    method: str
    alternative: str = "two-sided"
    degrees_of_freedom: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Difference, lift and test of one treatment against one control, at one level.

    The three cannot contradict each other: the intervals invert the test.
    """

    difference: Estimate
    relative_lift: Estimate
    test: TestResult
    flags: tuple[str, ...] = ()
