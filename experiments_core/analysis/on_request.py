"""Methods that somebody asks for instead of the defaults; each is named beside its numbers.

They apply to one phase: to rates, and the interval of the lift also to means and ratios. For
everything else the default stays, because these methods know of one table only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, cast

from experiments_core.analysis import comparing
from experiments_core.analysis.groups import Groups, Pair, is_quantile, is_rate
from experiments_core.analysis.hypothesis import Hypothesis
from experiments_core.analysis.results import ArmResult
from experiments_core.domain.metric import Metric
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.stats import log_delta, proportions, rate_alternatives
from experiments_core.stats.contrasts import Withheld
from experiments_core.stats.estimate import (
    Comparison,
    Estimate,
    Interval,
    TestResult,
    Undefined,
)
from experiments_core.stats.moments import Counts

MOST_EXACT = 2_000
"""Units of both arms up to which Barnard's and Boschloo's tests are computed."""

Intervals = Callable[[Counts, Counts, float], Estimate]
Exact = Callable[[Counts, Counts, rate_alternatives.Alternative], TestResult]


@dataclass(frozen=True, slots=True)
class Method:
    """Something that can be asked for.

    Attributes:
        place: What it replaces: ``difference``, ``lift``, ``test`` or ``arm``.
        name: As people write it.
    """

    place: str
    name: str


METHODS = {
    "newcombe": Method("difference", "Newcombe’s hybrid interval of the difference"),
    "agresti_caffo": Method("difference", "Agresti-Caffo interval of the difference"),
    "miettinen_nurminen": Method("difference", "Miettinen-Nurminen interval of the difference"),
    "log_delta": Method("lift", "log-delta interval of the lift"),
    "fisher": Method("test", "Fisher’s exact test"),
    "barnard": Method("test", "Barnard’s exact test"),
    "boschloo": Method("test", "Boschloo’s exact test"),
    "clopper_pearson": Method("arm", "Clopper-Pearson interval of each rate"),
    "jeffreys": Method("arm", "Jeffreys interval of each rate"),
}
DIFFERENCES: dict[str, Intervals] = {
    "newcombe": rate_alternatives.newcombe,
    "agresti_caffo": rate_alternatives.agresti_caffo,
    "miettinen_nurminen": rate_alternatives.miettinen_nurminen,
}
LIFTS: dict[str, Intervals] = {"log_delta": rate_alternatives.log_delta_lift}
TESTS: dict[str, Exact] = {
    "fisher": rate_alternatives.fisher,
    "barnard": rate_alternatives.barnard,
    "boschloo": rate_alternatives.boschloo,
}
ARMS: dict[str, Callable[[Counts, float], Estimate]] = {
    "clopper_pearson": proportions.clopper_pearson,
    "jeffreys": proportions.jeffreys,
}


class IntervalMethods(TypedDict, total=False):
    """Fields of a contrast that name what was asked for."""

    difference_interval_method: str
    relative_lift_interval_method: str


def chosen(names: str | Iterable[str] | None) -> tuple[str, ...]:
    """Check what is asked for: at most one method for each place.

    Raises:
        InvalidInputError: a name is unknown, or two stand for the same place.
    """
    asked = (names,) if isinstance(names, str) else tuple(names or ())
    for name in asked:
        if name not in METHODS:
            raise _refused(
                name, f"There is no method “{name}”; there are {', '.join(METHODS)}."
            )
    places = [METHODS[name].place for name in asked]
    for place in places:
        if places.count(place) > 1:
            raise _refused(
                asked, f"Two methods stand for the same thing ({place}): choose one."
            )
    return asked


def test(
    metric: Metric, strata: Sequence[Pair], alternative: str, methods: Sequence[str]
) -> TestResult:
    """Test "no difference", by the exact test that was asked for where it can be computed."""
    exact = _asked(methods, "test")
    counts = _table(metric, strata)
    if exact is None or counts is None:
        return comparing.no_difference_test(metric, strata, alternative)
    control, treatment = counts
    if exact != "fisher" and control.n + treatment.n > MOST_EXACT:
        return comparing.no_difference_test(metric, strata, alternative)
    return TESTS[exact](control, treatment, cast("rate_alternatives.Alternative", alternative))


def compare(one: Hypothesis, alpha: float, methods: Sequence[str]) -> Comparison:
    """Difference, lift and test at one level, with what was asked for put in its place."""
    found = comparing.compare(one.metric, one.strata, alpha, one.alternative)
    counts = _table(one.metric, one.strata)
    if methods and counts is None:
        return _of_means(one, found, methods)
    if not methods or counts is None:
        return found
    name, lift = _asked(methods, "difference"), _asked(methods, "lift")
    level = found.difference.interval.confidence_level
    if name is not None:
        told = DIFFERENCES[name](*counts, level)
        found = replace(found, difference=_one_sided(told, one.alternative))
    if lift is not None:
        told = LIFTS[lift](*counts, level)
        found = replace(found, relative_lift=_one_sided(told, one.alternative))
    if _asked(methods, "test") is not None:
        found = replace(found, test=one.test)
    return found


def _of_means(one: Hypothesis, found: Comparison, methods: Sequence[str]) -> Comparison:
    """A mean or a ratio of one phase: only its lift has another interval."""
    known = not (is_rate(one.metric) or is_quantile(one.metric)) and len(one.strata) == 1
    if not known or _asked(methods, "lift") is None:
        return found
    pair = comparing.pair_of(one.metric, one.strata)
    if isinstance(pair, Withheld):
        return found
    control, treatment = one.strata[0]
    ratio = log_delta.log_ratio(pair, (control.n, treatment.n))
    if ratio is None:
        return found
    told = ratio.lift(found.difference.interval.confidence_level)
    return replace(found, relative_lift=_one_sided(told, one.alternative))


def interval_methods(found: Comparison, methods: Sequence[str]) -> IntervalMethods:
    """Names of the intervals that were asked for, where they could be used."""
    named: IntervalMethods = {}
    difference = found.difference.interval.method
    lift = found.relative_lift.interval.method
    if difference in DIFFERENCES and difference in methods:
        named["difference_interval_method"] = difference
    if lift in LIFTS and lift in methods:
        named["relative_lift_interval_method"] = lift
    return named


def with_arm_intervals(
    arms: tuple[ArmResult, ...],
    metric: Metric,
    groups: Groups,
    level: float,
    methods: Sequence[str],
) -> tuple[ArmResult, ...]:
    """The arms of a rate with the intervals that were asked for, if any were."""
    name = _asked(methods, "arm")
    if name is None or not is_rate(metric) or groups.phases > 1:
        return arms
    return tuple(_arm_interval(arm, metric, groups, level, name) for arm in arms)


def _arm_interval(
    arm: ArmResult, metric: Metric, groups: Groups, level: float, name: str
) -> ArmResult:
    counts = cast("Counts", groups.of_arm(metric, arm.variant)[0])
    found = ARMS[name](counts, level)
    return replace(
        arm, ci_lower=found.ci_lower, ci_upper=found.ci_upper, value_interval_method=name
    )


def _asked(methods: Sequence[str], place: str) -> str | None:
    return next((name for name in methods if METHODS[name].place == place), None)


def _table(metric: Metric, strata: Sequence[Pair]) -> tuple[Counts, Counts] | None:
    """Control and treatment of a rate without phases; None for everything else."""
    if not is_rate(metric) or len(strata) != 1:
        return None
    return cast("tuple[Counts, Counts]", strata[0])


def _one_sided(told: Estimate, alternative: str) -> Estimate:
    """Hide the limit that does not matter, as the defaults do."""
    lower, upper, level, method = (
        told.ci_lower, told.ci_upper, told.interval.confidence_level, told.interval.method,
    )  # fmt: skip
    if alternative == "greater" and not isinstance(upper, Undefined):
        upper = Undefined("unbounded")
    if alternative == "less" and not isinstance(lower, Undefined):
        lower = Undefined("unbounded")
    return Estimate(told.value, Interval(lower, upper, level, method))


def _refused(value: object, message: str) -> InvalidInputError:
    problem = Problem("method", value, "UNKNOWN_CHOICE", message)
    return InvalidInputError(message, details=(problem,))
