import json

import duckdb
import pytest

from experiments_core.domain.source import CellKey
from experiments_core.stats.moments import Counts
from experiments_core.store.totals_cells import moments_cells, totals_cells


def test_totals_are_added_up_per_arm(cursor: duckdb.DuckDBPyConnection):
    cursor.executemany(
        "INSERT INTO totals (dataset_id, import_id, line, arm, visitors, conversions) "
        "VALUES ('d', 'i', ?, ?, ?, ?)",
        [
            (2, "control", 100, '{"orders": 10, "signups": 3}'),
            (3, "B", 110, '{"orders": 12, "signups": 4}'),
            (4, "control", 50, '{"orders": 5, "signups": 1}'),
        ],
    )
    found = totals_cells(cursor, "d", {"paid": "orders", "gone": "nowhere"})
    control = found.cells[CellKey("control")]
    assert control.units == 150
    assert control.summaries == {"paid": Counts(150, 15)}
    assert "dataset_id = 'd'" in found.sql


def test_moments_are_read_per_arm_and_a_metric_that_an_arm_lacks_stays_away(
    cursor: duckdb.DuckDBPyConnection,
):
    one = {"wait": {"n": 10, "mean": 2.5, "variance": 4.0}}
    cursor.executemany(
        "INSERT INTO totals (dataset_id, import_id, line, arm, visitors, conversions) "
        "VALUES ('m', 'i', ?, ?, ?, ?)",
        [[2, "a", 10, json.dumps(one)], [3, "b", 12, json.dumps({})]],
    )
    found = moments_cells(cursor, "m", {"w": "wait"})
    wait = found.cells[CellKey("a")].summaries["w"]
    assert (wait.n, wait.mean, wait.variance) == (10, 2.5, pytest.approx(4.0))
    assert found.cells[CellKey("b")].summaries == {}
    assert "'m'" in found.sql
