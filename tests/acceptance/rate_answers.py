"""What Upshot answers to reference cases of rates, splits, phases and families."""

from __future__ import annotations

from collections.abc import Sequence

from experiments_core.stats import multiplicity, proportions, rate_alternatives
from experiments_core.stats.estimate import Comparison, Undefined
from experiments_core.stats.moments import Counts
from experiments_core.stats.srm import (
    ALARM,
    exact_sample_ratio_p_value,
    sample_ratio,
    sequential_sample_ratio,
)
from experiments_core.stats.stratified import (
    compare_rates,
    difference_and_variance,
    heterogeneity,
    phase_weights,
    plain_total,
    rate_test,
)
from tests.acceptance.answers import Answers, Case, ends, reason, verdict


def counts(inputs: Case, side: str) -> Counts:
    return Counts(inputs[f"{side}_users"], inputs[f"{side}_conversions"])


def pair(inputs: Case) -> tuple[Counts, Counts]:
    return counts(inputs, "control"), counts(inputs, "treatment")


def trio(result: Comparison, alpha: float) -> Answers:
    """Everything one comparison says, by its usual names."""
    return {
        "z": result.test.statistic,
        "p_value": result.test.p_value,
        "p_value_reason": reason(result.test.p_value),
        "difference": result.difference.value,
        "difference_ci": ends(result.difference),
        "relative_lift": result.relative_lift.value,
        "relative_lift_ci": ends(result.relative_lift),
        "relative_lift_reason": reason(result.relative_lift.value),
        "verdict": verdict(result, alpha),
    }


def one_proportion_interval(inputs: Case) -> Answers:
    arm = Counts(inputs["users"], inputs["conversions"])
    level = inputs["confidence_level"]
    return {
        "rate": proportions.wilson(arm, level).value,
        "wilson": ends(proportions.wilson(arm, level)),
        "clopper_pearson": ends(proportions.clopper_pearson(arm, level)),
        "jeffreys": ends(proportions.jeffreys(arm, level)),
    }


def two_proportion_difference_interval(inputs: Case) -> Answers:
    level = inputs["confidence_level"]
    result = compare_rates([pair(inputs)], 1 - level)
    return {
        "difference": result.difference.value,
        "mee": ends(result.difference),
        "newcombe": ends(rate_alternatives.newcombe(*pair(inputs), level)),
        "agresti_caffo": ends(rate_alternatives.agresti_caffo(*pair(inputs), level)),
        "miettinen_nurminen": ends(rate_alternatives.miettinen_nurminen(*pair(inputs), level)),
    }


def proportion_relative_lift(inputs: Case) -> Answers:
    level = inputs["confidence_level"]
    control, treatment = pair(inputs)
    result = compare_rates([(control, treatment)], 1 - level)
    return {
        "control_rate": proportions.wilson(control).value,
        "treatment_rate": proportions.wilson(treatment).value,
        "difference": result.difference.value,
        "relative_lift": result.relative_lift.value,
        "score_koopman": ends(result.relative_lift),
        "log_delta": ends(rate_alternatives.log_delta_lift(control, treatment, level)),
    }


def two_proportion_test(inputs: Case) -> Answers:
    strata = [pair(inputs)]
    test = rate_test(strata)
    control, treatment = strata[0]
    answers: Answers = {
        "difference": compare_rates(strata).difference.value,
        "pooled_rate": (control.x + treatment.x) / (control.n + treatment.n),
        "z_pooled": test.statistic,
        "p_two_sided_pooled": test.p_value,
        "p_greater_pooled": rate_test(strata, "greater").p_value,
        "p_less_pooled": rate_test(strata, "less").p_value,
        "z_unpooled": None,
        "p_two_sided_unpooled": None,
        "reason": reason(test.p_value),
    }
    if isinstance(test.p_value, Undefined):
        return answers
    chi_square = proportions.rates_differ([control, treatment])
    return answers | {
        "chi2_no_correction": chi_square.statistic,
        "p_chi2_no_correction": chi_square.p_value,
    }


def many_proportion_test(inputs: Case) -> Answers:
    arms = [Counts(n, x) for n, x in zip(inputs["users"], inputs["conversions"], strict=True)]
    test = proportions.rates_differ(arms)
    return {
        "chi2": test.statistic,
        "degrees_of_freedom": test.degrees_of_freedom,
        "p_value": test.p_value,
        "reason": reason(test.p_value),
    }


def one_verdict_rates(inputs: Case) -> Answers:
    return trio(compare_rates([pair(inputs)], inputs["alpha"]), inputs["alpha"])


def split(observed: Sequence[int], weights: Sequence[float]) -> tuple[Case, Case]:
    names = [str(i) for i in range(len(observed))]
    return dict(zip(names, observed, strict=True)), dict(zip(names, weights, strict=True))


