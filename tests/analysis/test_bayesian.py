"""The Bayesian view: by quadrature, prior named, never in the verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

from experiments_core.analysis import bayesian
from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.contrast import Bayes
from experiments_core.analysis.design import Design
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import ExperimentResult
from experiments_core.charts import bayes as shown
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.source import CellKey
from experiments_core.errors import InvalidInputError
from experiments_core.stats import bayes, best_arm
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Counts
from tests.analysis.conftest import REVENUE, cell, design, rates

BOOK = rates({"control": (10_000, 1000), "B": (10_000, 1100)})


def viewed(cells: Cells, told: Design, prior: Prior | None = None) -> ExperimentResult:
    groups = Groups.of(cells, len(told.phases))
    return bayesian.with_view(analyze(cells, told), groups, told, prior)


def of(result: ExperimentResult, metric: str = "converted", arm: str = "B") -> Bayes:
    contrast = result.metric(metric).arm(arm).contrast
    assert contrast is not None
    assert contrast.bayes is not None
    return contrast.bayes


def test_two_rates_as_in_the_method_book():
    told = of(viewed(BOOK, design()))
    assert told.probability_better == pytest.approx(0.98946, abs=5e-6)
    assert told.expected_loss_if_treatment == pytest.approx(1.56e-5, abs=5e-8)
    assert told.expected_loss_if_control == pytest.approx(0.01001, abs=5e-6)
    assert (told.prior, told.threshold) == ("Beta(1, 1) for each rate", 0.975)


def test_verdict_and_every_other_number_stay_as_they_are():
    told = design()
    plain, shown = analyze(BOOK, told), viewed(BOOK, told)
    assert (shown.verdict, shown.recommendation) == (plain.verdict, plain.recommendation)
    one, other = (r.metric("converted").arm("B").contrast for r in (plain, shown))
    assert replace(other, bayes=None) == one


def test_body_and_back():
    result = viewed(BOOK, design())
    arms = to_dict(result)["metrics"][0]["arms"]
    assert arms[1]["bayes"]["probability_better"] == of(result).probability_better
    assert sum(arm["probability_best"] for arm in arms) == pytest.approx(1)
    assert from_dict(to_dict(result)) == result


def test_lower_is_better_turns_chance_and_losses_round():
    metric = Proportion("converted", preferred_direction="decrease")
    up = of(viewed(BOOK, design()))
    down_result = viewed(BOOK, design(metrics=(metric,)))
    down = of(down_result)
    assert down.probability_better == pytest.approx(1 - up.probability_better)
    assert down.expected_loss_if_treatment == up.expected_loss_if_control
    best = {arm.variant: arm.probability_best for arm in down_result.metric("converted").arms}
    assert best["control"] == pytest.approx(up.probability_better)


def test_over_phases_it_starts_from_the_stratified_difference(split_change: Any):
    cells, told = split_change
    found = of(viewed(cells, told))
    assert found.probability_better == pytest.approx(0.826, abs=2e-3)  # Φ(0.9389)
    assert found.prior == "flat"
    plain = analyze(cells, told).metric("converted").arm("B").contrast
    assert found.difference_ci_lower == pytest.approx(plain.difference_ci_lower, abs=2e-4)


def test_a_mean_with_a_flat_prior_has_the_interval_of_its_test():
    cells = {
        CellKey("control"): cell(400, revenue=(400, 5.0, 9.0)),
        CellKey("B"): cell(500, revenue=(500, 5.6, 9.0)),
    }
    told = design(metrics=(replace(REVENUE, role="primary"),))
    result = viewed(cells, told)
    contrast = result.metric("revenue").arm("B").contrast
    assert contrast.bayes.difference_ci_lower == pytest.approx(contrast.difference_ci_lower)
    assert contrast.bayes.relative_lift_ci_upper == contrast.relative_lift_ci_upper
    assert contrast.bayes.probability_better == pytest.approx(1 - contrast.p_value / 2)


def test_a_prior_on_the_lift_pulls_towards_none_and_a_wide_one_does_not():
    wide = of(viewed(BOOK, design(), Prior(lift_deviation=100.0)))
    narrow = of(viewed(BOOK, design(), Prior(lift_deviation=0.02)))
    contrast = analyze(BOOK, design()).metric("converted").arm("B").contrast
    centre = (wide.relative_lift_ci_lower + wide.relative_lift_ci_upper) / 2
    assert centre == pytest.approx(contrast.relative_lift, rel=1e-6)
    pulled = (narrow.relative_lift_ci_lower + narrow.relative_lift_ci_upper) / 2
    assert 0 < pulled < 0.03
    assert narrow.probability_better < wide.probability_better


@pytest.mark.parametrize("told", ({"alpha": 0.2}, {"beta": math.inf}, {"lift_deviation": 0.0}))
def test_a_prior_that_is_none_is_refused_by_name(told: dict[str, float]):
    with pytest.raises(InvalidInputError) as refused:
        Prior(**told)
    assert refused.value.details[0].field == f"bayes.{next(iter(told))}"


def test_nobody_in_an_arm_is_a_reason():
    found = viewed(rates({"control": (100, 10), "B": (0, 0)}), design())
    assert of(found).probability_better == Undefined("no_users")


def test_no_chance_is_told_as_a_certainty():
    sure = viewed(rates({"control": (10_000, 1000), "B": (10_000, 2000)}), design())
    metric = sure.metric("converted")
    assert shown.title(metric, "B", {}).startswith("B is better with a chance of above 99.9")
    control, treatment = shown.rows(metric, "control", {})
    assert control["Chance to be best"] == "below 0.1\u202f%"
    assert treatment["Expected loss if shipped"] == "<\u202f0.001\u202fpp"
    assert shown.threshold(metric) == "97.5\u202f%"


# Quadrature against another route


def test_the_best_of_three_rates_is_what_numerical_integration_says():
    arms = [Counts(1000, 100), Counts(1200, 132), Counts(800, 95)]
    shapes = [(1 + a.x, 1 + a.n - a.x) for a in arms]

    def chance(i: int) -> float:
        def inside(rate: float) -> float:
            others = (beta_distribution.cdf(rate, *s) for j, s in enumerate(shapes) if j != i)
            return float(beta_distribution.pdf(rate, *shapes[i]) * math.prod(others))

        return quad(inside, 0.05, 0.2, epsabs=1e-12, limit=200)[0]

    found = best_arm.probabilities_best_rates(arms)
    assert found == pytest.approx([chance(i) for i in range(3)], abs=1e-8)


def test_of_two_means_the_chances_are_those_of_the_difference():
    best = best_arm.probabilities_best_means([(1.0, 0.1, math.inf), (1.1, 0.2, math.inf)])
    two = bayes.bayesian_difference(0.1, math.hypot(0.1, 0.2), math.inf)
    assert best[1] == pytest.approx(two.probability_treatment_better, abs=1e-9)
    lowest = best_arm.probabilities_best_means(
        [(1.0, 0.1, math.inf), (1.1, 0.2, math.inf)], highest=False
    )
    assert lowest[0] == pytest.approx(best[1], abs=1e-9)


@pytest.mark.parametrize(
    "arms", ((Counts(20, 0), Counts(20, 5)), (Counts(50, 50), Counts(9, 1)))
)
def test_limits_of_the_lift_cut_off_the_tails(arms: tuple[Counts, Counts]):
    found = bayes.credible_lift_rates(*arms)
    (a_c, b_c), (a_t, b_t) = ((1 + a.x, 1 + a.n - a.x) for a in arms)
    for end, tail in ((found.lower, 0.025), (found.upper, 0.975)):

        def inside(rate: float, ratio: float = 1 + end) -> float:
            below = beta_distribution.cdf(rate * ratio, a_t, b_t)
            return float(beta_distribution.pdf(rate, a_c, b_c) * below)

        assert quad(inside, 0, 1, limit=400)[0] == pytest.approx(tail, abs=1e-6)
