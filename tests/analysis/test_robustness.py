"""The robustness sheet: which analyses are taken, and what "holds" means."""

from __future__ import annotations

import pytest

from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.robustness import LATER_DAYS, Setting, capped, sheet
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.stats.moments import Counts
from experiments_core.stats.rate_alternatives import newcombe
from tests.analysis.conftest import design, rates

ALL, LATER = Setting(), Setting(LATER_DAYS)


def contrast(metric: Metric, cells: object) -> Contrast:
    result = analyze(cells, design(metrics=(metric,)))  # type: ignore[arg-type]
    found = result.metric(metric.key).arm("B").contrast
    assert found is not None
    return found


def test_a_rate_is_taken_by_every_method_and_the_planned_one_is_the_engine_s():
    cells = rates({"control": (10_000, 1000), "B": (10_000, 1100)})
    metric = Proportion("converted")
    planned = contrast(metric, cells)
    found = sheet(design(), metric, {ALL: cells}, planned, treatment="B")
    assert sorted(one.method for one in found.variations) == sorted((
        "pooled_z", "t_of_zero_one", "newcombe", "agresti_caffo", "miettinen_nurminen",
        "log_delta",
    ))  # fmt: skip
    assert found.planned.method == "pooled_z"
    assert found.planned.p_value == planned.p_value
    assert found.planned.relative_lift_ci_lower == pytest.approx(
        planned.relative_lift_ci_lower, rel=1e-12
    )
    assert (found.holds, found.planned.verdict) == (6, "better")
    own = next(one for one in found.variations if one.method == "newcombe")
    told = newcombe(Counts(10_000, 1000), Counts(10_000, 1100))
    assert own.difference_ci_lower == told.ci_lower


def test_what_holds_is_counted_and_sorted_by_the_estimate():
    metric = Proportion("converted")
    every = rates({"control": (10_000, 1000), "B": (10_000, 1100)})
    later = rates({"control": (5_000, 500), "B": (5_000, 510)})
    planned = contrast(metric, every)
    found = sheet(design(), metric, {ALL: every, LATER: later}, planned, treatment="B")
    assert len(found.variations) == 12
    assert found.holds == 6
    assert [one.holds for one in found.variations] == [False] * 6 + [True] * 6
    assert sum(one.planned for one in found.variations) == 1
    assert found.planned.setting == ALL


@pytest.mark.parametrize(
    ("metric", "caps"),
    (
        (Mean("spent"), [None, "99.9%", "99%"]),
        (Mean("spent", cap="99%"), ["99%", None, "99.9%"]),
        (Mean("spent", cap=50.0), ["50.0", None, "99.9%", "99%"]),
        (Ratio("clicks", "views"), [None]),
        (Quantile("wait", 0.9), [None]),
        (Proportion("converted"), [None]),
    ),
)
def test_every_cap_is_a_metric_of_its_own_the_planned_one_first(
    metric: Metric, caps: list[str | None]
):
    versions = capped(metric)
    assert list(versions) == caps
    assert len({version.key for version in versions.values()}) == len(caps)


def test_a_rate_without_conversions_in_control_has_no_lift_but_a_sheet():
    cells = rates({"control": (400, 0), "B": (400, 30)})
    metric = Proportion("converted")
    found = sheet(design(), metric, {ALL: cells}, contrast(metric, cells), treatment="B")
    assert found.planned.verdict == "better"
    katz = next(one for one in found.variations if one.method == "log_delta")
    assert katz.verdict == "cannot_say"
    assert found.holds == len(found.variations) - 1
