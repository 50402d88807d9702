"""One metric inside each value of one attribute: counted, corrected, compared as a whole first.

Two verdicts do not make a difference: "works here, not there" needs the heterogeneity test.
Sources: Gelman & Stern 2006, Am Stat 60:328-331; Benjamini & Yekutieli 2005, JASA 100:71-81.
"""

from __future__ import annotations

from dataclasses import replace

from experiments_core.analysis import comparing, on_request
from experiments_core.analysis.arms import arm_results
from experiments_core.analysis.cells import Cells, regroup
from experiments_core.analysis.design import Design
from experiments_core.analysis.families import TWO_SIDED, corrected
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.hypothesis import Hypothesis
from experiments_core.analysis.judging import judge
from experiments_core.analysis.results import SegmentResult
from experiments_core.analysis.stage import stage
from experiments_core.domain.metric import Metric
from experiments_core.domain.source import OTHER_SEGMENT as OTHER
from experiments_core.stats import stratified
from experiments_core.stats.estimate import Undefined, Value

MOST_SEGMENTS = 20
LEAST_UNITS = 100
"""Units per arm below which a segment shows counts only."""


def segment_results(
    cells: Cells, design: Design, metric: Metric, column: str
) -> tuple[SegmentResult, ...]:
    """Judge one metric in every segment, the largest first.

    Args:
        cells: Keyed by arm, segment and (where the design has several) phase.
        design: As for the whole experiment.
        metric: One of its metrics.
        column: What people call the attribute.
    """
    at = stage(design, sum(cell.units for cell in cells.values()))
    by_segment = by_value(cells, len(design.phases))
    found = {
        (value, treatment): _hypothesis(groups, design, metric, treatment)
        for value, groups in by_segment.items()
        for treatment in design.treatments
    }
    levels = corrected(
        [one.p_value for one in found.values()], design.plan.alpha, "bh", "segments"
    )
    judged = {
        place: judge(design, by_segment[place[0]], at, one, level)
        for (place, one), level in zip(found.items(), levels, strict=True)
    }
    interaction = _interaction(list(found.values()), design.treatments)
    return tuple(
        SegmentResult(
            column=column,
            value=value,
            arms=arm_results(
                design,
                groups,
                metric,
                {(metric.key, arm): judged[value, arm] for arm in design.treatments},
            ),
            interaction_p_value=interaction,
        )
        for value, groups in by_segment.items()
    )


def by_value(cells: Cells, phases: int) -> dict[str, Groups]:
    """Cells of each segment, the largest first; what lies beyond the first twenty is one."""
    sizes: dict[str, int] = {}
    for key, cell in cells.items():
        value = key.segment or ""
        sizes[value] = sizes.get(value, 0) + cell.units
    ordered = sorted(sizes, key=lambda value: (value == OTHER, -sizes[value], value))
    several = [value for value in ordered if value != OTHER]
    own = set(several if len(several) <= MOST_SEGMENTS else several[:MOST_SEGMENTS])
    merged = regroup(
        cells, lambda key: replace(key, segment=key.segment if key.segment in own else OTHER)
    )
    shown = [value for value in ordered if value in own]
    if len(own) < len(ordered):
        shown.append(OTHER)
    return {
        value: Groups.of({k: c for k, c in merged.items() if k.segment == value}, phases)
        for value in shown
    }


def _hypothesis(groups: Groups, design: Design, metric: Metric, treatment: str) -> Hypothesis:
    strata = groups.strata(metric, design.reference, treatment)
    sizes = [sum(pair[side].n for pair in strata) for side in (0, 1)]
    reason = None if min(sizes) >= LEAST_UNITS else "below_minimum"
    if groups.lost:
        reason = "phase_unknown"  # the whole leaves units without a time out as well
    if not groups.has(metric):
        reason = "column_missing"
    if reason is None:
        found = on_request.test(metric, strata, TWO_SIDED, design.methods)
    else:
        found = comparing.withheld(metric, reason, 0.0).test
    return Hypothesis(metric, treatment, strata, reason, TWO_SIDED, found)


def _interaction(found: list[Hypothesis], treatments: tuple[str, ...]) -> Value:
    """Do the segments differ? The smallest p over the treatments, times their number."""
    p_values: list[Value] = []
    for treatment in treatments:
        effects = [
            comparing.difference_and_variance(one.metric, one.strata)
            for one in found
            if one.treatment == treatment and one.withheld is None
        ]
        p_values.append(stratified.heterogeneity(effects).p_value)
    known = [p for p in p_values if not isinstance(p, Undefined)]
    return min(1.0, len(treatments) * min(known)) if known else Undefined("too_few_units")
