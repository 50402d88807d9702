"""Seeded simulations: does each method err as often as it says? Bands hold 99.9 %."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from experiments_core.stats.estimate import Comparison
from experiments_core.stats.moments import Counts
from experiments_core.stats.srm import sample_ratio, sequential_sample_ratio
from experiments_core.stats.stratified import (
    Stratum,
    compare_rates,
    plain_total,
    rate_test,
)
from tests.stats.simulation import TESTS, bands_broken

Phase = tuple[int, int, float, float]  # control units, treatment units, true rates

CHANGED_SPLIT: list[Phase] = [(1000, 1000, 0.10, 0.10), (400, 1600, 0.05, 0.05)]


def draw(rng: np.random.Generator, phases: list[Phase]) -> list[Stratum]:
    return [
        (Counts(n_c, int(rng.binomial(n_c, p_c))), Counts(n_t, int(rng.binomial(n_t, p_t))))
        for n_c, n_t, p_c, p_t in phases
    ]


@pytest.mark.parametrize(
    "phases",
    (
        [(2000, 2000, 0.10, 0.10)],
        [(1000, 4000, 0.06, 0.06)],
        [(700, 700, 0.93, 0.93)],
        [(3000, 3000, 0.10, 0.12)],
        [(2000, 500, 0.20, 0.14)],
        CHANGED_SPLIT,
        [(1000, 1000, 0.10, 0.12), (400, 1600, 0.05, 0.07)],
    ),
)
def test_errors_and_coverage_are_what_the_level_says(phases: list[Phase]):
    rng = np.random.default_rng(20250207)
    difference = phases[0][3] - phases[0][2]
    broken = bands_broken(lambda: compare_rates(draw(rng, phases)), difference)
    assert broken == []


@pytest.mark.parametrize(
    "phases",
    (
        [(2000, 2000, 0.10, 0.10)],
        [(3000, 3000, 0.10, 0.12)],
        [(2000, 500, 0.20, 0.14)],
        [(1000, 1000, 0.10, 0.11), (400, 1600, 0.06, 0.066)],
    ),
)
def test_the_lift_interval_holds_the_true_lift(phases: list[Phase]):
    rng = np.random.default_rng(31)
    truth = phases[0][3] / phases[0][2] - 1
    below = above = 0
    for _ in range(TESTS):
        lift = compare_rates(draw(rng, phases)).relative_lift
        below += lift.ci_upper < truth
        above += lift.ci_lower > truth
    assert 926 <= TESTS - below - above <= 971
    assert 10 <= below <= 43
    assert 10 <= above <= 43


def test_plain_totals_over_a_changed_split_are_often_wrong():
    # The same harness must be able to fail: base rate 10 %, then 5 %, while the split moved
    rng = np.random.default_rng(5)

    def judge() -> Comparison:
        return compare_rates([plain_total(draw(rng, CHANGED_SPLIT))])

    assert any(name.startswith("false losses") for name in bands_broken(judge))


def exact_errors(n_c: int, n_t: int, rate: float) -> tuple[float, float]:
    """Probability of a false loss and a false win at 0.05, by enumeration."""
    loss = win = 0.0
    hits_c = range(*_likely(n_c, rate))
    for x_t in range(*_likely(n_t, rate)):
        for x_c in hits_c:
            test = rate_test([(Counts(n_c, x_c), Counts(n_t, x_t))])
            if x_c + x_t and test.p_value < 0.05:
                chance = binom.pmf(x_t, n_t, rate) * binom.pmf(x_c, n_c, rate)
                loss, win = (loss + chance, win) if test.statistic < 0 else (loss, win + chance)
    return loss, win


def _likely(n: int, rate: float) -> tuple[int, int]:
    return max(0, int(binom.ppf(1e-5, n, rate))), int(binom.isf(1e-5, n, rate)) + 2


@pytest.mark.parametrize(
    ("n_c", "n_t", "rate", "loss", "win", "flagged"),
    (
        (500, 500, 0.1, 0.025, 0.025, False),
        (500, 500, 0.01, 0.022, 0.022, False),
        (400, 400, 0.005, 0.020, 0.020, True),
        (450, 50, 0.1, 0.0137, 0.0335, True),
    ),
)
def test_where_few_conversions_distort_the_errors_the_flag_is_up(
    n_c: int, n_t: int, rate: float, loss: float, win: float, *, flagged: bool
):
    assert exact_errors(n_c, n_t, rate) == pytest.approx((loss, win), abs=1.5e-3)
    typical = Counts(n_c, round(n_c * rate)), Counts(n_t, round(n_t * rate))
    assert ("small_counts" in compare_rates([typical]).flags) is flagged


def test_sound_splits_hardly_ever_alarm():
    rng = np.random.default_rng(8)
    weights = {"a": 5.0, "b": 3.0, "c": 2.0}
    alarms = 0
    for seen in rng.multinomial(20_000, [0.5, 0.3, 0.2], 5000).tolist():
        observed = dict(zip(weights, seen, strict=True))
        alarms += sample_ratio([(observed, weights)]).is_mismatch
    assert alarms <= 14


def test_a_split_of_51_to_49_is_found_among_many_users():
    rng = np.random.default_rng(9)
    weights = {"a": 1.0, "b": 1.0}
    found = sum(
        sample_ratio([({"a": a, "b": 100_000 - a}, weights)]).is_mismatch
        for a in rng.binomial(100_000, 0.51, 1000).tolist()
    )
    assert found >= 990


def test_the_split_may_be_checked_after_every_batch():
    rng = np.random.default_rng(10)
    weights = {"a": 1.0, "b": 1.0}
    alarms = 0
    for _ in range(500):
        batches = rng.binomial(250, 0.5, 50).cumsum().tolist()
        alarms += any(
            sequential_sample_ratio({"a": a, "b": 250 * (i + 1) - a}, weights).is_mismatch
            for i, a in enumerate(batches)
        )
    assert alarms <= 4
