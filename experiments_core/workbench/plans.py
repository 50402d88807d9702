"""The planner's two questions: how many units, and which effect they can see."""

from __future__ import annotations

from typing import Any

from experiments_core.stats import non_inferiority, plan_values, sequential
from experiments_core.stats import power as planning
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.plan_values import DetectableEffect, SampleSize
from experiments_core.workbench.request import refusal


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
            value (Y - R N) / mean N, which the results of such a metric report.
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
    if standard_deviation is not None:
        fixed = planning.sample_size_means(
            **shared, baseline=baseline, standard_deviation=standard_deviation
        )
    else:
        fixed = planning.sample_size_rates(**shared, baseline=_baseline(baseline))
    return fixed if looks == 1 else _over_looks(fixed, looks, shared)


def non_inferiority_size(
    *,
    baseline: float,
    margin: float,
    relative: bool = False,
    target: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    preferred_direction: str = "increase",
) -> int | Undefined:
    """Units per arm that show a rate to be inside its margin; equal arms.

    Args:
        baseline: Control's rate.
        margin: Largest harm accepted, above 0: in the rate's unit, or relative to it.
        relative: Which of the two.
        target: The treatment's true rate; the baseline when left out.
        power: Probability to show it.
        alpha: Two-sided; the interval on the screen has the level 1 - alpha.
        preferred_direction: ``increase`` or ``decrease``: which change is good.

    Returns:
        Whole units, or ``target_outside_range``, ``not_reachable``.
    """
    found = non_inferiority.non_inferiority_size_rates(
        control_rate=baseline,
        treatment_rate=baseline if target is None else target,
        margin=margin * baseline if relative else margin,
        alpha=alpha / 2,
        power=power,
        preferred_direction=preferred_direction,
    )
    return found if isinstance(found, Undefined) else plan_values.round_up(found)


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
    if standard_deviation is not None:
        return planning.minimum_detectable_effect_means(
            **shared, baseline=baseline, standard_deviation=standard_deviation
        )
    return planning.minimum_detectable_effect_rates(**shared, baseline=_baseline(baseline))


def _baseline(baseline: float | None) -> float:
    if baseline is None:
        raise refusal(
            "baseline", None, "REQUIRED", "The baseline is missing.",
            "Give control's rate, such as baseline=0.2; for a mean also standard_deviation.",
        )  # fmt: skip
    return baseline
