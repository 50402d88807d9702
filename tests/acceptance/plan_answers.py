"""What Upshot answers to reference cases of plans and looks."""

from __future__ import annotations

import math

from experiments_core.stats import mean_plan, rate_plan, sequential
from experiments_core.stats import size_conventions as conventions
from experiments_core.stats.duration import duration_days
from experiments_core.stats.estimate import Undefined
from tests.acceptance.answers import Answers, Case


def sides_of(inputs: Case, effect: float) -> str:
    return "two-sided" if inputs.get("sides", 2) == 2 else "greater" if effect > 0 else "less"


def rate_size(inputs: Case) -> rate_plan.SampleSize:
    effect = inputs["target_rate"] - inputs["baseline_rate"]
    return rate_plan.sample_size_rates(
        baseline=inputs["baseline_rate"],
        minimum_detectable_effect=effect,
        relative=False,
        alpha=inputs["alpha"],
        power=inputs["power"],
        alternative=sides_of(inputs, effect),
        allocation_ratio=inputs.get("allocation_ratio", 1.0),
    )


def sample_size_proportions(inputs: Case) -> Answers:
    size = rate_size(inputs)
    effect = inputs["target_rate"] - inputs["baseline_rate"]
    z_alpha, z_power = conventions.quantiles(
        inputs["alpha"], inputs["power"], sides_of(inputs, effect)
    )
    design = conventions.Design(
        inputs["baseline_rate"], inputs["target_rate"], z_alpha, z_power,
        inputs["allocation_ratio"],
    )  # fmt: skip
    exact = {
        "unpooled": conventions.unpooled(design),
        "arcsine": conventions.arcsine(design),
        "fleiss_continuity_corrected": conventions.continuity_corrected(design),
        "evan_miller": conventions.baseline_variance(design),
        "rule_of_16": conventions.rule_of_16(design),
        "pooled": size.exact_control,
    }
    return {
        "control_users_exact": exact,
        "control_users_rounded_up": {
            name: math.ceil(number - 1e-6) for name, number in exact.items()
        },
        "treatment_users_rounded_up_pooled": size.treatment,
        "power_at_rounded_up_pooled": rate_plan.power_rates(
            baseline=inputs["baseline_rate"],
            effect=effect,
            control=size.control,
            treatment=size.treatment,
            alpha=inputs["alpha"],
            alternative=sides_of(inputs, effect),
        ),
    }


def sample_size_means(inputs: Case) -> Answers:
    if "power" not in inputs:
        design = conventions.Design(
            0.0, inputs["effect"], 0, 0, standard_deviation=inputs["control_sd"]
        )
        return {"control_users": conventions.rule_of_16(design)}
    sizes = {
        name: mean_plan.sample_size_means(
            minimum_detectable_effect=inputs["effect"],
            standard_deviation=inputs["control_sd"],
            treatment_standard_deviation=inputs["treatment_sd"],
            alpha=inputs["alpha"],
            power=inputs["power"],
            alternative=sides_of(inputs, inputs["effect"]),
            allocation_ratio=inputs["allocation_ratio"],
            distribution=distribution,
        )
        for name, distribution in (("z", "normal"), ("t", "t"))
    }
    exact = {f"control_users_{name}": size.exact_control for name, size in sizes.items()}
    return exact | {
        f"control_users_{name}_rounded_up": size.control for name, size in sizes.items()
    }


def power_proportions(inputs: Case) -> Answers:
    effect = inputs["target_rate"] - inputs["baseline_rate"]
    asked = {
        "baseline": inputs["baseline_rate"],
        "effect": effect,
        "control": inputs["control_users"],
        "treatment": inputs["control_users"] * inputs["allocation_ratio"],
        "alpha": inputs["alpha"],
        "alternative": sides_of(inputs, effect),
    }
    return {
        "power_pooled": rate_plan.power_rates(**asked),
        "power_pooled_both_tails": rate_plan.power_rates(**asked, both_tails=True),
    }


def power_means(inputs: Case) -> Answers:
    asked = {
        "effect": inputs["effect"],
        "standard_deviation": inputs["control_sd"],
        "control": inputs["control_users"],
        "treatment": inputs["control_users"] * inputs["allocation_ratio"],
        "alpha": inputs["alpha"],
        "alternative": sides_of(inputs, inputs["effect"]),
    }
    return {
        "power_t": mean_plan.power_means(**asked),
        "power_z": mean_plan.power_means(**asked, distribution="normal"),
    }


def detectable_effect_proportions(inputs: Case) -> Answers:
    base = inputs["baseline_rate"]
    up, down = (
        rate_plan.minimum_detectable_effect_rates(
            baseline=base,
            control=inputs["control_users"],
            treatment=inputs["control_users"] * inputs["allocation_ratio"],
            alpha=inputs["alpha"],
            power=inputs["power"],
            direction=direction,
        )
        for direction in ("increase", "decrease")
    )
    answers: Answers = {}
    for name, found in (("up", up), ("down", down)):
        missing = isinstance(found.difference, Undefined)
        answers |= {
            f"absolute_effect_{name}": found.difference,
            f"relative_effect_{name}": found.relative_lift,
            f"target_rate_{name}": None if missing else base + found.difference,
            f"{name}_reason": found.difference.reason if missing else None,
        }
    return answers


