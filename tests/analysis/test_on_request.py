"""Methods on request, families and corrections, and all arms at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import barnard_exact, f_oneway, fisher_exact

from experiments_core.analysis import on_request
from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.explain import explain
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import ArmResult, ExperimentResult
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.source import CellKey
from experiments_core.errors import InvalidInputError
from experiments_core.stats import proportions
from experiments_core.stats.moments import Counts, Moments
from experiments_core.stats.omnibus import means_differ
from tests.analysis.conftest import CONVERTED, REFUND, REVENUE, cell, design, rates

SMALL = rates({"control": (80, 48), "B": (70, 56)})  # Newcombe 1998b, example (a)


def judged(*methods: str, **more: object) -> ExperimentResult:
    return analyze(SMALL, design(methods=on_request.chosen(methods), **more))


def arm(result: ExperimentResult, name: str = "B") -> ArmResult:
    return result.metric("converted").arm(name)


def found(result: ExperimentResult, metric: str = "converted", name: str = "B") -> Contrast:
    contrast = result.metric(metric).arm(name).contrast
    assert contrast is not None
    return contrast


# Newcombe 1998, Stat Med 17:873-890, Table II, contrast (a): methods 10 and 5 (Mee is 4).
@pytest.mark.parametrize(
    ("method", "limits"),
    (("newcombe", (0.0524, 0.3339)), ("miettinen_nurminen", (0.0528, 0.3382))),
)
def test_the_interval_of_the_difference_is_the_one_that_was_asked_for(
    method: str, limits: tuple[float, float]
):
    one = found(judged(method))
    assert (one.difference_ci_lower, one.difference_ci_upper) == pytest.approx(limits, abs=6e-5)
    assert one.difference_interval_method == method
    usual = found(judged())
    assert one.relative_lift_ci_lower == usual.relative_lift_ci_lower
    assert (one.p_value, one.interval_method) == (usual.p_value, "score")
    assert usual.difference_interval_method is None


@pytest.mark.parametrize("name", ("fisher", "barnard", "boschloo"))
def test_an_exact_test_decides_where_it_was_asked_for(name: str):
    cells = rates({"control": (12, 1), "B": (12, 6)})
    exact = found(analyze(cells, design(methods=(name,))))
    assert exact.test_method == name
    assert exact.significant is (exact.p_value < 0.05)
    table = [[6, 1], [6, 11]]
    routes = {"fisher": fisher_exact(table).pvalue, "barnard": barnard_exact(table).pvalue}
    if name in routes:
        assert exact.p_value == pytest.approx(routes[name], rel=1e-3)


def test_exact_tests_of_many_units_give_way_to_the_default_and_say_so():
    cells = rates({"control": (5000, 500), "B": (5000, 600)})
    assert found(analyze(cells, design(methods=("boschloo",)))).test_method == "pooled_z"
    assert found(analyze(cells, design(methods=("fisher",)))).test_method == "fisher"


def test_the_interval_of_each_rate_may_be_exact():
    one = arm(judged("clopper_pearson"), "control")
    expected = proportions.clopper_pearson(Counts(80, 48))
    assert (one.ci_lower, one.ci_upper) == (expected.ci_lower, expected.ci_upper)
    assert one.value_interval_method == "clopper_pearson"


def test_how_a_number_came_about_names_what_was_asked_for():
    told = design(methods=("newcombe", "fisher"))
    one = found(analyze(SMALL, told))
    groups = Groups.of(SMALL, 1)
    text = explain(groups, told, CONVERTED, one, treatment="B").numbers
    assert "asked for, instead of the formula above: difference by Newcombe" in text
    assert "test by Fisher exact" in text


def test_log_delta_replaces_only_the_interval_of_the_lift():
    one = found(judged("log_delta"))
    assert one.relative_lift_interval_method == "log_delta"
    assert one.difference_ci_lower == found(judged()).difference_ci_lower
    assert one.interval_method == "score"


def test_one_sided_intervals_on_request_hide_the_limit_that_does_not_matter():
    plan = Plan(alternative="greater", min_runtime_days=0)
    one = found(judged("newcombe", plan=plan))
    usual = found(judged(plan=plan))
    assert one.difference_ci_upper == usual.difference_ci_upper
    assert one.difference_ci_lower == pytest.approx(usual.difference_ci_lower, abs=2e-3)


def test_methods_stay_in_the_body_and_come_back():
    result = judged("newcombe", "log_delta", "fisher", "clopper_pearson")
    body = to_dict(result)["metrics"][0]["arms"][1]
    assert body["difference_interval_method"] == "newcombe"
    assert body["relative_lift_interval_method"] == "log_delta"
    assert from_dict(to_dict(result)) == result


@pytest.mark.parametrize("names", (("wald",), ("newcombe", "agresti_caffo")))
def test_an_unknown_method_and_two_for_one_place_are_refused(names: tuple[str, ...]):
    with pytest.raises(InvalidInputError) as refused:
        on_request.chosen(names)
    assert refused.value.details[0].field == "method"


# Families


def three_arms(**more: object) -> ExperimentResult:
    metrics = (CONVERTED, Proportion("paid"), replace(REVENUE, key="seen"), REFUND)
    values = {"converted": (1000, 100), "paid": (1000, 50), "seen": (1000, 5.0, 9.0),
              "refund": (1000, 30)}  # fmt: skip
    better = values | {"converted": (1000, 140)}
    cells = {
        CellKey("control"): cell(1000, **values),
        CellKey("B"): cell(1000, **better),
        CellKey("C"): cell(1000, **values),
    }
    weights = {"control": 1.0, "B": 1.0, "C": 1.0}
    told = design(arms=("control", "B", "C"), metrics=metrics)
    phases = (replace(told.phases[0], weights=weights),)
    return analyze(cells, replace(told, phases=phases, **more))


def test_each_family_is_named_and_counted():
    result = three_arms()
    told = {
        metric.key: (one.family, one.family_size, one.correction)
        for metric in result.metrics
        if (one := metric.arm("B").contrast) is not None
    }
    assert told == {
        "converted": ("primary", 4, "holm"),
        "paid": ("primary", 4, "holm"),
        "seen": ("secondary", 2, "bh"),
        "refund": ("guardrail", 1, "none"),
    }
    body = to_dict(result)["metrics"][0]["arms"][1]
    assert (body["family"], body["family_size"], body["correction"]) == ("primary", 4, "holm")


@pytest.mark.parametrize(
    ("correction", "level"),
    (("holm", 0.0125), ("hochberg", 0.0125), ("bonferroni", 0.0125), ("bh", 0.0125),
     ("by", 0.006), ("none", 0.05)),
)  # fmt: skip
def test_every_correction_has_its_level_and_decides_by_it(correction: str, level: float):
    result = three_arms(plan=Plan(correction=correction, min_runtime_days=0))
    one = found(result)
    assert 1 - one.confidence_level == pytest.approx(level)
    assert one.significant is (one.p_value < level)
    assert one.significant is (one.difference_ci_lower > 0)


def test_any_arm_may_be_the_reference_and_mirrors_the_comparison():
    forward = found(three_arms(), name="B")
    back = found(three_arms(reference="B"), name="control")
    assert back.difference == pytest.approx(-forward.difference)
    assert back.p_value == pytest.approx(forward.p_value)
    assert {back.verdict, forward.verdict} == {"better", "worse"}


# All arms at once


def test_all_arms_are_held_against_each_other_first():
    result = three_arms()
    told = result.metric("converted").omnibus
    chi = proportions.rates_differ([Counts(1000, 100), Counts(1000, 140), Counts(1000, 100)])
    assert (told.test_method, told.arms) == ("chi_square", 3)
    assert (told.p_value, told.degrees_of_freedom) == (chi.p_value, 2.0)
    assert result.metric("seen").omnibus.test_method == "welch_anova"
    assert judged().metric("converted").omnibus is None
    assert from_dict(to_dict(result)) == result


def test_welchs_analysis_of_variance_agrees_with_scipy():
    samples = ([4.1, 5.0, 6.2, 3.9], [5.1, 7.3, 6.6, 8.0, 7.1], [9.0, 4.0, 6.5, 2.0, 7.7])
    arms = [Moments.of_mean(len(s), sum(s) / len(s), _variance(s)) for s in samples]
    ours, theirs = means_differ(arms), f_oneway(*samples, equal_var=False)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue)


def test_over_phases_arms_are_weighted_to_one_mix_before_they_are_compared():
    cells = {}
    for k, rate in ((1, 0.1), (2, 0.05)):
        for name in ("control", "B", "C"):
            n = 8000 if (k, name) == (2, "B") else 2000
            cells[CellKey(name, k)] = cell(n, converted=(n, round(n * rate)))
    told = design(arms=("control", "B", "C"))
    result = analyze(cells, replace(told, phases=told.phases * 2))
    omnibus = result.metric("converted").omnibus
    assert omnibus.test_method == "cochran_q"
    assert omnibus.p_value == pytest.approx(1.0)


def _variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((one - mean) ** 2 for one in values) / (len(values) - 1)
