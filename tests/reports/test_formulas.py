"""Two routes to each number: the product's statistics and the notebook's plain formulas."""

import math
import random

import pytest

from experiments_core.reports.formulas import means as plain_means
from experiments_core.reports.formulas import p_values, rates
from experiments_core.reports.formulas.strata import weighted
from experiments_core.stats import (
    means,
    multiplicity,
    proportions,
    sequential,
    srm,
    stratified,
)
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.moments import Counts, Moments

RateStrata = list[tuple[tuple[int, int], tuple[int, int]]]
MeanStrata = list[tuple[tuple[int, float, float], tuple[int, float, float]]]


def agrees(ours: Value, plain: float | None, scale: float = 0.0) -> bool:
    if isinstance(ours, Undefined):
        return plain is None
    return plain is not None and math.isclose(
        ours, plain, rel_tol=1e-9, abs_tol=1e-12 * scale or 1e-300
    )


def counts(strata: RateStrata) -> list[tuple[Counts, Counts]]:
    return [(Counts(*control), Counts(*treatment)) for control, treatment in strata]


def moments(strata: MeanStrata) -> list[tuple[Moments, Moments]]:
    return [
        (Moments.of_mean(*control), Moments.of_mean(*treatment))
        for control, treatment in strata
    ]


def random_rates(seed: int) -> RateStrata:
    draw = random.Random(seed)  # noqa: S311
    base = 10 ** draw.uniform(-4, -0.1)
    strata = []
    for _ in range(draw.choice((1, 1, 2, 3))):
        arms = []
        for rate in (base, min(0.98, base * draw.uniform(0.5, 1.8))):
            n = int(10 ** draw.uniform(1, 6))
            arms.append((n, min(n, max(1, round(n * rate)))))
        strata.append((arms[0], arms[1]))
    return strata


def random_means(seed: int) -> MeanStrata:
    draw = random.Random(seed)  # noqa: S311
    base, spread = draw.uniform(0.5, 1e6), 10 ** draw.uniform(-2, 2)
    strata = []
    for _ in range(draw.choice((1, 1, 2, 3))):
        arms = []
        for mean in (base, base * draw.uniform(0.7, 1.5)):
            n = int(10 ** draw.uniform(0.5, 6))
            arms.append((n, mean, (spread * base * draw.uniform(0.5, 2)) ** 2))
        strata.append((arms[0], arms[1]))
    return strata


EDGES: list[RateStrata] = [
    [((20, 0), (20, 0))],
    [((29, 0), (56, 5))],
    [((56, 5), (29, 0))],
    [((20, 20), (20, 20))],
    [((20, 20), (20, 3))],
    [((25_000_000, 9), (25_000_000, 18))],
    [((5000, 500), (5000, 525)), ((2000, 100), (8000, 420))],
    [((5000, 500), (0, 0)), ((2000, 100), (8000, 420))],
    [((100, 0), (100, 0)), ((200, 4), (300, 9))],
]


@pytest.mark.parametrize("strata", (*map(random_rates, range(60)), *EDGES))
def test_a_rate_comes_out_the_same_both_ways(strata: RateStrata):
    ours = stratified.compare_rates(counts(strata), 0.05)
    control, treatment = weighted(strata, 0), weighted(strata, 1)
    assert agrees(ours.difference.value, treatment - control, control + treatment)
    low, high = rates.rate_difference_limits(strata, 0.05)
    assert agrees(ours.difference.ci_lower, low, control + treatment)
    assert agrees(ours.difference.ci_upper, high, control + treatment)
    low, high = rates.rate_lift_limits(strata, 0.05)
    assert agrees(ours.relative_lift.ci_lower, low, 1)
    assert agrees(ours.relative_lift.ci_upper, high, 1)
    if not isinstance(ours.test.p_value, Undefined):
        z = rates.rate_z(strata)
        assert agrees(ours.test.statistic, z, 1)
        for alternative in ("two-sided", "greater", "less"):
            p = stratified.rate_test(counts(strata), alternative).p_value
            assert agrees(p, p_values.p_value(z, math.inf, alternative))


