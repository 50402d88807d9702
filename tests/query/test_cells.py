"""The text of the one query."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.query.beside import span_sql
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.query.cells import cells_sql

RATE = BoundNeed(Proportion("converted").needs, "c0")
SUM = BoundNeed(Mean("revenue", missing="zero").needs, "c1")
MAY_12 = datetime(2026, 5, 12, tzinfo=UTC)


def test_counts_cross_as_integers_and_moments_as_sums_of_powers():
    assert cells_sql(CellQuery("units_0a", (RATE, SUM))) == (
        "SELECT\n"
        "    arm,\n"
        "    COUNT(*) AS units,\n"
        "    COUNT(c0) AS n0,\n"
        "    CAST(SUM(c0) AS BIGINT) AS x0,\n"
        "    COUNT(v1) AS n1,\n"
        "    SUM(v1),\n"
        "    SUM(v1 * v1)\n"
        "FROM (\n"
        "    SELECT\n"
        "        arm,\n"
        "        c0,\n"
        "        CAST(COALESCE(c1, 0) AS DOUBLE) AS v1\n"
        "    FROM units_0a\n"
        ")\n"
        "GROUP BY arm"
    )


def test_a_centred_query_asks_for_variances_and_third_powers_about_a_point():
    about = CellQuery("units_0a", (replace(SUM, about=(-2.5,)),), centred=True)
    text = cells_sql(about)
    assert "    AVG(v0),\n    VAR_SAMP(v0),\n" in text
    assert text.count("(v0 - -2.50000000000000000e+00)") == 3
    assert "SUM(v0 * v0)" not in text


def test_every_cut_is_a_key_of_the_cell():
    query = CellQuery(
        "units_0a", (RATE,), boundaries=(MAY_12,), segment="c7", by_day=True,
        as_of=MAY_12 + timedelta(days=3), since=MAY_12 - timedelta(days=3), skewness=False,
    )  # fmt: skip
    text = cells_sql(query)
    assert query.keys == ("arm", "phase", "segment", "day")
    assert text.endswith("GROUP BY arm, phase, segment, day")
    assert (
        "CASE WHEN first_ts IS NULL THEN -1 WHEN first_ts < TIMESTAMP '2026-05-12 00:00:00' "
        "THEN 1 ELSE 2 END AS phase"
    ) in text
    assert "COALESCE(c7, '(blank)') AS segment" in text
    assert "WHERE (first_ts >= TIMESTAMP '2026-05-09 00:00:00' OR first_ts IS NULL)" in text
    assert "AND first_ts < TIMESTAMP '2026-05-15 00:00:00'" in text


def test_units_without_a_time_keep_a_key_of_their_own():
    split = cells_sql(CellQuery("units_0a", (), boundaries=(MAY_12,)))
    assert "CASE WHEN first_ts IS NULL THEN 0 WHEN" in split
    dealt_anew = CellQuery("units_0a", (), since=MAY_12)
    assert dealt_anew.keys == ("arm", "phase")
    assert "CASE WHEN first_ts IS NULL THEN -1 ELSE 1 END AS phase" in cells_sql(dealt_anew)


def test_moments_of_time_are_utc():
    berlin = datetime(2026, 5, 12, 2, tzinfo=timezone(timedelta(hours=2)))
    assert "'2026-05-12 00:00:00'" in cells_sql(CellQuery("units_0a", (), as_of=berlin))
    with pytest.raises(ValueError, match="no time zone"):
        cells_sql(CellQuery("units_0a", (), as_of=berlin.replace(tzinfo=None)))


@pytest.mark.parametrize("table", ("units_0a; DROP TABLE looks", "experiments", '"units"', ""))
def test_only_our_own_tables_enter_the_text(table: str):
    with pytest.raises(ValueError, match="not an identifier of ours"):
        cells_sql(CellQuery(table, ()))
    with pytest.raises(ValueError, match="not an identifier of ours"):
        span_sql(table)


@pytest.mark.parametrize("column", ("converted", "c0 --", "c", "1"))
def test_only_our_own_columns_enter_the_text(column: str):
    with pytest.raises(ValueError, match="not an identifier of ours"):
        cells_sql(CellQuery("units_0a", (BoundNeed(Proportion("x").needs, column),)))
    with pytest.raises(ValueError, match="not an identifier of ours"):
        cells_sql(CellQuery("units_0a", (), segment=column))
