"""Does a method hold on these data? Arms shuffled many times, counted per tail, lifts planted.

A method holds if its rejections, on each side and together, lie inside the 99.9 % binomial band
of what it promises. Beside the planned method stand others that answer the same question, or
nearly so, so that a sound one can be named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.metric_kinds import Mean, cap_share
from experiments_core.stats import shuffled_ratios, shuffles
from experiments_core.stats.shuffles import Phase, Tested

BINS = 20
LIFTS = (0.01, 0.02, 0.05, 0.1)
LEAST_UNITS = 10
"""Units per arm and phase below which nothing is shuffled."""
Test = Callable[[float], Tested]


@dataclass(frozen=True, slots=True)
class Held:
    """One method on shuffled arms.

    Attributes:
        method: ``pooled_z``, ``welch_t`` …
        adjusted: Whether a covariate entered; None where the metric has none.
        cap: As it was asked for; None without.
        planned: The method that the plan names.
        greater: Shuffles in which the treatment was called greater, though nothing differed.
        less: Shuffles in which it was called less.
        side_band: Fewest and most of each that a sound method has in 99.9 % of runs.
        band: The same for both sides together.
        histogram: p-values in twenty bins of equal width; flat for a sound method.
        power: (planted lift, share of shuffles in which it was found).
    """

    method: str
    adjusted: bool | None
    cap: str | None
    planned: bool
    greater: int
    less: int
    side_band: tuple[int, int]
    band: tuple[int, int]
    histogram: tuple[int, ...]
    power: tuple[tuple[float, float], ...]

    @property
    def holds(self) -> bool:
        """Whether it keeps what it promises, on each side and together."""
        sides = all(
            self.side_band[0] <= n <= self.side_band[1] for n in (self.greater, self.less)
        )
        return sides and self.band[0] <= self.greater + self.less <= self.band[1]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What shuffling said about one metric.

    Attributes:
        seed: Gives the same shuffles again.
        methods: The planned one first.
    """

    metric: str
    variant: str
    units: int
    shuffles: int
    seed: int
    alpha: float
    methods: tuple[Held, ...]

    @property
    def planned(self) -> Held:
        """The planned method."""
        return self.methods[0]

    @property
    def sound(self) -> Held | None:
        """The first method that holds, the planned one if it does; None if none does."""
        return next((one for one in self.methods if one.holds), None)


def calibrate(
    metric: Metric,
    phases: Sequence[Phase],
    *,
    variant: str,
    alpha: float,
    number: int,
    seed: int,
    said: Callable[[int], None] = lambda _: None,
) -> Calibration:
    """Shuffle, test, count.

    Args:
        metric: The metric.
        phases: Units of control and one treatment, with the columns of the metric: outcome,
            denominator, covariate.
        variant: The treatment.
        alpha: Two-sided level.
        number: Shuffles.
        seed: Of the shuffles.
        said: Told after each shuffle how many are done; may raise to stop.
    """
    rng = np.random.default_rng(seed)
    asked = metric.relative_minimum_detectable_effect
    lifts = LIFTS if asked is None else (asked / 2, asked, 2 * asked)
    sides, both = shuffles.band(number, alpha / 2), shuffles.band(number, alpha)
    found = []
    for place, (name, adjusted, cap, test) in enumerate(
        _methods(metric, phases, number, rng, said)
    ):
        null = test(0.0)
        greater, less = null.rejected(alpha)
        counts, _ = np.histogram(null.p_value, bins=BINS, range=(0, 1))
        found.append(Held(
            method=name, adjusted=adjusted, cap=cap, planned=place == 0, greater=greater,
            less=less, side_band=sides, band=both, histogram=tuple(int(n) for n in counts),
            power=tuple((lift, test(lift).rejected(alpha)[0] / number) for lift in lifts),
        ))  # fmt: skip
    units = sum(len(phase.treated) for phase in phases)
    return Calibration(metric.key, variant, units, number, seed, alpha, tuple(found))


def enough(phases: Sequence[Phase]) -> list[Phase]:
    """The phases in which both arms have units enough to be shuffled."""
    return [
        one
        for one in phases
        if min(int(one.treated.sum()), int((~one.treated).sum())) >= LEAST_UNITS
    ]


def _methods(
    metric: Metric,
    phases: Sequence[Phase],
    number: int,
    rng: np.random.Generator,
    said: Callable[[int], None],
) -> Iterator[tuple[str, bool | None, str | None, Test]]:
    """(method, adjusted, cap, test at a planted lift), the planned method first."""
    several = len(phases) > 1
    t_test = "stratified_t" if several else "welch_t"
    if metric.kind is MetricKind.QUANTILE:
        located = shuffles.draw_quantiles(phases, number, rng, metric.needs.q or 0.5, said)
        yield "quantile_z", None, None, lambda lift: shuffles.quantile_test(located, lift)
        return
    if not isinstance(metric, Mean):
        drawn = shuffles.draw(phases, number, rng, said)
        if metric.kind is MetricKind.RATIO:
            slope = shuffled_ratios.ratio_slope(phases)
            if slope is not None:
                yield (
                    t_test,
                    True,
                    None,
                    lambda lift: shuffled_ratios.ratio_test(drawn, lift, slope),
                )
            adjusted = None if slope is None else False
            yield t_test, adjusted, None, lambda lift: shuffled_ratios.ratio_test(drawn, lift)
            return
        name = "stratified_score" if several else "pooled_z"
        yield name, None, None, lambda lift: shuffles.rate_test(drawn, rng, lift)
        yield "t_of_zero_one", None, None, lambda lift: shuffles.mean_test(drawn, 0.0, lift)
        return
    yield from _of_mean(metric, phases, t_test, (number, rng, said))


def _of_mean(
    metric: Mean, phases: Sequence[Phase], name: str, how: tuple[int, Any, Any]
) -> Iterator[tuple[str, bool | None, str | None, Test]]:
    """With and without covariate, under the planned cap and the usual ones."""
    number, rng, said = how
    own = None if metric.cap is None else str(metric.cap)
    caps = list(dict.fromkeys([own, None, "99.9%", "99%"]))
    every = np.concatenate([phase.columns[:, 0] for phase in phases])
    adjusted = phases[0].columns.shape[1] > 1
    state = rng.bit_generator.state
    for place, cap in enumerate(caps):
        cut = [_cut(phase, _amount(cap, every)) for phase in phases]
        rng.bit_generator.state = state  # the same shuffles for every cap

        def told(done: int, place: int = place) -> None:
            said((place * number + done) // len(caps))

        drawn = shuffles.draw(cut, number, rng, told)
        slope = shuffles.pooled_slope(cut) if adjusted else 0.0
        if adjusted:
            yield name, True, cap, _mean_at(drawn, slope)
        yield name, (False if adjusted else None), cap, _mean_at(drawn, 0.0)


def _mean_at(drawn: Sequence[shuffles.Drawn], slope: float) -> Test:
    return lambda lift: shuffles.mean_test(drawn, slope, lift)


def _amount(cap: str | None, values: Any) -> float | None:
    if cap is None:
        return None
    share = cap_share(cap)
    return float(cap) if share is None else float(np.quantile(values, share))


def _cut(phase: Phase, amount: float | None) -> Phase:
    if amount is None:
        return phase
    columns = phase.columns.copy()
    columns[:, 0] = np.minimum(columns[:, 0], amount)
    return Phase(phase.treated, columns)
