"""One metric in the parts of one attribute."""

from __future__ import annotations

import pytest

from experiments_core.analysis.explain_segments import explain_segment
from experiments_core.analysis.segments import segment_results
from experiments_core.domain.source import OTHER_SEGMENT, CellKey
from experiments_core.stats.estimate import Undefined
from tests.analysis.conftest import CONVERTED, cell, design


def cut(parts: dict[str, tuple[tuple[int, int], tuple[int, int]]]) -> dict[CellKey, object]:
    return {
        CellKey(arm, 0, value): cell(n, converted=(n, x))
        for value, pair in parts.items()
        for arm, (n, x) in zip(("control", "B"), pair, strict=True)
    }


def test_two_wins_among_four_segments_do_not_survive_the_correction():
    parts = {
        "a": ((1000, 100), (1000, 130)),
        "b": ((1000, 100), (1000, 105)),
        "c": ((1000, 100), (1000, 129)),
        "d": ((1000, 100), (1000, 114)),
    }
    found = segment_results(cut(parts), design(), CONVERTED, "plan")
    raw = [one.arms[1].contrast.p_value for one in found]
    assert sum(p < 0.05 for p in raw) == 2
    assert all(one.arms[1].contrast.verdict == "no_clear_difference" for one in found)
    assert all(one.arms[1].contrast.p_value_adjusted >= 0.05 for one in found)
    assert found[0].interaction_p_value > 0.05
    assert {one.interaction_p_value for one in found} == {found[0].interaction_p_value}


def test_opposite_effects_are_seen_by_the_interaction_test():
    parts = {"a": ((5000, 500), (5000, 700)), "b": ((5000, 500), (5000, 350))}
    found = segment_results(cut(parts), design(), CONVERTED, "plan")
    assert found[0].interaction_p_value < 1e-6
    assert {one.arms[1].contrast.verdict for one in found} == {"better", "worse"}


def test_the_numbers_of_a_segment_are_written_out_with_those_of_all():
    parts = {
        "a": ((1000, 100), (1000, 130)),
        "b": ((1000, 100), (1000, 105)),
        "tiny": ((50, 5), (50, 6)),
    }
    cells = cut(parts)
    found = segment_results(cells, design(), CONVERTED, "plan")
    told = explain_segment(cells, design(), CONVERTED, found, value="a", treatment="B")
    contrast = found[0].arms[1].contrast
    assert f"{contrast.p_value:.6g}" in told.numbers
    assert f"one of 3 comparisons: corrected p-value {contrast.p_value_adjusted:.6g}" in (
        told.numbers
    )
    correction, between = told.steps
    assert f"a: p = {contrast.p_value:.6g}, adjusted {contrast.p_value_adjusted:.6g}" in (
        correction.numbers
    )
    assert "a: d = 0.03, V = " in between.numbers
    assert f"on 1, p = {found[0].interaction_p_value:.6g}" in between.numbers
    assert "tiny" not in between.numbers
    asked = {"value": "tiny", "treatment": "B"}
    assert explain_segment(cells, design(), CONVERTED, found, **asked) is None


def test_small_segments_show_counts_only():
    parts = {"a": ((5000, 500), (5000, 520)), "(blank)": ((99, 10), (500, 20))}
    found = segment_results(cut(parts), design(), CONVERTED, "plan")
    small = next(one for one in found if one.value == "(blank)")
    assert small.arms[1].contrast.p_value == Undefined("below_minimum")
    assert (small.arms[0].n, small.arms[0].conversions) == (99, 10)


def test_beyond_twenty_values_the_smallest_are_one_segment():
    parts = {f"v{i:02}": ((200 + i, 20), (200 + i, 22)) for i in range(25)}
    found = segment_results(cut(parts), design(), CONVERTED, "city")
    assert len(found) == 21
    assert found[0].value == "v24"
    assert found[-1].value == OTHER_SEGMENT
    assert found[-1].arms[0].n == sum(200 + i for i in range(5))


def test_a_single_segment_has_nothing_to_differ_from():
    found = segment_results(cut({"a": ((500, 50), (500, 60))}), design(), CONVERTED, "x")
    assert found[0].interaction_p_value == Undefined("too_few_units")


def test_segments_of_phases_are_combined_inside_phases(
    split_change: tuple[dict[CellKey, object], object],
):
    cells, told = split_change
    cut_cells = {CellKey(k.arm, k.phase, "all"): v for k, v in cells.items()}
    found = segment_results(cut_cells, told, CONVERTED, "x")
    assert found[0].arms[1].contrast.relative_lift == pytest.approx(0.05)


def test_a_metric_that_the_segments_do_not_hold_is_said_to_be_missing():
    cells = {CellKey(arm, 0, "a"): cell(500) for arm in ("control", "B")}
    found = segment_results(cells, design(), CONVERTED, "x")
    assert found[0].arms[1].contrast.p_value == Undefined("column_missing")


def test_a_segment_whose_units_have_no_time_says_so_as_the_whole_leaves_them_out(
    split_change: tuple[dict[CellKey, object], object],
):
    cells, told = split_change
    placed = {CellKey(k.arm, k.phase, "dated"): v for k, v in cells.items()}
    undated = {CellKey(arm, 0, "undated"): cell(500, converted=(500, 60)) for arm in told.arms}
    found = segment_results(placed | undated, told, CONVERTED, "x")
    dated, lost = found
    assert dated.arms[1].contrast.relative_lift == pytest.approx(0.05)
    contrast = lost.arms[1].contrast
    assert (contrast.verdict, contrast.verdict_reason) == ("cannot_say", "phase_unknown")
    assert contrast.p_value == contrast.difference == Undefined("phase_unknown")
    assert lost.arms[1].n == 500
    assert lost.interaction_p_value == Undefined("too_few_units")
