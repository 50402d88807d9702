"""Assignment and events, measured: ``python -m bench.events`` prints the rows alone.

Durable ingest goes over HTTP into a server of its own, by the client; assignment is compared
with GrowthBook's Python SDK in the same process; a refresh after 1 % new events with making
all units anew.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.product import KEY, prepare
from experiments_core.domain.access import LOCAL
from experiments_core.domain.assignment import Rules, rules_of
from experiments_core.query.assignment import assignment_sql
from experiments_core.services.events import receive_events
from experiments_core.services.experiments import get_experiment
from experiments_core.services.following import follow_log
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.store.assignments import draw_units

Row = tuple[str, ...]
BATCH, SENDERS, DASHBOARDS, TURNS = 5_000, 4, 20, 5
LIMITS = "events=1000000000,assign=1000000000,compute=1000000000,management=1000000000"


def rows(
    *, events: int = 200_000, units: int = 1_000_000, history: int = 1_000_000
) -> list[Row]:
    """Every row of the table: what, ours, peer's, ratio, goal."""
    start = datetime.now(UTC) - timedelta(days=10)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upshot.duckdb"
        key = prepare(path, start)
        with server(path) as port:
            found = [ingest(port, key, events), *ingest_while_read(port, key)]
        with open_workspace(path) as ws:
            found += assignment(ws, units)
            found += refresh(ws, start, history)
    return found


