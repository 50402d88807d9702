"""What a plan answers, and the rules its questions keep."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from experiments_core.errors import InvalidInputError, Problem
from experiments_core.stats.contrasts import ALTERNATIVES
from experiments_core.stats.estimate import Undefined, Value, value

Whole = int | Undefined
"""A number of units or days, or the reason why there is none."""

MOST_UNITS = 1e15
"""A plan beyond this is no plan: ``not_reachable``."""

_DIGITS = 1e-12


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Units per arm, each rounded up.

    Attributes:
        control: Units of control.
        treatment: Units of the treatment arm.
        total: Their sum.
        exact_control: Units of control before rounding.
        assumptions: What the number rests on, JSON-ready.
    """

    control: Whole
    treatment: Whole
    total: Whole
    exact_control: Value
    assumptions: dict[str, object] = field(default_factory=dict)

    @classmethod
    def rounded(
        cls, exact: Value, ratio: float, *, least: int, assumptions: dict[str, object]
    ) -> SampleSize:
        """Round each arm up, to at least ``least`` units."""
        if not isinstance(exact, Undefined) and not exact * max(1.0, ratio) <= MOST_UNITS:
            exact = Undefined("not_reachable")
        if isinstance(exact, Undefined):
            return cls(exact, exact, exact, exact, assumptions)
        control, treatment = (max(least, round_up(n)) for n in (exact, exact * ratio))
        return cls(control, treatment, control + treatment, exact, assumptions)


@dataclass(frozen=True, slots=True)
class DetectableEffect:
    """The smallest true effect that is seen with the planned power.

    Attributes:
        difference: Treatment - control, in the metric's unit; below 0 for a decrease.
        relative_lift: The same as a fraction of the baseline; None without a baseline.
    """

    difference: Value
    relative_lift: Value | None


@dataclass(frozen=True, slots=True)
class Duration:
    """How long it takes for the units to come.

    Attributes:
        days: Days of enrolment, rounded up.
        weeks_rounded_days: The same in whole weeks, so that every weekday counts alike.
        days_until_result: Whole weeks plus the conversion window.
    """

    days: Whole
    weeks_rounded_days: Whole
    days_until_result: Whole


def round_up(number: float) -> int:
    """Next whole number; the last digits of a float do not cost a unit."""
    return math.ceil(number * (1 - _DIGITS))


def checked_tail(
    alpha: float,
    alternative: str,
    comparisons: int,
    *,
    power: float | None = None,
    ratio: float = 1.0,
) -> float:
    """Probability beyond one critical value of one comparison.

    Raises:
        InvalidInputError: an argument breaks a rule; all of them at once.
    """
    problems = []
    if not 0 < alpha < 1:
        message = f"alpha is a fraction between 0 and 1 (5 % is 0.05), not {alpha:g}"
        problems.append(Problem("alpha", alpha, "RANGE", message))
    if alternative not in ALTERNATIVES:
        message = f"the alternative is one of {', '.join(ALTERNATIVES)}, not “{alternative}”"
        problems.append(Problem("alternative", alternative, "UNKNOWN_CHOICE", message))
    if comparisons < 1:
        message = f"there is at least one comparison, not {comparisons}"
        problems.append(Problem("comparisons", comparisons, "RANGE", message))
    if power is not None and not alpha < power < 1:
        message = f"power is a fraction above alpha and below 1, not {power:g}"
        problems.append(Problem("power", power, "RANGE", message))
    if not 0 < ratio < math.inf:
        message = f"the allocation ratio (treatment / control) is above 0, not {ratio:g}"
        problems.append(Problem("allocation_ratio", ratio, "RANGE", message))
    if problems:
        raise refused(*problems)
    return alpha / comparisons / (2 if alternative == "two-sided" else 1)


def signed_direction(direction: str | None, alternative: str) -> int:
    """+1 for an increase, -1 for a decrease; when left out, the one the test looks at.

    Raises:
        InvalidInputError: the direction is neither.
    """
    if direction is None:
        return -1 if alternative == "less" else 1
    if direction not in {"increase", "decrease"}:
        message = f"the direction is increase or decrease, not “{direction}”"
        raise refused(Problem("direction", direction, "UNKNOWN_CHOICE", message))
    return 1 if direction == "increase" else -1


def unit_effect(effect: float, baseline: float | None, *, relative: bool) -> Value:
    """Turn an effect on a mean into the metric's unit.

    Raises:
        InvalidInputError: a relative effect comes without its baseline.
    """
    if relative and baseline is None:
        message = (
            "a relative effect needs the baseline it is relative to: give control's mean, or "
            "the effect in the metric's own unit"
        )
        raise refused(Problem("baseline", None, "REQUIRED", message))
    if relative and baseline is not None:
        if not 0 < baseline < math.inf:
            return Undefined("nonpositive_control")
        effect *= baseline
    return value(effect)


def refused(*problems: Problem) -> InvalidInputError:
    """The error that names every broken rule at once."""
    text = f"This plan cannot be computed: {problems[0].message}."
    return InvalidInputError(text, details=problems)


def no_effect(effect: float, alternative: str) -> Undefined | None:
    """Why no number of units shows this effect with this alternative."""
    if not math.isfinite(effect):
        return Undefined("non_finite_input")
    if effect == 0:
        return Undefined("effect_zero")
    seen = {"greater": effect > 0, "less": effect < 0}.get(alternative, True)
    return None if seen else Undefined("not_reachable")


def no_units(control: float, treatment: float, least: int) -> Undefined | None:
    """Why there is no power with so few units."""
    smallest = min(control, treatment)
    if not 0 < smallest < math.inf:
        return Undefined("no_users")
    return Undefined("too_few_units") if smallest < least else None
