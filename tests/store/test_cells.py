"""The one query on rows: the cells it gives and what they may be merged to."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime

import duckdb
import pytest

from experiments_core.analysis.cells import regroup
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import CellKey
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.stats.moments import Counts, Moments
from experiments_core.store.cells import unit_cells

RATE = BoundNeed(Proportion("converted").needs, "c0")
REVENUE = BoundNeed(Mean("revenue").needs, "c1")
ZERO = BoundNeed(Mean("zeroed", missing="zero").needs, "c1")
BOTH = CellQuery("units_0a", (RATE, REVENUE, ZERO))


def test_a_cell_holds_exact_counts_and_centred_moments(cursor: duckdb.DuckDBPyConnection):
    cells = unit_cells(cursor, BOTH).cells
    control = [i for i in range(1, 201) if i % 3 == 0]
    values = [float(i * 37 % 101) for i in control if i % 4 != 3]
    cell = cells[CellKey("control")]
    assert cell.units == len(control)
    asked = [i for i in control if i % 7 != 6]
    hits = sum(i % 5 == 0 for i in asked)
    assert cell.summaries["converted"] == Counts(len(asked), hits)
    revenue = cell.summaries["revenue"]
    assert isinstance(revenue, Moments)
    assert revenue.n == len(values)
    assert revenue.mean == pytest.approx(statistics.fmean(values), rel=1e-12)
    assert revenue.variance == pytest.approx(statistics.variance(values), rel=1e-12)
    assert cell.summaries["zeroed"].n == len(control)


def test_any_cut_merges_back_to_the_whole(cursor: duckdb.DuckDBPyConnection):
    query = CellQuery(
        "units_0a", (RATE, REVENUE), segment="c2",
        boundaries=(datetime(2026, 5, 4, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC)),
    )  # fmt: skip
    fine = unit_cells(cursor, query).cells
    assert {key.phase for key in fine} == {0, 1, 2, 3}
    assert {key.segment for key in fine} == {"DE", "FR", "(blank)"}
    merged = regroup(fine, lambda key: CellKey(key.arm))
    whole = unit_cells(cursor, CellQuery("units_0a", (RATE, REVENUE))).cells
    for key, cell in whole.items():
        assert merged[key].units == cell.units
        assert merged[key].summaries["converted"] == cell.summaries["converted"]
        one, other = merged[key].summaries["revenue"], cell.summaries["revenue"]
        assert isinstance(one, Moments)
        assert isinstance(other, Moments)
        assert one.n == other.n
        assert one.mean == pytest.approx(other.mean, rel=1e-12)
        assert one.variance == pytest.approx(other.variance, rel=1e-12)


def test_days_up_to_a_day_are_the_same_query_cut_at_its_end(cursor: duckdb.DuckDBPyConnection):
    by_day = unit_cells(cursor, CellQuery("units_0a", (RATE,), by_day=True)).cells
    until = datetime(2026, 5, 4, tzinfo=UTC)
    early = {key: cell for key, cell in by_day.items() if key.day < date(2026, 5, 4)}
    merged = regroup(early, lambda key: CellKey(key.arm))
    cut = unit_cells(cursor, CellQuery("units_0a", (RATE,), as_of=until)).cells
    assert merged == cut


def test_a_cell_of_one_unit_has_no_spread_and_an_empty_metric_has_nobody(
    cursor: duckdb.DuckDBPyConnection,
):
    cursor.execute(
        "CREATE TABLE units_0c AS SELECT 'A' AS arm, NULL::TIMESTAMP AS first_ts, "
        "NULL::TINYINT AS c0, 5.0::DOUBLE AS c1"
    )
    cell = unit_cells(cursor, CellQuery("units_0c", (RATE, REVENUE))).cells[CellKey("A")]
    assert cell.summaries["converted"] == Counts(0, 0)
    assert cell.summaries["revenue"] == Moments.of_mean(1, 5.0, 0.0)


def test_numbers_whose_cubes_overflow_lose_only_their_skewness(
    cursor: duckdb.DuckDBPyConnection,
):
    cursor.execute(
        "CREATE TABLE units_0d AS SELECT 'A' AS arm, NULL::TIMESTAMP AS first_ts, "
        "x::DOUBLE AS c1 FROM (VALUES (1e120), (2.0), (-1e120), (4.0)) t(x)"
    )
    cell = unit_cells(cursor, CellQuery("units_0d", (REVENUE,))).cells[CellKey("A")]
    revenue = cell.summaries["revenue"]
    assert isinstance(revenue, Moments)
    assert revenue.skewness is None
    assert revenue.variance > 1e239


def test_third_moments_are_fetched_only_where_they_may_matter(
    cursor: duckdb.DuckDBPyConnection,
):
    cursor.execute(
        "CREATE TABLE units_0e AS SELECT CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END AS arm, "
        "NULL::TIMESTAMP AS first_ts, (i % 7)::DOUBLE AS c1, "
        "CASE WHEN i = 4 THEN 1000 ELSE i % 7 END::DOUBLE AS c2 FROM range(10000) t(i)"
    )
    tailed = BoundNeed(Mean("tailed").needs, "c2")
    table = unit_cells(cursor, CellQuery("units_0e", (REVENUE, tailed)))
    even, odd = (table.cells[CellKey(arm)].summaries for arm in "AB")
    assert (
        even["revenue"]
        == unit_cells(cursor, CellQuery("units_0e", (REVENUE,)))
        .cells[CellKey("A")]
        .summaries["revenue"]
    )
    assert even["tailed"].skewness == pytest.approx(70, abs=3)
    assert odd["tailed"].skewness == pytest.approx(0, abs=0.01)
    first, second = table.sql.split(";")
    assert "c1" in first
    assert "c1" not in second


def test_numbers_far_from_zero_are_read_again_and_keep_every_moment(
    cursor: duckdb.DuckDBPyConnection,
):
    cursor.execute(
        "CREATE TABLE units_0f AS SELECT CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END AS arm, "
        "NULL::TIMESTAMP AS first_ts, (i % 5)::DOUBLE AS c1, "
        "1e9 + (i % 8 = 0)::INT + (i % 8 = 1)::INT AS c2, 0.1 AS c3 FROM range(1000) t(i)"
    )
    far = BoundNeed(Mean("far").needs, "c2")
    same = BoundNeed(Mean("same").needs, "c3")
    table = unit_cells(cursor, CellQuery("units_0f", (REVENUE, far, same)))
    near = unit_cells(cursor, CellQuery("units_0f", (REVENUE,)))
    for key, cell in table.cells.items():
        assert cell.summaries["revenue"] == near.cells[key].summaries["revenue"]
        found, flat = cell.summaries["far"], cell.summaries["same"]
        assert isinstance(found, Moments)
        assert found.mean == pytest.approx(1e9 + 0.25, rel=1e-15)
        assert found.variance == pytest.approx(0.1875 * 500 / 499, rel=1e-6)
        assert isinstance(flat, Moments)
        assert flat.variance == 0
        assert flat.skewness is None
    assert {"c2", "c3"} <= set(table.sql.split(";")[1].replace("(", " ").split())
