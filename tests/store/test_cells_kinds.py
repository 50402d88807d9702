"""The one query for ratios, quantiles, caps and covariates, against numpy on the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pytest

from experiments_core.analysis.cells import (
    CAP,
    CAPPED,
    FILLED,
    UNCAPPED,
    Cell,
    beside,
    regroup,
)
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.domain.source import CellKey
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.stats.moments import Counts, Located, Moments
from experiments_core.store.cells import unit_cells
from experiments_core.store.database import Database
from experiments_core.store.whole_cells import whole_cells

N = 400
RATIO = BoundNeed(Ratio("clicks", "views").needs, "c0", ("c1",))
ADJUSTED = BoundNeed(Mean("spent", "before", "95%").needs, "c2", covariates=("c3",))
P80 = BoundNeed(Quantile("spent", 0.8, key="p80").needs, "c2")
QUERY = CellQuery("units_0a", (RATIO, ADJUSTED, P80), segment="c4")

Rows = dict[str, np.ndarray[Any, Any]]


def rows(seed: int = 1) -> Rows:
    rng = np.random.default_rng(seed)
    views = rng.poisson(5, N).astype(float)
    clicks = rng.binomial(views.astype(int), 0.4).astype(float)
    before = rng.gamma(2, 5, N)
    spent = before + rng.gamma(1, 20, N)
    clicks[rng.random(N) < 0.1] = np.nan
    views[rng.random(N) < 0.1] = np.nan
    spent[rng.random(N) < 0.1] = np.nan
    before[rng.random(N) < 0.2] = np.nan
    return {
        "arm": np.where(rng.random(N) < 0.5, "control", "B"),
        "segment": rng.choice(["DE", "FR"], N),
        "clicks": clicks, "views": views, "spent": spent, "before": before,
    }  # fmt: skip


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    table = rows()
    with Database.memory() as db, db.write() as own:
        own.execute(
            "CREATE TABLE units_0a (unit VARCHAR, arm VARCHAR, first_ts TIMESTAMP, c0 DOUBLE, "
            "c1 DOUBLE, c2 DOUBLE, c3 DOUBLE, c4 VARCHAR)"
        )
        columns = [table[name] for name in ("clicks", "views", "spent", "before")]
        own.executemany(
            "INSERT INTO units_0a VALUES (?, ?, TIMESTAMP '2026-05-01' + to_hours(?), ?, ?, ?, "
            "?, ?)",
            [
                (
                    f"u{i}", str(table["arm"][i]), i,
                    *(None if np.isnan(column[i]) else float(column[i]) for column in columns),
                    str(table["segment"][i]),
                )
                for i in range(N)
            ],
        )  # fmt: skip
        yield own


def of(cell: Cell, key: str) -> Any:
    return cell.summaries[key]


def agrees(found: Moments, *columns: np.ndarray[Any, Any]) -> None:
    assert found.n == len(columns[0])
    assert found.means == pytest.approx([column.mean() for column in columns], rel=1e-12)
    table = np.cov(np.vstack(columns))
    assert np.array(found.covariance) == pytest.approx(table, rel=1e-10)


def test_both_parts_of_a_ratio_share_the_units_that_have_both(
    cursor: duckdb.DuckDBPyConnection,
):
    table = rows()
    for key, cell in unit_cells(cursor, QUERY).cells.items():
        here = (table["arm"] == key.arm) & (table["segment"] == key.segment)
        full = here & ~np.isnan(table["clicks"]) & ~np.isnan(table["views"])
        agrees(of(cell, "clicks"), table["clicks"][full], table["views"][full])


def test_one_cap_over_all_arms_and_a_covariate_filled_by_the_mean_of_all(
    cursor: duckdb.DuckDBPyConnection,
):
    table = rows()
    counted = ~np.isnan(table["spent"])
    cap = float(np.quantile(table["spent"][counted], 0.95))
    fill = float(np.nanmean(table["before"][counted]))
    for key, cell in unit_cells(cursor, QUERY).cells.items():
        here = (table["arm"] == key.arm) & (table["segment"] == key.segment) & counted
        spent, before = table["spent"][here], table["before"][here]
        filled = np.where(np.isnan(before), fill, before)
        agrees(of(cell, "spent"), np.minimum(spent, cap), filled)
        agrees(of(cell, beside("spent", UNCAPPED)), spent, filled)
        assert of(cell, beside("spent", CAPPED)) == Counts(len(spent), int((spent > cap).sum()))
        assert of(cell, beside("spent", CAP)).mean == pytest.approx(cap, rel=1e-12)
        missing = int(np.isnan(before).sum())
        assert of(cell, beside("spent", FILLED)) == Counts(len(spent), missing)


def test_cut_cells_merge_to_the_whole(cursor: duckdb.DuckDBPyConnection):
    merged = regroup(unit_cells(cursor, QUERY).cells, lambda key: CellKey(key.arm))
    whole = unit_cells(cursor, CellQuery("units_0a", (RATIO, ADJUSTED))).cells
    for key, cell in whole.items():
        for name in ("clicks", "spent", beside("spent", UNCAPPED), beside("spent", CAP)):
            one, other = of(merged[key], name), of(cell, name)
            assert one.n == other.n
            assert one.means == pytest.approx(other.means, rel=1e-12)
            for ours, theirs in zip(one.covariance, other.covariance, strict=True):
                assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)
        for name in (beside("spent", CAPPED), beside("spent", FILLED)):
            assert of(merged[key], name) == of(cell, name)


def test_the_whole_is_told_by_its_segments_and_what_does_not_add_up(
    cursor: duckdb.DuckDBPyConnection,
):
    cursor.execute("UPDATE units_0a SET c2 = 90000 WHERE unit = 'u3'")
    heavy = BoundNeed(Mean("heavy").needs, "c2")
    for boundaries in ((), (datetime(2026, 5, 8, tzinfo=UTC),)):
        cut = replace(QUERY, needs=(*QUERY.needs, heavy), boundaries=boundaries)
        found = whole_cells(cursor, cut, unit_cells(cursor, cut).cells).cells
        asked = unit_cells(cursor, replace(cut, segment=None)).cells
        assert found.keys() == asked.keys()
        for key, cell in asked.items():
            assert found[key].units == cell.units
            assert found[key].summaries.keys() == cell.summaries.keys()
            for name, summary in cell.summaries.items():
                told = of(found[key], name)
                if not isinstance(summary, Moments):
                    assert told == summary
                    continue
                assert told.n == summary.n
                assert told.means == pytest.approx(summary.means, rel=1e-12)
                for ours, theirs in zip(told.covariance, summary.covariance, strict=True):
                    assert ours == pytest.approx(theirs, rel=1e-10, abs=1e-9)
                assert (told.skewness is None) == (summary.skewness is None)
                assert (told.skewness or 0) == pytest.approx(summary.skewness or 0, rel=1e-9)


def test_a_quantile_is_that_of_the_rows_with_limits_at_the_shares_around_it(
    cursor: duckdb.DuckDBPyConnection,
):
    table = rows()
    for key, cell in unit_cells(cursor, QUERY).cells.items():
        here = (table["arm"] == key.arm) & (table["segment"] == key.segment)
        spent = table["spent"][here & ~np.isnan(table["spent"])]
        found = of(cell, "p80")
        n = len(spent)
        value = float(np.quantile(spent, 0.8))
        share = float((spent <= value).mean())
        error = float(np.sqrt(share * (1 - share) / (n - 1)))
        limits = np.quantile(spent, [0.8 - 1.959964 * error, 0.8 + 1.959964 * error])
        assert (found.n, found.rows) == (n, n)
        assert found.value == pytest.approx(value, rel=1e-12)
        assert found.share_error == pytest.approx(error, rel=1e-9)
        assert (found.lower, found.upper) == pytest.approx(tuple(limits), rel=1e-6)


def test_a_quantile_follows_phases_and_what_was_seen_since(cursor: duckdb.DuckDBPyConnection):
    query = CellQuery(
        "units_0a", (P80,), boundaries=(datetime(2026, 5, 8, tzinfo=UTC),),
        since=datetime(2026, 5, 3, tzinfo=UTC),
    )  # fmt: skip
    cells = unit_cells(cursor, query).cells
    assert {key.phase for key in cells} == {1, 2}
    table, hours = rows(), np.arange(N)
    for key, cell in cells.items():
        span = (hours < 7 * 24) & (hours >= 48) if key.phase == 1 else hours >= 7 * 24
        spent = table["spent"][(table["arm"] == key.arm) & span]
        spent = spent[~np.isnan(spent)]
        assert of(cell, "p80").value == pytest.approx(np.quantile(spent, 0.8), rel=1e-12)
        assert of(cell, "p80").lower is not None


def several(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, float, int]]:
    rng = np.random.default_rng(9)
    listed = [
        (
            f"u{unit}",
            "control" if unit % 2 else "B",
            float(rng.gamma(2, 3) + unit % 7),
            int(hit),
        )
        for unit in range(120)
        for hit in rng.random(rng.integers(1, 6)) < 0.2
    ]
    cursor.execute(
        "CREATE TABLE staging_0b (unit VARCHAR, arm VARCHAR, first_ts TIMESTAMP, c0 DOUBLE, "
        "c1 TINYINT)"
    )
    cursor.executemany("INSERT INTO staging_0b VALUES (?, ?, NULL, ?, ?)", listed)
    return listed


def test_several_rows_of_a_unit_are_one_unit_and_a_quantile_is_that_of_the_rows(
    cursor: duckdb.DuckDBPyConnection,
):
    listed = several(cursor)
    query = CellQuery(
        "staging_0b",
        (
            BoundNeed(Proportion("hit").needs, "c1"),
            BoundNeed(Mean("wait").needs, "c0"),
            BoundNeed(Quantile("wait", 0.5, key="median").needs, "c0"),
            BoundNeed(Ratio("wait", "hit", key="per").needs, "c0", ("c1",)),
        ),
        rows=True,
    )
    for key, cell in unit_cells(cursor, query).cells.items():
        units: dict[str, list[tuple[float, int]]] = {}
        for unit, arm, wait, hit in listed:
            if arm == key.arm:
                units.setdefault(unit, []).append((wait, hit))
        assert cell.units == len(units) == 60
        waits = np.array([sum(wait for wait, _ in own) for own in units.values()])
        hits = np.array([float(sum(hit for _, hit in own)) for own in units.values()])
        assert of(cell, "hit") == Counts(60, int((hits > 0).sum()))
        assert of(cell, "wait").mean == pytest.approx(waits.mean(), rel=1e-12)
        agrees(of(cell, "per"), waits, hits)
        every = np.array([wait for own in units.values() for wait, _ in own])
        median = of(cell, "median")
        assert isinstance(median, Located)
        assert (median.n, median.rows) == (60, len(every))
        assert median.value == pytest.approx(np.median(every), rel=1e-12)
        below = np.array(
            [float(sum(w <= np.median(every) for w, _ in own)) for own in units.values()]
        )
        rows_of = np.array([float(len(own)) for own in units.values()])
        share = below.sum() / rows_of.sum()
        line = (below - share * rows_of) / rows_of.mean()
        assert median.share_error == pytest.approx(line.std(ddof=1) / 60**0.5, rel=1e-9)


def test_the_third_moment_is_that_of_what_is_compared(cursor: duckdb.DuckDBPyConnection):
    cursor.execute(
        "UPDATE units_0a SET c0 = 4000, c1 = 5, c2 = 90000, c3 = 1 WHERE unit IN ('u3', 'u8')"
    )
    cells = unit_cells(cursor, CellQuery("units_0a", (RATIO, ADJUSTED))).cells
    raw = BoundNeed(Mean("spent", "before").needs, "c2", covariates=("c3",))
    uncapped = unit_cells(cursor, CellQuery("units_0a", (raw,))).cells
    skewness = [of(cell, "clicks").skewness for cell in cells.values()]
    assert max(one or 0.0 for one in skewness) > 5
    assert all((of(cell, "spent").skewness or 0.0) < 3 for cell in cells.values())
    assert max(of(cell, "spent").skewness or 0.0 for cell in uncapped.values()) > 5
