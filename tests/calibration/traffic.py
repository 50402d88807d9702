"""The sample-ratio check: false alarms of sound splits, and mismatches that it must find."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from scipy.special import chdtri, ndtri
from scipy.stats import binom

from experiments_core.stats.sequential import false_alarm_rate
from experiments_core.stats.srm import (
    ALARM,
    ALARM_BAYES_FACTOR,
    sample_ratio,
    sequential_sample_ratio,
)
from tests.calibration.bands import Figure, around, at_most
from tests.calibration.study import Outcome

Shares = tuple[float, ...]
Check = Literal["by phase", "against the last weights"]


@dataclass(frozen=True, slots=True)
class Split:
    """A split read once, at the end.

    Attributes:
        design: As a reader should see it.
        phases: (users, true shares, planned shares).
        check: Each phase against its own weights - or, wrongly, all users against the last.
        nominal: How often it should alarm.
    """

    design: str
    phases: tuple[tuple[int, Shares, Shares], ...]
    check: Check = "by phase"
    nominal: float = ALARM

    method = "chi-square"

    @property
    def name(self) -> str:
        return f"{self.design}, {self.check}"

    @property
    def world(self) -> str:
        return self.design

    def simulate(self, rng: np.random.Generator, runs: int) -> Outcome:
        users = [rng.multinomial(n, true, runs) for n, true, _ in self.phases]
        weights = [dict(enumerate(planned)) for _, _, planned in self.phases]
        if self.check == "against the last weights":
            users, weights = [sum(users, np.zeros_like(users[0]))], weights[-1:]
        alarms = sum(
            sample_ratio(
                [
                    (dict(enumerate(seen)), planned)
                    for seen, planned in zip(phases, weights, strict=True)
                ]
            ).is_mismatch
            for phases in zip(*(phase.tolist() for phase in users), strict=True)
        )
        return Outcome(runs, Counter(alarm=alarms))

    def figures(self, outcome: Outcome) -> list[Figure]:
        band = around(self.nominal, outcome.runs)
        return [Figure("alarm", outcome.share("alarm"), band, self.check == "by phase")]


@dataclass(frozen=True, slots=True)
class Batches:
    """A sound 50/50 split read after every batch.

    Attributes:
        method: ``chi-square`` or ``mixture``, the test made for it.
        readings: How often it is read.
        users: Users of both arms in a batch.
    """

    method: Literal["chi-square", "mixture"]
    readings: int
    users: int

    @property
    def design(self) -> str:
        return f"50/50, read after each of {self.readings} batches of {self.users}"

    @property
    def name(self) -> str:
        return f"{self.design}, {self.method}"

    @property
    def world(self) -> str:
        return self.design

    def simulate(self, rng: np.random.Generator, runs: int) -> Outcome:
        seen = rng.binomial(self.users, 0.5, (runs, self.readings)).cumsum(axis=1)
        alarms = sum(any(map(self._alarms, row, self._totals())) for row in seen.tolist())
        return Outcome(runs, Counter(alarm=alarms))

    def figures(self, outcome: Outcome) -> list[Figure]:
        if self.method == "mixture":
            band = at_most(1 / ALARM_BAYES_FACTOR, outcome.runs)
        else:
            band = around(_read_often(self.readings), outcome.runs)
        return [Figure("alarm", outcome.share("alarm"), band)]

    def _totals(self) -> range:
        return range(self.users, self.users * self.readings + 1, self.users)

    def _alarms(self, first: int, total: int) -> bool:
        observed, weights = {"a": first, "b": total - first}, {"a": 1.0, "b": 1.0}
        if self.method == "mixture":
            return sequential_sample_ratio(observed, weights).is_mismatch
        return sample_ratio([(observed, weights)]).is_mismatch


def power_of_two_arms(users: int, share: float) -> float:
    """Exact chance that the check finds ``share`` where one half was planned."""
    reach = math.sqrt(users * float(chdtri(1, ALARM))) / 2
    low, high = math.ceil(users / 2 - reach) - 1, math.floor(users / 2 + reach)
    return float(binom.cdf(low, users, share) + binom.sf(high, users, share))


@cache
def _read_often(readings: int) -> float:
    """What theory says about reading the 0.001 gate again and again."""
    return false_alarm_rate(range(1, readings + 1), [-float(ndtri(ALARM / 2))] * readings)
