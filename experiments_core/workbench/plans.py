"""The planner's questions: how many units, which effect or margin they show, what power."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from experiments_core.stats import mean_plan, rate_plan, sequential
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.non_inferiority import Guardrail
from experiments_core.stats.plan_values import DetectableEffect, SampleSize
from experiments_core.stats.ratios import linearised_spread
from experiments_core.stats.t_power import LEAST_UNITS
from experiments_core.workbench.refusing import refusal

__all__ = [
    "linearised_spread", "minimum_detectable_effect", "non_inferiority_margin",
    "non_inferiority_size", "power", "sample_size",
]  # fmt: skip


Answer = TypeVar("Answer")


def sample_size(
    *,
    minimum_detectable_effect: float,
    baseline: float | None = None,
    relative: bool = False,
    standard_deviation: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    allocation_ratio: float = 1.0,
    comparisons: int = 1,
    looks: int = 1,
) -> SampleSize:
    """Units that a test needs: of a rate, or of a mean when ``standard_deviation`` is given.

    Args:
        minimum_detectable_effect: Smallest effect worth seeing; below 0 for a decrease.
        baseline: Control's rate or mean.
        relative: The effect is a fraction of the baseline, not a difference.
        standard_deviation: Of one unit, for a mean; for a ratio of sums that of its linearised
            value (Y - R N) / mean N, which the results of such a metric report and
            :func:`linearised_spread` tells.
        power: Probability to see the effect.
        alpha: Error rate of the whole family.
        alternative: ``two-sided``, ``greater`` or ``less``.
        allocation_ratio: Treatment units / control units.
        comparisons: Hypotheses in the family.
        looks: Evenly spaced looks of a group-sequential plan, the last one included; the
            units are then the most it may need (on average it needs fewer).

    Returns:
        ``.control``, ``.treatment``, ``.total``, ``.assumptions``.
    """
    shared: dict[str, Any] = {
        "minimum_detectable_effect": minimum_detectable_effect, "relative": relative,
        "power": power, "alpha": alpha, "alternative": alternative,
        "allocation_ratio": allocation_ratio, "comparisons": comparisons,
    }  # fmt: skip
    fixed = _by_kind(
        rate_plan.sample_size_rates, mean_plan.sample_size_means, shared, baseline,
        standard_deviation,
    )  # fmt: skip
    return fixed if looks == 1 else _over_looks(fixed, looks, shared)


def non_inferiority_size(  # noqa: D417  the others as in sample_size
    *,
    margin: float,
    baseline: float | None = None,
    relative: bool = False,
    standard_deviation: float | None = None,
    target: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    preferred_direction: str = "increase",
    allocation_ratio: float = 1.0,
) -> SampleSize:
    """Units that show a guardrail to be inside its margin: of a rate, a mean or a ratio.

    Args:
        margin: Largest harm accepted, above 0: in the metric's unit, or relative to it.
        baseline: Control's rate, mean or ratio; of a mean only a relative margin needs it.
        relative: Which of the two.
        target: The treatment's true value; the baseline when left out.
        power: Probability to show it.
        alpha: Two-sided; the interval on the screen has the level 1 - alpha.
        preferred_direction: ``increase`` or ``decrease``: which change is good.

    Returns:
        ``.control``, ``.treatment``, ``.total``: whole units, or ``target_outside_range``,
        ``nonpositive_control``, ``no_variance``, ``not_reachable``.
    """
    guardrail = Guardrail(
        control=baseline,
        treatment=target,
        standard_deviation=standard_deviation,
        relative=relative,
        preferred_direction=preferred_direction,
        alpha=alpha / 2,
    )
    told: dict[str, object] = {
        "baseline": baseline, "target": target, "standard_deviation": standard_deviation,
        "non_inferiority_margin": margin, "relative": relative, "alpha": alpha, "power": power,
        "preferred_direction": preferred_direction, "allocation_ratio": allocation_ratio,
    }  # fmt: skip
    exact = guardrail.size(margin, power, allocation_ratio)
    least = 1 if standard_deviation is None else LEAST_UNITS
    return SampleSize.rounded(exact, allocation_ratio, least=least, assumptions=told)


def non_inferiority_margin(  # noqa: D417  the others as in non_inferiority_size
    *,
    control: float,
    treatment: float,
    baseline: float | None = None,
    relative: bool = False,
    standard_deviation: float | None = None,
    target: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    preferred_direction: str = "increase",
) -> Value:
    """Smallest margin that so many units show with the power.

    Args:
        control: Units of control.
        treatment: Units of treatment.
    """
    guardrail = Guardrail(
        control=baseline,
        treatment=target,
        standard_deviation=standard_deviation,
        relative=relative,
        preferred_direction=preferred_direction,
        alpha=alpha / 2,
    )
    return guardrail.margin(control, treatment, power)


def power(  # noqa: D417  the others as in sample_size
    *,
    control: float,
    treatment: float,
    effect: float,
    baseline: float | None = None,
    relative: bool = False,
    standard_deviation: float | None = None,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    comparisons: int = 1,
) -> Value:
    """Probability that so many units show a true effect: of a rate, a mean or a ratio.

    Args:
        control: Units of control.
        treatment: Units of treatment.
        effect: True effect; below 0 for a decrease.
    """
    shared: dict[str, Any] = {
        "control": control, "treatment": treatment, "effect": effect, "relative": relative,
        "alpha": alpha, "alternative": alternative, "comparisons": comparisons,
    }  # fmt: skip
    return _by_kind(
        rate_plan.power_rates, mean_plan.power_means, shared, baseline, standard_deviation
    )


def _over_looks(fixed: SampleSize, looks: int, shared: dict[str, Any]) -> SampleSize:
    """The same plan, read at several looks: its units times the price of looking."""
    if looks < 1 or shared["alternative"] != "two-sided":
        raise refusal(
            "looks", looks, "RANGE", f"A plan with {looks} looks is {shared['alternative']}.",
            "Plan at least one look; several looks are planned two-sided.",
        )  # fmt: skip
    alpha = shared["alpha"] / shared["comparisons"]
    factor = sequential.inflation(looks, alpha, shared["power"])
    exact = fixed.exact_control
    more = exact if isinstance(exact, Undefined) else exact * factor
    told = fixed.assumptions | {"looks": looks, "inflation": factor}
    return SampleSize.rounded(more, shared["allocation_ratio"], least=2, assumptions=told)


def minimum_detectable_effect(
    *,
    control: float,
    treatment: float,
    baseline: float | None = None,
    standard_deviation: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    direction: str | None = None,
    comparisons: int = 1,
) -> DetectableEffect:
    """Smallest effect that so many units see with the power.

    Args:
        control: Units of control.
        treatment: Units of treatment.
        baseline: Control's rate or mean.
        standard_deviation: Of one unit, for a mean.
        power: Probability to see the effect.
        alpha: Error rate of the whole family.
        alternative: ``two-sided``, ``greater`` or ``less``.
        direction: ``increase`` or ``decrease``; they differ for a rate.
        comparisons: Hypotheses in the family.

    Returns:
        ``.difference`` and ``.relative_lift``.
    """
    shared: dict[str, Any] = {
        "control": control, "treatment": treatment, "power": power, "alpha": alpha,
        "alternative": alternative, "direction": direction, "comparisons": comparisons,
    }  # fmt: skip
    return _by_kind(
        rate_plan.minimum_detectable_effect_rates, mean_plan.minimum_detectable_effect_means,
        shared, baseline, standard_deviation,
    )  # fmt: skip


def _by_kind(
    of_rates: Callable[..., Answer],
    of_means: Callable[..., Answer],
    asked: Mapping[str, Any],
    baseline: float | None,
    standard_deviation: float | None,
) -> Answer:
    """A spread of one unit makes it a question about a mean, or about a ratio."""
    if standard_deviation is not None:
        return of_means(**asked, baseline=baseline, standard_deviation=standard_deviation)
    if baseline is None:
        raise refusal(
            "baseline", None, "REQUIRED", "The baseline is missing.",
            "Give control's rate, such as baseline=0.2; for a mean also standard_deviation.",
        )  # fmt: skip
    return of_rates(**asked, baseline=baseline)
