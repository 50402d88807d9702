"""Shuffled A/A: the vectorised tests are the product's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from experiments_core.stats import adjust, means, quantiles, ratios, stratified
from experiments_core.stats.moments import Counts, Located, Moments
from experiments_core.stats.shuffled_ratios import ratio_slope, ratio_test
from experiments_core.stats.shuffles import (
    Phase,
    band,
    draw,
    draw_quantiles,
    mean_test,
    pooled_slope,
    quantile_test,
    rate_test,
)

Array = np.ndarray[Any, Any]


class Recorder:
    """A generator that remembers how it shuffled."""

    def __init__(self, seed: int) -> None:
        self.inner = np.random.default_rng(seed)
        self.seen: list[Array] = []

    def permutation(self, treated: Array) -> Array:
        mixed = self.inner.permutation(treated)
        self.seen.append(mixed)
        return mixed


def phases(seed: int, columns: int = 2) -> list[Phase]:
    rng = np.random.default_rng(seed)
    found = []
    for n, share in ((300, 0.5), (240, 0.25)):
        x = rng.gamma(2, 3, n)
        table = np.column_stack([x + rng.gamma(2, 2, n), x])[:, :columns]
        found.append(Phase(rng.random(n) < share, table))
    return found


def moments(rows: Array) -> Moments:
    table = np.atleast_2d(np.cov(rows.T))
    return Moments(
        len(rows),
        tuple(float(one) for one in rows.mean(axis=0)),
        tuple(tuple(float(one) for one in row) for row in table),
    )


@pytest.mark.parametrize("kind", ("mean", "ratio"))
def test_the_moments_of_a_shuffle_give_the_p_value_of_the_product(kind: str):
    both, recorder = phases(1), Recorder(2)
    drawn = draw(both, 5, recorder)  # type: ignore[arg-type]
    found = mean_test(drawn) if kind == "mean" else ratio_test(drawn)
    for number in range(5):
        strata = []
        for k, phase in enumerate(both):
            mixed = recorder.seen[2 * number + k]
            columns = phase.columns if kind == "ratio" else phase.columns[:, :1]
            strata.append((moments(columns[~mixed]), moments(columns[mixed])))
        test = means.mean_test(strata) if kind == "mean" else ratios.compare_ratios(strata).test
        assert found.p_value[number] == pytest.approx(test.p_value, rel=1e-8)
        assert found.statistic[number] == pytest.approx(test.statistic, rel=1e-8)


@pytest.mark.parametrize("width", (3, 4))
def test_an_adjusted_ratio_gives_the_p_value_of_the_product(width: int):
    rng, recorder = np.random.default_rng(8), Recorder(9)
    both = []
    for one in phases(10):
        views, past = rng.poisson(6, (2, len(one.treated))) + 1.0
        taste = rng.beta(2, 5, len(one.treated))
        clicks, before = rng.binomial(views.astype(int), taste), past * taste
        columns = np.column_stack([clicks, views, before, past]).astype(float)[:, :width]
        both.append(Phase(one.treated, columns))
    slope = ratio_slope(both)
    found = ratio_test(draw(both, 3, recorder), slope=slope)  # type: ignore[arg-type]
    for number in range(3):
        strata = []
        for k, phase in enumerate(both):
            mixed = recorder.seen[2 * number + k]
            strata.append((moments(phase.columns[~mixed]), moments(phase.columns[mixed])))
        assert slope == pytest.approx(adjust.adjust(strata).theta, rel=1e-9)
        test = adjust.compare_adjusted(strata).test
        assert found.p_value[number] == pytest.approx(test.p_value, rel=1e-8)


def test_a_rate_gives_the_p_value_of_the_score_test():
    rng, recorder = np.random.default_rng(3), Recorder(4)
    both = [
        Phase(one.treated, (rng.random((len(one.treated), 1)) < 0.2).astype(float))
        for one in phases(5)
    ]
    found = rate_test(draw(both, 4, recorder))  # type: ignore[arg-type]
    for number in range(4):
        strata = []
        for k, phase in enumerate(both):
            mixed, hits = recorder.seen[2 * number + k], phase.columns[:, 0]
            strata.append(
                (
                    Counts(int((~mixed).sum()), int(hits[~mixed].sum())),
                    Counts(int(mixed.sum()), int(hits[mixed].sum())),
                )
            )
        test = stratified.rate_test(strata)
        assert found.p_value[number] == pytest.approx(test.p_value, rel=1e-9)


def test_a_quantile_gives_the_p_value_of_the_product():
    both, recorder = phases(6, columns=1), Recorder(7)
    found = quantile_test(draw_quantiles(both, 3, recorder, 0.8))  # type: ignore[arg-type]
    for number in range(3):
        strata = []
        for k, phase in enumerate(both):
            mixed = recorder.seen[2 * number + k]
            values = np.sort(phase.columns[:, 0])
            strata.append((located(values[~mixed], 0.8), located(values[mixed], 0.8)))
        pair = quantiles.quantile_pair(strata)
        z = pair.difference / pair.standard_error  # type: ignore[union-attr]
        assert found.statistic[number] == pytest.approx(z, rel=1e-8)


def test_rows_of_a_unit_stay_together_and_give_the_p_value_of_the_product():
    rng, recorder = np.random.default_rng(8), Recorder(9)
    treated, units = rng.random(300) < 0.4, rng.integers(0, 300, 1500)
    units = np.concatenate([np.arange(300), units])
    values = rng.normal(0, 1, 300)[units] + rng.normal(0, 0.3, 1800)
    both = [Phase(treated, values[:, None], units)]
    found = quantile_test(draw_quantiles(both, 3, recorder, 0.8))  # type: ignore[arg-type]
    for number in range(3):
        arms = []
        for side in (False, True):
            ours = recorder.seen[number][units] == side
            value = float(np.quantile(values[ours], 0.8))
            rows = np.bincount(units[ours], minlength=300)
            below = np.bincount(units[ours & (values <= value)], minlength=300)
            shares = quantiles.limiting_shares(
                0.8, moments(np.column_stack([below, rows])[rows > 0])
            )
            low, high = np.quantile(values[ours], shares).tolist()
            arms.append(Located(int((rows > 0).sum()), int(rows.sum()), value, low, high))
        pair = quantiles.quantile_pair([(arms[0], arms[1])])
        z = pair.difference / pair.standard_error  # type: ignore[union-attr]
        assert found.statistic[number] == pytest.approx(z, rel=1e-8)


def located(values: Array, q: float) -> Located:
    n, value = len(values), float(np.quantile(values, q))
    share = float((values <= value).mean())
    reach = stats.norm.isf(0.025) * (share * (1 - share) / (n - 1)) ** 0.5
    low, high = np.quantile(values, [q - reach, q + reach])
    return Located(n, n, value, float(low), float(high))


def test_a_planted_lift_is_that_of_the_treatment():
    both, lift = phases(8), 0.2
    first, second = (Recorder(9), Recorder(9))
    planted = mean_test(draw(both, 3, first), 0.0, lift)  # type: ignore[arg-type]
    draw(both, 3, second)  # type: ignore[arg-type]
    for number in range(3):
        strata = []
        for k, phase in enumerate(both):
            mixed, values = second.seen[2 * number + k], phase.columns[:, :1]
            strata.append((moments(values[~mixed]), moments(values[mixed] * (1 + lift))))
        assert planted.p_value[number] == pytest.approx(
            means.mean_test(strata).p_value, rel=1e-8
        )


def test_a_covariate_is_taken_off_with_one_slope():
    both = phases(10)
    slope = pooled_slope(both)
    plain, adjusted = (
        mean_test(draw(both, 200, np.random.default_rng(1)), s) for s in (0.0, slope)
    )
    own = [Phase(one.treated, one.columns[:, :1] - slope * one.columns[:, 1:]) for one in both]
    again = mean_test(draw(own, 200, np.random.default_rng(1)))
    assert adjusted.p_value == pytest.approx(again.p_value, rel=1e-7)
    assert not np.allclose(plain.p_value, adjusted.p_value)


def test_the_band_is_that_of_the_book():
    assert band(1000, 0.05) == (29, 74)
    assert band(1000, 0.025) == (10, 43)
    assert band(10_000, 0.05) == (430, 573)


def test_it_tells_how_far_it_is_and_can_be_stopped():
    seen: list[int] = []
    draw(phases(11), 4, np.random.default_rng(0), seen.append)
    assert seen == [1, 2, 3, 4]

    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(phases(11), 1000, np.random.default_rng(0), stop)