def detectable_effect_means(inputs: Case) -> Answers:
    asked = {
        "standard_deviation": inputs["control_sd"],
        "baseline": inputs["control_mean"],
        "control": inputs["users_per_arm"],
        "treatment": inputs["users_per_arm"],
        "alpha": inputs["alpha"],
        "power": inputs["power"],
    }
    growing = mean_plan.minimum_detectable_effect_means(**asked, spread_grows=True)
    return {
        "naive_relative_effect": mean_plan.minimum_detectable_effect_means(
            **asked
        ).relative_lift,
        "relative_effect": growing.relative_lift,
    }


def duration(inputs: Case) -> Answers:
    weights = inputs["weights"]
    comparisons = len(weights) - 1
    size = rate_plan.sample_size_rates(
        baseline=inputs["baseline_rate"],
        minimum_detectable_effect=inputs["target_rate"] - inputs["baseline_rate"],
        relative=False,
        alpha=inputs["alpha"],
        power=inputs["power"],
        allocation_ratio=min(weights[1:]) / weights[0],
        comparisons=comparisons,
    )
    users = [math.ceil(size.exact_control * own / weights[0] - 1e-6) for own in weights]
    days = duration_days(
        sum(users),
        inputs["eligible_users_per_day"],
        inputs["allocation"],
        conversion_window_days=inputs["conversion_window_days"],
    )
    return {
        "comparisons": comparisons,
        "alpha_per_comparison": inputs["alpha"] / comparisons,
        "users_per_variant": users,
        "users_total": sum(users),
        "days_of_enrolment": days.days,
        "days_rounded_to_weeks": days.weeks_rounded_days,
        "days_until_result": days.days_until_result,
    }


def sequential_local_level(inputs: Case) -> Answers:
    alpha = inputs["alpha"]
    if "users" in inputs:
        look = inputs["users"], alpha, inputs["tuning_users"]
        critical = sequential.always_valid_critical_value(*look)
        return {
            "critical_value": critical,
            "alpha_local": sequential.always_valid_alpha(*look),
            "p_value_always_valid": sequential.always_valid_p_value(inputs["z"], *look),
            "crossed": abs(inputs["z"]) > critical,
        }
    information = [users / inputs["planned_users"] for users in inputs["users_at_looks"]]
    bounds = sequential.group_sequential_bounds(information, alpha)
    return {
        "information_fractions": information,
        "z_bounds": bounds,
        "alpha_local": [sequential.two_sided_p_of_z(bound) for bound in bounds],
        "alpha_spent": [
            sequential.false_alarm_rate(information[:n], bounds[:n])
            for n in range(1, len(bounds) + 1)
        ],
    }


def group_sequential(inputs: Case) -> Answers | None:
    if "nominal_alpha" in inputs:
        critical = sequential.z_of_two_sided_p(inputs["nominal_alpha"])
        return {
            "false_positive_rate": [
                sequential.false_alarm_rate(range(1, looks + 1), [critical] * looks)
                for looks in inputs["looks"]
            ]
        }
    if "information_fractions" not in inputs:
        return None  # the classic constants: tests/stats/test_sequential.py
    spending = next(
        name
        for word, name in (("ln", "pocock"), ("t^2", "power"), ("", "obrien_fleming"))
        if word in inputs["spending"]
    )
    information = inputs["information_fractions"]
    bounds = sequential.group_sequential_bounds(information, inputs["alpha"], spending)
    return {
        "z_bounds": bounds,
        "alpha_spent": [
            sequential.false_alarm_rate(information[:n], bounds[:n])
            for n in range(1, len(bounds) + 1)
        ],
    }


def always_valid(inputs: Case) -> Answers:
    """Another tool's linear-delta lift, judged by our sequence of the same z."""
    control, treatment = inputs["control_mean"], inputs["treatment_mean"]
    effect = treatment / control - 1
    own = inputs["control_variance"] / inputs["control_users"] / control**2
    other = inputs["treatment_variance"] / inputs["treatment_users"] / control**2
    error = math.sqrt(other + own * (treatment / control) ** 2)
    look = (
        inputs["control_users"] + inputs["treatment_users"],
        inputs["alpha"],
        inputs["tuning_users"],
    )
    reach = sequential.always_valid_critical_value(*look) * error
    p_value = sequential.always_valid_p_value(effect / error, *look)
    return {
        "effect": effect,
        "standard_error": error,
        "half_width": reach,
        "ci": [effect - reach, effect + reach],
        "p_value_always_valid": p_value,
    }
