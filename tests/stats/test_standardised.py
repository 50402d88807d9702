"""One arm over phases, standardised to a mix of phases that all arms share."""

from __future__ import annotations

import random

import pytest

from experiments_core.stats.estimate import Undefined
from experiments_core.stats.means import mean_interval, phase_weights
from experiments_core.stats.moments import Counts, Moments
from experiments_core.stats.proportions import wilson
from experiments_core.stats.standardised import (
    common_weights,
    standardised_mean,
    standardised_rate,
)


def test_for_two_arms_the_common_mix_is_that_of_mantel_and_haenszel():
    sizes = [(5000, 5000), (2000, 8000)]
    pairs = [tuple(Moments.of_mean(n, 0.0, 1.0) for n in pair) for pair in sizes]
    assert common_weights(sizes) == pytest.approx(phase_weights(pairs))
    assert common_weights(sizes) == pytest.approx([0.6098, 0.3902], abs=5e-5)


def test_a_phase_that_lacks_an_arm_has_no_weight():
    assert common_weights([(10, 0, 5), (10, 10, 10)]) == (0.0, 1.0)
    assert common_weights([(10, 0)]) == (0.0,)


def test_one_phase_is_wilson_and_student():
    counts, moments = Counts(100, 14), Moments.of_mean(50, 3.0, 2.0)
    assert standardised_rate([counts], [1.0]) == wilson(counts)
    assert standardised_rate([Counts(9, 9), counts], [0.0, 1.0]) == wilson(counts)
    assert standardised_mean([moments], [1.0]) == mean_interval(moments)


def test_without_any_weight_the_plain_total_is_left():
    parts = [Counts(100, 14), Counts(50, 10)]
    assert standardised_rate(parts, [0.0, 0.0]) == wilson(Counts(150, 24))
    arms = [Moments.of_mean(10, 1.0, 2.0), Moments.of_mean(20, 2.0, 2.0)]
    assert standardised_mean(arms, [0.0, 0.0]) == mean_interval(arms[0] + arms[1])


@pytest.mark.parametrize(("hits", "end"), ((0, 0.0), (1, 1.0)))
def test_nobody_and_everybody_have_an_interval_that_ends_there(hits: int, end: float):
    parts = [Counts(100, 100 * hits), Counts(50, 50 * hits)]
    found = standardised_rate(parts, [0.5, 0.5])
    assert found.value == end
    assert (found.ci_upper if hits else found.ci_lower) == end
    assert 0.0 <= found.ci_lower < found.ci_upper <= 1.0


def test_phases_of_one_rate_in_their_own_proportions_are_one_sample():
    found = standardised_rate([Counts(1000, 100), Counts(3000, 300)], [0.25, 0.75])
    whole = wilson(Counts(4000, 400))
    assert found.value == pytest.approx(whole.value)
    assert found.ci_lower == pytest.approx(whole.ci_lower, rel=1e-9)
    assert found.ci_upper == pytest.approx(whole.ci_upper, rel=1e-9)


@pytest.mark.parametrize("metric", ("rate", "mean"))
def test_the_intervals_cover_as_they_promise(metric: str):
    rng = random.Random(20261124)  # noqa: S311 - a simulation
    weights, inside, runs = (0.61, 0.39), 0, 1000
    truth = 0.61 * 0.12 + 0.39 * 0.06
    for _ in range(runs):
        hits = [sum(rng.random() < p for _ in range(n)) for n, p in ((400, 0.12), (250, 0.06))]
        parts = [Counts(400, hits[0]), Counts(250, hits[1])]
        if metric == "rate":
            found = standardised_rate(parts, weights)
        else:
            found = standardised_mean([_as_mean(part) for part in parts], weights)
        inside += found.ci_lower <= truth <= found.ci_upper
    assert 926 <= inside <= 971


def _as_mean(part: Counts) -> Moments:
    rate = part.x / part.n
    return Moments.of_mean(part.n, rate, rate * (1 - rate) * part.n / (part.n - 1))


def test_a_mean_without_spread_or_with_one_unit_keeps_its_value_and_says_why():
    still = [Moments.of_mean(10, 2.0, 0.0), Moments.of_mean(10, 4.0, 0.0)]
    found = standardised_mean(still, [0.5, 0.5])
    assert (found.value, found.ci_lower) == (3.0, Undefined("no_variance"))
    single = [Moments.of_mean(1, 2.0, 0.0), Moments.of_mean(10, 4.0, 1.0)]
    assert standardised_mean(single, [0.5, 0.5]).ci_upper == Undefined("too_few_units")
    huge = [Moments.of_mean(10, 2.0, float("inf")), Moments.of_mean(10, 4.0, 1.0)]
    assert standardised_mean(huge, [0.5, 0.5]).ci_lower == Undefined("non_finite_input")
