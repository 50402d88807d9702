"""Results from conversions alone: a verdict and a lift, never a rate.

Nobody knows of how many units the conversions are, only how the units were split. As units grow
without bound under a fixed split, the pooled z-test of two rates becomes the z-test of the
treatment's share of conversions against the split, and the score interval of the lift becomes
Wilson's interval of that share, carried over to the lift. So the ordinary engine is asked with
units far beyond the conversions, and everything that would need the real number is taken out.

Source: Przyborowski & Wilenski 1940, Biometrika 31:313-323 (two Poisson counts, conditional on
their sum); Wilson 1927.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from experiments_core.analysis.cells import Cell, Cells
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import Check, ExperimentResult, MetricResult
from experiments_core.domain.source import CellKey
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.moments import Counts, Summary
from experiments_core.stats.srm import exact_sample_ratio_p_value

BEYOND = 10**10
"""Units per conversion; the results differ from the limit by about one part in it."""

UNKNOWN = Undefined("no_users")
OF_UNITS = frozenset({"sample_ratio_mismatch", "minimum_reached", "crossed_units"})


def spread(cells: Cells, design: Design) -> dict[CellKey, Cell]:
    """Cells whose units follow the intended split and are beyond all conversions.

    Args:
        cells: Counts whose n is not known.
        design: Names the split of its (one) phase.
    """
    weights = design.phases[0].weights
    whole = sum(weights.values())
    known: dict[str, dict[str, int]] = {}
    for key, cell in cells.items():
        for name, summary in cell.summaries.items():
            if isinstance(summary, Counts):
                arms = known.setdefault(name, {})
                arms[key.arm] = arms.get(key.arm, 0) + summary.x
    found: dict[str, dict[str, Summary]] = {}
    for name, arms in known.items():
        total = max(1, sum(arms.values())) * BEYOND
        for arm, x in arms.items():
            units = round(total * weights.get(arm, 0.0) / whole)
            if units > x:
                found.setdefault(arm, {})[name] = Counts(units, x)
    return {
        CellKey(arm): Cell(max(one.n for one in summaries.values()), summaries)
        for arm, summaries in found.items()
    }


def without_rates(result: ExperimentResult, design: Design) -> ExperimentResult:
    """Take out what would need the number of units; say what the rest rests on.

    The exact binomial p-value of the split between an arm and its reference stands beside the
    z-test.
    """
    caution = Check(
        "counts_only", "warn", "Only conversions", "no rates",
        "Nobody counted the units: this holds if they followed the intended split.",
    )  # fmt: skip
    kept = tuple(check for check in result.health if check.check not in OF_UNITS)
    return replace(
        result,
        health=(caution, *kept),
        metrics=tuple(
            _without(metric, result.reference, design.phases[0].weights)
            for metric in result.metrics
        ),
        progress=None,
    )


def _without(
    metric: MetricResult, reference: str, weights: Mapping[str, float]
) -> MetricResult:
    counted = {arm.variant: arm.conversions or 0 for arm in metric.arms}
    arms = tuple(
        replace(
            arm,
            n=arm.conversions or 0,
            value=UNKNOWN,
            ci_lower=UNKNOWN,
            ci_upper=UNKNOWN,
            contrast=None
            if arm.contrast is None
            else replace(
                _no_difference(arm.contrast),
                p_value_exact=_exact(counted, weights, reference, arm.variant),
            ),
        )
        for arm in metric.arms
    )
    return replace(metric, arms=arms)


def _exact(
    counted: Mapping[str, int], weights: Mapping[str, float], *arms: str
) -> Value | None:
    if not all(arm in counted and weights.get(arm, 0) > 0 for arm in arms):
        return None
    return exact_sample_ratio_p_value(
        {arm: counted[arm] for arm in arms}, {arm: weights[arm] for arm in arms}
    )


def _no_difference(contrast: Contrast) -> Contrast:
    return replace(
        contrast,
        difference=UNKNOWN,
        difference_ci_lower=UNKNOWN,
        difference_ci_upper=UNKNOWN,
        by_phase=(),
        sequential=None,  # it rests on how many units there are
    )
