"""Ratios, quantiles, caps and covariates through the engine: what must hold for all of them.

Cells are made from rows here by hand, so the properties are those of the analysis; that the one
query makes the same cells from the same rows is tested beside the store.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.analysis.cells import (
    CAP,
    CAPPED,
    FILLED,
    UNCAPPED,
    Cell,
    Cells,
    beside,
)
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.design import PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.explain import explain
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.metric_kinds import Mean, Quantile, Ratio
from experiments_core.domain.source import CellKey
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Counts, Located, Moments, Summary
from tests.analysis.conftest import EQUAL, design

RATIO = Ratio("clicks", "views")
ADJUSTED = Mean("spent", "before")
CAPPED_MEAN = Mean("spent", cap=30.0, key="cut")
P90 = Quantile("wait", 0.9)
KINDS: tuple[Metric, ...] = (RATIO, ADJUSTED, P90)
PAIRED: tuple[Metric, ...] = (RATIO, ADJUSTED)


def moments(*columns: np.ndarray[Any, Any]) -> Moments:
    table = np.cov(np.vstack(columns)) if len(columns[0]) > 1 else np.zeros((2, 2))
    return Moments(
        len(columns[0]),
        tuple(float(column.mean()) for column in columns),
        tuple(tuple(float(one) for one in row) for row in np.atleast_2d(table)),
    )


def located(rows: np.ndarray[Any, Any], q: float = 0.9) -> Located:
    n = len(rows)
    reach = 1.959963984540054 * math.sqrt(q * (1 - q) / n)
    low, high = np.quantile(rows, [q - reach, q + reach]) if q + reach < 1 else (None, None)
    return Located(
        n, n, float(np.quantile(rows, q)), None if low is None else float(low),
        None if high is None else float(high),
    )  # fmt: skip


def drawn(seed: int, n: int = 600, *, lift: float = 0.0, scale: float = 1.0) -> Cell:
    rng = np.random.default_rng(seed)
    views = rng.poisson(6, n) + 1.0
    clicks = rng.binomial(views.astype(int), 0.3) * (1 + lift)
    before = rng.gamma(2, 5, n)
    spent = before + rng.gamma(2, 5, n) * (1 + lift)
    return Cell(
        n,
        {
            "clicks": moments(clicks * scale, views),
            "spent": moments(spent * scale, before),
            "wait": located(rng.gamma(3, 1, n) * (1 + lift) * scale),
        },
    )


def both(seed: int, *, lift: float = 0.1, scale: float = 1.0) -> Cells:
    return {
        CellKey("control"): drawn(seed, scale=scale),
        CellKey("B"): drawn(seed + 1, lift=lift, scale=scale),
    }


def contrast(result: ExperimentResult, metric: str) -> Contrast:
    found = result.metric(metric).arm("B").contrast
    assert found is not None
    return found


def number(value: object) -> float:
    assert isinstance(value, float), value
    return value


def read(cells: Cells, *metrics: Metric, **more: Any) -> ExperimentResult:
    return analyze(cells, design(metrics=metrics or KINDS, **more))


@pytest.mark.parametrize("seed", range(0, 40, 10))
def test_swapping_the_arms_mirrors_every_kind(seed: int):
    cells = both(seed)
    swapped = {CellKey("control"): cells[CellKey("B")], CellKey("B"): cells[CellKey("control")]}
    there, back = read(cells), read(swapped)
    for metric in KINDS:
        one, other = contrast(there, metric.key), contrast(back, metric.key)
        assert number(one.p_value) == pytest.approx(number(other.p_value), rel=1e-9)
        assert number(one.difference) == pytest.approx(-number(other.difference), rel=1e-9)
        assert number(one.difference_ci_lower) == pytest.approx(
            -number(other.difference_ci_upper), rel=1e-9
        )
        ratios = (
            1 + number(one.relative_lift_ci_lower),
            1 + number(other.relative_lift_ci_upper),
        )
        assert ratios[0] * ratios[1] == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("metric", PAIRED, ids=lambda one: one.key)
def test_merging_disjoint_cells_equals_computing_on_the_union(metric: Metric):
    parts = {
        CellKey(arm, segment=name): drawn(seed, lift=0.1 * (arm == "B"))
        for arm, first in (("control", 1), ("B", 3))
        for name, seed in (("DE", first), ("FR", first + 1))
    }
    whole = {
        CellKey(arm): parts[CellKey(arm, segment="DE")] + parts[CellKey(arm, segment="FR")]
        for arm in ("control", "B")
    }
    one, other = (contrast(read(cells, metric), metric.key) for cells in (parts, whole))
    assert number(one.p_value) == pytest.approx(number(other.p_value), rel=1e-9)
    assert number(one.difference) == pytest.approx(number(other.difference), rel=1e-12)


@pytest.mark.parametrize("scale", (0.01, 1000.0))
def test_another_unit_of_measurement_scales_the_difference_and_leaves_the_lift(scale: float):
    plain, scaled = read(both(5)), read(both(5, scale=scale))
    for metric in KINDS:
        one, other = contrast(plain, metric.key), contrast(scaled, metric.key)
        assert number(other.difference) == pytest.approx(scale * number(one.difference))
        assert number(other.relative_lift) == pytest.approx(number(one.relative_lift))
        assert number(other.p_value) == pytest.approx(number(one.p_value), rel=1e-6)


@pytest.mark.parametrize("phases", (1, 2))
@pytest.mark.parametrize("seed", range(0, 60, 6))
def test_intervals_hold_their_estimate_and_exclude_nothing_exactly_when_p_is_small(
    seed: int, phases: int
):
    cells = {
        CellKey(arm, k): drawn(seed + 2 * k + (arm == "B"), lift=0.09 * (arm == "B"))
        for k in range(1, phases + 1)
        for arm in ("control", "B")
    }
    result = read(cells, phases=(EQUAL,) * phases)
    for metric in KINDS:
        found = contrast(result, metric.key)
        rejected = number(found.p_value) < 1 - found.confidence_level
        for name in ("difference", "relative_lift"):
            low, high = (
                number(getattr(found, f"{name}_ci_{end}")) for end in ("lower", "upper")
            )
            assert low <= number(getattr(found, name)) <= high
            assert (low > 0 or high < 0) == rejected
        arms = result.metric(metric.key).arms
        assert number(arms[1].value) - number(arms[0].value) == pytest.approx(
            number(found.difference), rel=1e-9
        )


def test_a_covariate_leaves_raw_beside_adjusted_and_says_what_it_saved():
    cells = both(11)
    cells = {
        key: Cell(cell.units, {**cell.summaries, beside("spent", FILLED): Counts(600, 60)})
        for key, cell in cells.items()
    }
    found = contrast(read(cells, ADJUSTED), "spent")
    raw = contrast(read(_alone(cells), Mean("spent")), "spent")
    assert found.unadjusted is not None
    assert found.unadjusted.p_value == raw.p_value
    assert found.unadjusted.difference == raw.difference
    assert found.adjustment is not None
    width = number(found.difference_ci_upper) - number(found.difference_ci_lower)
    raw_width = number(raw.difference_ci_upper) - number(raw.difference_ci_lower)
    saved = number(found.adjustment.variance_saved)
    assert saved == pytest.approx(1 - (width / raw_width) ** 2, abs=0.01)
    assert saved > 0.3
    assert (found.adjustment.control_filled, found.adjustment.treatment_filled) == (0.1, 0.1)


def _alone(cells: Cells) -> Cells:
    alone = {}
    for key, cell in cells.items():
        found = cell.summaries["spent"]
        assert isinstance(found, Moments)
        one = Moments.of_mean(found.n, found.mean, found.variance)
        alone[key] = Cell(cell.units, {"spent": one})
    return alone


def _with_before(before: Any) -> Cells:
    rng = np.random.default_rng(3)
    cells = {}
    for arm in ("control", "B"):
        spent = rng.gamma(2, 5, 400)
        cells[CellKey(arm)] = Cell(400, {"spent": moments(spent, before(spent, arm, rng))})
    return cells


@pytest.mark.parametrize(
    ("before", "reason", "said"),
    (
        (
            lambda y, _arm, _rng: np.full(len(y), 2.0),
            "constant_covariate",
            "the same for every",
        ),
        (lambda y, _arm, _rng: 3 * y, "covariate_imbalance", "the outcome"),
    ),
)
def test_a_covariate_that_explains_nothing_or_everything_is_refused_by_name(
    before: Any, reason: str, said: str
):
    result = read(_with_before(before), ADJUSTED)
    found = contrast(result, "spent")
    assert found.adjustment is not None
    assert found.adjustment.theta == Undefined(reason)
    assert found.unadjusted is not None
    assert found.p_value == found.unadjusted.p_value
    card = next(one for one in result.health if one.check == "covariate_imbalance")
    assert card.level == "warn"
    assert "“before”" in card.message
    assert said in card.message


def test_a_covariate_that_the_treatment_moved_is_warned_about_by_name():
    moved = _with_before(lambda y, arm, rng: y + rng.normal(0, 1, len(y)) + 5 * (arm == "B"))
    result = read(moved, ADJUSTED)
    assert "covariate_imbalance" in contrast(result, "spent").flags
    card = next(one for one in result.health if one.check == "covariate_imbalance")
    assert "“before” differs between the arms" in card.message


def test_a_missing_covariate_column_leaves_the_raw_result_and_says_so():
    result = read(_alone(both(2)), ADJUSTED)
    found = contrast(result, "spent")
    assert found.adjustment is not None
    assert found.adjustment.theta == Undefined("column_missing")
    assert isinstance(found.p_value, float)


def test_a_cap_shows_its_amount_its_shares_and_the_result_without_it():
    cells = {}
    for arm, cut in (("control", 6), ("B", 12)):
        plain = drawn(21 + cut).summaries["spent"]
        assert isinstance(plain, Moments)
        capped = Moments.of_mean(600, plain.mean - 0.1, plain.variance * 0.8)
        uncapped = Moments.of_mean(600, plain.mean, plain.variance)
        cells[CellKey(arm)] = Cell(600, {
            "cut": capped, beside("cut", UNCAPPED): uncapped,
            beside("cut", CAPPED): Counts(600, cut),
            beside("cut", CAP): Moments.of_mean(600, 30.0, 0.0),
        })  # fmt: skip
    result = read(cells, CAPPED_MEAN)
    metric = result.metric("cut")
    assert (metric.cap, metric.cap_rule) == (30.0, "30.0")
    assert [arm.capped for arm in metric.arms] == [0.01, 0.02]
    found = contrast(result, "cut")
    assert found.uncapped is not None
    assert found.uncapped.difference == pytest.approx(number(found.difference), rel=1e-6)
    assert number(found.uncapped.p_value) > number(found.p_value)


def test_a_quantile_whose_limits_fall_outside_the_data_has_its_value_and_a_reason():
    cells = {
        CellKey(arm): Cell(6, {"wait": Located(6, 6, value)})
        for arm, value in (("control", 4.0), ("B", 5.0))
    }
    found = contrast(read(cells, P90), "wait")
    assert found.difference == 1.0
    assert found.p_value == Undefined("too_few_units")
    assert found.verdict_reason == "too_few_units"


def test_a_ratio_without_a_denominator_has_a_reason():
    nothing = Moments(50, (1.0, 0.0), ((1.0, 0.0), (0.0, 0.0)))
    cells = {CellKey(arm): Cell(50, {"clicks": nothing}) for arm in ("control", "B")}
    result = read(cells, RATIO)
    assert contrast(result, "clicks").p_value == Undefined("zero_denominator")
    assert result.metric("clicks").arms[0].value == Undefined("zero_denominator")


def test_totals_hold_no_ratio_and_no_quantile():
    cells = {CellKey(arm): Cell(50, {}) for arm in ("control", "B")}
    result = read(cells, RATIO, P90, basis="totals")
    for key in ("clicks", "wait"):
        assert contrast(result, key).p_value == Undefined("no_unit_rows")


def test_every_kind_survives_the_way_through_the_body():
    cells = {
        CellKey(arm, k): drawn(k + (arm == "B")) for arm in ("control", "B") for k in (1, 2)
    }
    result = read(cells, phases=(EQUAL, PhaseDesign({"control": 1, "B": 1})))
    body = to_dict(result)
    assert from_dict(body) == result
    arm = body["metrics"][1]["arms"][1]
    assert set(arm["unadjusted"]) >= {"difference", "relative_lift", "p_value"}
    assert arm["adjustment"]["covariate"] == "before"
    assert "plain_total" not in body["metrics"][2]["arms"][1]


@pytest.mark.parametrize("phases", (1, 2))
def test_every_kind_is_explained_with_its_formula_and_the_numbers_put_in(phases: int):
    cells = {
        CellKey(arm, k): drawn(2 * k + (arm == "B"))
        for arm in ("control", "B")
        for k in range(1, phases + 1)
    }
    asked = design(metrics=KINDS, phases=(EQUAL,) * phases)
    result, groups = analyze(cells, asked), Groups.of(cells, phases)
    said = {
        "clicks": ("R = ΣY / ΣN", "R_c = "), "spent": ("θ = cov(Y, X)", "θ = "),
        "wait": ("SE = (q_hi − q_lo)", "q_hi = "),
    }  # fmt: skip
    for metric in KINDS:
        found = contrast(result, metric.key)
        told = explain(groups, asked, metric, found, treatment="B")
        formula, numbers = said[metric.key]
        assert formula in told.formula
        assert numbers in told.numbers
        assert f"{number(found.difference):.6g}" in told.numbers


@pytest.mark.parametrize("mean", (1e-300, 5e-324))
def test_noise_beyond_every_multiple_of_the_mean_leaves_no_smallest_visible_lift(mean: float):
    cell = Cell(50, {"spent": Moments.of_mean(50, mean, 1e20)})
    result = read({CellKey("control"): cell, CellKey("B"): cell}, Mean("spent"))
    reached = result.progress.relative_minimum_detectable_effect
    assert reached == Undefined("near_zero_control")


HUGE = 1e308
BEYOND_THE_LIMITS: tuple[tuple[Metric, tuple[Summary, ...], tuple[Summary, ...]], ...] = (
    (
        P90,
        (Located(10, 10, 1e308, -1e308, 1.7e308), Located(3, 3, 1e16, 5e-324, 1e150)),
        (Located(9, 9, 1.0, 0.5, 1.5), Located(2, 2, 5e-324, 5e-324, 5e-324)),
    ),
    (
        P90,
        (Located(9, 9, 2.0, 1e-150, 1e149), Located(3, 3, 1e-16, 1e-200, 1e149)),
        (Located(2, 2, -1.0, -1e149, 1e-308), Located(10, 10, 1e149, 1e-308, 1e150)),
    ),
    (
        Mean("spent"),
        (Moments.of_mean(9, HUGE, 1.0), Moments.of_mean(9, -HUGE, 1.0)),
        (Moments.of_mean(9, -HUGE, HUGE), Moments.of_mean(9, HUGE, 0.1)),
    ),
    (
        ADJUSTED,
        (Moments(9, (1e-160, 1e-16), ((1e-160, 0.0), (0.0, 0.0))),) * 2,
        (Moments(3, (-1e150, -1e-308), ((5e-324, 3e-162), (3e-162, 3.0))),) * 2,
    ),
    (
        ADJUSTED,
        (Moments(9, (1.0, HUGE), ((1.0, 1e25), (1e25, 1e193))),) * 2,
        (Moments(9, (HUGE, -HUGE), ((1.0, -1e250), (-1e250, 1e300))),) * 2,
    ),
    (
        RATIO,
        (Moments(2, (1e150, -1e-181), ((HUGE, 1e235), (1e235, 1e163))),) * 2,
        (Moments(9, (-1e150, 1e-181), ((HUGE, -1e235), (-1e235, 1e163))),) * 2,
    ),
)


@pytest.mark.parametrize(("metric", "control", "treatment"), BEYOND_THE_LIMITS)
def test_values_beyond_what_a_double_can_square_have_a_reason(
    metric: Metric, control: tuple[Summary, ...], treatment: tuple[Summary, ...]
):
    cells = {
        CellKey(arm, k): Cell(one.n, {metric.key: one})
        for arm, phases in (("control", control), ("B", treatment))
        for k, one in enumerate(phases, start=1)
    }
    result = read(cells, metric, phases=(EQUAL, EQUAL))
    body = to_dict(result)
    assert from_dict(body) == result
    assert [name for name, value in _numbers(body) if not math.isfinite(value)] == []


def test_a_phase_without_a_denominator_is_in_no_level_by_size():
    without = Moments(50, (1.0, 0.0), ((1.0, 0.0), (0.0, 0.0)))
    cells = {
        CellKey(arm, k): Cell(600, {"clicks": without}) if k == 2 else drawn(k + (arm == "B"))
        for arm in ("control", "B")
        for k in (1, 2, 3)
    }
    found = contrast(read(cells, RATIO, phases=(EQUAL,) * 3), "clicks").size_weighted
    assert found is not None
    levels = number(found.treatment_value) - number(found.control_value)
    assert levels == pytest.approx(number(found.difference), rel=1e-9)


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from((*KINDS, Mean("spent"))),
    st.lists(st.integers(0, 4), min_size=4, max_size=4),
    st.lists(finite, min_size=20, max_size=20),
)
def test_finite_moments_never_give_nan_or_infinity(
    metric: Metric, sizes: list[int], numbers: list[float]
):
    cells = {}
    for i, n in enumerate(sizes):
        a, b, c, d, e = numbers[5 * i : 5 * i + 5]
        found: Any = Moments(n, (a, b), ((abs(c), d), (d, abs(e))))
        if not metric.covariates and metric.kind is MetricKind.MEAN:
            found = Moments.of_mean(n, a, abs(c))
        if metric is P90:
            low, value, high = sorted((a, b, c))
            found = Located(
                n, n, value if n else None, low if n > 1 else None, high if n > 1 else None
            )
        cells[CellKey("control" if i % 2 else "B", 1 + i // 2)] = Cell(n, {metric.key: found})
    body = to_dict(read(cells, metric, phases=(EQUAL, EQUAL)))
    assert [name for name, value in _numbers(body) if not math.isfinite(value)] == []


def _numbers(body: Any, name: str = "") -> list[tuple[str, float]]:
    if isinstance(body, dict):
        return [one for key, value in body.items() for one in _numbers(value, f"{name}.{key}")]
    if isinstance(body, list):
        return [one for value in body for one in _numbers(value, name)]
    return [(name, body)] if isinstance(body, float) else []
