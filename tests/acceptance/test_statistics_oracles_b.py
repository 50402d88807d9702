"""Reference numbers for means, ratios, quantiles, adjustment, planning and looks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments_core.stats import contrasts, power, sequential
from experiments_core.stats import size_conventions as conventions
from experiments_core.stats.adjust import adjust, compare_adjusted
from experiments_core.stats.contrasts import Withheld
from experiments_core.stats.estimate import Comparison, Estimate, Undefined
from experiments_core.stats.means import (
    compare_means,
    mean_pair,
    mean_test,
    phase_weights,
    student_test,
)
from experiments_core.stats.moments import Located, Moments
from experiments_core.stats.normal import critical_value
from experiments_core.stats.quantiles import limiting_shares, located, quantile_pair
from experiments_core.stats.ratios import compare_ratios, linearised
from tests.stats.simulation import moments

Answers = dict[str, object]
Case = dict[str, Any]


def plain(answer: object) -> object:
    """Numbers for comparison; a reason is a missing number."""
    if isinstance(answer, Undefined):
        return None
    if isinstance(answer, list | tuple):
        parts = [plain(part) for part in answer]
        return None if parts and all(part is None for part in parts) else parts
    return answer


def ends(estimate: Estimate) -> list[object]:
    return [estimate.ci_lower, estimate.ci_upper]


def verdict(result: Comparison, alpha: float) -> str:
    """For an outcome of which more is better."""
    if isinstance(result.test.p_value, Undefined):
        return "cannot_say"
    if not result.test.p_value < alpha:
        return "no_clear_difference"
    return "better" if result.difference.value > 0 else "worse"


def trio(result: Comparison, alpha: float) -> Answers:
    """Everything one comparison says, by its usual names."""
    error = None
    if not isinstance(result.test.statistic, Undefined) and result.test.statistic:
        error = result.difference.value / result.test.statistic
    lift = result.relative_lift.value
    p_value = result.test.p_value
    return {
        "t": result.test.statistic,
        "z": result.test.statistic,
        "degrees_of_freedom": result.test.degrees_of_freedom,
        "df_welch": result.test.degrees_of_freedom,
        "p_value": p_value,
        "difference": result.difference.value,
        "difference_ci": ends(result.difference),
        "standard_error": error,
        "relative_lift": lift,
        "relative_lift_ci": ends(result.relative_lift),
        "relative_lift_reason": lift.reason if isinstance(lift, Undefined) else None,
        "reason": p_value.reason if isinstance(p_value, Undefined) else None,
        "verdict": verdict(result, alpha),
    }


def arm(inputs: Case, side: str) -> Moments:
    return Moments.of_mean(
        inputs[f"{side}_users"], inputs[f"{side}_mean"], inputs[f"{side}_sd"] ** 2
    )


def two_means(inputs: Case) -> Answers:
    alpha = 1 - inputs["confidence_level"]
    control, treatment = arm(inputs, "control"), arm(inputs, "treatment")
    strata = [(control, treatment)]
    result = compare_means(strata, alpha)
    pair = mean_pair(strata)
    student = student_test(control, treatment)
    answers = trio(result, alpha) | {
        "t_welch": result.test.statistic,
        "p_two_sided_welch": result.test.p_value,
        "p_greater_welch": mean_test(strata, "greater").p_value,
        "p_less_welch": mean_test(strata, "less").p_value,
        "ci_welch": ends(result.difference),
        "ci_lower_one_sided_greater": compare_means(
            strata, alpha, "greater"
        ).difference.ci_lower,
        "t_student": student.statistic,
        "p_two_sided_student": student.p_value,
        "relative_ci_fieller_t": ends(result.relative_lift),
    }
    if isinstance(pair, Withheld):
        return answers | {"standard_error": 0.0}
    return answers | {
        "standard_error": pair.standard_error,
        "z": result.test.statistic,
        "p_two_sided_z": sequential.two_sided_p_of_z(result.test.statistic),
    }


def one_verdict_means(inputs: Case) -> Answers:
    strata = [(arm(inputs, "control"), arm(inputs, "treatment"))]
    return trio(compare_means(strata, inputs["alpha"]), inputs["alpha"])


def not_computable(inputs: Case) -> Answers | None:
    if inputs.get("metric") == "mean":
        strata = [(moments(inputs["control_values"]), moments(inputs["treatment_values"]))]
        return trio(compare_means(strata), 0.05)
    if "baseline_rate" in inputs:
        size = rate_size(inputs)
        reason = size.control.reason if isinstance(size.control, Undefined) else None
        return {"control_users": size.control, "reason": reason}
    return None


def ratio_metric(inputs: Case) -> Answers:
    control, treatment = (
        moments(inputs["raw"][side]["orders"], inputs["raw"][side]["sessions"])
        for side in ("control", "treatment")
    )
    lines = [linearised(side) for side in (control, treatment)]
    return trio(compare_ratios([(control, treatment)], inputs["alpha"]), inputs["alpha"]) | {
        "control_ratio": lines[0].mean,
        "treatment_ratio": lines[1].mean,
        "control_ratio_variance": lines[0].variance,
        "treatment_ratio_variance": lines[1].variance,
    }


def quantile_by_unit(inputs: Case) -> Answers:
    answers: Answers = {}
    level, made = 1 - inputs["alpha"], []
    for side in ("control", "treatment"):
        units = [np.array(rows) for rows in inputs[f"{side}_units"]]
        rows = np.concatenate(units)
        point = float(np.quantile(rows, inputs["quantile"]))
        below = moments(
            [(unit <= point).sum() for unit in units], [len(unit) for unit in units]
        )
        shares = limiting_shares(inputs["quantile"], below, level)
        limits = (
            shares
            if isinstance(shares, Undefined)
            else tuple(float(limit) for limit in np.quantile(rows, shares))
        )
        low, high = (None, None) if isinstance(limits, Undefined) else limits
        group = Located(len(units), len(rows), point, low, high, level)
        estimate = located(group)
        share = linearised(below)
        answers |= {
            f"{side}_quantile": point,
            f"{side}_share_sd": math.sqrt(share.variance / share.n),
            f"{side}_ci": ends(estimate),
        }
        if not isinstance(limits, Undefined):
            answers[f"{side}_standard_error"] = (
                (limits[1] - limits[0]) / 2 / critical_value(inputs["alpha"] / 2)
            )
        made.append(group)
    pair = quantile_pair([(made[0], made[1])])
    found = contrasts.compare(pair, inputs["alpha"], "two-sided")
    return answers | trio(found, inputs["alpha"])


def winsorised_mean(inputs: Case) -> Answers:
    sides = [np.array(inputs[f"{side}_values"]) for side in ("control", "treatment")]
    cap = np.quantile(np.concatenate(sides), inputs["cap_quantile"])
    capped = [moments(np.minimum(side, cap)) for side in sides]
    raw = [moments(side) for side in sides]
    return trio(compare_means([tuple(capped)], inputs["alpha"]), inputs["alpha"]) | {
        "cap": cap,
        "control_capped_rows": int((sides[0] > cap).sum()),
        "treatment_capped_rows": int((sides[1] > cap).sum()),
        "control_mean": capped[0].mean,
        "treatment_mean": capped[1].mean,
        "uncapped_control_mean": raw[0].mean,
        "uncapped_treatment_mean": raw[1].mean,
        "uncapped_p_value": mean_test([tuple(raw)]).p_value,
    }


def adjusted(columns: list[list[list[float]]], alpha: float) -> Answers:
    """Columns per arm, control first."""
    control, treatment = (moments(*side) for side in columns)
    raw = compare_means([(control, treatment)]) if len(columns[0]) == 2 else None
    found = adjust([(control, treatment)])
    result = compare_adjusted([(control, treatment)], alpha)
    pair = found.pair
    ratio = len(columns[0]) == 4
    answers = trio(result, alpha) | {
        "theta": found.theta,
        "control_mean_adjusted": pair.control,
        "treatment_mean_adjusted": pair.treatment,
        "control_ratio_adjusted": pair.control,
        "treatment_ratio_adjusted": pair.treatment,
        "adjusted_mean_variance_control": pair.control_variance,
        "adjusted_mean_variance_treatment": pair.treatment_variance,
        "adjusted_mean_covariance": pair.covariance,
        "p_two_sided": result.test.p_value,
        "ci": ends(result.difference),
        "variance_reduction": found.variance_reduction,
        "correlation_pooled": found.correlation,
    }
    if ratio or raw is None:
        return answers
    for side, own in (("control", control), ("treatment", treatment)):
        (yy, xy), (_, xx) = own.covariance
        answers[f"{side}_variance_adjusted"] = yy - 2 * found.theta * xy + found.theta**2 * xx
        answers[f"{side}_mean_raw"] = own.mean
    return answers | {
        "difference_raw": raw.difference.value,
        "standard_error_raw": raw.difference.value / raw.test.statistic,
    }


def cuped(inputs: Case) -> Answers:
    sides = [list(inputs["raw"][side].values()) for side in ("control", "treatment")]
    return adjusted(sides, 1 - inputs.get("confidence_level", 0.95))


def cuped_lift(inputs: Case) -> Answers:
    sides = [
        [inputs[f"{side}_values"], inputs[f"{side}_before"]]
        for side in ("control", "treatment")
    ]
    return adjusted(sides, inputs["alpha"])


def phase_stratified(inputs: Case) -> Answers | None:
    if "treatment_mean" not in inputs["phases"][0]:
        return None
    strata = [(arm(phase, "control"), arm(phase, "treatment")) for phase in inputs["phases"]]
    pair = mean_pair(strata)
    return trio(compare_means(strata, inputs["alpha"]), inputs["alpha"]) | {
        "weights": phase_weights(strata),
        "control_mean": pair.control,
        "treatment_mean": pair.treatment,
        "standard_error": pair.standard_error,
    }


def sides_of(inputs: Case, effect: float) -> str:
    return "two-sided" if inputs.get("sides", 2) == 2 else "greater" if effect > 0 else "less"


def rate_size(inputs: Case) -> power.SampleSize:
    effect = inputs["target_rate"] - inputs["baseline_rate"]
    return power.sample_size_rates(
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
        "power_at_rounded_up_pooled": power.power_rates(
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
        name: power.sample_size_means(
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
        "power_pooled": power.power_rates(**asked),
        "power_pooled_both_tails": power.power_rates(**asked, both_tails=True),
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
        "power_t": power.power_means(**asked),
        "power_z": power.power_means(**asked, distribution="normal"),
    }


def detectable_effect_proportions(inputs: Case) -> Answers:
    base = inputs["baseline_rate"]
    up, down = (
        power.minimum_detectable_effect_rates(
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
    growing = power.minimum_detectable_effect_means(**asked, spread_grows=True)
    return {
        "naive_relative_effect": power.minimum_detectable_effect_means(**asked).relative_lift,
        "relative_effect": growing.relative_lift,
    }


def duration(inputs: Case) -> Answers:
    weights = inputs["weights"]
    comparisons = len(weights) - 1
    size = power.sample_size_rates(
        baseline=inputs["baseline_rate"],
        minimum_detectable_effect=inputs["target_rate"] - inputs["baseline_rate"],
        relative=False,
        alpha=inputs["alpha"],
        power=inputs["power"],
        allocation_ratio=min(weights[1:]) / weights[0],
        comparisons=comparisons,
    )
    users = [math.ceil(size.exact_control * own / weights[0] - 1e-6) for own in weights]
    days = power.duration_days(
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


def clustered(inputs: Case) -> Answers:
    sides = [moments(inputs[f"{side}_cluster_means"]) for side in ("control", "treatment")]
    result = student_test(*sides)
    return {
        "difference": sides[1].mean - sides[0].mean,
        "t_student": result.statistic,
        "p_two_sided": result.p_value,
        "degrees_of_freedom": result.degrees_of_freedom,
    }


GROUPS: dict[str, Callable[[Case], Answers | None]] = {
    routine.__name__: routine
    for routine in (
        two_means, one_verdict_means, not_computable, ratio_metric, quantile_by_unit,
        winsorised_mean, cuped, cuped_lift, phase_stratified, sample_size_proportions,
        sample_size_means, power_proportions, power_means, detectable_effect_proportions,
        detectable_effect_means, duration, sequential_local_level, group_sequential,
        always_valid, clustered,
    )
}  # fmt: skip

# Found by a root search that stops early; their second route meets them to 1e-6 only.
LOOSE = {"control_users_t": 1e-6}


def differences(got: object, expected: object, case: Case, path: str) -> Iterator[str]:
    """Every number of the case that we also answer and that is not the same."""
    got = plain(got)
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in expected.keys() & got.keys():
            yield from differences(got[name], expected[name], case, f"{path}.{name}".strip("."))
    elif isinstance(expected, list) and isinstance(got, list):
        for i, (one, other) in enumerate(zip(got, expected, strict=True)):
            yield from differences(one, other, case, f"{path}.{i}")
    elif isinstance(expected, float | int) and isinstance(got, float | int):
        name = path.split(".", maxsplit=1)[0]
        rule = case.get("tolerance_by_output", {}).get(name) or case["tolerance"]
        allowed = max(rule["abs"], max(rule["rel"], LOOSE.get(name, 0.0)) * abs(expected))
        if not abs(got - expected) <= allowed:
            yield f"{path}: {got} instead of {expected}"
    elif got != expected:
        yield f"{path}: {got} instead of {expected}"


@pytest.fixture(scope="module")
def cases(acceptance_data: Path) -> list[Case]:
    text = (acceptance_data / "oracles" / "statistics.json").read_text(encoding="utf-8")
    return json.loads(text)["cases"]


@pytest.mark.parametrize("group", list(GROUPS))
def test_the_reference_numbers_of_a_group_come_out(cases: list[Case], group: str):
    broken, compared = [], 0
    for case in (case for case in cases if case["group"] == group):
        answers = GROUPS[group](case["inputs"])
        if answers is None:
            continue
        compared += len(answers.keys() & case["expected"].keys())
        found = differences(answers, case["expected"], case, "")
        broken += [f"{case['name']} {line}" for line in found]
    assert compared
    assert broken == []
