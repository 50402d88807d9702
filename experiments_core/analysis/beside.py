"""What stands beside a comparison: the same without the covariate, and without the cap."""

from __future__ import annotations

from typing import TypedDict

from experiments_core.analysis import comparing
from experiments_core.analysis.cells import FILLED, UNCAPPED
from experiments_core.analysis.contrast import Adjustment, Plain
from experiments_core.analysis.design import Design
from experiments_core.analysis.effects import effect
from experiments_core.analysis.groups import Groups, Pair
from experiments_core.analysis.hypothesis import Hypothesis
from experiments_core.stats.contrasts import MeanPair
from experiments_core.stats.estimate import Undefined, Value

Strata = tuple[Pair, ...]


class Beside(TypedDict, total=False):
    """Fields of a contrast that exist only for some metrics."""

    unadjusted: Plain
    adjustment: Adjustment
    uncapped: Plain


def beside(groups: Groups, design: Design, one: Hypothesis, alpha: float) -> Beside:
    """Raw beside adjusted, uncapped beside capped; nothing for other metrics.

    Args:
        groups: The cells.
        design: Who is compared with whom.
        one: The comparison.
        alpha: Level of its intervals, used for all of them.
    """
    if one.withheld is not None or not one.n:
        return {}
    found: Beside = {}
    metric = one.metric
    if metric.covariates:
        raw = comparing.unadjusted(metric, one.strata)
        found["unadjusted"] = _plain(one, raw, alpha)
        found["adjustment"] = _adjustment(groups, design, one)
    uncapped = groups.strata(metric, design.reference, one.treatment, UNCAPPED)
    if any(arm.n for pair in uncapped for arm in pair):
        found["uncapped"] = _plain(one, uncapped, alpha)
    return found


def _plain(one: Hypothesis, strata: Strata, alpha: float) -> Plain:
    found = comparing.compare(one.metric, strata, alpha, one.alternative)
    control, treatment = _levels(one, strata)
    return Plain(
        control_value=control,
        treatment_value=treatment,
        **effect(found),
        p_value=found.test.p_value,
    )


def _levels(one: Hypothesis, strata: Strata) -> tuple[Value, Value]:
    """Both arms as they enter the comparison."""
    pair = comparing.pair_of(one.metric, strata)
    if isinstance(pair, MeanPair):
        return pair.control, pair.treatment
    control, treatment = (
        comparing.level_of(one.metric, comparing.total(one.metric, [p[side] for p in strata]))
        for side in (0, 1)
    )
    return control, treatment


def _adjustment(groups: Groups, design: Design, one: Hypothesis) -> Adjustment:
    name = one.metric.covariate_name or ""
    if not comparing.is_adjusted(one.metric, one.strata):
        missing = Undefined("column_missing")
        return Adjustment(name, missing, missing, missing, missing)
    did = comparing.adjustment(one.strata)
    return Adjustment(
        covariate=name,
        theta=did.theta,
        correlation=did.correlation,
        variance_saved=did.variance_reduction,
        balance_p_value=did.balance.p_value,
        control_filled=_filled(groups, one, design.reference),
        treatment_filled=_filled(groups, one, one.treatment),
    )


def _filled(groups: Groups, one: Hypothesis, arm: str) -> float | None:
    """Share of the counted units of one arm whose covariate was filled in."""
    counted = groups.counted(one.metric, arm, FILLED)
    return None if counted is None or not counted[1] else counted[0] / counted[1]
