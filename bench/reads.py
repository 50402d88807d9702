"""A read over the API against a bare route of the same server: ``python -m bench.reads``."""

from __future__ import annotations

import http.client
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.events import Row, free_port, start
from bench.product import KEY, prepare

APP = Path(__file__).parent / "bare" / "app.py"
READS = {
    "the experiment": f"/api/v1/experiments/{KEY}",
    "a list of experiments": "/api/v1/experiments",
}
WARM, TURNS, TOGETHER = 200, 40, 25


def rows() -> list[Row]:
    """One row for each read: what, ours, peer's, ratio, goal."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upshot.duckdb"
        key = prepare(path, datetime.now(UTC) - timedelta(days=10))
        port = free_port()
        command = (
            "-m", "experiments_core.cli.server", "run", str(APP),
            "--server.port", str(port), "--server.headless", "true",
        )  # fmt: skip
        process = start(path, port, *command)
        try:
            return [measure(port, key, what, path) for what, path in READS.items()]
        finally:
            process.terminate()
            process.wait(60)


def measure(port: int, key: str, what: str, path: str) -> Row:
    """Median of the best turn, in turns with the bare route, over one connection.

    A turn in which another program has the processor says nothing of ours.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}"}
    ours: list[float] = []
    bare: list[float] = []
    for turn in range(-WARM // TOGETHER, TURNS):
        for place, times in (("/bare", bare), (path, ours)):
            seconds = [get(connection, place, headers) for _ in range(TOGETHER)]
            times.extend([statistics.median(seconds)] if turn >= 0 else ())
    connection.close()
    read, peer = min(ours), min(bare)
    return (
        f"GET {what} / a bare Starlette route of the same server",
        f"{read * 1000:.2f} ms", f"{peer * 1000:.2f} ms", f"{read / peer:.2f}", "≤ 3",
    )  # fmt: skip


def get(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> float:
    """Seconds of one request until its last byte."""
    began = time.perf_counter()
    connection.request("GET", path, None, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, (path, answer.status)
    return time.perf_counter() - began


if __name__ == "__main__":
    for line in rows():
        print(" | ".join(line))
