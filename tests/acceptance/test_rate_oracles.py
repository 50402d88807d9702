"""Reference numbers for rates, splits, phases, families and the views beside the verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from experiments_core.stats import rate_alternatives
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.shrinkage import programme_shrinkage
from experiments_core.stats.srm import sample_ratio
from tests.acceptance.answers import Answers, Case
from tests.acceptance.other_answers import (
    bayesian,
    counts_only,
    holdout,
    non_inferiority,
    shrinkage,
)
from tests.acceptance.rate_answers import (
    FAMILIES,
    many_proportion_test,
    multiple_testing,
    not_computable,
    one_proportion_interval,
    one_verdict_rates,
    pair,
    phase_srm,
    phase_stratified,
    proportion_relative_lift,
    sample_ratio_mismatch,
    segments,
    sequential_srm,
    split,
    two_proportion_difference_interval,
    two_proportion_test,
)

# Methods that are never offered: the file holds them to recognise other tools' numbers.
NOT_OFFERED = {
    "wald", "wald_clipped", "wald_continuity_corrected", "agresti_coull",
    "wilson_continuity_corrected", "delta", "standard_error_delta", "fieller", "fieller_g",
    "z_unpooled", "p_two_sided_unpooled", "chi2_yates", "p_chi2_yates", "p_fisher",
    "p_barnard", "cmh_z_textbook", "z_wald", "p_wald", "ci_lower_one_sided_wald",
    "non_inferior_wald", "ci_lower_newcombe_one_sided", "z_miettinen_nurminen",
    "p_miettinen_nurminen", "p_value_exact", "chi2_against_current_split",
}  # fmt: skip


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
