"""Everybody in the test against those held out of it: a block of its own, apart from the arms.

Difference and lift by the methods of any two arms; the precision is that of the holdout,
n_t n_h / (n_t + n_h). Whoever was not drawn at random makes this an observation: the numbers
hold, the verdict cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments_core.analysis import comparing, looking
from experiments_core.analysis.arms import value_over_phases
from experiments_core.analysis.design import Design
from experiments_core.analysis.effects import effect
from experiments_core.analysis.groups import Groups, Pair, is_quantile
from experiments_core.analysis.judging import verdict_of
from experiments_core.analysis.results import HoldoutMetric, HoldoutResult
from experiments_core.analysis.stage import Stage
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.stats import standardised
from experiments_core.stats.estimate import Undefined, Value


def block(everyone: Groups, design: Design, at: Stage) -> HoldoutResult | None:
    """Compare all units of the test, whatever their arm, with the holdout; None without one.

    Args:
        everyone: Cells with those of the holdout.
        design: Names the holdout, and says whether it was drawn at random.
        at: Where the look stands. The fixed-horizon test decides where the plan lets it;
            at every other look the confidence sequence does.
    """
    if design.holdout is None or design.holdout not in everyone.arms:
        return None
    return HoldoutResult(
        arm=design.holdout,
        randomised=design.holdout_randomised,
        metrics=tuple(_metrics(everyone, design, at)),
    )


def strata_of(everyone: Groups, design: Design, metric: Metric) -> tuple[Pair, ...]:
    """(holdout, all units of the test) per phase."""
    held = design.holdout or ""
    return pooled(everyone, metric, held, [arm for arm in design.arms if arm != held])


def pooled(
    groups: Groups, metric: Metric, reference: str, others: Sequence[str]
) -> tuple[Pair, ...]:
    """(one arm, several others added up) per phase."""
    arms = [groups.of_arm(metric, arm) for arm in others]
    return tuple(
        (one, comparing.total(metric, [phases[k] for phases in arms]))
        for k, one in enumerate(groups.of_arm(metric, reference))
    )


def _metrics(everyone: Groups, design: Design, at: Stage) -> Iterator[HoldoutMetric]:
    for metric in design.metrics:
        if everyone.has(metric) and not is_quantile(metric):
            yield _metric(everyone, design, at, metric)


def _metric(everyone: Groups, design: Design, at: Stage, metric: Metric) -> HoldoutMetric:
    strata = strata_of(everyone, design, metric)
    held, exposed = (
        comparing.total(metric, [pair[side] for pair in strata]) for side in (0, 1)
    )
    level = _level(design, at, held.n + exposed.n)
    found = comparing.compare(metric, strata, level)
    p, difference = found.test.p_value, found.difference
    significant = not isinstance(p, Undefined) and p < level
    reason = p.reason if isinstance(p, Undefined) else None
    if not design.holdout_randomised:
        reason = "not_randomised"
    verdict = verdict_of(metric, difference.value, significant=significant)
    sums = metric.kind is not MetricKind.RATIO
    extra = [
        _times(value, exposed.n) if sums else None
        for value in (difference.value, difference.ci_lower, difference.ci_upper)
    ]
    both = held.n + exposed.n
    weights = standardised.common_weights([(one.n, other.n) for one, other in strata])
    levels = [
        value_over_phases(metric, tuple(pair[side] for pair in strata), weights)
        for side in (0, 1)
    ]
    return HoldoutMetric(
        key=metric.key,
        holdout_n=held.n,
        exposed_n=exposed.n,
        holdout_value=levels[0],
        exposed_value=levels[1],
        **effect(found),
        p_value=p,
        confidence_level=difference.interval.confidence_level,
        effective_n=held.n * exposed.n / both if both else 0.0,
        verdict="cannot_say" if reason else verdict,
        verdict_reason=reason,
        extra=extra[0],
        extra_ci_lower=extra[1],
        extra_ci_upper=extra[2],
    )


def _level(design: Design, at: Stage, units: int) -> float:
    """Level at which "no difference" is tested at this look."""
    alpha = design.plan.alpha
    if at.deciding == "fixed" or not units:
        return alpha
    return looking.always_valid_level(units, alpha, design.tuned_to())


def _times(number: Value, factor: int) -> Value:
    return number if isinstance(number, Undefined) else number * factor
