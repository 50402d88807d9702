"""Methods: each turns a block of simulated experiments into one comparison per experiment.

The methods of the workbench, methods on request, and - to show what they are for - the
shortcuts that do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from experiments_core.stats import contrasts, rate_alternatives
from experiments_core.stats.adjust import compare_adjusted
from experiments_core.stats.estimate import Comparison, Estimate, Undefined
from experiments_core.stats.means import compare_means
from experiments_core.stats.moments import Counts, Located, Moments
from experiments_core.stats.quantiles import limiting_shares, quantile_pair, share_and_error
from experiments_core.stats.ratios import compare_ratios
from experiments_core.stats.stratified import (
    compare_rates,
    plain_total,
    rate_test,
    size_weighted_difference,
)
from tests.calibration import columns
from tests.calibration.columns import Sample
from tests.calibration.study import ALPHA
from tests.calibration.worlds import Array, Rows, RowSample

Judge = Callable[[Any], Iterator[Comparison]]
RateSample = Sequence[Sequence[tuple[Counts, Counts]]]


def score(sample: RateSample) -> Iterator[Comparison]:
    return map(compare_rates, sample)


def size_weighted(sample: RateSample) -> Iterator[Comparison]:
    return map(size_weighted_difference, sample)


def plain_totals_of_rates(sample: RateSample) -> Iterator[Comparison]:
    return (compare_rates([plain_total(strata)]) for strata in sample)


def newcombe(sample: RateSample) -> Iterator[Comparison]:
    return _on_request(sample, rate_alternatives.newcombe)


def agresti_caffo(sample: RateSample) -> Iterator[Comparison]:
    return _on_request(sample, rate_alternatives.agresti_caffo)


def miettinen_nurminen(sample: RateSample) -> Iterator[Comparison]:
    return _on_request(sample, rate_alternatives.miettinen_nurminen)


def _on_request(
    sample: RateSample, difference: Callable[[Counts, Counts], Estimate]
) -> Iterator[Comparison]:
    for ((control, treatment),) in sample:
        lift = rate_alternatives.log_delta_lift(control, treatment)
        test = rate_test([(control, treatment)])
        yield Comparison(difference(control, treatment), lift, test)


def welch(sample: Sample) -> Iterator[Comparison]:
    return map(compare_means, columns.strata(sample))


def plain_totals_of_means(sample: Sample) -> Iterator[Comparison]:
    for strata in columns.strata(sample):
        control, treatment = (sum(arm, Moments.of_mean(0, 0.0, 0.0))
                              for arm in zip(*strata, strict=True))  # fmt: skip
        yield compare_means([(control, treatment)])


def ratio(sample: Sample) -> Iterator[Comparison]:
    return map(compare_ratios, columns.strata(sample))


def sessions_as_units(sample: Sample) -> Iterator[Comparison]:
    """Wrong: sessions of one user are not independent."""
    ((control, treatment),) = sample
    totals = [column.sum(axis=1).astype(int).tolist() for column in (*control, *treatment)]
    for x_c, n_c, x_t, n_t in zip(*totals, strict=True):
        yield compare_rates([(Counts(n_c, x_c), Counts(n_t, x_t))])


def adjusted(sample: Sample) -> Iterator[Comparison]:
    return map(compare_adjusted, columns.strata(sample))


def capped_at(amount: float) -> Judge:
    def judge(sample: Sample) -> Iterator[Comparison]:
        ((control,), (treatment,)) = sample[0]
        return welch([((np.minimum(control, amount),), (np.minimum(treatment, amount),))])

    return judge


def one_cap(share: float) -> Judge:
    """One cap from both arms together."""

    def judge(sample: Sample) -> Iterator[Comparison]:
        ((control,), (treatment,)) = sample[0]
        cap = _cap(np.concatenate([control, treatment], axis=1), share)
        return welch([((np.minimum(control, cap),), (np.minimum(treatment, cap),))])

    return judge


def cap_per_arm(share: float) -> Judge:
    """Wrong: each arm is cut at its own point, and the noise of that point is forgotten."""

    def judge(sample: Sample) -> Iterator[Comparison]:
        ((control,), (treatment,)) = sample[0]
        arms = [((np.minimum(arm, _cap(arm, share)),)) for arm in (control, treatment)]
        return welch([(arms[0], arms[1])])

    return judge


def _cap(values: Array, share: float) -> Array:
    return np.quantile(values, share, axis=1, keepdims=True)


def quantile(share: float) -> Judge:
    """The quantile of the rows, its noise over users."""
    return _quantiles(share, _rows_below_by_user)


def quantile_of_single_rows(share: float) -> Judge:
    """Wrong: rows of one user are alike."""
    return _quantiles(share, _rows_below_one_by_one)


def _quantiles(share: float, rows_below: Callable[[Array, Array, float], Moments]) -> Judge:
    def arm(values: Array, counts: Array) -> Located:
        rows = np.sort(values[counts])
        point = float(np.quantile(rows, share))
        below = rows_below(values, counts, point)
        found = Located(len(values), len(rows), point)
        sure, shares = share_and_error(below), limiting_shares(share, below)
        if not isinstance(sure, Undefined):
            found = replace(found, share=sure[0], share_error=sure[1])
        if isinstance(shares, Undefined):
            return found
        low, high = np.quantile(rows, shares).tolist()
        return replace(found, lower=low, upper=high)

    def judge(sample: RowSample) -> Iterator[Comparison]:
        for control, treatment in zip(*map(_by_experiment, sample), strict=True):
            pair = quantile_pair([(arm(*control), arm(*treatment))])
            yield contrasts.compare(pair, ALPHA, "two-sided")

    return judge


def _by_experiment(arm: Rows) -> Iterator[tuple[Array, Array]]:
    """Rows of each experiment (users, most rows), and which of them exist."""
    values, loads = arm
    exists = np.arange(values.shape[2]) < loads[..., None]
    return zip(values, exists, strict=True)


def _rows_below_by_user(values: Array, exists: Array, point: float) -> Moments:
    below = ((values <= point) & exists).sum(axis=1)
    return columns.moments((below[None].astype(float), exists.sum(axis=1)[None].astype(float)))[
        0
    ]


def _rows_below_one_by_one(values: Array, exists: Array, point: float) -> Moments:
    below = (values[exists] <= point).astype(float)
    return columns.moments((below[None], np.ones_like(below)[None]))[0]