def ingest(port: int, key: str, events: int) -> Row:
    """Acknowledged events per second, in batches, from several senders."""
    rate = events / flat_out(port, key, [batch(n, BATCH) for n in range(events // BATCH)])
    what = f"durable events over HTTP, {SENDERS} senders, batches of {BATCH:,}"
    return what, f"{rate:,.0f} /s", "", "", "≥ 20,000 /s"


def flat_out(port: int, key: str, batches: list[bytes]) -> float:
    """Seconds until several senders have everything acknowledged."""
    began = time.perf_counter()
    threads = [
        threading.Thread(target=send, args=(port, key, batches[i::SENDERS]))
        for i in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def ingest_while_read(port: int, key: str) -> list[Row]:
    """5,000 events/s for ten seconds, by the due time, then as many as are taken.

    All the while 20 dashboards read the results twice a second.
    """
    stop, waits = threading.Event(), list[float]()
    readers = [
        threading.Thread(target=read_results, args=(port, key, stop, waits))
        for _ in range(DASHBOARDS)
    ]
    for reader in readers:
        reader.start()
    late: list[float] = []
    began = time.perf_counter()
    for n in range(100):
        due = began + n * 0.1
        time.sleep(max(0.0, due - time.perf_counter()))
        send(port, key, [batch(100_000 + n, 500)])
        late.append(time.perf_counter() - due)
    rate = 50_000 / (time.perf_counter() - began)
    most = 50_000 / flat_out(port, key, [batch(200_000 + n, 500) for n in range(100)])
    stop.set()
    for reader in readers:
        reader.join()
    worst = sorted(late)[98]
    dashboards = f"p99 {worst * 1000:,.0f} ms, {len(waits)} readings"
    what = f"events/s while {DASHBOARDS} dashboards read"
    return [
        (f"{what}, 5,000 offered", f"{rate:,.0f} /s", dashboards, "", ""),
        (f"{what}, {SENDERS} senders, batches of 500", f"{most:,.0f} /s", "", "",
         "≥ 5,000 /s"),
    ]  # fmt: skip


def assignment(ws: Workspace, units: int) -> list[Row]:
    """Bulk and single, against GrowthBook's SDK and plain Python."""
    design = rules_of(get_experiment(ws, LOCAL, KEY))
    names = [f"user-{i}" for i in range(units)]
    with ws.db.staging() as cursor:
        cursor.execute(
            "CREATE OR REPLACE TABLE staging_units AS SELECT unnest(?) AS unit", [names]
        )
        drawn = assignment_sql(design, "staging_units")
        sql = f"SELECT variant, count(*) FROM ({drawn}) GROUP BY 1"
        bulk = units / best(lambda: cursor.execute(sql).fetchall())
        cursor.execute("DROP TABLE staging_units")
        checked = draw_units(cursor, names[:100], assignment_sql(design, "incoming_units"))
    assert all(design.decide(unit).variant == variant for unit, variant, _ in checked)
    some = names[:20_000]
    ours = len(some) / best(lambda: single(design, some))
    peer = len(some) / best(lambda: growthbook_single(some))
    return [
        ("assign in one query, three draws / GrowthBook SDK, unit by unit",
         f"{bulk:,.0f} units/s", f"{peer:,.0f} units/s", f"{bulk / peer:.1f} ×", "≥ 10 ×"),
        (f"assign one unit ({1e6 / ours:.1f} µs) / GrowthBook SDK",
         f"{ours:,.0f} units/s", f"{peer:,.0f} units/s", f"{ours / peer:.1f} ×", "≥ 3 ×"),
    ]  # fmt: skip


def refresh(ws: Workspace, start: datetime, history: int) -> list[Row]:
    """Units after 1 % new events, against making all of them anew.

    First users who come anew, then payments of known users from all over the history.
    """
    fill(ws, start, 0, history)
    experiment = get_experiment(ws, LOCAL, KEY)
    follow_log(ws, experiment)
    part = history // 100

    def new_users(turn: int) -> None:
        fill(ws, start, history + turn * part, part)

    def known_users(turn: int) -> None:
        pay(ws, start, range(turn, history // 2, 50), f"again{turn}-")

    def nothing_kept(_: int) -> None:
        with ws.db.write() as cursor:
            cursor.execute("DELETE FROM event_data WHERE experiment_id = ?", [experiment.id])

    def seconds(happens: Callable[[int], None]) -> float:
        found = []
        for turn in range(TURNS):
            happens(turn)
            began = time.perf_counter()
            follow_log(ws, experiment)
            found.append(time.perf_counter() - began)
        return statistics.median(found)

    new, known, full = map(seconds, (new_users, known_users, nothing_kept))
    of = f"of {history:,} events / all made anew"
    return [
        (f"units after 1 % new {of}", f"{new:.3f} s", f"{full:.3f} s", f"{new / full:.3f}",
         "≤ 0.05"),
        (f"units after 1 % more of known users, {of}", f"{known:.3f} s", f"{full:.3f} s",
         f"{known / full:.3f}", ""),
    ]  # fmt: skip


def fill(ws: Workspace, start: datetime, begin: int, events: int) -> None:
    """Exposures and payments, one of each per unit."""
    for first in range(begin, begin + events, BATCH):
        several = []
        for n in range(first, min(first + BATCH, begin + events), 2):
            at = (start + timedelta(seconds=n % 800_000)).isoformat()
            unit = f"r{n // 2}"
            several += [
                {"event_id": f"rx{n}", "type": "exposure", "experiment": KEY, "unit_id": unit,
                 "at": at},
                {"event_id": f"rp{n}", "unit_id": unit, "name": "paid", "value": 1, "at": at},
            ]  # fmt: skip
        receive_events(ws, LOCAL, several)


def pay(ws: Workspace, start: datetime, numbers: range, name: str) -> None:
    """One more payment of some users who are there."""
    for first in range(0, len(numbers), BATCH):
        receive_events(ws, LOCAL, [
            {"event_id": f"{name}{n}", "unit_id": f"r{n}", "name": "paid", "value": 1,
             "at": (start + timedelta(seconds=2 * n % 800_000 + 5)).isoformat()}
            for n in numbers[first : first + BATCH]
        ])  # fmt: skip


def single(design: Rules, units: list[str]) -> None:
    """One call per unit, as a service would."""
    for unit in units:
        design.decide(unit)


def growthbook_single(units: list[str]) -> None:
    """The same question to GrowthBook's SDK."""
    import growthbook  # noqa: PLC0415  only here, and only in the bench environment

    test = growthbook.Experiment(key=KEY, variations=["control", "treatment"])
    for unit in units:
        growthbook.GrowthBook(attributes={"id": unit}).run(test)


def batch(number: int, size: int) -> bytes:
    """One request's body: every fourth event is an exposure."""
    events: list[dict[str, Any]] = []
    for i in range(size):
        unit, key = f"b{number}-{i // 4}", f"b{number}-{i}"
        if i % 4:
            events.append({"event_id": key, "unit_id": unit, "name": "paid", "value": 1.5})
        else:
            events.append(
                {"event_id": key, "type": "exposure", "experiment": KEY, "unit_id": unit}
            )
    return json.dumps({"events": events}).encode()


def send(port: int, key: str, batches: list[bytes]) -> None:
    """Send batches one after the other; each must be taken whole."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for body in batches:
        connection.request("POST", "/api/v1/events", body, headers)
        answer = json.loads(connection.getresponse().read())
        assert not answer["data"]["rejected"], answer
    connection.close()


def read_results(port: int, key: str, stop: threading.Event, waits: list[float]) -> None:
    """A dashboard: the results, twice a second."""
    headers = {"Authorization": f"Bearer {key}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not stop.is_set():
        began = time.perf_counter()
        connection.request("GET", f"/api/v1/experiments/{KEY}/results", None, headers)
        connection.getresponse().read()
        waits.append(time.perf_counter() - began)
        stop.wait(0.5)
    connection.close()


def best(work: Callable[[], object]) -> float:
    """Shortest of three runs, in seconds."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(path: Path, port: int, *command: str) -> subprocess.Popen[bytes]:
    """Start a server (``upshot serve``, or another command) and wait until it is well."""
    environment = {
        **os.environ, "UPSHOT_WORKSPACE": str(path), "UPSHOT_RATE_LIMITS": LIMITS,
        "UPSHOT_PORT": str(port),
    }  # fmt: skip
    words = command or ("-m", "experiments_core", "serve", "--port", str(port))
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, *words], env=environment, stdout=subprocess.DEVNULL
    )
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process
    process.kill()
    raise RuntimeError("the server did not come up")


@contextmanager
def server(path: Path) -> Iterator[int]:
    """A server on a workspace, as ``upshot serve`` starts it."""
    port = free_port()
    process = start(path, port)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    for line in rows():
        print(" | ".join(line))
