"""A running test read at 100 looks: how often does it ever find something that is not there?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtri

from experiments_core.stats.estimate import Comparison, Estimate, TestResult, Undefined
from experiments_core.stats.means import compare_means, mean_test
from experiments_core.stats.moments import Counts, Moments
from experiments_core.stats.sequential import (
    NO_DECISION_BEYOND,
    always_valid_alpha,
    false_alarm_rate,
    group_sequential_bounds,
    two_sided_p_of_z,
)
from experiments_core.stats.stratified import compare_rates, rate_test
from tests.calibration.bands import Band, Figure, around, at_least, at_most
from tests.calibration.study import ALPHA, LEVEL, Outcome
from tests.calibration.worlds import waits

LOOKS = 100
TUNED_TO_LOOK = 14
"""The confidence sequence is tightest at this look: two weeks of daily looks."""
NAIVE, SEQUENCE, GROUP = "p < 0.05 at every look", "confidence sequence", "group sequential"
MUST_EXCEED = 0.20
"""What unguarded peeking must show at least, or the harness could not see an error."""

History = Sequence[tuple[Counts, Counts]] | Sequence[tuple[Moments, Moments]]
_RATE = 0.1


@dataclass(frozen=True, slots=True)
class Peeked:
    """A test with equal arms, the same users joining between any two looks.

    Attributes:
        metric: ``rate`` (10 %, so that 25 conversions per arm are there at the first look) or
            ``mean`` (waiting times).
        users: Users per arm between two looks.
        lift: True lift; 0 counts false alarms, anything else intervals that miss the truth.
    """

    metric: str
    users: int
    lift: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.metric}, {LOOKS} looks, lift {self.lift:g}"

    @property
    def world(self) -> str:
        return self.name

    @property
    def design(self) -> str:
        return f"{self.users} + {self.users} users between looks"

    def simulate(self, rng: np.random.Generator, runs: int) -> Outcome:
        draw, observe = (_rates if self.metric == "rate" else _means), self._first_alarms
        if self.lift:
            observe = self._misses
        counts: Counter[str] = Counter()
        for history in draw(rng, runs, self.users, self.lift):
            counts.update(observe(history))
        return Outcome(runs, counts)

    def figures(self, outcome: Outcome) -> list[Figure]:
        runs = outcome.runs
        if self.lift:
            return [
                Figure(label, 1 - outcome.share(label), at_least(LEVEL, runs))
                for method in (SEQUENCE, GROUP)
                for label in (f"{method}: difference", f"{method}: lift")
            ]
        ever = {method: self.curve(outcome, method)[-1] for method in _levels(self.users)}
        return [
            Figure(SEQUENCE, ever[SEQUENCE], at_most(ALPHA, runs)),
            Figure(GROUP, ever[GROUP], around(ALPHA, runs)),
            Figure(NAIVE, ever[NAIVE], around(peeking_rate(), runs)),
            Figure("the harness can fail", ever[NAIVE], Band(MUST_EXCEED, 1.0)),
        ]

    def curve(self, outcome: Outcome, method: str) -> list[float]:
        """Share of tests that had found something by each look."""
        alarms = [outcome.counts[f"{method} {look}"] for look in range(LOOKS)]
        return (np.cumsum(alarms) / outcome.runs).tolist()

    def _first_alarms(self, history: History) -> Iterator[str]:
        p_values = [self._test(pair).p_value for pair in history]
        for method, levels in _levels(self.users).items():
            for look, (p, level) in enumerate(zip(p_values, levels, strict=True)):
                if not isinstance(p, Undefined) and p < level:
                    yield f"{method} {look}"
                    break

    def _misses(self, history: History) -> Iterator[str]:
        """Methods whose interval missed the truth at one look or more."""
        compare: Callable[..., Comparison] = compare_rates
        difference = _RATE * self.lift
        if self.metric != "rate":
            compare, difference = compare_means, self.lift
        for method in (SEQUENCE, GROUP):
            missed = set()
            for pair, level in zip(history, _levels(self.users)[method], strict=True):
                if level:
                    result = compare([pair], level)
                    if _misses(result.difference, difference):
                        missed.add(f"{method}: difference")
                    if _misses(result.relative_lift, self.lift):
                        missed.add(f"{method}: lift")
            yield from missed

    def _test(self, pair: tuple[Counts, Counts] | tuple[Moments, Moments]) -> TestResult:
        return rate_test([pair]) if self.metric == "rate" else mean_test([pair])


@cache
def peeking_rate() -> float:
    """What theory says about p < 0.05 at every one of the looks."""
    return false_alarm_rate(range(1, LOOKS + 1), [-float(ndtri(ALPHA / 2))] * LOOKS)


@cache
def _levels(users: int) -> dict[str, tuple[float, ...]]:
    """Level of the test at each look; 0 where the method does not decide yet."""
    totals = [2 * users * look for look in range(1, LOOKS + 1)]
    tuned = totals[TUNED_TO_LOOK - 1]
    bounds = group_sequential_bounds([n / totals[-1] for n in totals], ALPHA)
    return {
        SEQUENCE: tuple(always_valid_alpha(n, ALPHA, tuned) for n in totals),
        GROUP: tuple(
            0.0 if bound > NO_DECISION_BEYOND else two_sided_p_of_z(bound) for bound in bounds
        ),
        NAIVE: (ALPHA,) * LOOKS,
    }


def _rates(
    rng: np.random.Generator, runs: int, users: int, lift: float
) -> Iterator[list[tuple[Counts, Counts]]]:
    arms = [
        rng.binomial(users, rate, (runs, LOOKS)).cumsum(axis=1).tolist()
        for rate in (_RATE, _RATE * (1 + lift))
    ]
    for control, treatment in zip(*arms, strict=True):
        yield [
            (Counts(users * look, x_c), Counts(users * look, x_t))
            for look, (x_c, x_t) in enumerate(zip(control, treatment, strict=True), start=1)
        ]


def _means(
    rng: np.random.Generator, runs: int, users: int, lift: float
) -> Iterator[list[tuple[Moments, Moments]]]:
    arms = [_growing(factor * waits(rng, (runs, LOOKS, users)), factor)
            for factor in (1.0, 1.0 + lift)]  # fmt: skip
    for control, treatment in zip(*arms, strict=True):
        yield list(zip(control, treatment, strict=True))


def _growing(values: np.ndarray, about: float) -> Iterator[list[Moments]]:
    """Moments of each experiment at each look; sums are taken about the true mean."""
    n = values.shape[2] * np.arange(1, LOOKS + 1)
    sums = (values - about).sum(axis=2).cumsum(axis=1)
    squares = ((values - about) ** 2).sum(axis=2).cumsum(axis=1)
    variances = (squares - sums**2 / n) / (n - 1)
    for mean, variance in zip((about + sums / n).tolist(), variances.tolist(), strict=True):
        yield [Moments.of_mean(*look) for look in zip(n.tolist(), mean, variance, strict=True)]


def _misses(estimate: Estimate, true: float) -> bool:
    """Whether the interval misses the truth; an open end misses nothing."""
    lower, upper = estimate.ci_lower, estimate.ci_upper
    return (not isinstance(lower, Undefined) and lower > true) or (
        not isinstance(upper, Undefined) and upper < true
    )
