"""What Upshot answers to reference cases of means, ratios, quantiles and adjustment."""

from __future__ import annotations

import math

import numpy as np

from experiments_core.stats import contrasts, sequential
from experiments_core.stats.adjust import adjust, compare_adjusted
from experiments_core.stats.contrasts import Withheld
from experiments_core.stats.estimate import Comparison, Undefined
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
from tests.acceptance.answers import Answers, Case, ends, verdict
from tests.acceptance.plan_answers import rate_size
from tests.stats.simulation import moments


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


def clustered(inputs: Case) -> Answers:
    sides = [moments(inputs[f"{side}_cluster_means"]) for side in ("control", "treatment")]
    result = student_test(*sides)
    return {
        "difference": sides[1].mean - sides[0].mean,
        "t_student": result.statistic,
        "p_two_sided": result.p_value,
        "degrees_of_freedom": result.degrees_of_freedom,
    }
