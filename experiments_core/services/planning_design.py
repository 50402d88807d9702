"""What a plan asks for, and the rules it keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from experiments_core.errors import InvalidInputError, Problem

KINDS = ("rate", "mean", "ratio")
ALTERNATIVES = ("two-sided", "greater", "less")
MOST_ARMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What was asked. Fractions; effects and spreads in the metric's unit.

    Attributes:
        kind: ``rate``, ``mean`` or ``ratio`` (of two sums).
        baseline: Control's rate, mean or ratio; but for a rate one may plan without.
        effect: Treatment - control, not 0; 0 where the effect is what is sought.
        relative: The effect was given as a fraction of the baseline, and stays one when the
            baseline is varied.
        standard_deviation: Of one unit, for means; for a ratio that of its linearised value.
        alpha: Error rate of the whole primary family.
        power: Probability to see the effect.
        alternative: ``two-sided``, ``greater`` or ``less``.
        weights: Shares of the arms, control first; any scale.
        primary_metrics: Metrics that decide.
        daily_units: New eligible units a day, if known.
        allocation: Share of them that enters the test.
    """

    kind: str
    baseline: float | None
    effect: float = 0.0
    relative: bool = False
    standard_deviation: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    alternative: str = "two-sided"
    weights: tuple[float, ...] = (1.0, 1.0)
    primary_metrics: int = 1
    daily_units: float | None = None
    allocation: float = 1.0

    def with_effect(self, effect: float, *, relative: bool = False) -> Design:
        """The same for an effect in the metric's unit, or as a fraction of the baseline.

        Raises:
            InvalidInputError: a relative effect, and nobody knows of what.
        """
        if relative and self.baseline is None:
            message = "A relative effect needs the baseline it is relative to"
            raise InvalidInputError(
                f"{message}.",
                hint="Give control's mean, or the effect in the metric's own unit.",
                details=(Problem("baseline", None, "REQUIRED", message),),
            )
        whole = effect * (self.baseline or 0.0) if relative else effect
        return replace(self, effect=whole, relative=relative)

    @property
    def target(self) -> float | None:
        """Treatment's rate or mean under the planned effect."""
        return None if self.baseline is None else self.baseline + self.effect

    @property
    def relative_effect(self) -> float | None:
        """The effect as a fraction of the baseline; None without a baseline above 0."""
        return self.as_relative(self.effect)

    @property
    def comparisons(self) -> int:
        """Hypotheses in the primary family: treatments x primary metrics."""
        return (len(self.weights) - 1) * self.primary_metrics

    @property
    def alpha_local(self) -> float:
        """Alpha of one comparison."""
        return self.alpha / self.comparisons

    @property
    def allocation_ratio(self) -> float:
        """Units of the smallest treatment arm / units of control."""
        return min(self.weights[1:]) / self.weights[0]

    @property
    def daily_entering(self) -> float | None:
        """Units that enter the test a day."""
        return None if self.daily_units is None else self.daily_units * self.allocation

    def as_relative(self, effect: float) -> float | None:
        """Another effect as a fraction of the baseline."""
        return effect / self.baseline if self.baseline and self.baseline > 0 else None

    def split(self, total: int) -> tuple[int, ...]:
        """Units per arm when so many have come, rounded down."""
        whole = sum(self.weights)
        return tuple(math.floor(total * weight / whole + 1e-9) for weight in self.weights)


def checked(design: Design) -> Design:
    """Return the design if it keeps every rule.

    Raises:
        InvalidInputError: it does not; all fields at fault at once.
    """
    problems = tuple(_problems(design))
    if problems:
        raise InvalidInputError(
            f"This plan cannot be computed: {problems[0].message}.", details=problems
        )
    return design


def _problems(design: Design) -> Iterator[Problem]:
    yield from _value_problems(design)
    if not 0.001 <= design.alpha <= 0.2:
        yield _range("alpha", design.alpha, "alpha is a fraction from 0.001 to 0.2")
    if not 0.5 <= design.power <= 0.99:
        yield _range("power", design.power, "power is a fraction from 0.5 to 0.99")
    if design.alternative not in ALTERNATIVES:
        yield Problem(
            "alternative", design.alternative, "UNKNOWN_CHOICE",
            f"the alternative is one of {', '.join(ALTERNATIVES)}, not “{design.alternative}”",
        )  # fmt: skip
    if not 2 <= len(design.weights) <= MOST_ARMS:
        yield _range("weights", design.weights, f"a test has 2 to {MOST_ARMS} arms")
    elif not all(math.isfinite(weight) and weight > 0 for weight in design.weights):
        yield _range("weights", design.weights, "every arm has a share above 0")
    if design.primary_metrics < 1:
        yield _range("primary_metrics", design.primary_metrics, "at least one metric decides")
    yield from _traffic_problems(design)


def _value_problems(design: Design) -> Iterator[Problem]:
    baseline, spread = design.baseline, design.standard_deviation
    if design.kind == "rate" and (baseline is None or not 0 < baseline < 1):
        yield _range(
            "baseline", baseline,
            f"a rate is a fraction between 0 and 1 (8.3 % is 0.083), not {baseline}",
        )  # fmt: skip
    if design.kind not in KINDS:
        yield Problem(
            "kind", design.kind, "UNKNOWN_CHOICE",
            f"the kind is one of {', '.join(KINDS)}, not “{design.kind}”",
        )  # fmt: skip
    if design.kind != "rate" and baseline is not None and not math.isfinite(baseline):
        yield _range("baseline", baseline, "the baseline is not a finite number")
    if design.kind != "rate" and (spread is None or not 0 < spread < math.inf):
        yield _range(
            "standard_deviation", spread, f"a standard deviation is above 0, not {spread}"
        )
    if not math.isfinite(design.effect):
        yield _range("minimum_detectable_effect", design.effect, "the effect is not finite")
    wrong_way = {"greater": -1, "less": 1}.get(design.alternative, 0)
    if design.effect * wrong_way > 0:
        yield Problem(
            "minimum_detectable_effect", design.effect, "RANGE",
            f"a one-sided test for “{design.alternative}” cannot see an effect of "
            f"{design.effect:g}; change its sign or the alternative",
        )  # fmt: skip


def _traffic_problems(design: Design) -> Iterator[Problem]:
    daily = design.daily_units
    if daily is not None and not 0 < daily < math.inf:
        yield _range("daily_units", daily, f"units per day are above 0, not {daily:g}")
    if not 0 < design.allocation <= 1:
        yield _range(
            "allocation", design.allocation,
            f"the allocation is a fraction above 0 and up to 1, not {design.allocation:g}",
        )  # fmt: skip


def _range(field: str, value: object, message: str) -> Problem:
    return Problem(field, value, "RANGE", message)
