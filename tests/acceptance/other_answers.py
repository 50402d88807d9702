"""What Upshot answers to reference cases beside the verdict: priors, margins, holdout, past."""

from __future__ import annotations

from experiments_core.stats.bayes import bayesian_rates
from experiments_core.stats.estimate import Comparison, Estimate
from experiments_core.stats.holdout import counts_without_exposures, holdout_uplift
from experiments_core.stats.means import compare_means, mean_test_against_margin
from experiments_core.stats.moments import Moments
from experiments_core.stats.non_inferiority import Guardrail
from experiments_core.stats.shrinkage import shrink
from experiments_core.stats.stratified import compare_rates, rate_test_against_margin
from tests.acceptance.answers import Answers, Case, ends, reason, verdict
from tests.acceptance.rate_answers import counts, pair, trio


def bayesian(inputs: Case) -> Answers:
    view = bayesian_rates(
        *pair(inputs), prior_alpha=inputs["prior_alpha"], prior_beta=inputs["prior_beta"]
    )
    return {
        "probability_treatment_better": view.probability_treatment_better,
        "expected_loss_if_treatment": view.expected_loss_if_treatment,
        "expected_loss_if_control": view.expected_loss_if_control,
    }


def non_inferiority(inputs: Case) -> Answers:
    if "control_rate" in inputs:
        guardrail = Guardrail(
            control=inputs["control_rate"],
            treatment=inputs["treatment_rate"],
            alpha=inputs["alpha"],
        )
        return {"users_per_arm": guardrail.size(inputs["margin_absolute"], inputs["power"])}
    if "control_mean" in inputs:
        return _mean_margin(inputs)
    strata = [pair(inputs)]
    test = rate_test_against_margin(
        strata,
        margin=inputs["margin_absolute"],
        relative=False,
        preferred_direction="increase",
    )
    return {
        "difference": compare_rates(strata).difference.value,
        "z_farrington_manning": test.statistic,
        "p_farrington_manning": test.p_value,
        "non_inferior_farrington_manning": test.p_value < inputs["alpha"],
    }


def _mean_margin(inputs: Case) -> Answers:
    strata = [
        tuple(
            Moments.of_mean(
                inputs[f"{side}_users"], inputs[f"{side}_mean"], inputs[f"{side}_sd"] ** 2
            )
            for side in ("control", "treatment")
        )
    ]
    absolute = mean_test_against_margin(
        strata,
        margin=inputs["margin_absolute"],
        relative=False,
        preferred_direction="increase",
    )
    relative = mean_test_against_margin(
        strata, margin=inputs["margin_relative"], relative=True, preferred_direction="increase"
    )
    return {
        "t": absolute.statistic,
        "df": absolute.degrees_of_freedom,
        "p_value": absolute.p_value,
        "ci_lower_one_sided": compare_means(
            strata, inputs["alpha"], "greater"
        ).difference.ci_lower,
        "non_inferior": absolute.p_value < inputs["alpha"],
        "z_relative_margin": relative.statistic,
    }


def holdout(inputs: Case) -> Answers:
    alpha = inputs["alpha"]
    result = holdout_uplift(counts(inputs, "holdout"), counts(inputs, "exposed"), alpha)
    answers = trio(result.comparison, alpha)
    return answers | {
        "uplift": answers["difference"],
        "uplift_ci": answers["difference_ci"],
        "extra_conversions": result.extra_conversions.value,
        "extra_conversions_ci": ends(result.extra_conversions),
    }


def counts_only(inputs: Case) -> Answers:
    weights = inputs["control_weight"], inputs["treatment_weight"]
    share = weights[1] / sum(weights)
    result = counts_without_exposures(
        inputs["control_conversions"],
        inputs["treatment_conversions"],
        treatment_share=share,
        alpha=inputs["alpha"],
    )
    lift = result.relative_lift
    nothing = Estimate(lift.value, lift.interval)
    return {
        "share": result.share,
        "share_expected": share,
        "z": result.test.statistic,
        "p_value": result.test.p_value,
        "relative_lift": lift.value,
        "relative_lift_ci": ends(lift),
        "relative_lift_reason": reason(lift.value),
        "verdict": verdict(Comparison(nothing, lift, result.test), inputs["alpha"]),
    }


def shrinkage(inputs: Case) -> Answers:
    result = shrink(
        inputs["estimate"],
        inputs["standard_error"],
        inputs["past_effects"],
        inputs["past_standard_errors"],
    )
    return {
        "prior_variance": result.prior_variance,
        "shrinkage_factor": result.shrinkage_factor,
        "shrunk_estimate": result.estimate,
        "shrunk_standard_error": result.standard_error,
        "reason": reason(result.estimate),
    }
