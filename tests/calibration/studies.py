"""Every simulation, by section of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from experiments_core.stats.estimate import TestResult
from experiments_core.stats.means import mean_test_against_margin
from experiments_core.stats.stratified import rate_test_against_margin
from tests.calibration import columns, judges, worlds
from tests.calibration.comparisons import Compared, Guarded
from tests.calibration.peeking import Peeked
from tests.calibration.study import Study
from tests.calibration.traffic import Batches, Split, power_of_two_arms
from tests.calibration.worlds import World

EVEN, LOPSIDED, VERY_LARGE = (1000, 1000), (9000, 1000), (18000, 2000)
SHORT_TAIL, LONG_TAIL = (8000, 2000), (24000, 6000)
REAL_LIFT = 0.1


def _rate(rate: float, users: tuple[int, int], lift: float = 0.0) -> World:
    return worlds.rates(f"rate {100 * rate:g} %", (*users, rate, rate * (1 + lift)))


def _mean(text: str, values: worlds.Sampler, users: tuple[int, int], lift: float = 0) -> World:
    return worlds.means(text, values, (*users, 1.0, 1.0 + lift))


def _changed(lift: float = 0.0) -> tuple[tuple[int, int, float, float], ...]:
    """A split that moved while the base rate fell."""
    return (1000, 1000, 0.1, 0.1 * (1 + lift)), (400, 1600, 0.05, 0.05 * (1 + lift))


def _phased_rate(lift: float = 0.0) -> World:
    return worlds.rates("rate, split changed", *_changed(lift))


def _phased_mean(lift: float = 0.0) -> World:
    return worlds.means("mean, split changed", worlds.waits, *_changed(lift))


def _spend() -> World:
    return _mean("mean, skewness 33", worlds.spend, (2000, 2000))


def _sound(lift: float) -> Iterator[Compared]:
    """Methods of the workbench on designs for which they are meant."""
    score, welch, cuped = "score (Mee, Koopman)", "Welch, Fieller", "adjusted (CUPED)"
    for rate, users in (
        (0.1, (2000, 2000)), (0.005, (10000, 10000)), (0.75, EVEN), (0.1, LOPSIDED),
    ):  # fmt: skip
        yield Compared(_rate(rate, users, lift), score, judges.score, continuous=False)
    yield Compared(_phased_rate(lift), "stratified score", judges.score, continuous=False)
    yield Compared(_mean("mean, skewness 6", worlds.baskets, EVEN, lift), welch, judges.welch)
    minutes = _mean("mean, skewness 0.5", worlds.minutes, VERY_LARGE, lift)
    yield Compared(minutes, welch, judges.welch)
    yield Compared(_phased_mean(lift), "stratified t", judges.welch)
    if lift:  # a cap taken from the data has no simple truth but "no difference"
        capped = worlds.capped_spend("mean, capped", EVEN, lift, cap=10.0)
        yield Compared(capped, f"{welch}, fixed cap", judges.capped_at(10.0))
    else:
        for share in (0.99, 0.999):
            method = f"{welch}, one cap at {100 * share:g} %"
            yield Compared(_spend(), method, judges.one_cap(share))
    for users in (EVEN, LOPSIDED):
        yield Compared(worlds.visits(users, lift), "delta method by user", judges.ratio)
    for users in (EVEN, LOPSIDED):
        yield Compared(worlds.histories(users, lift), cuped, judges.adjusted)
    yield Compared(worlds.visits_with_history(EVEN, lift), cuped, judges.adjusted)
    for share, users in ((0.5, EVEN), (0.5, LOPSIDED), (0.9, EVEN), (0.9, LONG_TAIL)):
        loads = worlds.loads(users, lift, share)
        yield Compared(loads, "quantile by user", judges.quantile(share))


def _failing() -> Iterator[Compared]:
    """Shortcuts on the same simulated data as the methods that replace them."""
    shortcuts = (
        (_spend(), "a cap per arm at 99 %", judges.cap_per_arm(0.99)),
        (worlds.visits(EVEN, 0.0), "sessions as units", judges.sessions_as_units),
        (worlds.loads(EVEN, 0.0, 0.9), "rows as units", judges.quantile_of_single_rows(0.9)),
        (_phased_rate(), "plain totals", judges.plain_totals_of_rates),
        (_phased_mean(), "plain totals", judges.plain_totals_of_means),
    )
    for world, method, judge in shortcuts:
        yield Compared(world, method, judge, "fails", ("false alarm",))


def _strained() -> Iterator[Compared]:
    """Designs for which an approximation is too rough: the warning must be up."""
    few = _rate(0.1, (450, 50))
    yield Compared(few, "score (Mee, Koopman)", judges.score, "warns", ("small_counts",))
    revenue = _mean("mean, skewness 14", worlds.revenue, VERY_LARGE)
    yield Compared(revenue, "Welch, Fieller", judges.welch, "warns", ("skewed",))
    yield Compared(
        revenue, "Welch, Fieller, one cap at 99 %", judges.one_cap(0.99), "warns", ("skewed",)
    )
    for users in ((2250, 250), LOPSIDED, SHORT_TAIL):
        loads = worlds.loads(users, 0.0, 0.9)
        quantile = judges.quantile(0.9)
        yield Compared(loads, "quantile by user", quantile, "warns", ("small_counts",))


def _on_request() -> Iterator[Compared]:
    """Methods that readers of other tools expect. They decide nothing."""
    lopsided = _rate(0.1, LOPSIDED)
    for world, method, judge in (
        (lopsided, "Newcombe; Katz", judges.newcombe),
        (lopsided, "Agresti-Caffo; Katz", judges.agresti_caffo),
        (lopsided, "Miettinen-Nurminen; Katz", judges.miettinen_nurminen),
        (_phased_rate(), "weighted by users", judges.size_weighted),
    ):
        yield Compared(world, method, judge, "shown")


def _guardrails() -> Iterator[Guarded]:
    """The truth lies exactly on the margin."""
    rates = worlds.rates("rate 20 %", (4000, 4000, 0.2, 0.19))
    for text, margin, relative in (("-5 %", 0.05, True), ("-1 point", 0.01, False)):
        test = partial(rate_test_against_margin, margin=margin, relative=relative,
                       preferred_direction="increase")  # fmt: skip
        yield Guarded(rates, f"margin {text}", partial(map, test))
    means = worlds.means("mean, skewness 2", worlds.waits, (2000, 2000, 1.0, 1.05))
    for text, relative in (("+5 %", True), ("+0.05", False)):
        test = partial(mean_test_against_margin, margin=0.05, relative=relative,
                       preferred_direction="decrease")  # fmt: skip
        yield Guarded(means, f"margin {text}", partial(_of_moments, test))


def _of_moments(
    test: Callable[[columns.Strata], TestResult], sample: columns.Sample
) -> Iterator[TestResult]:
    return map(test, columns.strata(sample))


def _traffic() -> Iterator[Split | Batches]:
    three, half, fifth = (0.5, 0.3, 0.2), (0.5, 0.5), (0.2, 0.8)
    changed = ((10000, half, half), (10000, fifth, fifth))
    yield Split("50/30/20 among 20,000", ((20000, three, three),))
    yield Split("50/50, then 20/80, 10,000 each", changed)
    yield Split("50/50, then 20/80, 10,000 each", changed, "against the last weights")
    found = power_of_two_arms(100_000, 0.51)
    yield Split("51/49 for 50/50 among 100,000", ((100_000, (0.51, 0.49), half),),
                nominal=found)  # fmt: skip
    yield Batches("chi-square", 30, 1000)
    yield Batches("mixture", 30, 1000)


SOUND_NULL, SOUND_REAL = tuple(_sound(0.0)), tuple(_sound(REAL_LIFT))
FAILING, STRAINED, ON_REQUEST = tuple(_failing()), tuple(_strained()), tuple(_on_request())
GUARDRAILS, TRAFFIC = tuple(_guardrails()), tuple(_traffic())
PEEKED = (Peeked("rate", 300), Peeked("mean", 100))
PEEKED_REAL = (Peeked("mean", 100, REAL_LIFT), Peeked("rate", 300, REAL_LIFT))

ALL: tuple[Study, ...] = (
    *SOUND_NULL, *SOUND_REAL, *FAILING, *STRAINED, *ON_REQUEST,
    *GUARDRAILS, *PEEKED, *PEEKED_REAL, *TRAFFIC,
)  # fmt: skip

_MANY_ROWS = frozenset({"median of rows", "p90 of rows", "ratio of sums"})
_MANY_USERS = frozenset({"8,000 + 2,000", "9,000 + 1,000"})

QUICK: tuple[Study, ...] = (
    *(study for study in (*SOUND_NULL, *SOUND_REAL)
      if not (study.metric in _MANY_ROWS and study.design in _MANY_USERS)),
    *FAILING, *(study for study in STRAINED if study.design not in _MANY_USERS),
    *GUARDRAILS, *PEEKED, PEEKED_REAL[0], *TRAFFIC,
)  # fmt: skip
"""What a test run has time for."""


def runs(study: Study, usual: int, *, traffic: int) -> int:
    """Experiments of a study: rare alarms need more of them."""
    return traffic if study in TRAFFIC else usual
