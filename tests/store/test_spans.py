from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest

from experiments_core.domain.metric_kinds import Mean
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.store.cells import unit_cells
from experiments_core.store.spans import span_and_ends, unit_span

REVENUE = BoundNeed(Mean("revenue").needs, "c1")


def test_the_span_is_aware_and_skips_units_without_a_time(cursor: duckdb.DuckDBPyConnection):
    first, last = unit_span(cursor, "units_0a")
    assert first == datetime(2026, 5, 1, 1, tzinfo=UTC)
    assert last == datetime(2026, 5, 9, 8, tzinfo=UTC)
    cursor.execute("CREATE TABLE units_0b AS SELECT * FROM units_0a WHERE false")
    assert unit_span(cursor, "units_0b") == (None, None)


def test_ends_that_are_known_are_not_asked_for_again(cursor: duckdb.DuckDBPyConnection):
    cursor.execute(
        "CREATE TABLE units_09 AS SELECT 'A' AS arm, TIMESTAMP '2026-05-01' AS first_ts, "
        "CASE WHEN i = 4 THEN 1000 ELSE i % 7 END::DOUBLE AS c1 FROM range(10000) t(i)"
    )
    span, ends = span_and_ends(cursor, "units_09", ("c1",))
    assert span == (datetime(2026, 5, 1, tzinfo=UTC),) * 2
    assert ends == {"c1": (0, 1000)}
    asked = CellQuery("units_09", (REVENUE,))
    found = unit_cells(cursor, asked)
    assert ";" in found.sql
    assert unit_cells(cursor, replace(asked, ends=ends)) == found
    assert ";" not in unit_cells(cursor, replace(asked, ends={"c1": (0, 6)})).sql
    with pytest.raises(ValueError, match="not an identifier of ours"):
        span_and_ends(cursor, "units_09", ("c1)--",))
