"""How the numbers of everybody in the test against the holdout came about."""

from __future__ import annotations

from collections.abc import Iterator

from experiments_core.analysis import formulas, words
from experiments_core.analysis.cells import Cells
from experiments_core.analysis.design import Design
from experiments_core.analysis.explain import Explanation, combined, inputs
from experiments_core.analysis.explain_levels import ALWAYS
from experiments_core.analysis.explain_step import Step, number
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.held_out import strata_of
from experiments_core.analysis.results import HoldoutMetric
from experiments_core.domain.metric import Metric

EXTRA = """\
extra = d · units in the test, its limits likewise: what the test has brought so far
as precise as two versions of 2 n_t n_c / (n_t + n_c) units"""


def explain_holdout(
    cells: Cells, design: Design, metric: Metric, found: HoldoutMetric
) -> Explanation:
    """Write one metric of the holdout block out; c is the holdout, t everybody in the test.

    Args:
        cells: Those of the look, with the holdout's.
        design: The design it was judged under.
        metric: The metric.
        found: What stands in the block.
    """
    strata = strata_of(Groups.of(cells, len(design.phases)), design, metric)
    lines = [
        f"{words.plain(metric.name, 60)}: everybody in the test (t) against the holdout (c)"
    ]
    lines += [*inputs(metric, strata), *combined(metric, strata), *_found(found)]
    steps = [Step("Extra so far, and precision", EXTRA, "\n".join(_extra(found)))]
    if found.confidence_level > 1 - design.plan.alpha + 1e-12:
        both = found.holdout_n + found.exposed_n
        steps.append(Step(
            "The level at this look", ALWAYS,
            f"n = {both}, N = {design.tuned_to()}, α = {design.plan.alpha:g}\n"
            f"level = {found.confidence_level:.6g}",
        ))  # fmt: skip
    formula = formulas.formula_of(metric, strata)
    return Explanation(
        metric.key, design.holdout or "", formula, "\n".join(lines), (), steps=tuple(steps)
    )


def _found(one: HoldoutMetric) -> Iterator[str]:
    level = words.level(one.confidence_level)
    for name, value, low, high in (
        ("d", one.difference, one.difference_ci_lower, one.difference_ci_upper),
        ("lift", one.relative_lift, one.relative_lift_ci_lower, one.relative_lift_ci_upper),
    ):
        yield f"{name} = {number(value)}, at {level}: {number(low)} to {number(high)}"
    yield f"p-value = {number(one.p_value)}, to be below {1 - one.confidence_level:.4g}"


def _extra(one: HoldoutMetric) -> Iterator[str]:
    if one.extra is None:
        yield "a ratio has no total, so nothing is added up"
    else:
        yield (
            f"{number(one.difference)} · {one.exposed_n} = {number(one.extra)} "
            f"({number(one.extra_ci_lower)} to {number(one.extra_ci_upper)})"
        )
    yield (
        f"2 · {one.exposed_n} · {one.holdout_n} / ({one.exposed_n} + {one.holdout_n}) = "
        f"{2 * one.effective_n:.6g}"
    )
