"""How the numbers of one segment came about, and those of all segments together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from experiments_core.analysis import comparing, words
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import Design
from experiments_core.analysis.explain import Explanation, explain
from experiments_core.analysis.explain_step import Step, number
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import SegmentResult
from experiments_core.analysis.segments import by_value
from experiments_core.domain.metric import Metric
from experiments_core.stats import stratified
from experiments_core.stats.estimate import Undefined

BETWEEN = """\
Q = Σ (d_k − d̄)² / V_k;  d̄ = Σ (d_k / V_k) / Σ (1 / V_k)
p = P(χ² with K − 1 degrees of freedom > Q)  (Cochran 1954)
several treatments: the smallest p times their number"""
CORRECTION = """\
p-values of all segments in order: adjusted p_(i) = min over j ≥ i of p_(j) m / j
(Benjamini & Hochberg 1995)"""


def explain_segment(
    cells: Cells,
    design: Design,
    metric: Metric,
    found: Sequence[SegmentResult],
    *,
    value: str,
    treatment: str,
) -> Explanation | None:
    """Write one comparison inside a segment out; None where the segment is not judged.

    Args:
        cells: Those that the segments were computed from.
        design: As for the whole experiment.
        metric: The metric.
        found: Every segment, as :func:`segments.segment_results` gives them.
        value: The segment.
        treatment: The arm compared with the reference.
    """
    groups = by_value(cells, len(design.phases))
    contrasts = {
        one.value: arm.contrast
        for one in found
        for arm in one.arms
        if arm.variant == treatment and arm.contrast is not None
    }
    contrast = contrasts.get(value)
    if contrast is None or isinstance(contrast.p_value, Undefined):
        return None
    told = explain(groups[value], design, metric, contrast, treatment=treatment)
    steps = (
        Step("All segments: correction", CORRECTION, "\n".join(_corrected(contrasts))),
        Step(
            "All segments: does the effect differ?",
            BETWEEN,
            "\n".join(_between(groups, design, metric, contrasts, treatment)),
        ),
    )
    return replace(told, steps=steps)


def _corrected(contrasts: dict[str, Contrast]) -> list[str]:
    judged = {v: c for v, c in contrasts.items() if not isinstance(c.p_value, Undefined)}
    lines = [
        f"{words.plain(value, 40)}: p = {number(one.p_value)}, adjusted "
        f"{number(one.p_value_adjusted)}"
        for value, one in judged.items()
    ]
    members = max(one.family_size for one in judged.values())
    return [f"m = {members} comparisons", *lines]


def _between(
    groups: dict[str, Groups],
    design: Design,
    metric: Metric,
    contrasts: dict[str, Contrast],
    treatment: str,
) -> list[str]:
    effects = {
        value: comparing.difference_and_variance(
            metric, groups[value].strata(metric, design.reference, treatment)
        )
        for value, one in contrasts.items()
        if not isinstance(one.p_value, Undefined)
    }
    test = stratified.heterogeneity(list(effects.values()))
    lines = [
        f"{words.plain(value, 40)}: d = {difference:.6g}, V = {variance:.6g}"
        for value, (difference, variance) in effects.items()
    ]
    freedom = len(effects) - 1
    return [*lines, f"Q = {number(test.statistic)} on {freedom}, p = {number(test.p_value)}"]