@pytest.mark.parametrize("strata", tuple(map(random_means, range(60))))
def test_a_mean_comes_out_the_same_both_ways(strata: MeanStrata):
    ours = means.compare_means(moments(strata), 0.05)
    control, treatment, *_, freedom = plain_means.mean_parts(strata)
    scale = abs(control) + abs(treatment)
    assert agrees(ours.difference.value, treatment - control, scale)
    low, high = plain_means.mean_difference_limits(strata, 0.05)
    assert agrees(ours.difference.ci_lower, low, scale)
    assert agrees(ours.difference.ci_upper, high, scale)
    low, high = plain_means.mean_lift_limits(strata, 0.05)
    assert agrees(ours.relative_lift.ci_lower, low, 1)
    assert agrees(ours.relative_lift.ci_upper, high, 1)
    statistic, freedom = plain_means.mean_t(strata)
    assert agrees(ours.test.statistic, statistic, 1)
    assert ours.test.degrees_of_freedom == pytest.approx(freedom, rel=1e-9)
    for alternative in ("two-sided", "greater", "less"):
        p = means.mean_test(moments(strata), alternative).p_value
        assert agrees(p, p_values.p_value(statistic, freedom, alternative))


@pytest.mark.parametrize(("n", "x"), ((20, 0), (263, 81), (100, 100), (0, 0), (10**9, 3)))
def test_wilson_comes_out_the_same_both_ways(n: int, x: int):
    ours = proportions.wilson(Counts(n, x), 0.95)
    low, high = rates.wilson(n, x, 0.05)
    assert agrees(ours.ci_lower, low)
    assert agrees(ours.ci_upper, high)


@pytest.mark.parametrize(("n", "variance"), ((1, 0.0), (2, 3.0), (10_000, 14.1**2)))
def test_the_interval_of_a_mean_comes_out_the_same_both_ways(n: int, variance: float):
    ours = means.mean_interval(Moments.of_mean(n, 5.24, variance), 0.95)
    low, high = plain_means.mean_limits(n, 5.24, variance, 0.05)
    assert agrees(ours.ci_lower, low)
    assert agrees(ours.ci_upper, high)


def test_the_check_of_the_split_comes_out_the_same_both_ways():
    phases = [
        ({"control": 5000, "b": 5100}, {"control": 5000, "b": 5000, "gone": 0}),
        ({"control": 2000, "b": 8210}, {"control": 2000, "b": 8000}),
    ]
    ours = srm.sample_ratio(phases).p_value
    assert agrees(ours, p_values.sample_ratio_p_value(phases))


@pytest.mark.parametrize("seed", range(20))
def test_families_come_out_the_same_both_ways(seed: int):
    draw = random.Random(seed)  # noqa: S311
    raw = [draw.random() ** draw.choice((1, 4, 8)) for _ in range(draw.randint(1, 8))]
    for ours, plain in (
        (multiplicity.holm, p_values.holm),
        (multiplicity.benjamini_hochberg, p_values.benjamini_hochberg),
    ):
        family = ours(raw, 0.05)
        adjusted, levels = plain(raw, 0.05)
        assert list(family.adjusted) == pytest.approx(adjusted, rel=1e-12)
        assert list(family.alpha_local) == pytest.approx(levels, rel=1e-12)


@pytest.mark.parametrize("n_total", (200, 5_000, 20_000, 3_000_000))
def test_a_reading_in_between_comes_out_the_same_both_ways(n_total: int):
    asked = (n_total, 0.05, 20_000)
    bound = sequential.always_valid_critical_value(*asked)
    assert bound == pytest.approx(p_values.always_valid_bound(*asked), rel=1e-12)
    for z in (0.0, 2.3066, 6.0):
        ours = sequential.always_valid_p_value(z, *asked)
        assert ours == pytest.approx(p_values.always_valid_p_value(z, *asked), rel=1e-12)