def sample_ratio_mismatch(inputs: Case) -> Answers:
    observed = inputs["observed_users"]
    phase = split(observed, inputs["expected_weights"])
    result = sample_ratio([phase])
    answers: Answers = {
        "chi2": result.chi_square,
        "degrees_of_freedom": result.degrees_of_freedom,
        "p_value": result.p_value,
        "reason": reason(result.p_value),
        "mismatch": result.is_mismatch,
        "mismatch_at_0001": result.is_mismatch,
        "mismatch_at_00005": not isinstance(result.p_value, Undefined)
        and result.p_value < ALARM / 2,
        "observed_shares": [n / sum(observed) for n in observed],
        "z": result.residuals.get("1"),
    }
    if len(result.residuals) == 2:
        answers["p_value_exact_binomial"] = exact_sample_ratio_p_value(*phase)
    return answers


def phase_srm(inputs: Case) -> Answers:
    phases = [split(p["observed_users"], p["expected_weights"]) for p in inputs["phases"]]
    result = sample_ratio(phases)
    each = [sample_ratio([phase]) for phase in phases]
    return {
        "chi2": result.chi_square,
        "degrees_of_freedom": result.degrees_of_freedom,
        "p_value": result.p_value,
        "mismatch_at_0001": result.is_mismatch,
        "by_phase": [
            {
                "chi2": one.chi_square,
                "degrees_of_freedom": one.degrees_of_freedom,
                "p_value": one.p_value,
            }
            for one in each
        ],
        "expected_total": list(result.expected.values()),
    }


def sequential_srm(inputs: Case) -> Answers:
    result = sequential_sample_ratio(
        *split(inputs["observed_users"], inputs["expected_weights"]), inputs["concentration"]
    )
    return {
        "log_bayes_factor": result.log_bayes_factor,
        "p_value_always_valid": result.p_value_always_valid,
        "alarm_at_0001": result.is_mismatch,
    }


def phase_stratified(inputs: Case) -> Answers | None:
    if "treatment_conversions" not in inputs["phases"][0]:
        return None
    strata = [pair(phase) for phase in inputs["phases"]]
    weights = phase_weights(strata)
    total = compare_rates([plain_total(strata)])
    used = [s for s, weight in zip(strata, weights, strict=True) if weight > 0]
    q = heterogeneity([difference_and_variance(stratum) for stratum in used])
    return trio(compare_rates(strata, inputs["alpha"]), inputs["alpha"]) | {
        "weights": weights,
        "phases_left_out": [i for i, weight in enumerate(weights) if weight == 0],
        "heterogeneity_q": q.statistic,
        "heterogeneity_df": q.degrees_of_freedom,
        "heterogeneity_p": q.p_value,
        "plain_total_z": total.test.statistic,
        "plain_total_lift": total.relative_lift.value,
    }


FAMILIES = {
    "bonferroni": multiplicity.bonferroni,
    "holm": multiplicity.holm,
    "hochberg": multiplicity.hochberg,
    "benjamini_hochberg": multiplicity.benjamini_hochberg,
    "benjamini_yekutieli": multiplicity.benjamini_yekutieli,
}


def multiple_testing(inputs: Case) -> Answers:
    answers: Answers = {}
    for name, method in FAMILIES.items():
        family = method(inputs["p_values"], inputs.get("alpha", 0.05))
        answers |= {
            name: family.adjusted,
            f"{name}_rejected": family.rejections,
            f"{name}_rejected_at_005": family.rejections,
            f"{name}_alpha_local": family.alpha_local,
        }
    return answers


def segments(inputs: Case) -> Answers:
    rate = inputs["false_discovery_rate"]
    strata = [pair(segment) for segment in inputs["segments"]]
    p_values = [rate_test([stratum]).p_value for stratum in strata]
    family = multiplicity.benjamini_hochberg(p_values, rate)
    q = heterogeneity([difference_and_variance(stratum) for stratum in strata])
    return {
        "p_values": p_values,
        "p_values_adjusted": family.adjusted,
        "discoveries": family.rejections,
        "alpha_local": family.alpha_local,
        "difference_ci": [
            ends(compare_rates([stratum], level).difference)
            for stratum, level in zip(strata, family.alpha_local, strict=True)
        ],
        "heterogeneity_q": q.statistic,
        "heterogeneity_df": q.degrees_of_freedom,
        "heterogeneity_p": q.p_value,
    }


def not_computable(inputs: Case) -> Answers | None:
    if "observed_users" in inputs:
        return sample_ratio_mismatch(inputs)
    if inputs.get("metric") != "rate":
        return None
    result = compare_rates([pair(inputs)])
    return trio(result, 0.05) | {
        "control_rate": proportions.wilson(counts(inputs, "control")).value,
        "treatment_rate": proportions.wilson(counts(inputs, "treatment")).value,
        "reason": reason(result.test.p_value),
    }
