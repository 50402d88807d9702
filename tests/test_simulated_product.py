"""A product that talks to a server through the client, and what the results then say."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.kills import storm
from bench.product import AFTER, DAYS, KEY, LIFT, Product, prepare
from experiments_core.client import Client, RefusedError
from experiments_core.domain.access import LOCAL
from experiments_core.services import analyses, inspecting
from experiments_core.services.experiments import get_experiment
from experiments_core.services.workspace import open_workspace
from experiments_core.stats.estimate import Undefined
from tests.servers import free_port, start_server, stop_server

ROUNDS = 3
USERS = 3_000
LIMITS = {"UPSHOT_RATE_LIMITS": "events=1000000000,assign=1000000000"}


def test_the_results_say_what_the_product_did(tmp_path: Path):
    start = datetime.now(UTC) - timedelta(days=DAYS + 9)
    key = prepare(tmp_path / "upshot.duckdb", start)
    server = start_server(tmp_path, sample=False, environment=LIMITS)
    try:
        with Client(server.url, key) as client:

            def change_split() -> None:
                client.flush()
                client.change_traffic(KEY, AFTER, "The new version looks fine.")

            truth = Product(client, USERS, start).run(change_split)
            assert not client.rejected
            with pytest.raises(RefusedError) as refused:
                client.assign("no-such-test", "u")
            assert refused.value.code == "NOT_FOUND"
    finally:
        assert stop_server(server, signal.SIGINT) == 0
    with open_workspace(tmp_path / "upshot.duckdb") as ws:
        view = analyses.look(ws, LOCAL, KEY)
        with ws.db.read() as cursor:
            (stored,) = cursor.execute("SELECT count(*) FROM events").fetchall()
        experiment = get_experiment(ws, LOCAL, KEY)
    assert stored == (truth.events,)
    cells = {(key.phase or 1, key.arm): cell for key, cell in view.cells.items()}
    assert {place: cell.units for place, cell in cells.items()} == dict(truth.units)
    paid = Counter({p: cell.summaries["paid"].x for p, cell in cells.items()})  # type: ignore[union-attr]
    assert paid == truth.paid
    health = {card.check: card for card in view.result.health}
    assert health["crossed_units"].facts["units"] == len(truth.crossed)
    assert health["served_vs_assigned"].level == "pass"
    assert view.result.verdict.code == "interim"
    assert health["sample_ratio_mismatch"].level == "pass"
    assert [phase.weights_bp for phase in experiment.phases][1:] == [AFTER]
    contrast = inspecting.contrast_of(view.result, "paid", "treatment")
    low, high = contrast.relative_lift_ci_lower, contrast.relative_lift_ci_upper
    assert not isinstance(low, Undefined)
    assert not isinstance(high, Undefined)
    assert low < LIFT < high


def test_a_server_killed_under_load_loses_no_acknowledged_event_and_counts_none_twice(
    tmp_path: Path,
):
    key = prepare(tmp_path / "upshot.duckdb", datetime.now(UTC) - timedelta(days=1))
    path = tmp_path / "upshot.duckdb"
    sent, acknowledged = storm(path, free_port(), key, ROUNDS, between=100)
    assert acknowledged == len(sent) >= 100 * ROUNDS
    with open_workspace(path) as ws, ws.db.read() as cursor:
        rows = cursor.execute("SELECT event_id, count(*) FROM events GROUP BY 1").fetchall()
        units = cursor.execute("SELECT unit, count(*) FROM assignments GROUP BY 1").fetchall()
    assert sorted(event for event, _ in rows) == sorted(sent)
    assert {n for _, n in rows} == {1}
    assert {n for _, n in units} == {1}
