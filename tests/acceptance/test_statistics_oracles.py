"""Reference numbers for rates, splits, phases, families and the views beside the verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from experiments_core.stats import multiplicity, proportions, rate_alternatives
from experiments_core.stats.bayes import bayesian_rates
from experiments_core.stats.estimate import Comparison, Estimate, Interval, Undefined
from experiments_core.stats.holdout import counts_without_exposures, holdout_uplift
from experiments_core.stats.means import compare_means, mean_test_against_margin
from experiments_core.stats.moments import Counts, Moments
from experiments_core.stats.non_inferiority import Guardrail
from experiments_core.stats.shrinkage import programme_shrinkage, shrink
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
    rate_test_against_margin,
)

Answers = dict[str, object]
Case = dict[str, Any]

# Methods that are never offered: the file holds them to recognise other tools' numbers.
NOT_OFFERED = {
    "wald", "wald_clipped", "wald_continuity_corrected", "agresti_coull",
    "wilson_continuity_corrected", "delta", "standard_error_delta", "fieller", "fieller_g",
    "z_unpooled", "p_two_sided_unpooled", "chi2_yates", "p_chi2_yates", "p_fisher",
    "p_barnard", "cmh_z_textbook", "z_wald", "p_wald", "ci_lower_one_sided_wald",
    "non_inferior_wald", "ci_lower_newcombe_one_sided", "z_miettinen_nurminen",
    "p_miettinen_nurminen", "p_value_exact", "chi2_against_current_split",
}  # fmt: skip


def reason(number: object) -> str | None:
    return number.reason if isinstance(number, Undefined) else None


def ends(interval: Interval | Estimate) -> list[object]:
    if isinstance(interval, Estimate):
        interval = interval.interval
    return [interval.lower, interval.upper]


def counts(inputs: Case, side: str) -> Counts:
    return Counts(inputs[f"{side}_users"], inputs[f"{side}_conversions"])


def pair(inputs: Case) -> tuple[Counts, Counts]:
    return counts(inputs, "control"), counts(inputs, "treatment")


def verdict(result: Comparison, alpha: float) -> str:
    """For an outcome of which more is better."""
    if isinstance(result.test.p_value, Undefined):
        return "cannot_say"
    if not result.test.p_value < alpha:
        return "no_clear_difference"
    return "better" if result.test.statistic > 0 else "worse"


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


GROUPS: dict[str, Callable[[Case], Answers | None]] = {
    "one_proportion_interval": one_proportion_interval,
    "two_proportion_difference_interval": two_proportion_difference_interval,
    "proportion_relative_lift": proportion_relative_lift,
    "two_proportion_test": two_proportion_test,
    "many_proportion_test": many_proportion_test,
    "one_verdict_rates": one_verdict_rates,
    "not_computable": not_computable,
    "sample_ratio_mismatch": sample_ratio_mismatch,
    "sequential_srm": sequential_srm,
    "phase_srm": phase_srm,
    "phase_stratified": phase_stratified,
    "multiple_testing": multiple_testing,
    "interval_levels": multiple_testing,
    "segments": segments,
    "bayesian_rates": bayesian,
    "non_inferiority": non_inferiority,
    "holdout_uplift": holdout,
    "counts_without_exposures": counts_only,
    "shrinkage_own_history": shrinkage,
}

OTHER_QUESTION = {
    "non_inferiority": {"p_value_relative_margin"},  # a normal tail, ours is a t tail
    "two_proportion_test": {"p_boschloo"},  # slow: has its own test
}


@pytest.fixture(scope="module")
def cases(acceptance_data: Path) -> list[Case]:
    text = (acceptance_data / "oracles" / "statistics.json").read_text(encoding="utf-8")
    return json.loads(text)["cases"]


@pytest.mark.parametrize("group", GROUPS)
def test_every_reference_number_of_a_group_is_met(group: str, cases: list[Case]):
    answered = 0
    report: list[str] = []
    for case in (case for case in cases if case["group"] == group):
        answers = GROUPS[group](case["inputs"])
        if answers is None:
            continue
        answered += 1
        report += differences(answers, expected_of(case, group), case, case["name"])
    assert not report, "\n".join(report)
    assert answered > 0


def test_boschloos_exact_test_meets_its_reference_numbers(cases: list[Case]):
    checked = 0
    for case in cases:
        if "p_boschloo" not in case["expected"]:
            continue
        found = rate_alternatives.boschloo(*pair(case["inputs"])).p_value
        assert found == pytest.approx(case["expected"]["p_boschloo"], abs=2e-3)
        checked += 1
    assert checked > 0


@pytest.mark.parametrize("group", ("srm", "multiple_comparisons", "shrinkage"))
def test_another_engine_gives_the_same_where_the_method_is_the_same(
    group: str, acceptance_data: Path
):
    text = (acceptance_data / "oracles" / "gbstats.json").read_text(encoding="utf-8")
    cases = [case for case in json.loads(text)["cases"] if case["group"] == group]
    for case in cases:
        inputs, expected = case["inputs"], case["expected"]
        if group == "srm":
            found = sample_ratio([split(inputs["observed"], inputs["weights"])]).p_value
            wanted = expected["p_value"]
        elif group == "shrinkage":
            found = programme_shrinkage(inputs["effects"], inputs["standard_error"])
            wanted = 1 - expected["shrinkage"]
        else:
            found = FAMILIES[inputs["correction"]](inputs["p_values"]).adjusted
            wanted = tuple(expected["p_values_adjusted"])
        assert found == pytest.approx(wanted, rel=1e-9), case["name"]
    assert cases


def expected_of(case: Case, group: str) -> Case:
    """The outputs that we offer; those of a method that is never shown are left out."""
    ignored = NOT_OFFERED | OTHER_QUESTION.get(group, set())
    return {name: value for name, value in case["expected"].items() if name not in ignored}


def differences(got: object, expected: object, case: Case, path: str) -> Iterator[str]:
    """Each expected number that is missing or not the same."""
    if isinstance(expected, dict):
        for name, number in expected.items():
            if isinstance(got, dict) and name in got:
                yield from differences(got[name], number, case, f"{path}.{name}")
            else:
                yield f"{path}.{name}: no answer"
        return
    if isinstance(expected, list):
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            yield f"{path}: {got} instead of {expected}"
            return
        for i, (one, other) in enumerate(zip(got, expected, strict=True)):
            yield from differences(one, other, case, f"{path}.{i}")
        return
    same = (isinstance(got, Undefined) or got is None) if expected is None else got == expected
    if isinstance(expected, float | int) and isinstance(got, float | int):
        rule = tolerance(case, path)
        same = abs(got - expected) <= max(
            rule.get("abs", 0), rule.get("rel", 0) * abs(expected)
        )
        same = same and not math.isnan(got)
    if not same:
        yield f"{path}: {got} instead of {expected}"


def tolerance(case: Case, path: str) -> dict[str, float]:
    own = case.get("tolerance_by_output", {})
    output = path.removeprefix(case["name"] + ".").split(".")[0]
    return own.get(output, case["tolerance"])
